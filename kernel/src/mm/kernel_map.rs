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
use super::{Frame, Page, direct, pages_for};
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
    let guards = descriptor_tables::guards();
    let is_guard = |address| address == entry::guard() || guards.contains(&address);
    let mut direct = Aliases::of(root);
    for (start, end, flags) in parts() {
        for (address, count) in runs(start, end) {
            let page = Page::containing(address);
            let first = page_table::index(page, 1);
            let from = source(tables, present, page)?;
            let to = page_table::table_or_new(tables, root, page, 1, KERNEL_TABLE)?;
            for index in first..first + count {
                let address = address + (index - first) as u64 * PAGE_BYTES;
                if purpose == Purpose::Service && is_guard(address) {
                    continue;
                }
                let frame = match from {
                    Source::Table(table) => tables.table(table).get(index)?.frame()?,
                    Source::Large(first) => first.offset(index as u32),
                };
                *tables.table(to).get_mut(index)? = Entry::new(frame, flags);
                if !flags.contains(Flags::WRITABLE) && purpose == Purpose::Service {
                    direct.protect(tables, frame)?;
                }
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
    let mut direct = Aliases::of(root);
    (start.0..end.0).try_for_each(|frame| direct.protect(&mut tables, Frame(frame)))
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
        // Whatever is on it: a stack is written before it is read.
        let frame = frames.allocate()?;
        let mut tables = Direct(frames);
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

/// Makes a new root: with the kernel's half of `kernel`, and nothing in the other.
pub fn share(kernel: Frame, root: Frame) {
    // SAFETY: Both are root tables; `root` is new and the caller's, `kernel` is only read.
    let (from, to) = unsafe { (direct::table(kernel), direct::table(root)) };
    to[..256].fill(Entry::EMPTY);
    to[256..].copy_from_slice(&from[256..]);
}

fn map_direct<T: Tables>(tables: &mut T, root: Frame, end: u64) -> Option<()> {
    const GIANT: u64 = 512 * LARGE_PAGE_BYTES;
    let flags = Flags::PRESENT | Flags::WRITABLE | Flags::NO_EXECUTE | Flags::LARGE;
    for start in (0..end).step_by(GIANT as usize) {
        let page = Page::containing(direct::START + start);
        let table = page_table::table_or_new(tables, root, page, 2, KERNEL_TABLE)?;
        let addresses = (start..end.min(start + GIANT)).step_by(LARGE_PAGE_BYTES as usize);
        for (entry, address) in tables.table(table).iter_mut().zip(addresses) {
            *entry = Entry::new(Frame::containing(address)?, flags);
        }
    }
    Some(())
}

/// The pages between two addresses, by the last tables they are in: the first, and how many.
fn runs(start: u64, end: u64) -> impl Iterator<Item = (u64, usize)> {
    let mut next = start;
    core::iter::from_fn(move || {
        let address = (next < end).then_some(next)?;
        next = end.min((address / LARGE_PAGE_BYTES + 1) * LARGE_PAGE_BYTES);
        Some((address, pages_for(next - address) as usize))
    })
}

/// Where pages are mapped that would have one last table.
enum Source {
    /// In that.
    Table(Frame),
    /// As one large page, from this frame on.
    Large(Frame),
}

/// Where the pages around one are mapped.
fn source<T: Tables>(tables: &mut T, root: Frame, page: Page) -> Option<Source> {
    let mut frame = root;
    for level in [4, 3, 2] {
        let entry = *tables.table(frame).get(page_table::index(page, level))?;
        frame = entry.frame()?;
        if entry.flags().contains(Flags::LARGE) {
            let within = page.0 & ((1 << (9 * (level - 1))) - 1) & !511;
            return Some(Source::Large(frame.offset(u32::try_from(within).ok()?)));
        }
    }
    Some(Source::Table(frame))
}

/// The direct map, of which single frames are made read-only.
struct Aliases {
    root: Frame,
    /// The large page that was split last, and the table that it has become.
    latest: Option<(u32, Frame)>,
}

impl Aliases {
    const fn of(root: Frame) -> Self {
        Self { root, latest: None }
    }

    /// Makes the direct map's view of a frame read-only, splitting its large page if need be.
    fn protect<T: Tables>(&mut self, tables: &mut T, frame: Frame) -> Option<()> {
        let large = frame.0 / 512;
        let table = match self.latest {
            Some((latest, table)) if latest == large => table,
            _ => split(tables, self.root, frame)?,
        };
        self.latest = Some((large, table));
        let index = frame.0 as usize % 512;
        *tables.table(table).get_mut(index)? =
            Entry::new(frame, Flags::PRESENT | Flags::NO_EXECUTE);
        Some(())
    }
}

/// The entry of level 2 for an address, making the tables above it.
fn large_entry<T: Tables>(tables: &mut T, root: Frame, address: u64) -> Option<&mut Entry> {
    let page = Page::containing(address);
    let table = page_table::table_or_new(tables, root, page, 2, KERNEL_TABLE)?;
    tables.table(table).get_mut(page_table::index(page, 2))
}

/// The last table of the direct map for a frame, for which its large page is split if need be.
fn split<T: Tables>(tables: &mut T, root: Frame, frame: Frame) -> Option<Frame> {
    let address = direct::START + frame.address();
    let large = *large_entry(tables, root, address)?;
    let first = large.frame()?;
    if !large.flags().contains(Flags::LARGE) {
        return Some(first);
    }
    let table = tables.allocate()?;
    let flags = large.flags() - Flags::LARGE;
    for (index, entry) in (0..).zip(tables.table(table).iter_mut()) {
        *entry = Entry::new(first.offset(index), flags);
    }
    *large_entry(tables, root, address)? = Entry::new(table, KERNEL_TABLE);
    Some(table)
}

/// The frame behind an address in the tables with root `root`, whatever its page size.
fn translate<T: Tables>(tables: &mut T, root: Frame, address: u64) -> Option<Frame> {
    let page = Page::containing(address);
    let index = page_table::index(page, 1);
    match source(tables, root, page)? {
        Source::Table(table) => tables.table(table).get(index)?.frame(),
        Source::Large(first) => Some(first.offset(index as u32)),
    }
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
