//! Handlers of all kinds at work around the freeze and the activation of their actor.
//!
//! The server's handlers know which incarnation connected them, and it panics if one runs in
//! another. Everything in it happens at ticks: its timers, its timeouts, and its own death, so that
//! they meet; the real-time clock interrupts all the time.

use lap_suite::client::Ending;
use lap_suite::program::Step;
use lap_suite::random::Random;
use lap_suite::server::{Kinds, Reply, Request};
use syscall::abi::site::Hook;
use syscall::abi::{Cause, FaultKind, LapId, Response};
use syscall::prelude::*;
use syscall::{site, thread};

use crate::baseline::Baseline;
use crate::check::{Must, wait_until};
use crate::ledger::{self, Reader};
use crate::peers::{Guests, Host, PATIENCE, await_incarnation, info, restart};
use crate::wave::{self, Reports};

const SERVER: Host = Host::SERVER;
/// Restarts with everything connected: more handlers in all than the kernel has room for.
const ROUNDS: u64 = 150;
/// Restarts of the whole group: enough for each kind of failure to meet many moments of a tick.
const GROUP_ROUNDS: u64 = 30;

/// None of them runs in a later incarnation, and none is left behind.
pub(crate) fn no_handler_outlives_its_incarnation(_: &Start) {
    rounds(SERVER, ROUNDS, &["client", "server"]);
}

/// The same, when it is another member of its group that fails.
pub(crate) fn no_handler_outlives_its_group(_: &Start) {
    rounds(Host::MIDDLE, GROUP_ROUNDS, &["client", "server", "middle"]);
}

/// Lets `failing` fail so many times, with all of the server's handlers connected.
#[track_caller]
fn rounds(failing: Host, count: u64, names: &[&str]) {
    let reports = Reports::open();
    let mut reader = Reader::at_start();
    let mut random = Random::new(3, 0);
    site::hook(Hook::RTC, 1).must("the clock");
    for number in 0..8 {
        round(number, failing, &mut random, &reports, &mut reader);
    }
    let before = Baseline::of(names);
    reader.skip();
    for number in 0..count {
        round(number, failing, &mut random, &reports, &mut reader);
    }
    site::hook(Hook::RTC, 0).must("the clock");
    before.must_hold(names);
}

/// How often each kind of handler has run in this incarnation.
#[track_caller]
fn runs() -> [u64; 7] {
    match SERVER.ask(Request::Events) {
        Reply::Events(runs) => runs,
        other => fail!("no events but {other:?}"),
    }
}

#[track_caller]
fn round(number: u64, failing: Host, random: &mut Random, reports: &Reports, reader: &mut Reader) {
    let incarnation = info("server").incarnation;
    SERVER.connect(Kinds::ALL);
    SERVER.make(Request::Exercise(Kinds::ALL));
    let are_at_work = || runs().iter().all(|runs| *runs > 1);
    check!(
        wait_until(PATIENCE, are_at_work),
        "round {number}: {:?}",
        runs()
    );
    // Guests of both kinds: those who trapped, and those who came through a LAP.
    let trapped = wave::send_waiting(Guests::CLIENT, LapId::NONE, &[Step::Receive], 2, PATIENCE);
    let guests = wave::send(Guests::CLIENT, SERVER.wide(), &[Step::Probe], 2);
    let inside = wave::send(Guests::CLIENT, SERVER.wide(), &[Step::Receive], 2);
    let count = 4;
    check!(
        wait_until(PATIENCE, || SERVER.state().inside >= count),
        "round {number}: no guests"
    );
    thread::sleep(Span::from_micros(random.below(2_000)));
    let is_fault = match number % 3 {
        0 => {
            restart(failing.name);
            false
        }
        1 => {
            failing.fell(Request::Die);
            true
        }
        _ => {
            failing.make(Request::DieLater(random.below(3)));
            true
        }
    };
    let entry = reader.take();
    check_eq!(entry.name.as_str(), failing.name, "round {number}");
    // A handler that ran in the wrong incarnation would be a panic.
    let is_expected = match entry.cause {
        Cause::Fault(fault) => is_fault && fault.kind == FaultKind::MEMORY_ACCESS,
        Cause::Requested { .. } => !is_fault,
        _ => false,
    };
    check!(is_expected, "round {number}: {:?}", entry.cause);
    ledger::must_be_done(&entry, Response::HOT_RESTART);
    if failing.name != SERVER.name {
        let because = entry.sequence;
        check_eq!(reader.take().cause, Cause::Group { because });
    }
    await_incarnation("server", incarnation + 1);

    for report in reports.of(&(trapped.start..inside.end)) {
        let is_right = match report.ending {
            Ending::Dead(_) => trapped.contains(&report.number),
            Ending::Restarted { .. } => inside.contains(&report.number),
            Ending::Returned(1, _) => guests.contains(&report.number),
            _ => false,
        };
        check!(is_right, "round {number}: {report:?}");
    }
    // Nothing is connected yet: whatever runs now is a leftover.
    SERVER.state();
    thread::sleep(Span::from_millis(3));
    check_eq!(runs(), [0; 7], "round {number}");
    // Who comes now with an exception finds no handler; but that would be a failure, so nobody
    // does. Who traps is told that the server is not there yet.
    let wave = wave::send_waiting(Guests::CLIENT, LapId::NONE, &[], 1, PATIENCE);
    let told = reports.of(&wave);
    check_eq!(
        told[0].ending,
        Ending::Refused(Status::FROZEN),
        "round {number}"
    );
    reader.must_be_at_end();
}
