//! A holder: has something of everything that an actor can have, answers, and dies when it is told to.
//!
//! What it has outlives it in one place only: a persistent region, in which it counts its
//! incarnations.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::mem;
use core::sync::atomic::{AtomicU64, Ordering};

use bench_suite::STACK;
use bench_suite::holding::{STAY, UNREAD};
use bench_suite::subject::{self, PAGE_WORDS, Subject};
use judging::check::Must;
use judging::check_eq;
use syscall::handler::Handler;
use syscall::prelude::*;
use syscall::{Lap, PersistentRegion, Region, Stacks, Thread, thread};

/// Bytes of a page.
const PAGE: usize = PAGE_WORDS * size_of::<u64>();
/// Pages of each kind of memory.
const PAGES: usize = 4;
/// Threads, besides the first and the timer's.
const THREADS: u64 = 3;
/// Who may be inside at the same time.
const GUESTS: u32 = 2;
/// It runs out several times before the holder dies, so that its thread has been there.
const PERIOD: Span = Span::from_millis(1);

/// Data that is in the image.
static DATA: [AtomicU64; PAGES * PAGE_WORDS] =
    [const { AtomicU64::new(u64::MAX) }; PAGES * PAGE_WORDS];

fn sleep(_: u64) {
    thread::sleep(Span::FOREVER);
}

fn start(start: Start) -> Result<Serve<Subject>> {
    let kept = PersistentRegion::open("held", PAGES * PAGE)?.into_words();
    let count = kept.first().must("a word").fetch_add(1, Ordering::SeqCst) + 1;
    check_eq!(count, u64::from(start.incarnation()));

    let mut private = Region::allocate(PAGES * PAGE)?;
    for byte in private.iter_mut().step_by(PAGE) {
        *byte = 1;
    }
    mem::forget(private);
    mem::forget(Port::create(UNREAD, 4)?);
    mem::forget(Port::private(1)?);
    Lap::create(STAY, Stacks::of_count(GUESTS), 0, |_| {
        thread::sleep(Span::FOREVER);
        (0, 0)
    })?
    .keep();
    Handler::timer(PERIOD, 0, |_| ())?.keep();
    Handler::timeout(Span::FOREVER, 0, |_| ())?.keep();
    for _ in 0..THREADS {
        Thread::spawn(sleep, 0, STACK, 1)?;
    }
    subject::serve(&start, &DATA)
}

entry!(start);
