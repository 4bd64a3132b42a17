//! One row of the matrix: a wave is brought to its place, and then somebody fails.

use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use lap_suite::client;
use lap_suite::program::{Step, program};
use lap_suite::server::Request;
use syscall::abi::{Cause, LapId, LedgerEntry, Response};
use syscall::prelude::*;
use syscall::{RemoteLap, Thread, thread};

use crate::check::{Must, wait_until};
use crate::ledger::{self, Reader};
use crate::peers::{Guests, Host, PATIENCE, restart};
use crate::place::Place;
use crate::wave;

const CLIENT: Guests = Guests::CLIENT;
const SERVER: Host = Host::SERVER;
const MIDDLE: Host = Host::MIDDLE;

/// How the actor fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// Somebody asks for its restart.
    Asked,
    /// A thread of its own has a fault.
    Fault,
}

/// One row of the matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) place: Place,
    pub(crate) threads: u64,
    pub(crate) failure: Failure,
}

/// Sends a wave to its place, and lets `target` fail. Returns the wave, when it has failed, and
/// the ledger entry about it.
#[track_caller]
pub(crate) fn strike(
    row: Row,
    target: &'static str,
    reader: &mut Reader,
) -> (Range<u64>, Instant, LedgerEntry) {
    let (wave, time) = match row.place {
        Place::Entering => strike_entering(row, target),
        _ => {
            let wave = wave::send(CLIENT, SERVER.wide(), row.place.steps(), row.threads);
            row.place.await_guests(SERVER, MIDDLE, row.threads);
            let time = thread::now();
            fell(row.failure, target);
            (wave, time)
        }
    };
    let entry = reader.take();
    check_eq!(entry.name.as_str(), target, "{row:?}");
    let is_fault = matches!(entry.cause, Cause::Fault(_));
    check_eq!(is_fault, row.failure == Failure::Fault, "{row:?}");
    ledger::must_be_done(&entry, Response::HOT_RESTART);
    (wave, time, entry)
}

#[track_caller]
fn fell(failure: Failure, target: &str) {
    match failure {
        Failure::Asked => restart(target),
        // Neither of them answers.
        Failure::Fault if target == CLIENT.name => drop(CLIENT.try_ask(client::Request::Die)),
        Failure::Fault => drop(SERVER.try_ask(Request::Die)),
    }
}

/// Whom the judge's own guest lets fail, and how.
static TARGET: AtomicU64 = AtomicU64::new(0);
/// Whether it has.
static HAS_STRUCK: AtomicBool = AtomicBool::new(false);

/// A thread of the judge's is the only guest of the narrow LAP, and all others wait behind it.
/// When it leaves, the first of them is let in, but cannot run: the judge's thread goes on, and
/// lets the target fail.
#[track_caller]
fn strike_entering(row: Row, target: &'static str) -> (Range<u64>, Instant) {
    let is_client = u64::from(target == CLIENT.name);
    let is_fault = u64::from(row.failure == Failure::Fault);
    TARGET.store(is_client << 1 | is_fault, Ordering::SeqCst);
    HAS_STRUCK.store(false, Ordering::SeqCst);
    Thread::spawn(hold_the_door, SERVER.narrow().id().raw(), 64 * 1024, 31).must("a thread");
    SERVER.await_inside(1);
    let wave = wave::send(CLIENT, SERVER.narrow(), row.place.steps(), row.threads);
    thread::sleep(Span::from_millis(3));
    check_eq!(SERVER.state().inside, 1);
    let time = thread::now();
    // The server may be gone before it answers.
    let _ = SERVER.try_ask(Request::Feed(1));
    let has_struck = || HAS_STRUCK.load(Ordering::SeqCst);
    check!(wait_until(PATIENCE, has_struck), "{row:?}: nobody failed");
    (wave, time)
}

fn hold_the_door(lap: u64) {
    let lap = RemoteLap::from(LapId::from_raw(lap));
    let number = wave::numbers(1).start;
    let steps = program(&[Step::Receive]);
    lap.invoke([steps, number], Span::ZERO)
        .must("to be the first");
    let target = TARGET.load(Ordering::SeqCst);
    let (is_client, is_fault) = (target & 2 != 0, target & 1 != 0);
    let name = if is_client { CLIENT.name } else { SERVER.name };
    let failure = if is_fault {
        Failure::Fault
    } else {
        Failure::Asked
    };
    fell(failure, name);
    HAS_STRUCK.store(true, Ordering::SeqCst);
}
