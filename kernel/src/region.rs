//! Regions: what is where in an actor's memory, and with which rights.
//!
//! # Invariants
//! - Regions are sorted by address and do not overlap.
//! - Stacks and private regions have an unmapped page on either side.

use alloc::vec::Vec;

use abi::layout::{PAGE_BYTES, PERSISTENT_END, PERSISTENT_START, PRIVATE_END, PRIVATE_START};

use crate::mm::{Frame, Page};
use crate::user::{Access, PageError};

/// The most regions an actor may have: its image's, its threads' stacks and what it allocates.
pub const REGIONS_MAX: usize = 512;

/// A run of pages with one origin and one set of rights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// The first page.
    pub start: Page,
    /// One more than the last page.
    pub end: Page,
    /// What it is.
    pub kind: Kind,
}

/// What a region is: where its content comes from and what may be done with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Instructions, mapped from the pristine image.
    Text {
        /// The image's frame of the first page.
        first: Frame,
    },
    /// Constants, mapped from the pristine image.
    ReadOnly {
        /// The image's frame of the first page.
        first: Frame,
    },
    /// Data, copied from the pristine image when it is first written.
    Data {
        /// The image's frame of the first page.
        first: Frame,
    },
    /// Data that starts as zeroes.
    Zeroed,
    /// A thread's stack.
    Stack,
    /// What the actor allocated.
    Private,
    /// A persistent region that is being made; nobody may use it.
    Reserved,
    /// A persistent region.
    Persistent {
        /// The region's frame of the first page.
        first: Frame,
    },
}

/// Where the content of a page comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// This frame, which is mapped as it is.
    Frame(Frame),
    /// A copy of this frame once it is written; the frame itself, unwritable, until then.
    Copy(Frame),
    /// Zeroes.
    Zeroes,
}

impl Kind {
    /// Whether `access` is among the rights.
    #[must_use]
    pub const fn allows(self, access: Access) -> bool {
        match access {
            _ if matches!(self, Self::Reserved) => false,
            Access::Read => true,
            Access::Write => !matches!(self, Self::Text { .. } | Self::ReadOnly { .. }),
            Access::Execute => matches!(self, Self::Text { .. }),
        }
    }
}

impl Region {
    /// Whether a page is one of its.
    #[must_use]
    pub const fn contains(&self, page: Page) -> bool {
        self.start.0 <= page.0 && page.0 < self.end.0
    }

    /// The page of the pristine image that one of the region's pages is, or is copied from.
    #[must_use]
    pub const fn pristine(&self, page: Page) -> Option<Frame> {
        match (self.kind, self.origin(page)) {
            (Kind::Persistent { .. }, _) | (_, Origin::Zeroes) => None,
            (_, Origin::Frame(frame) | Origin::Copy(frame)) => Some(frame),
        }
    }

    /// Whether it is where persistent regions are.
    #[must_use]
    pub const fn is_persistent_place(&self) -> bool {
        self.start.0 >= PERSISTENT_START / PAGE_BYTES
            && self.end.0 <= PERSISTENT_END / PAGE_BYTES
            && self.start.0 < self.end.0
    }

    /// Where the content of one of the region's pages comes from.
    #[must_use]
    pub const fn origin(&self, page: Page) -> Origin {
        let offset = page.0.wrapping_sub(self.start.0) as u32;
        match self.kind {
            Kind::Text { first } | Kind::ReadOnly { first } | Kind::Persistent { first } => {
                Origin::Frame(first.offset(offset))
            }
            Kind::Data { first } => Origin::Copy(first.offset(offset)),
            Kind::Zeroed | Kind::Stack | Kind::Private | Kind::Reserved => Origin::Zeroes,
        }
    }
}

/// All regions of an actor.
#[derive(Debug, Default)]
pub struct Regions(Vec<Region>);

/// Why a region cannot be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegionError {
    /// It would overlap another, or there is no gap of that size.
    NoRoom,
    /// There are as many as there may be, or the kernel has no memory to note one more.
    TooMany,
}

impl Regions {
    /// No regions.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// All regions, by address.
    pub fn iter(&self) -> impl Iterator<Item = &Region> {
        self.0.iter()
    }

    /// The region a page is in.
    #[must_use]
    pub fn find(&self, page: Page) -> Option<&Region> {
        let after = self.0.partition_point(|region| region.start <= page);
        let region = self.0.get(after.checked_sub(1)?)?;
        (page < region.end).then_some(region)
    }

    /// The region a page is in, if `access` to it is allowed.
    ///
    /// # Errors
    /// [`PageError::Guard`] just below a stack, [`PageError::NotAllowed`] otherwise.
    pub fn check(&self, page: Page, access: Access) -> Result<&Region, PageError> {
        match self.find(page) {
            Some(region) if region.kind.allows(access) => Ok(region),
            Some(_) => Err(PageError::NotAllowed),
            None => match self.find(Page(page.0 + 1)) {
                Some(above) if above.kind == Kind::Stack => Err(PageError::Guard),
                _ => Err(PageError::NotAllowed),
            },
        }
    }

    /// Adds a region where it says.
    ///
    /// # Errors
    /// See [`RegionError`].
    #[inline]
    pub fn insert(&mut self, region: Region) -> Result<(), RegionError> {
        if self.0.len() >= REGIONS_MAX || self.0.try_reserve(1).is_err() {
            return Err(RegionError::TooMany);
        }
        // Those of a former kernel come in the order of their addresses.
        let is_last = self.0.last().is_none_or(|last| last.end <= region.start);
        if is_last && region.start < region.end {
            self.0.push(region);
            return Ok(());
        }
        self.insert_between(region)
    }

    /// Adds a region between others.
    fn insert_between(&mut self, region: Region) -> Result<(), RegionError> {
        let index = self.0.partition_point(|other| other.start < region.start);
        let before = index.checked_sub(1).and_then(|index| self.0.get(index));
        let overlaps = region.start >= region.end
            || before.is_some_and(|before| before.end > region.start)
            || self
                .0
                .get(index)
                .is_some_and(|behind| region.end > behind.start);
        if overlaps {
            return Err(RegionError::NoRoom);
        }
        self.0.insert(index, region);
        Ok(())
    }

    /// Adds regions, which are in the order of their addresses, in one gap. What lies behind them is moved
    /// once, and there is room for some stacks then.
    ///
    /// # Errors
    /// See [`RegionError`]. None of them is there then.
    pub fn insert_all(&mut self, regions: &[Region]) -> Result<(), RegionError> {
        let Some(first) = regions.first() else {
            return Ok(());
        };
        let old = self.0.len();
        if old + regions.len() > REGIONS_MAX || self.0.try_reserve(regions.len() + 4).is_err() {
            return Err(RegionError::TooMany);
        }
        let index = self.0.partition_point(|other| other.start < first.start);
        let before = index.checked_sub(1).and_then(|index| self.0.get(index));
        let mut end = before.map_or(Page(0), |before| before.end);
        for region in regions {
            if region.start < end || region.start >= region.end {
                return Err(RegionError::NoRoom);
            }
            end = region.end;
        }
        if self.0.get(index).is_some_and(|behind| end > behind.start) {
            return Err(RegionError::NoRoom);
        }
        self.0.extend_from_slice(regions);
        if index < old {
            self.0[index..].rotate_left(old - index);
        }
        Ok(())
    }

    /// Adds `count` stacks or private regions of `pages` pages, one above the other with a guard
    /// page between, in the first gap that holds them all and the guard pages. Returns the first.
    ///
    /// # Errors
    /// See [`RegionError`].
    pub fn place(&mut self, pages: u64, count: u32, kind: Kind) -> Result<Region, RegionError> {
        if self.0.len() + count as usize > REGIONS_MAX
            || self.0.try_reserve(count as usize).is_err()
        {
            return Err(RegionError::TooMany);
        }
        let stride = pages.checked_add(1).ok_or(RegionError::NoRoom)?;
        let all = stride
            .checked_mul(u64::from(count))
            .ok_or(RegionError::NoRoom)?;
        let (window, end) = self.private_window();
        let mut start = PRIVATE_START / PAGE_BYTES + 1;
        let mut index = window;
        for region in &self.0[window..end] {
            if region.start.0.saturating_sub(start) >= all {
                break;
            }
            start = region.end.0 + 1;
            index += 1;
        }
        let stop = start.checked_add(all);
        if stop.is_none_or(|stop| stop > PRIVATE_END / PAGE_BYTES) {
            return Err(RegionError::NoRoom);
        }
        let region = |number: u64| {
            let start = Page(start + number * stride);
            let end = Page(start.0 + pages);
            Region { start, end, kind }
        };
        self.0
            .splice(index..index, (0..u64::from(count)).map(region));
        Ok(region(0))
    }

    /// Sets the first gap in the window of persistent regions aside that holds `pages` pages. They
    /// begin at multiples of 2 MiB, so that each has page tables of its own.
    ///
    /// # Errors
    /// See [`RegionError`].
    pub fn place_persistent(&mut self, pages: u64) -> Result<Region, RegionError> {
        const ALIGNMENT: u64 = 512;
        let mut start = PERSISTENT_START / PAGE_BYTES;
        let first = self.0.partition_point(|region| region.start.0 < start);
        for region in &self.0[first..] {
            if region.start.0.saturating_sub(start) >= pages {
                break;
            }
            start = region.end.0.next_multiple_of(ALIGNMENT);
        }
        let end = start.checked_add(pages);
        let end = end.filter(|end| *end <= PERSISTENT_END / PAGE_BYTES);
        let region = Region {
            start: Page(start),
            end: Page(end.ok_or(RegionError::NoRoom)?),
            kind: Kind::Reserved,
        };
        self.insert(region)?;
        Ok(region)
    }

    /// Where in the list stacks and private regions are.
    fn private_window(&self) -> (usize, usize) {
        let at = |address| {
            self.0
                .partition_point(|region| region.start.address() < address)
        };
        (at(PRIVATE_START), at(PRIVATE_END))
    }

    /// The region that starts at `start`.
    pub fn at_mut(&mut self, start: Page) -> Option<&mut Region> {
        let index = self
            .0
            .binary_search_by_key(&start, |region| region.start)
            .ok()?;
        self.0.get_mut(index)
    }

    /// Takes out the region that starts at `start`, if it is of the kind `wanted`.
    pub fn remove(&mut self, start: Page, wanted: impl Fn(Kind) -> bool) -> Option<Region> {
        let index = self
            .0
            .binary_search_by_key(&start, |region| region.start)
            .ok()?;
        self.0.get(index).filter(|region| wanted(region.kind))?;
        Some(self.0.remove(index))
    }

    /// Takes out everything that does not outlive an incarnation: stacks and private regions.
    pub fn remove_private(&mut self) {
        let (start, end) = self.private_window();
        self.0.drain(start..end);
    }

    /// Takes out everything but persistent regions.
    pub fn keep_persistent(&mut self) {
        let is_kept = |kind| matches!(kind, Kind::Persistent { .. } | Kind::Reserved);
        self.0.retain(|region| is_kept(region.kind));
    }

    /// Takes out everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rights_are_those_of_the_kind() {
        let first = Frame(1);
        let table = [
            (Kind::Text { first }, [true, false, true]),
            (Kind::ReadOnly { first }, [true, false, false]),
            (Kind::Data { first }, [true, true, false]),
            (Kind::Zeroed, [true, true, false]),
            (Kind::Stack, [true, true, false]),
            (Kind::Private, [true, true, false]),
            (Kind::Reserved, [false, false, false]),
            (Kind::Persistent { first }, [true, true, false]),
        ];
        for (kind, allowed) in table {
            let seen =
                [Access::Read, Access::Write, Access::Execute].map(|access| kind.allows(access));
            assert_eq!(seen, allowed, "{kind:?}");
        }
    }

    #[test]
    fn the_page_below_a_stack_is_its_guard() {
        let mut regions = Regions::new();
        let stack = regions.place(4, 1, Kind::Stack).unwrap();
        let below = Page(stack.start.0 - 1);
        assert_eq!(regions.check(below, Access::Write), Err(PageError::Guard));
        assert_eq!(
            regions.check(stack.end, Access::Write),
            Err(PageError::NotAllowed)
        );
        assert_eq!(regions.check(stack.start, Access::Write), Ok(&stack));
    }

    #[test]
    fn restart_leaves_image_and_persistent_regions() {
        let mut regions = Regions::new();
        let kept = [
            Region {
                start: Page(512),
                end: Page(513),
                kind: Kind::Text { first: Frame(9) },
            },
            Region {
                start: Page(0x400_0000),
                end: Page(0x400_0001),
                kind: Kind::Persistent { first: Frame(7) },
            },
        ];
        for region in kept {
            regions.insert(region).unwrap();
        }
        regions.place(1, 2, Kind::Stack).unwrap();
        regions.place(1, 1, Kind::Private).unwrap();
        regions.remove_private();
        assert_eq!(regions.0, kept);
    }

    proptest! {
        #[test]
        fn regions_stay_sorted_and_apart(operations in prop::collection::vec((0u8..4, 0u64..40, 1u64..6), 1..200)) {
            let mut regions = Regions::new();
            for (kind, position, pages) in operations {
                match kind {
                    0 => { let _ = regions.place(pages, 1 + position as u32 % 3, Kind::Private); }
                    1 => {
                        let start = Page(512 + position);
                        let _ = regions.insert(Region { start, end: Page(start.0 + pages), kind: Kind::Zeroed });
                    }
                    2 => {
                        // All of them, or none, where they would be one by one if there is one gap.
                        let start = 512 + 3 * position;
                        let new = [0, 1, 3].map(|at| Region {
                            start: Page(start + at),
                            end: Page(start + at + 1),
                            kind: Kind::Stack,
                        });
                        let (first, end) = (new[0].start, new[2].end);
                        let is_gap = regions.0.iter().all(|other| other.end <= first || end <= other.start);
                        let mut expected = regions.0.clone();
                        if is_gap {
                            expected.extend(new);
                            expected.sort_by_key(|region| region.start);
                        }
                        let added = regions.insert_all(&new);
                        prop_assert_eq!(added.is_ok(), is_gap);
                        prop_assert_eq!(&regions.0, &expected);
                    }
                    _ => {
                        let start = regions.0.get(position as usize).map(|region| region.start);
                        if let Some(start) = start {
                            prop_assert!(regions.remove(start, |_| true).is_some());
                        }
                    }
                }
                for pair in regions.0.windows(2) {
                    prop_assert!(pair[0].end <= pair[1].start);
                    if pair[0].kind == Kind::Private {
                        prop_assert!(pair[0].end < pair[1].start, "no guard page");
                    }
                }
            }
        }
    }
}
