//! Four-level page tables (Intel SDM vol. 3A, 4.5), over any way of reaching a table.
//!
//! The walk is generic over [`Tables`], so that the host tests run it on tables in ordinary
//! memory.

use super::{Frame, Page};

/// One table of 512 entries.
pub type Table = [Entry; 512];

/// An entry of a page table.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Entry(u64);

bitflags::bitflags! {
    /// What an entry says besides an address (Intel SDM vol. 3A, table 4-20).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Flags: u64 {
        /// The entry is valid.
        const PRESENT = 1;
        /// Writes are allowed.
        const WRITABLE = 1 << 1;
        /// Ring 3 may use it.
        const USER = 1 << 2;
        /// Accesses are not cached.
        const NO_CACHE = 1 << 4;
        /// Used since the bit was cleared.
        const ACCESSED = 1 << 5;
        /// Written since the bit was cleared.
        const DIRTY = 1 << 6;
        /// The entry maps a large page.
        const LARGE = 1 << 7;
        /// Ours: the frame belongs to the actor alone and goes when the page does.
        const PRIVATE = 1 << 9;
        /// No instruction is fetched from it.
        const NO_EXECUTE = 1 << 63;
    }
}

/// The rights of tables on the way to user pages; the last entry decides.
pub const USER_TABLE: Flags = Flags::PRESENT.union(Flags::WRITABLE).union(Flags::USER);
/// The rights of tables on the way to kernel pages.
pub const KERNEL_TABLE: Flags = Flags::PRESENT.union(Flags::WRITABLE);

const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

impl Entry {
    /// An entry that maps nothing.
    pub const EMPTY: Self = Self(0);

    /// An entry for `frame`.
    #[must_use]
    pub const fn new(frame: Frame, flags: Flags) -> Self {
        Self(frame.address() | flags.bits())
    }

    /// The frame, if the entry is present.
    #[must_use]
    pub fn frame(self) -> Option<Frame> {
        if self.0 & Flags::PRESENT.bits() == 0 {
            return None;
        }
        Frame::containing(self.0 & ADDRESS)
    }

    /// The flags.
    #[must_use]
    pub const fn flags(self) -> Flags {
        Flags::from_bits_truncate(self.0)
    }

    /// The physical address in the entry, present or not.
    #[must_use]
    pub const fn address(self) -> u64 {
        self.0 & ADDRESS
    }

    /// Whether the entry is present and has all of `flags`.
    #[must_use]
    pub const fn allows(self, flags: Flags) -> bool {
        let wanted = Flags::PRESENT.bits() | flags.bits();
        self.0 & wanted == wanted
    }
}

impl core::fmt::Debug for Entry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#x} {:?}", self.0 & ADDRESS, self.flags())
    }
}

/// How to reach tables, and how to make one.
pub trait Tables {
    /// The table in `frame`.
    fn table(&mut self, frame: Frame) -> &mut Table;
    /// A new table of empty entries, or `None` without memory.
    fn allocate(&mut self) -> Option<Frame>;
}

/// Index into the table of `level` (4 is the root) for a page.
#[must_use]
pub const fn index(page: Page, level: u32) -> usize {
    ((page.0 >> (9 * (level - 1))) & 511) as usize
}

/// The entry for `page`, if all tables on the way to it exist.
#[inline]
pub fn entry<T: Tables>(tables: &mut T, root: Frame, page: Page) -> Option<&mut Entry> {
    let frame = last_table(tables, root, page)?;
    tables.table(frame).get_mut(index(page, 1))
}

/// The table that the entry for `page` is in, if it exists.
#[inline]
pub fn last_table<T: Tables>(tables: &mut T, root: Frame, page: Page) -> Option<Frame> {
    let mut frame = root;
    for level in [4, 3, 2] {
        frame = tables.table(frame).get(index(page, level))?.frame()?;
    }
    Some(frame)
}

/// The entry for `page`, making the tables on the way to it with the rights `on_the_way`. `None`
/// without memory; tables made until then stay, and are found by the next try.
pub fn entry_or_new<T: Tables>(
    tables: &mut T,
    root: Frame,
    page: Page,
    on_the_way: Flags,
) -> Option<&mut Entry> {
    run_or_new(tables, root, page, 1, on_the_way)?.first_mut()
}

/// The entries for `count` pages that have one table, as [`entry_or_new`] finds one.
pub fn run_or_new<T: Tables>(
    tables: &mut T,
    root: Frame,
    page: Page,
    count: usize,
    on_the_way: Flags,
) -> Option<&mut [Entry]> {
    let frame = table_or_new(tables, root, page, 1, on_the_way)?;
    let first = index(page, 1);
    tables.table(frame).get_mut(first..first + count)
}

/// The table of `level` (1 is the last) with the entry for `page`, making those on the way to it.
#[inline]
pub fn table_or_new<T: Tables>(
    tables: &mut T,
    root: Frame,
    page: Page,
    level: u32,
    on_the_way: Flags,
) -> Option<Frame> {
    let mut frame = root;
    for above in (level + 1..=4).rev() {
        let index = index(page, above);
        frame = match tables.table(frame).get(index)?.frame() {
            Some(next) => next,
            None => {
                let next = tables.allocate()?;
                *tables.table(frame).get_mut(index)? = Entry::new(next, on_the_way);
                next
            }
        };
    }
    Some(frame)
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// Tables in ordinary memory, at most `limit` of them.
    struct Fake {
        tables: Vec<Box<Table>>,
        limit: usize,
    }

    impl Tables for Fake {
        fn table(&mut self, frame: Frame) -> &mut Table {
            &mut self.tables[frame.0 as usize]
        }

        fn allocate(&mut self) -> Option<Frame> {
            (self.tables.len() < self.limit).then(|| {
                self.tables.push(Box::new([Entry::EMPTY; 512]));
                Frame(self.tables.len() as u32 - 1)
            })
        }
    }

    const MAPPED: Flags = Flags::PRESENT.union(Flags::USER);

    #[test]
    fn without_memory_a_mapping_fails_and_later_succeeds() {
        let mut fake = Fake {
            tables: Vec::new(),
            limit: 2,
        };
        let root = fake.allocate().unwrap();
        assert!(entry_or_new(&mut fake, root, Page(5), USER_TABLE).is_none());
        fake.limit = 4;
        assert!(entry_or_new(&mut fake, root, Page(5), USER_TABLE).is_some());
        assert_eq!(fake.tables.len(), 4);
    }

    proptest! {
        #[test]
        fn maps_what_was_mapped_and_nothing_else(
            pages in prop::collection::btree_map(0u64..1 << 35, 0u32..1 << 28, 1..60),
            others in prop::collection::vec(0u64..1 << 35, 60),
        ) {
            let mut fake = Fake { tables: Vec::new(), limit: usize::MAX };
            let root = fake.allocate().unwrap();
            for (page, frame) in &pages {
                *entry_or_new(&mut fake, root, Page(*page), USER_TABLE).unwrap() = Entry::new(Frame(*frame), MAPPED);
            }
            let seen: BTreeMap<u64, u32> = pages.keys().map(|page| {
                let entry = *entry(&mut fake, root, Page(*page)).unwrap();
                assert_eq!(entry.flags(), MAPPED);
                (*page, entry.frame().unwrap().0)
            }).collect();
            prop_assert_eq!(&seen, &pages);
            for other in others.iter().filter(|other| !pages.contains_key(other)) {
                let found = entry(&mut fake, root, Page(*other)).copied();
                prop_assert!(found.is_none_or(|entry| entry.frame().is_none()));
            }
        }
    }
}
