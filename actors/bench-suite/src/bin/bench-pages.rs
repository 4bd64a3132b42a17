//! The meter of the first touch of a page. It is a program of its own because of its data.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering};

use bench_suite::samples::{COUNT, REST, WARM_UP, measure, prepare, timed};
use bench_suite::subject::PAGE_WORDS;
use judging::check::Must;
use syscall::prelude::*;
use syscall::{Region, thread};

/// One page a sample, and one a turn before the first.
const PAGES: usize = COUNT + WARM_UP;

/// Data that is in the image, in pages that it shares with nothing else.
static DATA: Data = Data([const { AtomicU64::new(u64::MAX) }; PAGES * PAGE_WORDS]);

#[repr(align(4096))]
struct Data([AtomicU64; PAGES * PAGE_WORDS]);

fn faults(_: &Start) {
    let mut zeroed = Region::allocate(PAGES * 4096).must("a region");
    let mut pages = zeroed.chunks_mut(4096);
    measure("fault-zero", || {
        let byte = pages.next().and_then(|page| page.first_mut());
        let byte = byte.must("a page");
        timed(|| *black_box(&mut *byte) = 1)
    });
    let mut words = DATA.0.iter().step_by(PAGE_WORDS);
    measure("fault-copy", || {
        // Else the compiler knows that nobody else sees it, and writes when it likes.
        let word = black_box(words.next().must("a page of data"));
        timed(|| word.store(1, Ordering::Relaxed))
    });
}

fn start(start: Start) {
    prepare(&start);
    // Meanwhile the idle thread clears frames: how many there are must not depend on the disk.
    thread::sleep(REST);
    judging::run(&start, &[("bench-pages", faults)])
}

entry!(start);
