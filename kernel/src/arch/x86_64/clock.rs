//! The clock: the time-stamp counter, measured once against the interval timer.
//!
//! Under `-icount shift=0` the counter ticks once an instruction, at 1 GHz.

use core::arch::x86_64::_rdtsc;
use core::sync::atomic::{AtomicU64, Ordering};

use abi::{Instant, Span};
use x86_64::instructions::port::Port;

/// Frequency of the interval timer (8254), in hertz.
const PIT_HERTZ: u64 = 1_193_182;

/// How long the counter is measured each time, in interval-timer ticks: about 1 ms, which gives
/// four digits and costs little of the boot.
const CALIBRATION_TICKS: u16 = 1193;

/// Counter value at the clock's zero.
static BASE: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds per counter tick, times 2^32.
static SCALE: AtomicU64 = AtomicU64::new(1 << 32);

/// Measures the counter and starts the clock at zero.
///
/// # Safety
/// Called once per site start, with interrupts off; uses channel 2 of the interval timer.
pub unsafe fn initialise() {
    // The shortest of three: an emulator that is kept from running only makes it longer.
    // SAFETY: The interval timer's ports are the kernel's (this function's caller sees to it).
    let measure = || unsafe { counter_ticks_during_calibration() };
    let ticks = measure().min(measure()).min(measure());
    let nanoseconds = u64::from(CALIBRATION_TICKS) * 1_000_000_000 / PIT_HERTZ;
    let scale = (nanoseconds << 32) / ticks.max(1);
    SCALE.store(scale.max(1), Ordering::Relaxed);
    BASE.store(counter(), Ordering::Relaxed);
}

/// What the clock runs by: the counter at its zero, and its scale.
#[must_use]
pub fn state() -> (u64, u64) {
    (BASE.load(Ordering::Relaxed), SCALE.load(Ordering::Relaxed))
}

/// Goes on with a clock that was started by another kernel.
pub fn resume((base, scale): (u64, u64)) {
    BASE.store(base, Ordering::Relaxed);
    SCALE.store(scale.max(1), Ordering::Relaxed);
}

/// The time at which the counter stood at `ticks`, by a clock of this [`state`].
#[must_use]
pub fn time_at(ticks: u64, (base, scale): (u64, u64)) -> Instant {
    Instant(scaled(ticks.wrapping_sub(base), scale))
}

/// Longest stretch with interrupts off, in counter ticks.
static LONGEST_OFF: AtomicU64 = AtomicU64::new(0);

/// Notes that interrupts were off since the counter stood at `start`. Interrupts are still off, so
/// nobody else notes anything meanwhile.
pub fn note_interrupts_off(start: u64) {
    let ticks = counter().wrapping_sub(start);
    if ticks > LONGEST_OFF.load(Ordering::Relaxed) {
        LONGEST_OFF.store(ticks, Ordering::Relaxed);
    }
}

/// The longest stretch with interrupts off since this was last asked. The present one, in which
/// it is asked, counts for the next time.
#[must_use]
pub fn take_interrupts_off() -> Span {
    let ticks = LONGEST_OFF.swap(0, Ordering::Relaxed);
    span_of(ticks)
}

/// The time since the site started.
#[must_use]
pub fn now() -> Instant {
    time_at(counter(), state())
}

/// So many ticks of the counter as a time.
#[must_use]
pub fn span_of(ticks: u64) -> Span {
    Span(scaled(ticks, SCALE.load(Ordering::Relaxed)))
}

fn scaled(ticks: u64, scale: u64) -> u64 {
    ((u128::from(ticks) * u128::from(scale)) >> 32) as u64
}

/// The counter itself, for measuring short stretches.
#[must_use]
pub fn counter() -> u64 {
    // SAFETY: Every x86_64 CPU has the counter.
    unsafe { _rdtsc() }
}

/// Lets channel 2 count down once and returns how far the counter came.
unsafe fn counter_ticks_during_calibration() -> u64 {
    let mut gate = Port::<u8>::new(0x61);
    let mut command = Port::<u8>::new(0x43);
    let mut channel = Port::<u8>::new(0x42);
    // SAFETY: The caller lets us use channel 2: gate on, speaker off, mode 0, then its output bit
    // (0x20 of port 0x61) rises when the count is done.
    unsafe {
        let old = gate.read();
        gate.write((old & !0x02) & !0x01);
        command.write(0b1011_0000);
        channel.write((CALIBRATION_TICKS & 0xff) as u8);
        channel.write((CALIBRATION_TICKS >> 8) as u8);
        gate.write((old & !0x02) | 0x01);
        let start = counter();
        while gate.read() & 0x20 == 0 {}
        let end = counter();
        gate.write(old);
        end.wrapping_sub(start)
    }
}
