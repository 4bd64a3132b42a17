//! Samples: taken first, printed afterwards, one measure after the other.
//!
//! A line is `bench: NAME VALUE VALUE …`; a measure takes as many lines as it needs.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::sync::atomic::{AtomicU64, Ordering};

use syscall::prelude::*;
use syscall::{Published, site, thread, ticks};

/// Samples of a measure, unless it says otherwise.
pub const COUNT: usize = 200;
/// Turns before the first sample: what is slower for the first time is so no more.
pub const WARM_UP: usize = 32;

/// How long a site is left alone before a restart that is measured. Failures are apart: the log is
/// written, and the idle thread has cleared frames ahead of time.
pub const REST: Span = Span::from_millis(3);

/// Values in a line: with a name and the kernel's own words it stays below the longest one.
const IN_A_LINE: usize = 12;

/// How long it may take until the log is written. It is written while others run, which must not be
/// the next measure.
pub const UNTIL_PRINTED: Span = Span::from_millis(200);

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

/// Makes ready for samples, of all measures or of the one of the argument `profile=NAME`.
pub fn prepare(start: &Start) {
    calibrate();
    let mut arguments = start.arguments().split_whitespace();
    if let Some(name) = arguments.find_map(|argument| argument.strip_prefix("profile=")) {
        PROFILED.publish(Box::leak(Box::new(String::from(name))));
    }
}

/// Finds out what reading the counter takes. The least of many: none of them was interrupted.
fn calibrate() {
    let least = (0..64).map(|_| raw(|| ())).min();
    OVERHEAD.store(least.unwrap_or(0), Ordering::Relaxed);
}

/// The measure of which only one sample is taken, for `cargo xtask profile`; if it is one.
static PROFILED: Published<String> = Published::new();

/// The measure that is profiled, if it is one.
pub fn profiled() -> Option<&'static str> {
    PROFILED.get().map(String::as_str)
}

/// Waits until the next operation is profiled.
pub fn await_profile() {
    info!("profile: ready");
    // Whatever is typed.
    let _ = site::console_read(&mut [0; 16], Span::FOREVER);
}

/// Says how many instructions that took, and ends the site.
pub fn end_profile(ticks: u64) -> ! {
    info!("profile: {ticks}");
    judging::check::end(site::shutdown(0))
}

/// Takes samples: calls `sample` some times for nothing, and then as often as it counts. `ticks` says
/// how long one took. No samples if another measure is profiled.
pub fn take<T>(
    name: &str,
    count: usize,
    mut sample: impl FnMut() -> T,
    ticks: impl Fn(&T) -> u64,
) -> Vec<T> {
    let profiled = profiled();
    if profiled.is_some_and(|profiled| profiled != name) {
        return Vec::new();
    }
    for _ in 0..WARM_UP.min(count) {
        sample();
    }
    if profiled.is_some() {
        await_profile();
        let taken = sample();
        end_profile(ticks(&taken));
    }
    // There is room for all from the start: allocating more would disturb those that follow.
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        samples.push(sample());
    }
    samples
}

/// Takes samples of instructions and prints them.
pub fn measure(name: &str, sample: impl FnMut() -> u64) {
    measure_each(name, 1, sample);
}

/// The same where each sample is of `parts` that are alike.
pub fn measure_each(name: &str, parts: u64, sample: impl FnMut() -> u64) {
    let samples = take(name, COUNT, sample, |ticks| *ticks);
    let each: Vec<u64> = samples.iter().map(|ticks| ticks / parts).collect();
    print(name, &each);
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
    thread::sleep(UNTIL_PRINTED);
}

/// The longest stretch with interrupts off since this was last asked.
///
/// # Errors
/// When the kernel does not tell its counters.
pub fn interrupts_off() -> Result<u64> {
    site::info().map(|counters| counters.interrupts_off)
}
