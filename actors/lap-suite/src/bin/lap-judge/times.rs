//! Timeouts, timers and virtual timers: the judge's own.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use syscall::handler::{Handler, Occasion};
use syscall::prelude::*;
use syscall::{Thread, thread};

use crate::check::{Must, must_be_refused, wait_until};
use crate::peers::PATIENCE;
use crate::quiet;

/// How often a handler ran, and for how many occasions in all; and when it last began.
struct Runs {
    runs: AtomicU64,
    occasions: AtomicU64,
    most: AtomicU64,
    time: AtomicU64,
    cookie: AtomicU64,
}

impl Runs {
    const fn new() -> Self {
        Self {
            runs: AtomicU64::new(0),
            occasions: AtomicU64::new(0),
            most: AtomicU64::new(0),
            time: AtomicU64::new(0),
            cookie: AtomicU64::new(0),
        }
    }

    fn note(&self, occasion: Occasion) {
        self.time.store(thread::now().0, Ordering::SeqCst);
        self.cookie.store(occasion.cookie, Ordering::SeqCst);
        self.most.fetch_max(occasion.count, Ordering::SeqCst);
        self.occasions.fetch_add(occasion.count, Ordering::SeqCst);
        self.runs.fetch_add(1, Ordering::SeqCst);
    }

    fn runs(&self) -> u64 {
        self.runs.load(Ordering::SeqCst)
    }

    fn occasions(&self) -> u64 {
        self.occasions.load(Ordering::SeqCst)
    }
}

/// Handlers that are connected, and threads that exist.
#[track_caller]
fn counters() -> (u32, u32, u32) {
    let info = quiet::counters();
    (info.used_handlers, info.used_laps, info.used_threads)
}

/// A timeout runs once, when its time has come, and not if it is disconnected before.
pub(crate) fn timeouts(_: &Start) {
    static RUNS: Runs = Runs::new();
    let before = counters();
    for millis in [0, 1, 7, 30] {
        let (runs, began) = (RUNS.runs(), thread::now());
        let span = Span::from_millis(millis);
        let handler = Handler::timeout(span, 40 + millis, |occasion| RUNS.note(occasion));
        let handler = handler.must("a timeout");
        check!(
            wait_until(PATIENCE, || RUNS.runs() > runs),
            "it never comes"
        );
        thread::sleep(Span::from_millis(50));
        check_eq!(
            (RUNS.runs(), RUNS.most.load(Ordering::SeqCst)),
            (runs + 1, 1)
        );
        check_eq!(RUNS.cookie.load(Ordering::SeqCst), 40 + millis);
        let after = Instant(RUNS.time.load(Ordering::SeqCst)).since(began);
        check!(after >= span, "{millis} ms: early, after {after}");
        let late = Span(after.0 - span.0);
        check!(late <= Span::from_millis(3), "{millis} ms: {late} late");
        // It is gone by itself; its LAP is ours.
        check_eq!(counters().0, before.0);
        let gone = handler.disconnect();
        must_be_refused(gone, Status::NOT_FOUND, "what is gone");
    }
    let (runs, span) = (RUNS.runs(), Span::from_millis(10));
    let handlers = [(); 8].map(|()| Handler::timeout(span, 0, |occasion| RUNS.note(occasion)));
    thread::sleep(Span::from_millis(5));
    check_eq!(counters().0, before.0 + 8);
    drop(handlers);
    thread::sleep(Span::from_millis(30));
    check_eq!(RUNS.runs(), runs);
    check_eq!(counters(), before);
}

/// A timer runs every period; what it misses while it runs is counted.
pub(crate) fn timers(_: &Start) {
    static RUNS: Runs = Runs::new();
    let before = counters();
    let period = Span::from_millis(5);
    let timer = Handler::timer(period, 1, |occasion| RUNS.note(occasion)).must("a timer");
    thread::sleep(Span::from_millis(202));
    timer.disconnect().must("its end");
    let (runs, occasions) = (RUNS.runs(), RUNS.occasions());
    check!((39..=41).contains(&runs), "{runs} runs in forty periods");
    check_eq!((occasions, RUNS.most.load(Ordering::SeqCst)), (runs, 1));
    thread::sleep(Span::from_millis(20));
    check_eq!(RUNS.runs(), runs, "it runs on");

    // One that takes longer than its period.
    static SLOW: Runs = Runs::new();
    let body = |occasion| {
        SLOW.note(occasion);
        thread::sleep(Span::from_millis(22));
    };
    let timer = Handler::timer(period, 2, body).must("a timer");
    thread::sleep(Span::from_millis(202));
    drop(timer);
    thread::sleep(Span::from_millis(30));
    let (runs, occasions) = (SLOW.runs(), SLOW.occasions());
    check!((7..=10).contains(&runs), "{runs} slow runs");
    check!(
        (37..=41).contains(&occasions),
        "{occasions} occasions in forty periods"
    );
    check!(
        (4..=6).contains(&SLOW.most.load(Ordering::SeqCst)),
        "at most {:?}",
        SLOW.most
    );
    check_eq!(counters(), before);

    for nanos in [0, 1, 999_999] {
        let result = Handler::timer(Span(nanos), 0, |_| ());
        must_be_refused(result, Status::BAD_ARGUMENT, "a period of less than a tick");
    }
    check_eq!(counters(), before);
}

/// An actor may connect many handlers, but not any number of them.
pub(crate) fn many(_: &Start) {
    let before = counters();
    for round in 0..20 {
        let mut handlers = alloc::vec::Vec::new();
        let error = loop {
            match Handler::timer(Span::from_millis(1), 0, |_| ()) {
                Ok(handler) => handlers.push(handler),
                Err(error) => break error,
            }
        };
        check_eq!(error.status(), Status::LIMIT_REACHED);
        check!(handlers.len() >= 8, "only {} handlers", handlers.len());
        thread::sleep(Span::from_millis(round % 4));
        drop(handlers);
        let is_back = || counters() == before;
        check!(
            wait_until(PATIENCE, is_back),
            "{:?} was {before:?}",
            counters()
        );
    }
}

/// How far the two threads have come, and whether they compute.
static TURNS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
static IS_BUSY: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];

/// Computes while it is told to, and sleeps otherwise.
fn compute(number: u64) {
    let (Some(turns), Some(is_busy)) = (TURNS.get(number as usize), IS_BUSY.get(number as usize))
    else {
        return;
    };
    loop {
        while is_busy.load(Ordering::Relaxed) {
            turns.fetch_add(1, Ordering::Relaxed);
        }
        thread::sleep(Span::from_millis(1));
    }
}

fn set_busy(busy: [bool; 2]) {
    for (is_busy, busy) in IS_BUSY.iter().zip(busy) {
        is_busy.store(busy, Ordering::Relaxed);
    }
}

/// A virtual timer counts the time for which its thread has run, and no other's.
pub(crate) fn virtual_timers(_: &Start) {
    static RUNS: Runs = Runs::new();
    let threads =
        [0, 1].map(|number| Thread::spawn(compute, number, 16 * 1024, 10).must("a thread"));
    let period = Span::from_millis(5);
    let id = threads[0].id();
    let timer = Handler::virtual_timer(id, period, 1, |occasion| RUNS.note(occasion));
    let timer = timer.must("a virtual timer");
    let during = |busy: [bool; 2], millis| {
        let before = RUNS.occasions();
        set_busy(busy);
        thread::sleep(Span::from_millis(millis));
        set_busy([false; 2]);
        thread::sleep(Span::from_millis(10));
        RUNS.occasions() - before
    };
    check_eq!(during([false, false], 100), 0, "while nobody computes");
    check_eq!(
        during([false, true], 100),
        0,
        "while the other one computes"
    );
    let alone = during([true, false], 100);
    check!((18..=21).contains(&alone), "{alone} alone");
    let shared = during([true, true], 200);
    check!((16..=24).contains(&shared), "{shared} while both compute");
    drop(timer);
    check_eq!(during([true, false], 50), 0, "when it is disconnected");

    for nanos in [0, 1, 999_999] {
        let result = Handler::virtual_timer(id, Span(nanos), 0, |_| ());
        must_be_refused(result, Status::BAD_ARGUMENT, "a period of less than a tick");
    }
    let nobody = Handler::virtual_timer(syscall::abi::ThreadId::NONE, period, 0, |_| ());
    must_be_refused(nobody, Status::NOT_FOUND, "nobody's time");
}
