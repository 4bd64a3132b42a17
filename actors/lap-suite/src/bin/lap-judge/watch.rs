//! Actors that are broken without a fault: no sign of life, no start in time, complaints.

use lap_suite::server::{Reply, Request};
use syscall::abi::{FaultKind, Response};
use syscall::prelude::*;
use syscall::{site, thread};

use crate::check::{Must, must_be_refused};
use crate::ledger::{self, Reader};
use crate::peers::{Host, await_incarnation, info, restart};

const SERVER: Host = Host::SERVER;

/// An actor that gives signs of life lives; one that stops, or spins above everybody, is hung.
pub(crate) fn heartbeat(_: &Start) {
    let mut reader = Reader::at_start();
    SERVER.state();
    thread::sleep(Span::from_millis(300));
    reader.must_be_at_end();
    // Its heartbeat is 20 ms; a tick or two more, and the kick before.
    let requests = [Request::StopKicking, Request::HangBeside, Request::Hang];
    for (round, request) in (1..).zip(requests) {
        let before = thread::now();
        // Who hangs does not answer.
        let result = SERVER.try_ask(request);
        check_eq!(result.is_err(), request == Request::Hang, "{request:?}");
        let entry = reader.take();
        let fault = ledger::fault(&entry);
        check_eq!(
            (entry.name.as_str(), fault.kind),
            ("server", FaultKind::HUNG),
            "{request:?}"
        );
        check_eq!(entry.incarnation, round, "{request:?}");
        let late = entry.time.since(before);
        let limits = Span::from_millis(14)..Span::from_millis(24);
        check!(limits.contains(&late), "{request:?}: hung after {late}");
        ledger::must_be_done(&entry, Response::HOT_RESTART);
        // The new one lives.
        await_incarnation("server", round + 1);
        SERVER.state();
        thread::sleep(Span::from_millis(60));
        reader.must_be_at_end();
    }
}

/// An actor that is not ready in time has failed; being ready is all it takes.
pub(crate) fn start_deadline(_: &Start) {
    let mut reader = Reader::at_start();
    // It is not ready in its first and third incarnation.
    for incarnation in [1, 3] {
        let before = thread::now();
        if incarnation > 1 {
            restart("server");
            reader.take();
        }
        let entry = reader.take();
        let fault = ledger::fault(&entry);
        check_eq!(
            (entry.name.as_str(), fault.kind),
            ("server", FaultKind::START_TIMEOUT)
        );
        check_eq!(
            (entry.incarnation, entry.response),
            (incarnation, Response::HOT_RESTART)
        );
        // How long the boot took, and so when it was first activated, depends on the host's disk.
        let late = entry.time.since(before);
        let limits = Span::from_millis(50)..Span::from_millis(53);
        check!(
            incarnation == 1 || limits.contains(&late),
            "not ready, after {late}"
        );
        check_eq!(SERVER.state().incarnation, incarnation + 1);
        thread::sleep(Span::from_millis(200));
        check_eq!(info("server").incarnation, incarnation + 1);
        reader.must_be_at_end();
    }
}

/// A complaint by the holder of the right is a failure, and its reason is on record.
pub(crate) fn complaints(_: &Start) {
    let mut reader = Reader::at_start();
    SERVER.state();
    let long = "a reason that goes on and on, far longer than the hundred and twenty bytes that are \\
                kept of it, which is why this very end of it is nowhere to be seen";
    for (round, reason) in (1..).zip(["it answers wrongly", "", long]) {
        let server = site::find("server").must("the server");
        site::complain(server, reason).must("to complain");
        let entry = reader.take();
        let fault = ledger::fault(&entry);
        check_eq!((entry.actor, fault.kind), (server, FaultKind::COMPLAINT));
        let kept = reason.get(..120).unwrap_or(reason);
        check_eq!(fault.message.as_str(), kept);
        ledger::must_be_done(&entry, Response::HOT_RESTART);
        check_eq!(SERVER.state().incarnation, round + 1);
        // About one that has been restarted already there is nothing to be done.
        let stale = site::complain(server, reason);
        must_be_refused(stale, Status::RESTARTED, "a stale complaint");
    }
    must_be_refused(
        site::complain(ActorId::NONE, "?"),
        Status::DEAD,
        "about nobody",
    );
    let judge = site::find("lap-judge").must("ourselves");
    let refused = [Status::NOT_PERMITTED; 4];
    check_eq!(
        SERVER.ask(Request::Overreach(judge)),
        Reply::Statuses(refused)
    );
    reader.must_be_at_end();
}
