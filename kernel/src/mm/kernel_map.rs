//! The kernel's own half of every address space.
//!
//! ```text
//! 0xffff_8800_0000_0000  direct map of physical memory: writable, never executable
//! 0xffff_c000_0000_0000  stacks of kernel threads, between unmapped guard pages
//! 0xffff_ffff_8000_0000  the kernel image: text executable, read-only data, writable data
//! ```
//! Built anew at each start, whichever boot path came before, so that the rights are ours: no page
//! is both writable and executable (W^X), and the direct map holds the kernel's text and read-only
//! data read-only too.

use core::sync::atomic::{AtomicU64, Ordering};

use abi::layout::PAGE_BYTES;

use super::frame::Frames;
use super::page_table::{self, Entry, Flags, KERNEL_TABLE, Table, Tables};
use super::{Frame, Page, direct};
use crate::arch::{entry, tables as descriptor_tables};

/// Start of the window for kernel threads' stacks.
const STACKS: u64 = 0xffff_c000_0000_0000;
/// Pages of one kernel thread's stack.
const STACK_PAGES: u64 = 8;
/// Distance between two stacks: the stack and its guard page.
const STACK_STRIDE: u64 = (STACK_PAGES + 1) * PAGE_BYTES;

/// Physical addresses below this are always in the direct map: memory-mapped devices live there.
const LEAST_DIRECT: u64 = 1 << 32;
const LARGE_PAGE_BYTES: u64 = 512 * PAGE_BYTES;

unsafe extern "C" {
    static __text_start: u8;
    static __text_end: u8;
    static __rodata_start: u8;
    static __rodata_end: u8;
    static __data_start: u8;
    static __data_end: u8;
}

/// Reaches tables through the direct map, and takes new ones from the frame allocator.
pub struct Direct<'f>(pub &'f mut Frames);

impl Tables for Direct<'_> {
    fn table(&mut self, frame: Frame) -> &mut Table {
        // SAFETY: Only frames found in page tables or just allocated come here, and the borrow of
        // `self` keeps other references away.
        unsafe { direct::table(frame) }
    }

    fn allocate(&mut self) -> Option<Frame> {
        let frame = self.0.allocate()?;
        direct::zero(frame);
        Some(frame)
    }
}

/// The parts of the kernel image as `(start, end, rights)`.
fn parts() -> [(u64, u64, Flags); 3] {
    let address = |symbol: *const u8| symbol as u64;
    let base = Flags::PRESENT;
    [
        (
            address(&raw const __text_start),
            address(&raw const __text_end),
            base,
        ),
        (
            address(&raw const __rodata_start),
            address(&raw const __rodata_end),
            base | Flags::NO_EXECUTE,
        ),
        (
            address(&raw const __data_start),
            address(&raw const __data_end),
            base | Flags::WRITABLE | Flags::NO_EXECUTE,
        ),
    ]
}

/// Builds the kernel's tables. `present` is the root in use now, from which the image's frames are
/// learnt; `end` is the end of physical memory. `None` without memory.
pub fn build(frames: &mut Frames, present: Frame, end: u64) -> Option<Frame> {
    let mut tables = Direct(frames);
    let root = tables.allocate()?;
    map_direct(&mut tables, root, end.max(LEAST_DIRECT))?;
    for (start, end, flags) in parts() {
        for address in (start..end).step_by(PAGE_BYTES as usize) {
            if address == entry::guard() || descriptor_tables::guards().contains(&address) {
                continue;
            }
            let frame = translate(&mut tables, present, address)?;
            let page = Page::containing(address);
            *page_table::entry_or_new(&mut tables, root, page, KERNEL_TABLE)? =
                Entry::new(frame, flags);
            if !flags.contains(Flags::WRITABLE) {
                protect_alias(&mut tables, root, frame)?;
            }
        }
    }
    // Every kernel stack has the same top table, so that later address spaces share it.
    page_table::entry_or_new(&mut tables, root, Page::containing(STACKS), KERNEL_TABLE)?;
    Some(root)
}

/// Kernel stacks mapped so far.
static STACK_COUNT: AtomicU64 = AtomicU64::new(0);

/// Maps a further kernel stack, above a page that is not mapped. Returns its first address and the
/// one just past it.
pub fn map_stack(frames: &mut Frames, root: Frame) -> Option<(u64, u64)> {
    let index = STACK_COUNT.fetch_add(1, Ordering::Relaxed);
    let bottom = STACKS + index * STACK_STRIDE + PAGE_BYTES;
    let top = bottom + STACK_PAGES * PAGE_BYTES;
    for address in (bottom..top).step_by(PAGE_BYTES as usize) {
        let mut tables = Direct(frames);
        let frame = tables.allocate()?;
        let flags = Flags::PRESENT | Flags::WRITABLE | Flags::NO_EXECUTE;
        *page_table::entry_or_new(&mut tables, root, Page::containing(address), KERNEL_TABLE)? =
            Entry::new(frame, flags);
    }
    Some((bottom, top))
}

/// Copies the kernel's half of `kernel` into a new root.
pub fn share(kernel: Frame, root: Frame) {
    // SAFETY: Both are root tables; `root` is new and the caller's, `kernel` is only read.
    let (from, to) = unsafe { (direct::table(kernel), direct::table(root)) };
    to[256..].copy_from_slice(&from[256..]);
}

fn map_direct(tables: &mut Direct<'_>, root: Frame, end: u64) -> Option<()> {
    let flags = Flags::PRESENT | Flags::WRITABLE | Flags::NO_EXECUTE | Flags::LARGE;
    for address in (0..end).step_by(LARGE_PAGE_BYTES as usize) {
        let entry = large_entry(tables, root, direct::START + address)?;
        *entry = Entry::new(Frame::containing(address)?, flags);
    }
    Some(())
}

/// The entry of level 2 for an address, making the tables above it.
fn large_entry<'t>(tables: &'t mut Direct<'_>, root: Frame, address: u64) -> Option<&'t mut Entry> {
    let page = Page::containing(address);
    let mut frame = root;
    for level in [4, 3] {
        let index = page_table::index(page, level);
        frame = match tables.table(frame).get(index)?.frame() {
            Some(next) => next,
            None => {
                let next = tables.allocate()?;
                *tables.table(frame).get_mut(index)? = Entry::new(next, KERNEL_TABLE);
                next
            }
        };
    }
    tables.table(frame).get_mut(page_table::index(page, 2))
}

/// Makes the direct map's view of a frame read-only, splitting its large page if need be.
fn protect_alias(tables: &mut Direct<'_>, root: Frame, frame: Frame) -> Option<()> {
    let address = direct::START + frame.address();
    let large = *large_entry(tables, root, address)?;
    if large.flags().contains(Flags::LARGE) {
        let table = tables.allocate()?;
        let first = large.frame()?;
        let flags = large.flags() - Flags::LARGE;
        for (index, entry) in (0..).zip(tables.table(table).iter_mut()) {
            *entry = Entry::new(first.offset(index), flags);
        }
        *large_entry(tables, root, address)? = Entry::new(table, KERNEL_TABLE);
    }
    let entry = page_table::entry(tables, root, Page::containing(address))?;
    *entry = Entry::new(frame, Flags::PRESENT | Flags::NO_EXECUTE);
    Some(())
}

/// The frame behind an address in the tables with root `root`, whatever its page size.
fn translate(tables: &mut Direct<'_>, root: Frame, address: u64) -> Option<Frame> {
    let page = Page::containing(address);
    let mut frame = root;
    for level in [4, 3, 2, 1] {
        let entry = *tables.table(frame).get(page_table::index(page, level))?;
        frame = entry.frame()?;
        if level > 1 && entry.flags().contains(Flags::LARGE) {
            let within = page.0 & ((1 << (9 * (level - 1))) - 1);
            return Some(frame.offset(u32::try_from(within).ok()?));
        }
    }
    Some(frame)
}

/// Makes sure that a device's registers are in the direct map: those above the end of memory are
/// not there yet. Without memory for tables they stay out, and using them is a kernel fault.
pub fn map_device(frames: &mut Frames, root: Frame, start: u64, size: u64) {
    let mut tables = Direct(frames);
    let flags =
        Flags::PRESENT | Flags::WRITABLE | Flags::NO_EXECUTE | Flags::LARGE | Flags::NO_CACHE;
    let first = start - start % LARGE_PAGE_BYTES;
    for address in (first..start + size).step_by(LARGE_PAGE_BYTES as usize) {
        let entry = large_entry(&mut tables, root, direct::START + address);
        if let (Some(entry), Some(frame)) = (entry, Frame::containing(address))
            && entry.frame().is_none()
        {
            *entry = Entry::new(frame, flags);
        }
    }
}
