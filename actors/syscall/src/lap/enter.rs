//! How a thread comes into this actor through a LAP, and leaves it.
//!
//! The kernel enters with six registers and a stack that nobody else is on. What they mean
//! depends on what the LAP is for, so each purpose is a type that implements [`Entry`].

use core::arch::naked_asm;

use abi::LapId;

use super::Stacks;
use crate::{Result, call};

/// What is done with the registers with which a thread enters: RDI, RSI, RDX, RCX, R8, R9.
pub(crate) trait Entry: 'static {
    /// Runs on the entering thread; returns what its caller gets.
    ///
    /// # Safety
    /// Called once for each entry, with the registers that the kernel gives to LAPs connected or
    /// invoked as this type is meant to be.
    unsafe fn run(registers: [u64; 6]) -> (u64, u64);
}

/// Makes a LAP whose guests run `E`.
pub(crate) fn create<E: Entry>(name: &str, stacks: Stacks, cookie: u64) -> Result<LapId> {
    let entry = (enter::<E> as extern "C" fn() -> !) as usize as u64;
    let (bytes, count) = (stacks.bytes as u64, u64::from(stacks.count));
    // SAFETY: `enter` is code as the kernel enters it, keeps to its stack, and ends with
    // `lap_return`.
    unsafe { call::lap::sys_lap_create(entry, cookie, name, bytes, count) }
}

/// Where the kernel enters. A zero frame pointer ends backtraces; the stack is aligned here, so
/// that it does not matter how the kernel left it.
#[unsafe(naked)]
extern "C" fn enter<E: Entry>() -> ! {
    naked_asm!(
        "xor ebp, ebp",
        "and rsp, -16",
        "call {run}",
        "ud2",
        run = sym run::<E>,
    )
}

extern "C" fn run<E: Entry>(
    first: u64,
    second: u64,
    third: u64,
    fourth: u64,
    fifth: u64,
    sixth: u64,
) -> ! {
    // SAFETY: these are the registers of one entry by the kernel, unchanged.
    let (first, second) = unsafe { E::run([first, second, third, fourth, fifth, sixth]) };
    call::lap::sys_lap_return(first, second)
}

/// The only value of a function type that captures nothing.
///
/// # Safety
/// A value of the type exists, and may be used on any thread.
pub(crate) unsafe fn conjure<F: Copy + Send + 'static>() -> F {
    const {
        assert!(size_of::<F>() == 0, "a handler may capture nothing");
    }
    // SAFETY: `F` has no bytes, one value of it exists, and it is `Copy`.
    unsafe { core::mem::zeroed() }
}
