//! PVH loader: from QEMU's `-kernel` to the kernel's entry, in a fraction of a second.
//!
//! `qemu-system-x86_64 -kernel boot-direct -initrd kernel.elf` puts both files into memory and
//! jumps here. The loader builds the kernel's address space ([`layout`] draws it), describes the
//! machine in a `bootloader_api::BootInfo`, and is gone: nothing of it stays mapped but one page
//! with the trampoline and the first GDT, and its own image is handed over as free memory.
//!
//! | file | idea |
//! |---|---|
//! | [`entry`] | 32-bit entry, long mode |
//! | [`start_info`] | what the firmware says |
//! | [`kernel_file`] | the ELF file, its wishes and its segments |
//! | [`address_space`] | page tables, W^X |
//! | [`boot_info`] | what the kernel is told |
//! | [`handoff`] | the jump |
//! | [`console`] | one sentence, if anything fails |
//!
//! The arithmetic behind them is in the library beside this binary and tested on the host.
//!
//! # Why it is like this
//! The kernel knows only `BootInfo`, the contract of the bootloader crate, whose disk images take
//! seconds to boot and minutes to build. This loader honours the same contract for the daily work
//! in QEMU. What it does not honour, because our kernel asks for none of it: recursive page
//! tables, a frame buffer, TLS templates, relocation of position-independent kernels.

#![no_std]
#![no_main]

use core::panic::PanicInfo;

use boot_direct::error::LoadError;
use boot_direct::frame_pool::FramePool;
use boot_direct::layout::{self, HIGHER_HALF, LOW_MEMORY_END, PAGE, REACH, page_down, page_up};
use boot_direct::memory_map::{self, MAX_REGIONS, Span};
use boot_direct::segment::Rights;
use bootloader_api::config::Mapping;
use bootloader_api::info::MemoryRegion;

use crate::address_space::{AddressSpace, GiantPages};
use crate::boot_info::Facts;
use crate::entry::CpuFeatures;
use crate::handoff::Handoff;
use crate::kernel_file::KernelFile;
use crate::start_info::StartInfo;

mod address_space;
mod boot_info;
mod console;
mod entry;
mod handoff;
mod kernel_file;
mod start_info;

/// The frame at address 0: never handed out, so that no frame's address is ever zero.
const FIRST_FRAME: Span = Span {
    start: 0,
    end: PAGE,
};

unsafe extern "C" {
    /// First byte of the loader's image; from `direct.ld`.
    static loader_start: u8;
    /// First byte after the loader's image; from `direct.ld`.
    static loader_end: u8;
}

/// Loads the kernel and enters it, or says why not.
fn load(start_info: u64, features: CpuFeatures) -> ! {
    match prepare(start_info, features) {
        // SAFETY: `prepare` has built the address space, mapped the trampoline in it and lent its
        // higher half to the current tables; the four values come from there.
        Ok(handoff) => unsafe { handoff.go() },
        Err(error) => console::die(error),
    }
}

/// Does everything but the jump, top to bottom.
fn prepare(start_info: u64, features: CpuFeatures) -> Result<Handoff, LoadError> {
    let start = StartInfo::read(start_info)?;
    let kernel_module = start.module(0).ok_or(LoadError::NoKernel)?;
    let ramdisk = start.module(1).map(|module| module.span);
    let kernel = KernelFile::parse(kernel_module.bytes()?)?;
    let config = kernel.config()?;

    let modules = [kernel_module.span, ramdisk.unwrap_or(FIRST_FRAME)];
    let mut space = AddressSpace::new(pool(&start, modules)?)?;
    let entry = kernel.load(&mut space)?;
    handoff::prepare(&mut space)?;

    let stack = stack(config.mappings.kernel_stack, config.kernel_stack_size)?;
    space.allocate(
        stack.start,
        (stack.end - stack.start) / PAGE,
        Rights::ReadWrite,
    )?;
    let boot_info = place(config.mappings.boot_info, layout::BOOT_INFO)?;
    space.allocate(boot_info, 1, Rights::ReadWrite)?;

    let physical_memory = match config.mappings.physical_memory {
        Some(mapping) => Some(place(mapping, layout::PHYSICAL_MEMORY)?),
        None => None,
    };
    if let Some(offset) = physical_memory {
        let end = memory_map::memory_end(start.memory_map()).max(REACH);
        let giant_pages = if features.has_giant_pages() {
            GiantPages::Use
        } else {
            GiantPages::Avoid
        };
        space.map_physical(offset, end, giant_pages)?;
    }

    // Nothing is allocated after this line: `used` is final.
    space.lend_higher_half();
    let kept = [FIRST_FRAME, modules[0], modules[1], space.used()];
    let facts = Facts {
        physical_memory,
        kernel_file: kernel_module.span,
        ramdisk,
        stack,
    };
    // SAFETY: the page was allocated above for this alone, and has just become visible.
    unsafe { boot_info::write(boot_info, &start, &kept, &facts)? };

    Ok(Handoff {
        boot_info,
        entry,
        stack_top: stack.end,
        top_table: space.top_table(),
    })
}

/// Finds the largest piece of memory that nothing we still need lies in.
fn pool(start: &StartInfo, modules: [Span; 2]) -> Result<FramePool, LoadError> {
    let [header, module_list, memory_map] = start.footprint();
    let busy = [
        FIRST_FRAME,
        own_image(),
        modules[0],
        modules[1],
        header,
        module_list,
        memory_map,
    ];
    let mut regions = [MemoryRegion::empty(); MAX_REGIONS];
    let count = memory_map::carve(start.memory_map(), &busy, &mut regions)?;
    let regions = regions.get(..count).ok_or(LoadError::MemoryMapTooLong)?;
    memory_map::largest_usable(regions, LOW_MEMORY_END, REACH)
        .map(FramePool::new)
        .ok_or(LoadError::OutOfMemory)
}

/// Returns where the loader itself lies.
fn own_image() -> Span {
    let (start, end) = (&raw const loader_start, &raw const loader_end);
    Span {
        start: start.addr() as u64,
        end: end.addr() as u64,
    }
}

/// Returns the stack's addresses. The page below the first is left out: it is the guard.
fn stack(mapping: Mapping, size: u64) -> Result<Span, LoadError> {
    let start = place(mapping, layout::STACK_GUARD)?
        .checked_add(PAGE)
        .ok_or(LoadError::BadMappingAddress)?;
    let size = page_up(size.max(PAGE)).ok_or(LoadError::OutOfMemory)?;
    let end = start.checked_add(size).ok_or(LoadError::OutOfMemory)?;
    Ok(Span { start, end })
}

/// Returns the address a mapping asks for, or ours if it asks for none.
fn place(mapping: Mapping, ours: u64) -> Result<u64, LoadError> {
    match mapping {
        Mapping::Dynamic => Ok(ours),
        Mapping::FixedAddress(address)
            if address >= HIGHER_HALF && page_down(address) == address =>
        {
            Ok(address)
        }
        Mapping::FixedAddress(_) => Err(LoadError::BadMappingAddress),
    }
}

/// A bug in the loader; there is nothing to save, so it ends like any other failure.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    console::die(info)
}
