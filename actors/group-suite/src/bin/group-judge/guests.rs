//! Threads of others inside an actor that is frozen, or on their way there, or back.

use core::sync::atomic::{AtomicU64, Ordering};

use group_suite::Request;
use syscall::abi::site::ActorState;
use syscall::abi::status::Progress;
use syscall::prelude::*;
use syscall::{RemoteLap, Thread, site, thread};

use crate::baseline;
use crate::check::{Must, must_be_refused, wait_until};
use crate::ledger::Reader;
use crate::member::{Member, PATIENCE};
use crate::quiet;

const TARGET: Member = Member("target");
const OTHER: Member = Member("other");

/// How many of our guests are back, and how.
static BACK: AtomicU64 = AtomicU64::new(0);
static SENT_BACK: AtomicU64 = AtomicU64::new(0);
static NEVER_IN: AtomicU64 = AtomicU64::new(0);

/// Priority of our guests: below that of the members' servers.
const PRIORITY: u8 = 4;

fn target_lap() -> RemoteLap {
    RemoteLap::resolve("target-lap", PATIENCE).must("the target's LAP")
}

/// Sends a thread into the target's LAP, to stay there for so long.
#[track_caller]
fn send(millis: u64) {
    let body = |millis| {
        let request = target_lap().request([millis, 0]);
        match request.waiting(Span::FOREVER).invoke() {
            Ok(_) => BACK.fetch_add(1, Ordering::Relaxed),
            Err(Error::LapRestarted {
                progress: Progress::MAYBE_EXECUTED,
                ..
            }) => SENT_BACK.fetch_add(1, Ordering::Relaxed),
            Err(Error::LapRestarted {
                progress: Progress::NOT_ENTERED,
                ..
            }) => NEVER_IN.fetch_add(1, Ordering::Relaxed),
            Err(_) => 0,
        };
    };
    Thread::spawn(body, millis, 16 * 1024, PRIORITY).must("a thread");
}

fn tally() -> [u64; 3] {
    [&BACK, &SENT_BACK, &NEVER_IN].map(|count| count.load(Ordering::Relaxed))
}

#[track_caller]
fn must_come_to(expected: [u64; 3]) {
    wait_until(PATIENCE, || tally() == expected);
    check_eq!(tally(), expected);
}

/// A guest inside stops, one that wants in waits, one that comes home waits there; all go on after
/// the thaw, or are sent back by a restart.
pub(crate) fn guests_wait(_: &Start) {
    let mut reader = Reader::at_start();
    quiet::listen();
    TARGET.make(Request::OpenLap);
    OTHER.make(Request::OpenLap);
    let pause = || thread::sleep(Span::from_millis(150));
    let freeze = || site::freeze(TARGET.actor()).must("to freeze");
    let thaw = || site::thaw(TARGET.actor()).must("to thaw");

    // One asleep, one computing, and one at the door: there are two stacks.
    for round in 0..3 {
        let done = 3 * round;
        send(40);
        send(41);
        thread::sleep(Span::from_millis(10));
        send(2);
        thread::sleep(Span::from_millis(10));
        freeze();
        pause();
        check_eq!(tally(), [done, 0, 0], "guests of a frozen actor");
        thaw();
        must_come_to([done + 3, 0, 0]);
    }

    // At the door only.
    freeze();
    let lap = target_lap();
    let hasty = lap.request([2, 0]).waiting(Span::ZERO).invoke();
    must_be_refused(hasty, Status::FROZEN, "who does not wait");
    let patient = lap.request([2, 0]).waiting(Span::from_millis(20)).invoke();
    must_be_refused(patient, Status::TIMED_OUT, "who waits too short");
    (0..4).for_each(|_| send(2));
    pause();
    check_eq!(tally(), [9, 0, 0]);
    thaw();
    must_come_to([13, 0, 0]);
    let before = baseline::now();

    // On the way home: the target's own thread is a guest elsewhere.
    let home = |expected| check_eq!(TARGET.number(Request::CameHome), expected);
    TARGET.make(Request::Visit(60));
    thread::sleep(Span::from_millis(10));
    freeze();
    pause();
    thaw();
    let thawed = thread::now();
    check!(wait_until(PATIENCE, || TARGET.number(Request::CameHome) > 0));
    check!(
        TARGET.number(Request::CameHome) >= thawed.0,
        "it came home to a frozen actor"
    );
    must_be_home();

    in_and_out();

    // A restart sends back who is inside, and turns away who is not; the next incarnation runs.
    send(40);
    send(41);
    thread::sleep(Span::from_millis(10));
    freeze();
    send(2);
    pause();
    check_eq!(tally(), [13, 0, 0]);
    site::restart(TARGET.actor()).must("to restart");
    must_come_to([13, 2, 1]);
    reader.take();
    TARGET.must_come_back(2);
    check_eq!(TARGET.state(), ActorState::RUNNING);
    home(0);
    TARGET.make(Request::OpenLap);
    send(2);
    must_come_to([14, 2, 1]);
    reader.must_be_at_end();
    baseline::must_come_back(&before, &["free frames"]);
    quiet::must_have_been_kept();
}

/// A guest that comes and goes takes the quick way as long as there is one: not while the target is
/// frozen.
#[track_caller]
fn in_and_out() {
    static VISITS: AtomicU64 = AtomicU64::new(0);
    let body = |_| {
        let lap = target_lap();
        while lap.invoke([0, 0], Span::FOREVER).is_ok() {
            VISITS.fetch_add(1, Ordering::Relaxed);
        }
    };
    Thread::spawn(body, 0, 16 * 1024, PRIORITY).must("a thread");
    let visits = || VISITS.load(Ordering::Relaxed);
    let mut last = 0;
    for _ in 0..5 {
        check!(wait_until(PATIENCE, || visits() > last + 10));
        site::freeze(TARGET.actor()).must("to freeze");
        let before = visits();
        thread::sleep(Span::from_millis(20));
        // One may have been on its way out.
        check!(visits() <= before + 1, "visits of a frozen actor");
        last = visits();
        site::thaw(TARGET.actor()).must("to thaw");
    }
    check!(wait_until(PATIENCE, || visits() > last + 10));
}

/// The thread that visits ends when it has come home.
#[track_caller]
fn must_be_home() {
    let is_one = || TARGET.info().is_some_and(|info| info.threads == 1);
    check!(wait_until(PATIENCE, is_one), "{:?}", TARGET.info());
}
