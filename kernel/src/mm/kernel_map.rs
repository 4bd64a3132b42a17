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

const LARGE_PAGE_BYTES: u64 = 512 * PAGE_BYTES;

unsafe extern "C" {
    static __text_start: u8;
    static __text_end: u8;
    static __rodata_start: u8;
    static __rodata_end: u8;
    static __data_start: u8;
    static __zeroed_start: u8;
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

/// What tables are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// The running kernel: its stacks have guard pages, and the direct map has its text and constants
    /// unwritable too.
    Service,
    /// The way from one kernel to the next, which writes all of the data anew.
    Passage,
}

/// Builds tables of the kernel's half. `present` is the root in use now, from which the image's
/// frames are learnt; `end` is the end of physical memory. `None` without memory.
pub fn build<T: Tables>(
    tables: &mut T,
    present: Frame,
    end: u64,
    purpose: Purpose,
) -> Option<Frame> {
    let root = tables.allocate()?;
    map_direct(tables, root, end)?;
    for (start, end, flags) in parts() {
        for address in (start..end).step_by(PAGE_BYTES as usize) {
            let is_guard =
                address == entry::guard() || descriptor_tables::guards().contains(&address);
            if is_guard && purpose == Purpose::Service {
                continue;
            }
            let frame = translate(tables, present, address)?;
            let page = Page::containing(address);
            *page_table::entry_or_new(tables, root, page, KERNEL_TABLE)? = Entry::new(frame, flags);
            if !flags.contains(Flags::WRITABLE) && purpose == Purpose::Service {
                protect_alias(tables, root, frame)?;
            }
        }
    }
    // Every kernel stack has the same top table, so that later address spaces share it.
    page_table::entry_or_new(tables, root, Page::containing(STACKS), KERNEL_TABLE)?;
    Some(root)
}

/// How many frames [`build`] takes at most for a passage, with memory up to `end`.
#[must_use]
pub fn frames_to_build(end: u64) -> u32 {
    /// The root; tables on the way to the image, its last ones, and those to the stacks.
    const FIXED: u64 = 16;
    let giants = end.div_ceil(512 * LARGE_PAGE_BYTES);
    (FIXED + giants + giants.div_ceil(512)) as u32
}

/// Makes frames unwritable through the direct map. `None` without memory for tables.
pub fn protect(frames: &mut Frames, root: Frame, start: Frame, end: Frame) -> Option<()> {
    let mut tables = Direct(frames);
    (start.0..end.0).try_for_each(|frame| protect_alias(&mut tables, root, Frame(frame)))
}

/// The physical address behind an address of the kernel's image, in tables with this root.
pub fn physical<T: Tables>(tables: &mut T, root: Frame, address: u64) -> Option<u64> {
    Some(translate(tables, root, address)?.address() + address % PAGE_BYTES)
}

/// The kernel's text and constants, which lie together: the first address and the number of bytes.
#[must_use]
pub fn constant_part() -> (u64, usize) {
    let start = &raw const __text_start as u64;
    (start, (&raw const __rodata_end as u64 - start) as usize)
}

/// The kernel's data: the first address, the number of bytes that have a value in the image, and the
/// number of those that start as zeroes behind them.
#[must_use]
pub fn data_part() -> (u64, usize, usize) {
    let start = &raw const __data_start as u64;
    let middle = &raw const __zeroed_start as u64;
    let end = &raw const __data_end as u64;
    (start, (middle - start) as usize, (end - middle) as usize)
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

/// Which of the stacks [`map_stack`] has mapped, in that order, lies above this page, which is not
/// mapped.
#[must_use]
pub fn guarded_stack(guard: u64) -> Option<u32> {
    let offset = guard.checked_sub(STACKS)?;
    let index = offset / STACK_STRIDE;
    let is_guard =
        offset.is_multiple_of(STACK_STRIDE) && index < STACK_COUNT.load(Ordering::Relaxed);
    is_guard.then_some(index as u32)
}

/// Whether everything from `start` to `end` is on one of the kernel's stacks.
#[must_use]
pub fn is_on_stack(start: u64, end: u64) -> bool {
    let (data, value_bytes, zero_bytes) = data_part();
    let data_end = data + (value_bytes + zero_bytes) as u64;
    let is_data = start >= data
        && end <= data_end
        && !descriptor_tables::guards().contains(&(start - start % PAGE_BYTES))
        && start - start % PAGE_BYTES != entry::guard();
    let count = STACK_COUNT.load(Ordering::Relaxed);
    let offset = start.wrapping_sub(STACKS);
    let is_thread = offset / STACK_STRIDE < count
        && offset % STACK_STRIDE >= PAGE_BYTES
        && end.wrapping_sub(STACKS) <= (offset / STACK_STRIDE + 1) * STACK_STRIDE;
    start < end && (is_data || is_thread)
}

/// Copies the kernel's half of `kernel` into a new root.
pub fn share(kernel: Frame, root: Frame) {
    // SAFETY: Both are root tables; `root` is new and the caller's, `kernel` is only read.
    let (from, to) = unsafe { (direct::table(kernel), direct::table(root)) };
    to[256..].copy_from_slice(&from[256..]);
}

fn map_direct<T: Tables>(tables: &mut T, root: Frame, end: u64) -> Option<()> {
    let flags = Flags::PRESENT | Flags::WRITABLE | Flags::NO_EXECUTE | Flags::LARGE;
    for address in (0..end).step_by(LARGE_PAGE_BYTES as usize) {
        let entry = large_entry(tables, root, direct::START + address)?;
        *entry = Entry::new(Frame::containing(address)?, flags);
    }
    Some(())
}

/// The entry of level 2 for an address, making the tables above it.
fn large_entry<T: Tables>(tables: &mut T, root: Frame, address: u64) -> Option<&mut Entry> {
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
fn protect_alias<T: Tables>(tables: &mut T, root: Frame, frame: Frame) -> Option<()> {
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
fn translate<T: Tables>(tables: &mut T, root: Frame, address: u64) -> Option<Frame> {
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
