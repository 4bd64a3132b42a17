//! An actor's address space: its page tables and the frames that are its alone.
//!
//! Tables and private frames are kept in two lists. A hot restart empties the second and keeps
//! the first, so its cost is that of the pages the dead incarnation dirtied.
//!
//! # Invariants
//! - Whatever changes an entry, so that a page is elsewhere or has other rights, calls
//!   [`note_change`]: what was found in page tables is kept in mind until then.
//! - A page whose entry has `PRIVATE` maps a frame of the private list, and the frame's
//!   descriptor names the page; no other page maps it.

use core::sync::atomic::{AtomicU64, Ordering};

use super::frame::{FrameList, Frames};
use super::page_table::{self, Entry, Flags, Table, Tables, USER_TABLE};
use super::{Frame, Page, direct, kernel_map};
use crate::arch::cpu;

/// The page tables of one actor.
#[derive(Debug)]
pub struct AddressSpace {
    root: Frame,
    tables: FrameList,
    private: FrameList,
}

/// Pages that one table maps.
const TABLE_PAGES: u64 = 512;

/// No physical memory is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory;

/// How often a page of any actor was mapped elsewhere, or no longer.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// The state of all actors' page tables: while it is the same, whatever was found there holds.
#[must_use]
pub fn changes() -> u64 {
    CHANGES.load(Ordering::Relaxed)
}

fn note_change() {
    CHANGES.fetch_add(1, Ordering::Relaxed);
}

/// Takes tables from the frame allocator and notes them as the address space's.
struct Noted<'a> {
    frames: &'a mut Frames,
    list: &'a mut FrameList,
}

impl Tables for Noted<'_> {
    fn table(&mut self, frame: Frame) -> &mut Table {
        // SAFETY: Only this address space's tables come here; the borrow keeps others away.
        unsafe { direct::table(frame) }
    }

    fn allocate(&mut self) -> Option<Frame> {
        let frame = self.frames.allocate_cleared(direct::zero)?;
        self.frames.push(self.list, frame, Page(0));
        Some(frame)
    }
}

impl AddressSpace {
    /// Makes an address space that maps nothing but the kernel.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn new(frames: &mut Frames, kernel_root: Frame) -> Result<Self, OutOfMemory> {
        let root = frames.allocate().ok_or(OutOfMemory)?;
        kernel_map::share(kernel_root, root);
        Ok(Self {
            root,
            tables: FrameList::EMPTY,
            private: FrameList::EMPTY,
        })
    }

    /// The root table.
    #[must_use]
    pub const fn root(&self) -> Frame {
        self.root
    }

    /// Frames that are the actor's alone.
    #[must_use]
    pub const fn private_count(&self) -> u32 {
        self.private.count()
    }

    /// Frames that exist because of the actor's accesses: its own, and those of its tables.
    #[must_use]
    pub const fn held_count(&self) -> u32 {
        self.private.count() + self.tables.count()
    }

    /// The entry of a page; an empty one where there are no tables.
    #[must_use]
    pub fn entry(&self, page: Page) -> Entry {
        self.look_up(page).0
    }

    /// The entry of a page, and the table that it is in; an empty one where there are no tables.
    #[must_use]
    #[inline]
    pub fn look_up(&self, page: Page) -> (Entry, Option<Frame>) {
        struct Reading;
        impl Tables for Reading {
            fn table(&mut self, frame: Frame) -> &mut Table {
                // SAFETY: The walk only reads, and the tables live as long as the address space.
                unsafe { direct::table(frame) }
            }

            fn allocate(&mut self) -> Option<Frame> {
                None
            }
        }
        let table = page_table::last_table(&mut Reading, self.root, page);
        let entry = table.map(|table| Reading.table(table)[page_table::index(page, 1)]);
        (entry.unwrap_or(Entry::EMPTY), table)
    }

    /// Maps a frame that is not the actor's alone: of a pristine image or a persistent region.
    ///
    /// # Errors
    /// [`OutOfMemory`] for a table.
    pub fn map_shared(
        &mut self,
        frames: &mut Frames,
        page: Page,
        frame: Frame,
        rights: Flags,
    ) -> Result<(), OutOfMemory> {
        self.map_run(frames, page, &[frame], rights)
    }

    /// Maps frames that are not the actor's alone at pages next to each other that have one table.
    ///
    /// # Errors
    /// [`OutOfMemory`] for a table.
    pub fn map_run(
        &mut self,
        frames: &mut Frames,
        page: Page,
        run: &[Frame],
        rights: Flags,
    ) -> Result<(), OutOfMemory> {
        let mut tables = Noted {
            frames,
            list: &mut self.tables,
        };
        note_change();
        let entries = page_table::run_or_new(&mut tables, self.root, page, run.len(), USER_TABLE)
            .ok_or(OutOfMemory)?;
        for ((entry, frame), number) in entries.iter_mut().zip(run).zip(0..) {
            *entry = Entry::new(*frame, rights | Flags::PRESENT | Flags::USER);
            cpu::flush(Page(page.0 + number).address());
        }
        Ok(())
    }

    /// Maps a frame, which is the actor's alone from now on. `table` is what [`look_up`](Self::look_up)
    /// has found for the page.
    ///
    /// # Errors
    /// [`OutOfMemory`] for a table; the frame is free again.
    pub fn map_private(
        &mut self,
        frames: &mut Frames,
        (page, table): (Page, Option<Frame>),
        frame: Frame,
        rights: Flags,
    ) -> Result<(), OutOfMemory> {
        note_change();
        let mut tables = Noted {
            frames,
            list: &mut self.tables,
        };
        let entry = match table {
            Some(table) => tables.table(table).get_mut(page_table::index(page, 1)),
            None => page_table::entry_or_new(&mut tables, self.root, page, USER_TABLE),
        };
        let Some(entry) = entry else {
            frames.free(frame);
            return Err(OutOfMemory);
        };
        *entry = Entry::new(
            frame,
            rights | Flags::PRESENT | Flags::USER | Flags::PRIVATE,
        );
        frames.push(&mut self.private, frame, page);
        cpu::flush(page.address());
        Ok(())
    }

    /// Unmaps a page; a private frame goes back to the allocator.
    pub fn unmap(&mut self, frames: &mut Frames, page: Page) {
        let mut tables = Noted {
            frames,
            list: &mut self.tables,
        };
        let Some(entry) = page_table::entry(&mut tables, self.root, page) else {
            return;
        };
        note_change();
        let old = core::mem::replace(entry, Entry::EMPTY);
        if let Some(frame) = old.frame().filter(|_| old.allows(Flags::PRIVATE)) {
            frames.unlink(&mut self.private, frame);
            frames.free(frame);
        }
        cpu::flush(page.address());
    }

    /// Unmaps pages from the end of a range on, a bounded number of steps, and returns the new
    /// end: the range's start when nothing is left. Stretches without tables take one step.
    pub fn unmap_tail(&mut self, frames: &mut Frames, start: Page, end: Page) -> Page {
        /// Enough to make the way in and out cheap, few enough to be done in 2,000 instructions.
        const STEPS: usize = 12;
        let mut end = end.0;
        for _ in 0..STEPS {
            if end <= start.0 {
                break;
            }
            let page = Page(end - 1);
            let mut tables = Noted {
                frames,
                list: &mut self.tables,
            };
            if page_table::entry(&mut tables, self.root, page).is_some() {
                self.unmap(frames, page);
                end -= 1;
            } else {
                end = page.0 - page.0 % TABLE_PAGES;
            }
        }
        Page(end.max(start.0))
    }

    /// Frees private frames, the newest first, and leaves their pages mapped to what `origin` says: the
    /// pristine frame with the rights to map it, or nothing. Goes on until none is left or `is_over`
    /// says that it was enough.
    ///
    /// The caller flushes the address space before it runs again.
    #[inline]
    pub fn drop_private(
        &mut self,
        frames: &mut Frames,
        mut origin: impl FnMut(Page) -> Option<(Frame, Flags)>,
        is_over: impl Fn() -> bool,
    ) -> Progress {
        note_change();
        // Pages next to each other have one table.
        let mut last: Option<(u64, Frame)> = None;
        while let Some(page) = frames.free_newest(&mut self.private) {
            let entry = match origin(page) {
                Some((frame, rights)) => Entry::new(frame, rights | Flags::PRESENT | Flags::USER),
                None => Entry::EMPTY,
            };
            let mut tables = Noted {
                frames,
                list: &mut self.tables,
            };
            let number = page.0 / TABLE_PAGES;
            if last.is_none_or(|(other, _)| other != number) {
                let table = page_table::last_table(&mut tables, self.root, page);
                last = table.map(|table| (number, table));
            }
            if let Some((_, table)) = last
                && let Some(old) = tables.table(table).get_mut(page_table::index(page, 1))
            {
                *old = entry;
            }
            if is_over() {
                return Progress::More;
            }
        }
        Progress::Finished
    }

    /// Frees one table; only when no private frame is left and the address space never runs
    /// again. When the last is gone, [`AddressSpace::free_root`] ends it.
    pub fn drop_table(&mut self, frames: &mut Frames) -> Progress {
        note_change();
        match frames.pop(&mut self.tables) {
            Some((frame, _)) => {
                frames.free(frame);
                Progress::More
            }
            None => Progress::Finished,
        }
    }

    /// Frees the root table, and with it the address space.
    pub fn free_root(self, frames: &mut Frames) {
        debug_assert!(self.tables.count() == 0 && self.private.count() == 0);
        frames.free(self.root);
    }
}

/// Whether there is more of the same to do. Long work is done in steps, between which others run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Call again.
    More,
    /// Nothing is left.
    Finished,
}
