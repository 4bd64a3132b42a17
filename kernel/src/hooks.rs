//! Ways to make the kernel fail on purpose, for its tests.

use core::arch::asm;

use x86_64::VirtAddr;
use x86_64::instructions::tables::lidt;
use x86_64::structures::DescriptorTablePointer;

use crate::arch::cpu;

/// Makes the CPU shut down: an exception with no table to handle it.
pub fn triple_fault() -> ! {
    let empty = DescriptorTablePointer {
        limit: 0,
        base: VirtAddr::zero(),
    };
    // SAFETY: There is no way back from here, which is what is wanted.
    unsafe {
        lidt(&empty);
        asm!("ud2", options(noreturn));
    }
}

/// Spins with interrupts off.
pub fn hang() -> ! {
    cpu::disable();
    loop {
        core::hint::spin_loop();
    }
}
