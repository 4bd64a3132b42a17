//! The virtual addresses the loader uses, unless the kernel's configuration says otherwise.
//!
//! ```text
//! 0x0000_0000_0000_0000  nothing: the lower half is empty when the kernel is entered
//! 0xffff_8000_0000_0000  all physical memory, writable, never executable
//! 0xffff_ffff_4000_0000  hand-off page: trampoline and GDT, read and execute
//! 0xffff_ffff_4000_1000  BootInfo and its memory regions, one page, writable
//! 0xffff_ffff_4000_2000  guard page, never mapped
//! 0xffff_ffff_4000_3000  kernel stack, upwards from here for the size asked
//! 0xffff_ffff_8000_0000  the kernel, where it was linked
//! ```
//!
//! The four small things share one page table, in the gigabyte under the kernel's: the loader
//! pays one frame for it, and a stack overflow meets the guard page before it meets anything.

/// Size of the smallest page.
pub const PAGE: u64 = 0x1000;
/// Size of a large page (one entry of a page directory).
pub const LARGE_PAGE: u64 = 0x20_0000;
/// Size of a giant page (one entry of a page-directory-pointer table), where the CPU has them.
pub const GIANT_PAGE: u64 = 0x4000_0000;

/// Lowest address of the higher half.
pub const HIGHER_HALF: u64 = 0xffff_8000_0000_0000;
/// Where physical address 0 appears when the kernel leaves the choice to us.
pub const PHYSICAL_MEMORY: u64 = HIGHER_HALF;
/// The page with the trampoline and the GDT that the kernel starts with.
pub const HANDOFF: u64 = 0xffff_ffff_4000_0000;
/// The page with the BootInfo when the kernel leaves the choice to us.
pub const BOOT_INFO: u64 = HANDOFF + PAGE;
/// The guard page; the stack begins one page above. (The bootloader crate's convention too:
/// a fixed stack address names the guard page.)
pub const STACK_GUARD: u64 = BOOT_INFO + PAGE;

/// First physical address from which the loader takes memory.
///
/// Below lie the firmware's data areas and the start-info tables that we are still reading. That
/// memory is handed over as usable; we only do not live there ourselves.
pub const LOW_MEMORY_END: u64 = 0x10_0000;
/// Physical memory that the loader can touch: what its own identity mapping covers.
pub const REACH: u64 = 0x1_0000_0000;

/// Rounds up to a multiple of the smallest page, or returns `None` where that would wrap.
#[must_use]
pub const fn page_up(address: u64) -> Option<u64> {
    match address.checked_add(PAGE - 1) {
        Some(sum) => Some(sum & !(PAGE - 1)),
        None => None,
    }
}

/// Rounds down to a multiple of the smallest page.
#[must_use]
pub const fn page_down(address: u64) -> u64 {
    address & !(PAGE - 1)
}
