//! Writes the BootInfo page, in place, at the address where the kernel will find it.

use core::{ptr, slice};

use boot_direct::error::LoadError;
use boot_direct::layout::PAGE;
use boot_direct::memory_map::{self, MAX_REGIONS, Span};
use bootloader_api::BootInfo;
use bootloader_api::info::{MemoryRegion, Optional};

use crate::start_info::StartInfo;

/// Where the region list begins in the page.
const REGIONS_AT: usize = size_of::<BootInfo>().next_multiple_of(align_of::<MemoryRegion>());

// The list is as long as the page allows, which must be enough for any map we can carve.
const _: () = assert!(REGIONS_AT + MAX_REGIONS * size_of::<MemoryRegion>() <= PAGE as usize);

/// What the BootInfo says besides the memory map.
pub(crate) struct Facts {
    /// Where physical memory is mapped, if it is.
    pub(crate) physical_memory: Option<u64>,
    /// The kernel's ELF file in physical memory.
    pub(crate) kernel_file: Span,
    /// A second module, if there is one.
    pub(crate) ramdisk: Option<Span>,
    /// The kernel's stack, in virtual addresses.
    pub(crate) stack: Span,
}

/// Fills the page at virtual address `page`.
///
/// # Safety
/// `page` is mapped writable in the current page tables, one page long, and used by nobody else.
pub(crate) unsafe fn write(
    page: u64,
    start: &StartInfo,
    kept: &[Span],
    facts: &Facts,
) -> Result<(), LoadError> {
    let base = ptr::with_exposed_provenance_mut::<u8>(page as usize);
    // SAFETY: the page is the caller's gift, and the assertion above says that the list fits.
    let list = unsafe { base.add(REGIONS_AT) }.cast::<MemoryRegion>();
    for index in 0..MAX_REGIONS {
        // SAFETY: inside the page, as above; aligned, since REGIONS_AT is.
        unsafe { list.add(index).write(MemoryRegion::empty()) };
    }
    // SAFETY: the elements have just been initialised, and nothing else points to them.
    let regions = unsafe { slice::from_raw_parts_mut(list, MAX_REGIONS) };
    let count = memory_map::carve(start.memory_map(), kept, regions)?;
    let regions = regions
        .get_mut(..count)
        .ok_or(LoadError::MemoryMapTooLong)?;

    let mut info = BootInfo::new(regions.into());
    info.physical_memory_offset = facts.physical_memory.into();
    info.rsdp_addr = start.rsdp().into();
    info.kernel_addr = facts.kernel_file.start;
    info.kernel_len = facts.kernel_file.end - facts.kernel_file.start;
    // What must be added to the ELF file's addresses: nothing, it runs where it was linked.
    // (The bootloader crate puts the same number there.)
    info.kernel_image_offset = 0;
    info.kernel_stack_bottom = facts.stack.start;
    info.kernel_stack_len = facts.stack.end - facts.stack.start;
    // The ramdisk is reachable through the mapping of physical memory or not at all.
    if let (Some(ramdisk), Some(offset)) = (facts.ramdisk, facts.physical_memory) {
        info.ramdisk_addr = Optional::Some(offset + ramdisk.start);
        info.ramdisk_len = ramdisk.end - ramdisk.start;
    }
    // SAFETY: the start of the page, hence aligned, and the list lies behind it.
    unsafe { base.cast::<BootInfo>().write(info) };
    Ok(())
}
