//! Whether kernel threads come to the end of what they do.
//!
//! A kernel thread works in steps, on the kernel's state ([`crate::kernel::with`]) or, the log
//! writer, on the serial port. What it does between two steps, with interrupts on, is bounded; so a
//! thread that the tick finds running again and again, with no step in between, hangs. Ticks that
//! find somebody else do not count: a thread that is kept from running is not at fault.
//!
//! What this cannot see: a thread that makes steps for ever and gets nowhere, and one that waits for
//! what never comes. With interrupts off nothing here runs; that is for the [`crate::watchdog`].

use core::sync::atomic::{AtomicU32, Ordering};

use crate::arch::interrupts::TICKS_PER_SECOND;

/// Kernel threads are the first that are made, so they have the first slots.
const THREADS: usize = 8;

/// How many ticks may find a thread in one step: a second of its own time.
///
/// The longest there is takes milliseconds. (The loader, which lays out images and checks them, at
/// 64 MiB for almost a second under QEMU's translator, makes many steps of that.) So there is room
/// for a busy host.
const TICKS_MAX: u32 = TICKS_PER_SECOND as u32;

/// For each kernel thread, ticks that have found it running since its last step.
static TICKS: [AtomicU32; THREADS] = [const { AtomicU32::new(0) }; THREADS];

/// Whether a thread hangs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pulse {
    /// It comes to the end of its steps.
    Steady,
    /// It has not for this many ticks.
    Lost(u32),
}

/// A kernel thread has come to the end of a step.
#[inline]
pub fn step_done(thread: u32) {
    if let Some(ticks) = TICKS.get(thread as usize) {
        ticks.store(0, Ordering::Relaxed);
    }
}

/// A tick has found this kernel thread running, which is not the idle one.
#[must_use]
pub fn count_tick(thread: u32) -> Pulse {
    let Some(ticks) = TICKS.get(thread as usize) else {
        return Pulse::Steady;
    };
    let count = ticks.fetch_add(1, Ordering::Relaxed) + 1;
    if count < TICKS_MAX {
        Pulse::Steady
    } else {
        Pulse::Lost(count)
    }
}
