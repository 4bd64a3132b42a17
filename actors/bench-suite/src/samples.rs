//! Samples: taken first, printed afterwards, one measure after the other.
//!
//! A line is `bench: NAME VALUE VALUE …`; a measure takes as many lines as it needs.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::sync::atomic::{AtomicU64, Ordering};

use syscall::prelude::*;
use syscall::{site, ticks};

/// Samples of a measure, unless it says otherwise.
pub const COUNT: usize = 200;
/// Turns before the first sample: what is slower for the first time is so no more.
pub const WARM_UP: usize = 32;

/// Values in a line: with a name and the kernel's own words it stays below the longest one.
const IN_A_LINE: usize = 12;

/// What is counted when nothing is measured: found out once.
static OVERHEAD: AtomicU64 = AtomicU64::new(0);

/// How many instructions `operation` takes. What reading the counter takes is taken off.
#[inline]
pub fn timed<T>(operation: impl FnOnce() -> T) -> u64 {
    raw(operation).saturating_sub(OVERHEAD.load(Ordering::Relaxed))
}

#[inline]
fn raw<T>(operation: impl FnOnce() -> T) -> u64 {
    let before = ticks::now();
    let value = operation();
    let after = ticks::now();
    core::hint::black_box(value);
    after - before
}

/// Finds out what reading the counter takes. The least of many: none of them was interrupted.
pub fn calibrate() {
    let least = (0..64).map(|_| raw(|| ())).min();
    OVERHEAD.store(least.unwrap_or(0), Ordering::Relaxed);
}

/// Takes samples: calls `sample` some times for nothing, and then as often as it counts.
pub fn take(count: usize, mut sample: impl FnMut() -> u64) -> Vec<u64> {
    for _ in 0..WARM_UP.min(count) {
        sample();
    }
    // Written to before: its memory is there when it is needed.
    let mut samples = alloc::vec![0; count];
    for value in &mut samples {
        *value = sample();
    }
    samples
}

/// Takes samples and prints them.
pub fn measure(name: &str, sample: impl FnMut() -> u64) {
    print(name, &take(COUNT, sample));
}

/// Prints samples.
pub fn print(name: &str, samples: &[u64]) {
    for values in samples.chunks(IN_A_LINE) {
        let mut line = String::new();
        for value in values {
            let _ = write!(line, " {value}");
        }
        info!("bench: {name}{line}");
    }
}

/// The longest stretch with interrupts off since this was last asked.
///
/// # Errors
/// When the kernel does not tell its counters.
pub fn interrupts_off() -> Result<u64> {
    site::info().map(|counters| counters.interrupts_off)
}
