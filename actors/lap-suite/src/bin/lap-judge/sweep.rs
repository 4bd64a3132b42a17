//! The callee fails at every moment of an invocation.
//!
//! The server dies at a tick, and the judge, below it, invokes a LAP a little before that: each
//! time a few instructions later than the last time. So the failure moves through the invocation
//! from its end to its beginning: after its return, between the callee's having said that it is
//! done and that, after its effect, before it, at its very first instruction, and before it.

use lap_suite::journal::{BEGUN, EFFECT, ENDED};
use lap_suite::program::{Step, program};
use lap_suite::server::{Reply, Request};
use syscall::abi::status::Progress;
use syscall::prelude::*;
use syscall::{Thread, thread};

use crate::check::Must;
use crate::peers::{Host, PATIENCE};
use crate::wave;

const SERVER: Host = Host::SERVER;
/// From one tick to the next, in nanoseconds: a thousandth of a second, as near as the timer comes.
const TICK: u64 = 999_847;
/// How long before the tick the first invocation begins, in nanoseconds: more than it takes.
const AHEAD: u64 = 6_000;
/// Invocations: each begins a turn of an empty loop later than the one before.
const COUNT: u64 = 3_000;

/// How often each outcome was seen, in the order in which they come.
#[derive(Debug, Default)]
struct Seen {
    returned: u64,
    completed: u64,
    had_effect: u64,
    had_begun: u64,
    had_not_begun: u64,
    not_entered: u64,
}

/// What is told is the truth at every moment.
pub(crate) fn every_moment_of_an_invocation(_: &Start) {
    let priority = Thread::CURRENT.set_priority(10).must("a low priority");
    let mut seen = Seen::default();
    let program = program(&[Step::Effect, Step::Done]);
    for turn in 0..COUNT {
        let number = wave::numbers(1).start;
        let lap = SERVER.wide();
        let due = SERVER.number(Request::DieAtTick) + TICK;
        while thread::now().0 < due - AHEAD {}
        for step in 0..turn {
            core::hint::black_box(step);
        }
        let result = lap.invoke([program, number], Span::ZERO);
        let told = match result {
            Ok(_) => None,
            Err(Error::LapRestarted { progress, .. }) => Some(progress),
            Err(error) => fail!("turn {turn}: {error:?}"),
        };
        let entered = journal(number);
        match (told, entered) {
            (None, entered) if entered == BEGUN | EFFECT | ENDED => seen.returned += 1,
            (Some(Progress::COMPLETED), entered) if entered & EFFECT != 0 => seen.completed += 1,
            (Some(Progress::NOT_ENTERED), 0) => seen.not_entered += 1,
            (Some(Progress::MAYBE_EXECUTED), 0) => seen.had_not_begun += 1,
            (Some(Progress::MAYBE_EXECUTED), BEGUN) => seen.had_begun += 1,
            (Some(Progress::MAYBE_EXECUTED), _) => seen.had_effect += 1,
            _ => fail!("turn {turn}: told {told:?}, but the journal says {entered}"),
        }
        // The next turn's server is the next one.
        while thread::now().0 < due + 50_000 {
            thread::sleep(Span::from_micros(50));
        }
    }
    info!("{seen:?}");
    // Which moments inside are hit, and how often, depends on the kernel's own speed; that the
    // sweep went from after the return to before the entry, and met some in between, does not.
    let inside = seen.completed + seen.had_effect + seen.had_begun + seen.had_not_begun;
    check!(seen.returned > 0, "it never came too late");
    check!(seen.not_entered > 0, "it never came too early");
    check!(inside >= 20, "it came only {inside} times while inside");
    Thread::CURRENT
        .set_priority(priority)
        .must("the old priority");
}

/// The same for a call of the server's port, which is handed over to the thread that waits there:
/// what is told is the truth before the request is taken, while it is served, and after the answer.
pub(crate) fn every_moment_of_a_call(_: &Start) {
    let priority = Thread::CURRENT.set_priority(10).must("a low priority");
    let (mut answered, mut not_entered, mut begun, mut not_begun) = (0, 0, 0, 0);
    for turn in 0..COUNT {
        let number = wave::numbers(1).start;
        let port = RemotePort::find(SERVER.name, PATIENCE).must("the server's port");
        // What the call needs is there, and the server waits: so this one is handed over.
        let request = Request::Journal(number);
        let before: Result<Reply> = port.request(&request, PATIENCE);
        check_eq!(before, Ok(Reply::Number(0)));
        let due = SERVER.number(Request::DieAtTick) + TICK;
        while thread::now().0 < due - AHEAD {}
        for step in 0..turn {
            core::hint::black_box(step);
        }
        let told: Result<Reply> = port.request(&Request::Enter(number), PATIENCE);
        let entered = journal(number);
        match (told, entered) {
            (Ok(Reply::Done), entered) if entered == BEGUN | EFFECT => answered += 1,
            (Err(Error::Restarted { progress, .. }), entered) => match (progress, entered) {
                (Progress::NOT_ENTERED, 0) => not_entered += 1,
                (Progress::MAYBE_EXECUTED, 0) => not_begun += 1,
                (Progress::MAYBE_EXECUTED, _) => begun += 1,
                _ => fail!("turn {turn}: told {progress:?}, but the journal says {entered}"),
            },
            (told, _) => fail!("turn {turn}: {told:?}, and the journal says {entered}"),
        }
        // The next turn's server is the next one.
        while thread::now().0 < due + 50_000 {
            thread::sleep(Span::from_micros(50));
        }
    }
    info!("answered {answered}, begun {begun}, not begun {not_begun}, not entered {not_entered}");
    check!(answered > 0, "it never came too late");
    check!(not_entered > 0, "it never came too early");
    check!(
        begun + not_begun >= 20,
        "it came too seldom while it was served"
    );
    Thread::CURRENT
        .set_priority(priority)
        .must("the old priority");
}

/// What the journal says, of whichever incarnation can be asked.
#[track_caller]
fn journal(number: u64) -> u64 {
    loop {
        match SERVER.try_ask(Request::Journal(number)) {
            Ok(Reply::Number(entered)) => return entered,
            Ok(other) => fail!("no number but {other:?}"),
            // It may fail meanwhile, once.
            Err(error) => check_eq!(error.status(), Status::RESTARTED),
        }
    }
}
