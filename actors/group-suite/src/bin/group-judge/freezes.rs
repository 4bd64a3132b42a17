//! Freezing an actor, and letting it go on.

use group_suite::Request;
use syscall::abi::site::ActorState;
use syscall::abi::{FaultKind, Response};
use syscall::call::WhenFrozen;
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{encode, site, thread};

use crate::baseline;
use crate::check::{Must, must_be_refused, must_fail, wait_until};
use crate::ledger::{self, Reader};
use crate::member::{Member, PATIENCE};

const TARGET: Member = Member("target");

/// Empties a port and returns how many messages there were.
fn drain(port: &Port) -> u32 {
    let mut count = 0;
    while port.receive(&mut [0; 8], Span::ZERO).is_ok() {
        count += 1;
    }
    count
}

#[track_caller]
fn freeze(actor: ActorId) {
    site::freeze(actor).must("to freeze");
    check_eq!(TARGET.state(), ActorState::STOPPED);
}

#[track_caller]
fn thaw(actor: ActorId) {
    site::thaw(actor).must("to thaw");
    check_eq!(TARGET.state(), ActorState::RUNNING);
}

/// Threads that compute, sleep, or wait for requests stop, and go on after the thaw; whoever calls
/// waits; and nobody takes the actor for hung.
pub(crate) fn threads_stop_and_go_on(_: &Start) {
    let reader = Reader::at_start();
    let ticks = Port::private(256).must("a port");
    TARGET.make(Request::Count);
    TARGET.make(Request::Tick(ticks.id(), 2));
    let actor = TARGET.actor();
    let span = Span::from_millis(200);
    let counted = || TARGET.number(Request::Counted);
    let start = counted();
    thread::sleep(span);
    let rate = counted() - start;
    check!(rate > 0 && drain(&ticks) > 10, "it does not run: {rate}");

    for round in 1..=3 {
        let before = counted();
        freeze(actor);
        // Once is enough, however often it is done.
        freeze(actor);
        drain(&ticks);
        must_be_refused(
            short_request(Span::from_millis(50)),
            Status::TIMED_OUT,
            "a request to a frozen actor",
        );
        must_be_refused(
            refusing_request(),
            Status::FROZEN,
            "a request that does not wait",
        );
        // Its heartbeat is 100 ms.
        thread::sleep(Span(5 * span.0));
        check_eq!(drain(&ticks), 0, "round {round}: ticks of a frozen actor");
        check_eq!(TARGET.state(), ActorState::STOPPED);
        thaw(actor);
        let more = counted() - before;
        // Had it run on, it would have counted five times as far.
        check!(more < rate, "it has counted {more}, and {rate} before");
        thread::sleep(span);
        check!(drain(&ticks) > 10, "no ticks after the thaw");
        let since = counted() - before;
        check!(
            since > rate / 2,
            "it has counted {since}, and {rate} before"
        );
    }
    reader.must_be_at_end();
    TARGET.ends(Request::Die(Way::Breakpoint));
    again(actor, reader);
}

/// The rest, with the next incarnation.
fn again(old: ActorId, mut reader: Reader) {
    reader.take();
    TARGET.must_come_back(2);
    let told = Error::ActorRestarted {
        new: TARGET.actor(),
    };
    check_eq!(must_fail(site::freeze(old), "a stale capability"), told);
    check_eq!(must_fail(site::thaw(old), "a stale capability"), told);
    // A thaw of one that is not frozen changes nothing.
    thaw(TARGET.actor());
    check_eq!(TARGET.condition().incarnation, 2);

    // An actor may freeze itself: the call ends with the thaw.
    let port = RemotePort::find(TARGET.0, PATIENCE).must("the target");
    let itself = Request::Do(group_suite::Deed::Freeze, ActorId::NONE);
    let result = port.request::<group_suite::Reply>(&itself, Span::from_millis(50));
    must_be_refused(result, Status::TIMED_OUT, "who has frozen itself");
    TARGET.must_become(ActorState::STOPPED);
    thaw(TARGET.actor());
    check_eq!(TARGET.condition().incarnation, 2);
    reader.must_be_at_end();
}

fn short_request(timeout: Span) -> Result<group_suite::Reply> {
    RemotePort::find(TARGET.0, PATIENCE)?.request(&Request::Inspect, timeout)
}

fn refusing_request() -> Result<()> {
    let mut buffer = [0; 64];
    let request = encode(&Request::Inspect, &mut buffer)?;
    let port = RemotePort::find(TARGET.0, PATIENCE)?;
    port.call_when_frozen(request, &mut [0; 256], PATIENCE, WhenFrozen::Refuse)
        .map(|_| ())
}

/// Whatever ends an incarnation that is frozen ends the freeze as well: the next one runs.
pub(crate) fn restarts_end_a_freeze(_: &Start) {
    let mut reader = Reader::at_start();
    let ways: [fn(ActorId) -> Result<()>; 3] = [site::restart, site::kill, |actor| {
        site::complain(actor, "it is frozen")
    }];
    let mut before = None;
    for round in 0..30 {
        let again = TARGET.condition().incarnation + 1;
        let ticks = Port::private(64).must("a port");
        TARGET.make(Request::Count);
        TARGET.make(Request::Tick(ticks.id(), 1));
        thread::sleep(Span::from_millis(4));
        let actor = TARGET.actor();
        freeze(actor);
        if round % 2 == 0 {
            // Its threads come up to run, and are stopped one by one.
            thread::sleep(Span::from_millis(4));
        }
        let (way, is_failure) = (ways[round % 3], round % 3 == 2);
        way(actor).must("to restart");
        let entry = reader.take();
        check_eq!(entry.actor, actor);
        if is_failure {
            check_eq!(ledger::fault(&entry).kind, FaultKind::COMPLAINT);
        }
        ledger::must_be_done(&entry, Response::HOT_RESTART);
        TARGET.must_come_back(again);
        check_eq!(TARGET.state(), ActorState::RUNNING);
        drop(ticks);
        match &before {
            None if round == 5 => before = Some(baseline::now()),
            None => {}
            Some(before) => baseline::must_come_back(before, &[]),
        }
    }
    // A frozen group can be ended, too.
    let actor = TARGET.actor();
    freeze(actor);
    site::kill_group("target").must("to kill a group");
    TARGET.must_become(ActorState::TERMINATED);
    must_be_refused(site::thaw(actor), Status::DEAD, "thawing the dead");
    let entry = reader.take();
    ledger::must_be_done(&entry, Response::TERMINATE);
    check!(wait_until(PATIENCE, || TARGET.state() == ActorState::TERMINATED));
    reader.must_be_at_end();
}
