//! The first touch of a page.

use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering};

use bench_suite::samples::{COUNT, WARM_UP, measure, timed};
use bench_suite::subject::PAGE_WORDS;
use syscall::Region;
use syscall::prelude::*;

use crate::check::Must;

/// One page a sample, and one a turn before the first.
const PAGES: usize = COUNT + WARM_UP;

/// Data that is in the image.
static DATA: [AtomicU64; PAGES * PAGE_WORDS] =
    [const { AtomicU64::new(u64::MAX) }; PAGES * PAGE_WORDS];

pub(crate) fn faults(_: &Start) {
    let mut zeroed = Region::allocate(PAGES * 4096).must("a region");
    let mut pages = zeroed.chunks_mut(4096);
    measure("fault-zero", || {
        let byte = pages.next().and_then(|page| page.first_mut());
        let byte = byte.must("a page");
        timed(|| *black_box(&mut *byte) = 1)
    });
    let mut words = DATA.iter().step_by(PAGE_WORDS);
    measure("fault-copy", || {
        let word = words.next().must("a page of data");
        timed(|| word.store(1, Ordering::Relaxed))
    });
}
