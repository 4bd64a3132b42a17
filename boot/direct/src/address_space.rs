//! The kernel's page tables, built while the loader's own are in use.
//!
//! Tables are frames from the pool and are written through the loader's identity mapping, where
//! a frame's address and its pointer are the same number; hence the mapper's offset of zero.
//!
//! # Invariants
//! - The lower half of the top table is never filled.
//! - No page is mapped writable and executable: [`Rights`] cannot say so.
//! - Frames handed out by [`AddressSpace::allocate`] come from the pool, hence belong to nobody
//!   else, and lie below 4 GiB, hence inside the identity mapping.

use core::slice;

use boot_direct::error::LoadError;
use boot_direct::frame_pool::FramePool;
use boot_direct::layout::{GIANT_PAGE, HIGHER_HALF, LARGE_PAGE, PAGE};
use boot_direct::memory_map::Span;
use boot_direct::segment::Rights;
use x86_64::registers::control::Cr3;
use x86_64::structures::paging::mapper::MapToError;
use x86_64::structures::paging::{
    FrameAllocator, Mapper, OffsetPageTable, Page, PageSize, PageTable, PageTableFlags, PhysFrame,
    Size1GiB, Size2MiB, Size4KiB,
};
use x86_64::{PhysAddr, VirtAddr};

/// Rights of the tables themselves; what a page allows is decided in its last entry.
const TABLE: PageTableFlags = PageTableFlags::PRESENT.union(PageTableFlags::WRITABLE);

/// First entry of a top table that belongs to the higher half.
const FIRST_HIGHER_ENTRY: usize = 256;

/// The kernel's address space under construction.
pub(crate) struct AddressSpace {
    mapper: OffsetPageTable<'static>,
    top_table: u64,
    pool: FramePool,
}

impl AddressSpace {
    /// Starts an empty address space whose frames come from `pool`.
    pub(crate) fn new(mut pool: FramePool) -> Result<Self, LoadError> {
        let top_table = pool.take(1)?;
        frame_bytes(top_table, 1).fill(0);
        // SAFETY: the frame is ours alone, page aligned, and holds zeroes, which is an empty table.
        let table = unsafe { &mut *pointer::<PageTable>(top_table) };
        // SAFETY: all tables reachable from it will be frames of the pool, which the identity
        // mapping (offset zero) covers.
        let mapper = unsafe { OffsetPageTable::new(table, VirtAddr::zero()) };
        Ok(Self {
            mapper,
            top_table,
            pool,
        })
    }

    /// Returns the physical address of the top table.
    pub(crate) const fn top_table(&self) -> u64 {
        self.top_table
    }

    /// Returns everything that was taken from the pool.
    pub(crate) const fn used(&self) -> Span {
        self.pool.used()
    }

    /// Maps `pages` fresh contiguous frames at `first_page` and returns their bytes, as found.
    pub(crate) fn allocate(
        &mut self,
        first_page: u64,
        pages: u64,
        rights: Rights,
    ) -> Result<&'static mut [u8], LoadError> {
        let first_frame = self.pool.take(pages)?;
        for offset in (0..pages).map(|page| page * PAGE) {
            let page = first_page
                .checked_add(offset)
                .ok_or(LoadError::BadMappingAddress)?;
            self.map::<Size4KiB>(page, first_frame + offset, flags(rights))?;
        }
        Ok(frame_bytes(first_frame, pages))
    }

    /// Maps physical memory from 0 to at least `end` at `offset`, writable, in the largest pages.
    pub(crate) fn map_physical(
        &mut self,
        offset: u64,
        end: u64,
        giant_pages: GiantPages,
    ) -> Result<(), LoadError> {
        let flags = flags(Rights::ReadWrite);
        match giant_pages {
            GiantPages::Use if offset.is_multiple_of(GIANT_PAGE) => {
                self.map_run::<Size1GiB>(offset, end, flags)
            }
            GiantPages::Use | GiantPages::Avoid if offset.is_multiple_of(LARGE_PAGE) => {
                self.map_run::<Size2MiB>(offset, end, flags)
            }
            GiantPages::Use | GiantPages::Avoid => Err(LoadError::BadMappingAddress),
        }
    }

    /// Makes the finished higher half visible in the page tables now in use.
    ///
    /// From here on BootInfo and the trampoline are at the addresses the kernel will see.
    pub(crate) fn lend_higher_half(&self) {
        let (current, _) = Cr3::read();
        // SAFETY: CR3 points to the table that `entry.s` made, identity-mapped; no other
        // reference to it exists, and entries 256 and up are unused by the loader.
        let current = unsafe { &mut *pointer::<PageTable>(current.start_address().as_u64()) };
        let ours = self.mapper.level_4_table();
        for index in FIRST_HIGHER_ENTRY..512 {
            current[index] = ours[index].clone();
        }
    }

    fn map_run<S: PageSize>(
        &mut self,
        offset: u64,
        end: u64,
        flags: PageTableFlags,
    ) -> Result<(), LoadError>
    where
        OffsetPageTable<'static>: Mapper<S>,
    {
        for index in 0..end.div_ceil(S::SIZE) {
            let frame = index * S::SIZE;
            let page = offset
                .checked_add(frame)
                .ok_or(LoadError::BadMappingAddress)?;
            self.map::<S>(page, frame, flags)?;
        }
        Ok(())
    }

    fn map<S: PageSize>(
        &mut self,
        page: u64,
        frame: u64,
        flags: PageTableFlags,
    ) -> Result<(), LoadError>
    where
        OffsetPageTable<'static>: Mapper<S>,
    {
        if page < HIGHER_HALF {
            return Err(LoadError::BadMappingAddress);
        }
        let page = VirtAddr::try_new(page).map_err(|_| LoadError::BadMappingAddress)?;
        let page = Page::<S>::from_start_address(page).map_err(|_| LoadError::BadMappingAddress)?;
        let frame = PhysAddr::try_new(frame).map_err(|_| LoadError::BadMappingAddress)?;
        let frame =
            PhysFrame::<S>::from_start_address(frame).map_err(|_| LoadError::BadMappingAddress)?;
        let mut tables = TableFrames(&mut self.pool);
        // SAFETY: these tables are not in use yet, so no mapping made here can change what any
        // live reference of the loader points to.
        let outcome = unsafe {
            self.mapper
                .map_to_with_table_flags(page, frame, flags, TABLE, &mut tables)
        };
        match outcome {
            Ok(flush) => {
                flush.ignore();
                Ok(())
            }
            Err(MapToError::FrameAllocationFailed) => Err(LoadError::OutOfMemory),
            Err(MapToError::ParentEntryHugePage | MapToError::PageAlreadyMapped(_)) => {
                Err(LoadError::PageTakenTwice)
            }
        }
    }
}

/// Whether the CPU's 1 GiB pages may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GiantPages {
    /// The CPU has them.
    Use,
    /// It has not.
    Avoid,
}

/// The pool, as the source of page tables that the mapper asks for.
struct TableFrames<'a>(&'a mut FramePool);

// SAFETY: the pool hands out every frame once.
unsafe impl FrameAllocator<Size4KiB> for TableFrames<'_> {
    fn allocate_frame(&mut self) -> Option<PhysFrame> {
        let address = self.0.take(1).ok()?;
        PhysFrame::from_start_address(PhysAddr::try_new(address).ok()?).ok()
    }
}

fn flags(rights: Rights) -> PageTableFlags {
    PageTableFlags::PRESENT
        | match rights {
            Rights::Read => PageTableFlags::NO_EXECUTE,
            Rights::ReadWrite => PageTableFlags::WRITABLE | PageTableFlags::NO_EXECUTE,
            Rights::ReadExecute => PageTableFlags::empty(),
        }
}

/// Views frames of the pool as bytes. Private: callers pass frames just taken, each once.
fn frame_bytes(first_frame: u64, pages: u64) -> &'static mut [u8] {
    // SAFETY: the pool handed these frames out once, they are memory below 4 GiB, hence
    // identity-mapped, and any byte pattern is a valid `u8`.
    unsafe { slice::from_raw_parts_mut(pointer(first_frame), (pages * PAGE) as usize) }
}

/// Turns a physical address into the pointer to it in the loader's identity mapping.
fn pointer<T>(address: u64) -> *mut T {
    core::ptr::with_exposed_provenance_mut(address as usize)
}
