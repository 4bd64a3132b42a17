//! The way from QEMU's 32-bit entry to Rust in long mode.
//!
//! QEMU finds the entry address in an ELF note, jumps to it with paging off, and everything up
//! to [`entry_rust`] is assembly (`entry.s`): check the CPU, identity-map the first 4 GiB, turn
//! on long mode, no-execute and write protection, load a GDT, get a stack.
//!
//! # Why it is like this
//! The identity mapping uses 2 MiB pages although the CPU may have bigger ones: filling 2,048
//! entries costs some ten thousand instructions, one more branch in assembly costs a test.
//! The CPU features are asked here, once, because the answer is needed before Rust runs.
//!
//! A stack of 32 KiB is generous: the deepest user is the carving of the memory map, with 6 KiB
//! of tables.

use core::arch::global_asm;

use crate::load;

global_asm!(include_str!("entry.s"));

/// What `entry.s` learnt about the CPU: register edx of CPUID leaf 0x8000_0001.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub(crate) struct CpuFeatures(u32);

impl CpuFeatures {
    /// Tells whether pages of 1 GiB exist (bit 26).
    pub(crate) const fn has_giant_pages(self) -> bool {
        self.0 & (1 << 26) != 0
    }
}

/// First Rust code; called by `entry.s` only.
// SAFETY: no other symbol of this name exists in the loader.
#[unsafe(no_mangle)]
extern "C" fn entry_rust(start_info: u64, features: CpuFeatures) -> ! {
    load(start_info, features)
}
