//! Threads: who runs, for how long, and how they end.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use syscall::abi::ThreadId;
use syscall::prelude::*;
use syscall::{Thread, site, thread};
use test_suite::Request;

use crate::check::{Must, must_be_refused, must_fail, wait_until};
use crate::counters;
use crate::ledger::Reader;
use crate::victim::{PATIENCE, Victim};

/// Priorities of the threads here; the judge's own first thread has 32.
const LOW: u8 = 2;
const MIDDLE: u8 = 5;

/// How far each spinning thread has come.
static TURNS: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
/// Whether the spinning threads are to end.
static IS_OVER: AtomicBool = AtomicBool::new(false);

/// Counts, without a syscall; and once more at its end, so that it shows that it ran again wherever
/// it was interrupted.
fn spin(number: u64) {
    let Some(turns) = TURNS.get(number as usize) else {
        return;
    };
    while !IS_OVER.load(Ordering::Relaxed) {
        turns.fetch_add(1, Ordering::Relaxed);
    }
    turns.fetch_add(1, Ordering::Relaxed);
}

fn turns(number: usize) -> u64 {
    TURNS
        .get(number)
        .map_or(0, |turns| turns.load(Ordering::Relaxed))
}

/// Ends the spinning threads.
#[track_caller]
fn stop() {
    IS_OVER.store(true, Ordering::Relaxed);
    let is_alone =
        || site::actor("judge").is_ok_and(|judge| judge.is_some_and(|judge| judge.threads == 1));
    check!(wait_until(PATIENCE, is_alone), "threads do not end");
}

/// A higher thread runs as soon as it can, a lower one only when the higher do not.
pub(crate) fn priorities(_: &Start) {
    // Found before anything spins: what spins keeps the loader from loading it.
    let victim = Victim::find("victim");
    Thread::spawn(spin, 0, 16 * 1024, LOW).must("a thread");
    let began = thread::now();
    for _ in 0..20 {
        thread::sleep(Span::from_millis(10));
    }
    // A tick or two late each time, at most; and a loaded host stops the machine now and then.
    let took = thread::now().since(began);
    check!(
        took < Span::from_millis(1500),
        "twenty times ten milliseconds took {took}"
    );
    check!(turns(0) > 0, "the low thread did not run at all");

    // One above the low one takes all of the time.
    Thread::spawn(spin, 1, 16 * 1024, MIDDLE).must("a thread");
    thread::sleep(Span::from_millis(20));
    let (low, middle) = (turns(0), turns(1));
    thread::sleep(Span::from_millis(200));
    check_eq!(turns(0), low, "the low thread ran");
    check!(turns(1) > middle, "the middle thread did not run");

    // Another actor is subject to the same order: the victim's priority is between theirs and
    // ours.
    victim.make(Request::Ping);

    stop();
    check!(
        wait_until(PATIENCE, || turns(0) > low),
        "the low thread never ran again"
    );

    // Nobody is above its actor, nor below every actor.
    let current = Thread::CURRENT;
    check_eq!(current.set_priority(20), Ok(32));
    check_eq!(current.set_priority(32), Ok(20));
    for priority in [0, 33, 63, 64, 255] {
        must_be_refused(
            current.set_priority(priority),
            Status::BAD_ARGUMENT,
            "a high priority",
        );
        let high = Thread::spawn(|_| (), 0, 16 * 1024, priority);
        must_be_refused(high, Status::BAD_ARGUMENT, "a thread that is not below us");
    }
    // Nor master of another actor's threads.
    let error = must_fail(
        victim.try_ask(Request::SetPriority(own_thread())),
        "another's thread",
    );
    check!(
        matches!(
            error.status(),
            Status::NOT_OWNER | Status::NOT_FOUND | Status::NOT_PERMITTED
        ),
        "{error:?}"
    );
    Reader::at_start().must_be_at_end();
}

/// The identifier of a thread of ours that sleeps on.
#[track_caller]
fn own_thread() -> ThreadId {
    Thread::spawn(|_| thread::sleep(Span::from_secs(5)), 0, 16 * 1024, LOW)
        .must("a thread")
        .id()
}

/// Threads of equal priority share, whether they are of one actor or of two.
pub(crate) fn sharing(_: &Start) {
    let victim = Victim::find("victim");
    for number in 0..3 {
        Thread::spawn(spin, number, 16 * 1024, MIDDLE).must("a thread");
    }
    thread::sleep(Span::from_millis(600));
    let shares = [turns(0), turns(1), turns(2)];
    let sum: u64 = shares.iter().sum();
    info!("shares {shares:?}");
    // A third each, give or take the half of that.
    for share in shares {
        check!(
            share * 6 > sum && share * 2 < sum,
            "unequal shares: {shares:?}"
        );
    }

    // The same when somebody above them wakes up all the time: who is preempted keeps what is
    // left of its turn, and no more.
    let before = [turns(0), turns(1), turns(2)];
    for _ in 0..200 {
        thread::sleep(Span::from_millis(2));
    }
    let shares = [0, 1, 2].map(|number: usize| turns(number) - before[number]);
    let sum: u64 = shares.iter().sum();
    info!("shares {shares:?}, often interrupted");
    for share in shares {
        check!(
            share * 6 > sum && share * 2 < sum,
            "unequal shares: {shares:?}"
        );
    }

    // The victim has their priority, and gets a quarter of the time: its 100 ms take 400.
    let before = thread::now();
    victim.make(Request::Spin(100));
    check!(
        thread::now().since(before) < Span::from_secs(5),
        "the victim starved"
    );
    stop();
}

/// Threads end, one by one, and leave nothing behind.
pub(crate) fn ends(_: &Start) {
    let victim = Victim::find("victim");
    // Once for the pages of our own stack that this takes, and after the victim has settled.
    run_threads();
    victim.settled();
    let before = counters::now();
    for _ in 0..20 {
        run_threads();
    }
    counters::must_come_back(&before);

    // What is no stack is refused.
    for bytes in [0, usize::MAX, 1 << 40] {
        let error = must_fail(
            Thread::spawn(|_| (), 0, bytes, LOW),
            "a stack of no good size",
        );
        check!(
            matches!(error.status(), Status::BAD_ARGUMENT | Status::NO_MEMORY),
            "{bytes:#x} bytes: {error:?}"
        );
    }
    // A thread that has ended has no priority.
    let ended = Thread::spawn(|_| (), 0, 16 * 1024, MIDDLE).must("a thread");
    thread::sleep(Span::from_millis(20));
    must_be_refused(
        ended.set_priority(LOW),
        Status::NOT_FOUND,
        "a thread that has ended",
    );

    // The first thread may end before the others.
    let mut reader = Reader::at_start();
    victim.make(Request::MakeThreads(1));
    let _ = victim
        .port()
        .request::<test_suite::Reply>(&Request::EndThread, Span::from_millis(50));
    check_eq!(victim.info().threads, 1);
    reader.must_be_at_end();
    // Its port has nobody who receives, but a restart helps.
    site::restart(victim.actor()).must("the right to restart");
    reader.take();
    Victim::find("victim").make(Request::Ping);
}

/// How many threads of [`run_threads`] have ended.
static ENDED: AtomicU64 = AtomicU64::new(0);

/// Makes four threads, which use some of their stacks, and waits until they have ended.
#[track_caller]
fn run_threads() {
    const COUNT: u64 = 4;
    let body = |_| {
        let _ = syscall::ways_to_die::use_stack(20_000);
        ENDED.fetch_add(1, Ordering::SeqCst);
    };
    let end = ENDED.load(Ordering::SeqCst) + COUNT;
    for _ in 0..COUNT {
        Thread::spawn(body, 0, 64 * 1024, MIDDLE).must("a thread");
    }
    check!(
        wait_until(PATIENCE, || ENDED.load(Ordering::SeqCst) == end),
        "threads do not end"
    );
}

/// What the watching threads found.
static CHANGED: AtomicU64 = AtomicU64::new(0);
static WATCHED: AtomicU64 = AtomicU64::new(0);

/// Vector registers belong to their thread, whatever the others do with theirs.
pub(crate) fn vector_registers(_: &Start) {
    const ROUNDS: u64 = 300_000;
    // Two threads of ours and two other actors, all at one priority, each with its own pattern.
    let own = |pattern| {
        let changed = syscall::ways_to_die::vector::watch(pattern, ROUNDS);
        CHANGED.fetch_add(changed, Ordering::SeqCst);
        WATCHED.fetch_add(1, Ordering::SeqCst);
    };
    for pattern in [0x1111_1111_1111_1110, 0x2222_2222_2222_2223] {
        Thread::spawn(own, pattern, 16 * 1024, MIDDLE).must("a thread");
    }
    let theirs = |number| {
        let victim = Victim::find(if number == 0 { "victim" } else { "other" });
        let pattern = 0x7777_0000_0000_0000 + number;
        let changed = victim.number(Request::WatchVectors {
            pattern,
            rounds: ROUNDS,
        });
        CHANGED.fetch_add(changed, Ordering::SeqCst);
        WATCHED.fetch_add(1, Ordering::SeqCst);
    };
    for number in 0..2 {
        Thread::spawn(theirs, number, 64 * 1024, MIDDLE).must("a thread");
    }
    let before = thread::now();
    check!(
        wait_until(Span::from_secs(60), || WATCHED.load(Ordering::SeqCst) == 4),
        "only {} have watched",
        WATCHED.load(Ordering::SeqCst)
    );
    info!("watched for {}", thread::now().since(before));
    check_eq!(CHANGED.load(Ordering::SeqCst), 0);

    // A new incarnation, and a new thread, find them clear.
    let mut reader = Reader::at_start();
    let mut victim = Victim::find("victim");
    victim.restart_hot(&mut reader);
    check!(victim.inspect().is_vector_clear);
    let fresh = |_| {
        check!(
            syscall::ways_to_die::vector::is_clear(),
            "a new thread sees old values"
        );
        WATCHED.fetch_add(1, Ordering::SeqCst);
    };
    Thread::spawn(fresh, 0, 16 * 1024, MIDDLE).must("a thread");
    check!(
        wait_until(PATIENCE, || WATCHED.load(Ordering::SeqCst) == 5),
        "no new thread"
    );
}
