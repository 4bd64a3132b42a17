//! The time-stamp counter, for measuring what is too short for the clock.
//!
//! Reading it takes no syscall. How fast it counts is the machine's affair; under QEMU's
//! `-icount shift=0` it counts instructions.

use core::arch::asm;

/// What the counter stands at.
#[inline]
#[must_use]
pub fn now() -> u64 {
    let (low, high): (u64, u64);
    // SAFETY: every x86_64 CPU has the counter, and the kernel lets ring 3 read it. It is not said
    // that memory is left alone, so that what is measured stays between two readings.
    unsafe {
        asm!("rdtsc", lateout("rax") low, lateout("rdx") high, options(nostack, preserves_flags));
    }
    high << 32 | low
}
