//! The jump from the loader's page tables to the kernel's.
//!
//! The instruction after a write to CR3 is fetched through the new tables, so the code around it
//! must be mapped at one address in both. Mapping the loader itself in the kernel's tables would
//! put something into the kernel's lower half. Instead a few position-independent instructions
//! are copied to a page of the higher half, and the kernel's whole higher half is lent to the
//! loader's top table (see [`AddressSpace::lend_higher_half`]), so that this page is in both.
//!
//! The same page carries the GDT that the kernel starts with, because the CPU may read it at any
//! time until the kernel loads its own.

use core::arch::global_asm;
use core::{mem, ptr, slice};

use boot_direct::error::LoadError;
use boot_direct::layout::{HANDOFF, PAGE};
use boot_direct::segment::Rights;

use crate::address_space::AddressSpace;

global_asm!(include_str!("handoff.s"));

unsafe extern "C" {
    /// First byte of the code to copy.
    static handoff_start: u8;
    /// First byte after the GDT that follows the code.
    static handoff_end: u8;
}

/// Everything the trampoline puts into registers.
pub(crate) struct Handoff {
    /// Address of the BootInfo in the kernel's address space.
    pub(crate) boot_info: u64,
    /// The kernel's entry point.
    pub(crate) entry: u64,
    /// First address above the kernel's stack.
    pub(crate) stack_top: u64,
    /// Physical address of the kernel's top page table.
    pub(crate) top_table: u64,
}

/// Puts the trampoline and the GDT into their page of the kernel's address space.
pub(crate) fn prepare(space: &mut AddressSpace) -> Result<(), LoadError> {
    let frame = space.allocate(HANDOFF, 1, Rights::ReadExecute)?;
    let (start, end) = (&raw const handoff_start, &raw const handoff_end);
    // SAFETY: both symbols are the ends of one block of our own image, which is identity-mapped.
    let code = unsafe { slice::from_raw_parts(start, end.addr() - start.addr()) };
    // One page holds it by far; a longer block would be cut here and be found at the first boot.
    for (to, from) in frame.iter_mut().take(PAGE as usize).zip(code) {
        *to = *from;
    }
    Ok(())
}

impl Handoff {
    /// Enters the kernel.
    ///
    /// # Safety
    /// [`prepare`] has been called, the higher half has been lent to the current top table, and
    /// the four values are what their names say.
    pub(crate) unsafe fn go(self) -> ! {
        type Trampoline = unsafe extern "C" fn(u64, u64, u64, u64) -> !;
        let code = ptr::with_exposed_provenance::<()>(HANDOFF as usize);
        // SAFETY: `prepare` put a function of exactly this signature at that address.
        let trampoline = unsafe { mem::transmute::<*const (), Trampoline>(code) };
        // SAFETY: the caller vouches for the values and for the mapping.
        unsafe { trampoline(self.boot_info, self.entry, self.stack_top, self.top_table) }
    }
}
