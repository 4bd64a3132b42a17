//! Very many restarts: nothing is lost, and the last take no longer than the first.
//!
//! Everything that is used is counted, and must be what it was. The times of the first and of the last
//! restarts are printed; `cargo xtask soak` holds them against each other.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use bench_suite::samples;
use bench_suite::subject::Request;
use judging::{counters, quiet};
use syscall::abi::site::Hook;
use syscall::abi::start::PreviousEnd;
use syscall::prelude::*;
use syscall::{PersistentRegion, site, thread, ticks};

use crate::check::{Must, wait_until};
use crate::subject::Subject;

/// Restarts that are compared at each end, at most.
const COMPARED: u64 = 1000;

/// Actor restarts and site restarts before the counters are looked at: caches are then filled.
const ACTORS_WARM_UP: u64 = 64;
const SITES_WARM_UP: u64 = 2;

/// How often it is said how far we are.
const PARTS: u64 = 100;

/// Between two restarts: the log is written, and the clock's tick is over.
const PAUSE: Span = Span::from_millis(2);
/// The same after a restart of the site, which has more to say.
const SITE_PAUSE: Span = Span::from_millis(20);

/// How long what ends may take.
const PATIENCE: Span = Span::from_secs(10);

/// What is counted: the site's counters, and the kernel's heap.
const COUNTED: usize = 11;

/// What is in use now.
fn used() -> [(&'static str, u64); COUNTED] {
    let mut used = [("heap", quiet::counters().heap_used); COUNTED];
    for (place, counter) in used.iter_mut().zip(counters::now()) {
        *place = counter;
    }
    used
}

/// Checks that as much is in use as before, and returns that.
fn must_be_used(before: &[u64]) {
    let is_same = || used().iter().map(|(_, value)| value).eq(before);
    if wait_until(PATIENCE, is_same) {
        return;
    }
    for ((name, after), before) in used().iter().zip(before) {
        check_eq!(after, before, "{name}");
    }
}

/// Does once what is done to compare: the meter's own stack is then as deep as it gets.
fn rehearse() {
    let is_nothing = || used().iter().all(|(_, value)| *value == 0);
    wait_until(Span::from_millis(5), is_nothing);
    print_used("rehearsed");
    print_progress(0, 1);
}

/// Says what is in use, before and after.
fn print_used(moment: &str) {
    for (name, value) in used() {
        info!("soak: {moment} {value} {name}");
    }
}

/// Says how far we are.
fn print_progress(number: u64, count: u64) {
    if number.is_multiple_of((count / PARTS).max(1)) {
        info!("soak: progress {number}");
    }
}

/// How many restarts, by the second argument, and how many of them are compared.
fn counts(start: &Start) -> (u64, u64) {
    let count = start.argument(1).and_then(|count| count.parse().ok());
    let count: u64 = count.must("how many restarts");
    (count, COMPARED.min(count / 2))
}

/// Restarts an actor that has changed its data, and has threads.
pub(crate) fn actors(start: &Start) {
    let (count, compared) = counts(start);
    let mut subject = Subject::find("subject");
    let mut once = || {
        subject.ask(Request::Touch(4));
        subject.ask(Request::Threads(2));
        thread::sleep(PAUSE);
        let start = ticks::now();
        subject = subject.die().into();
        subject.ask(Request::Touch(0));
        ticks::now() - start
    };
    for _ in 0..ACTORS_WARM_UP {
        once();
    }
    let (mut first, mut last) = (Vec::new(), Vec::new());
    first.reserve(compared as usize);
    last.reserve(compared as usize);
    rehearse();
    let before = used().map(|(_, value)| value);
    print_used("before");
    for number in 0..count {
        let took = once();
        if number < compared {
            first.push(took);
        } else if number >= count - compared {
            last.push(took);
        }
        print_progress(number + 1, count);
    }
    must_be_used(&before);
    print_used("after");
    samples::print("first", &first);
    samples::print("last", &last);
}

/// What outlives the site: the number of restarts, when the latest began, what was in use, and times.
struct Kept(&'static [AtomicU64]);

impl Kept {
    const USED: usize = 2;
    const TIMES: usize = Self::USED + COUNTED;

    fn open() -> Self {
        let bytes = (Self::TIMES + 2 * COMPARED as usize) * size_of::<u64>();
        let region = PersistentRegion::open("soak", bytes).must("memory for what is kept");
        Self(region.into_words())
    }

    fn get(&self, index: usize) -> u64 {
        self.word(index).load(Ordering::SeqCst)
    }

    fn put(&self, index: usize, value: u64) {
        self.word(index).store(value, Ordering::SeqCst);
    }

    fn range(&self, start: usize, count: usize) -> Vec<u64> {
        (start..start + count)
            .map(|index| self.get(index))
            .collect()
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        self.0.get(index).must("a word of what is kept")
    }
}

/// Restarts the site.
pub(crate) fn sites(start: &Start) {
    for name in ["member-0", "member-7", "keeper-0"] {
        Subject::find(name).ask(Request::Touch(0));
    }
    let end = ticks::now();
    let (count, compared) = counts(start);
    let kept = Kept::open();
    let number = kept.get(0);
    match start.previous() {
        PreviousEnd::None => check_eq!(number, 0),
        PreviousEnd::Site { .. } => {}
        other => fail!("the meter starts after {other:?}"),
    }
    // The first one is so early that others may not have come to rest.
    thread::sleep(SITE_PAUSE);
    rehearse();
    if number == SITES_WARM_UP {
        for (index, (_, value)) in used().iter().enumerate() {
            kept.put(Kept::USED + index, *value);
        }
        print_used("before");
    }
    if let Some(number) = number.checked_sub(SITES_WARM_UP + 1) {
        let took = end - kept.get(1);
        let times = Kept::TIMES;
        if number < compared {
            kept.put(times + number as usize, took);
        } else if number >= count - compared {
            let place = COMPARED + number - (count - compared);
            kept.put(times + place as usize, took);
        }
        must_be_used(&kept.range(Kept::USED, COUNTED));
        print_progress(number + 1, count);
    }
    if number == SITES_WARM_UP + count {
        let restarts = site::info().must("the counters").site_restarts;
        check_eq!(restarts, number);
        print_used("after");
        samples::print("first", &kept.range(Kept::TIMES, compared as usize));
        let last = Kept::TIMES + COMPARED as usize;
        return samples::print("last", &kept.range(last, compared as usize));
    }
    thread::sleep(SITE_PAUSE);
    kept.put(0, number + 1);
    kept.put(1, ticks::now());
    let hook = site::hook(Hook::KERNEL_PANIC, 0);
    fail!("the kernel does not panic: {hook:?}")
}
