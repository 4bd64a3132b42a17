//! The map of preserved memory: which runs of frames belong to what.
//!
//! Pristine images and persistent regions live in runs of frames next to each other, in a part of
//! memory that ordinary allocation never touches. That makes adopting them at a site restart a
//! matter of one descriptor each, however large they are, and lets the next kernel know what is
//! free without looking at a single page.
//!
//! # Invariants
//! - Extents are sorted, do not overlap, and lie within the map's bounds.

use alloc::vec;
use alloc::vec::Vec;

use super::Frame;

/// The most extents there can be: images and regions together.
pub const EXTENTS: usize = 2048;

/// A run of preserved frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Extent {
    /// Number of the first frame.
    pub start: u32,
    /// How many frames.
    pub frames: u32,
}

/// All extents of the preserved part of memory.
#[derive(Debug)]
#[repr(C)]
pub struct ExtentMap {
    start: u32,
    end: u32,
    used: u32,
    frames_used: u32,
    extents: [Extent; EXTENTS],
}

impl ExtentMap {
    /// An empty map with no memory to give.
    pub const EMPTY: Self = Self {
        start: 0,
        end: 0,
        used: 0,
        frames_used: 0,
        extents: [Extent {
            start: 0,
            frames: 0,
        }; EXTENTS],
    };

    /// Sets the memory the map rules over; only before anything was allocated.
    pub fn set_bounds(&mut self, start: Frame, end: Frame) {
        if self.used == 0 {
            (self.start, self.end) = (start.0, end.0.max(start.0));
        }
    }

    /// Frames in extents.
    #[must_use]
    pub const fn frames_used(&self) -> u32 {
        self.frames_used
    }

    /// Takes the first free run of `frames` frames. `None` when there is none, or too many
    /// extents, or `frames` is 0.
    pub fn allocate(&mut self, frames: u32) -> Option<Extent> {
        let used = self.used as usize;
        if frames == 0 || used >= EXTENTS {
            return None;
        }
        let mut start = self.start;
        let mut index = 0;
        for extent in self.extents.get(..used)? {
            if extent.start - start >= frames {
                break;
            }
            start = extent.start + extent.frames;
            index += 1;
        }
        if self.end - start < frames {
            return None;
        }
        self.extents.get_mut(index..=used)?.rotate_right(1);
        let extent = Extent { start, frames };
        *self.extents.get_mut(index)? = extent;
        self.used += 1;
        self.frames_used += frames;
        Some(extent)
    }

    /// Takes the frames of an extent that was given out before; false if they are not all free, or
    /// outside of the map. What comes in the order of addresses costs nothing to put in its place.
    pub fn claim(&mut self, extent: Extent) -> bool {
        let used = self.used as usize;
        if !self.holds(extent) || used >= EXTENTS {
            return false;
        }
        let last = used.checked_sub(1).and_then(|last| self.extents.get(last));
        let is_last = last.is_none_or(|last| last.start + last.frames <= extent.start);
        if !is_last && !self.make_place(extent) {
            return false;
        }
        if is_last && let Some(place) = self.extents.get_mut(used) {
            *place = extent;
        }
        self.used += 1;
        self.frames_used += extent.frames;
        true
    }

    /// Puts an extent between those there are, if its frames are free.
    fn make_place(&mut self, extent: Extent) -> bool {
        let used = self.used as usize;
        let all = self.extents.get(..used).unwrap_or_default();
        let index = all.partition_point(|other| other.start + other.frames <= extent.start);
        let end = extent.start + extent.frames;
        if all.get(index).is_some_and(|next| next.start < end) {
            return false;
        }
        let Some(tail) = self.extents.get_mut(index..=used) else {
            return false;
        };
        tail.rotate_right(1);
        if let Some(place) = tail.first_mut() {
            *place = extent;
        }
        true
    }

    /// Whether all of an extent is in the map.
    #[must_use]
    pub fn holds(&self, extent: Extent) -> bool {
        let end = extent.start.checked_add(extent.frames);
        extent.frames > 0 && extent.start >= self.start && end.is_some_and(|end| end <= self.end)
    }

    /// Takes those frames of an extent in the map that are free, in as many extents as it needs.
    ///
    /// Ends: each turn passes an extent of the map.
    pub fn claim_free(&mut self, extent: Extent) {
        if !self.holds(extent) {
            return;
        }
        let end = extent.start + extent.frames;
        let mut start = extent.start;
        while start < end {
            let all = self.extents.get(..self.used as usize);
            let all = all.unwrap_or_default();
            let next = all.partition_point(|other| other.start + other.frames <= start);
            let next = all.get(next).copied();
            let stop = next.map_or(end, |next| next.start.min(end));
            if start < stop {
                let frames = stop - start;
                self.claim(Extent { start, frames });
            }
            start = next.map_or(end, |next| next.start + next.frames);
        }
    }

    /// Gives an extent back. One that is not exactly an extent of the map is left alone.
    pub fn free(&mut self, extent: Extent) {
        let used = self.used as usize;
        let Some(all) = self.extents.get_mut(..used) else {
            return;
        };
        let Ok(index) = all.binary_search_by_key(&extent.start, |other| other.start) else {
            return;
        };
        if all.get(index) != Some(&extent) {
            return;
        }
        if let Some(tail) = all.get_mut(index..) {
            tail.rotate_left(1);
        }
        self.used -= 1;
        self.frames_used -= extent.frames;
    }
}

/// Which of the extents, in the order of their starts, share frames with another. Each is in the
/// bounds of a map.
///
/// Whoever overlaps an earlier one overlaps the one that reaches furthest so far; and an earlier one
/// that is overlapped, but is not that, overlaps that as well.
#[must_use]
pub fn overlapping(extents: impl ExactSizeIterator<Item = Extent>) -> Vec<bool> {
    let mut found = vec![false; extents.len()];
    let mut furthest: Option<(usize, u32)> = None;
    for (index, extent) in extents.enumerate() {
        let end = extent.start + extent.frames;
        if let Some((other, _)) = furthest.filter(|(_, reach)| *reach > extent.start) {
            for place in [index, other] {
                if let Some(found) = found.get_mut(place) {
                    *found = true;
                }
            }
        }
        if furthest.is_none_or(|(_, reach)| end > reach) {
            furthest = Some((index, end));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_freed_run_is_found_again() {
        let mut map = Box::new(ExtentMap::EMPTY);
        map.set_bounds(Frame(100), Frame(110));
        let first = map.allocate(4).unwrap();
        let second = map.allocate(6).unwrap();
        assert_eq!(map.allocate(1), None);
        map.free(first);
        assert_eq!(map.allocate(5), None);
        assert_eq!(map.allocate(4), Some(first));
        map.free(Extent {
            start: second.start,
            frames: 3,
        });
        assert_eq!(map.frames_used(), 10);
    }

    #[test]
    fn what_was_given_out_can_be_claimed_and_nothing_else() {
        let extent = |start, frames| Extent { start, frames };
        let mut map = Box::new(ExtentMap::EMPTY);
        map.set_bounds(Frame(100), Frame(120));
        for (claimed, is_free) in [
            (extent(110, 3), true),
            (extent(113, 2), true),
            (extent(104, 6), true),
            (extent(103, 2), false),
            (extent(109, 1), false),
            (extent(112, 1), false),
            (extent(99, 2), false),
            (extent(119, 2), false),
            (extent(119, u32::MAX), false),
            (extent(116, 0), false),
            (extent(102, 2), true),
            (extent(119, 1), true),
        ] {
            assert_eq!(map.claim(claimed), is_free, "{claimed:?}");
        }
        assert_eq!(map.frames_used(), 14);
        assert_eq!(map.allocate(3), Some(extent(115, 3)));
        assert_eq!(map.allocate(2), Some(extent(100, 2)));
        assert_eq!(map.allocate(2), None);
    }

    #[test]
    fn of_what_is_not_all_free_the_rest_can_be_claimed() {
        let extent = |start, frames| Extent { start, frames };
        let mut map = Box::new(ExtentMap::EMPTY);
        map.set_bounds(Frame(100), Frame(120));
        for taken in [extent(104, 2), extent(108, 1)] {
            assert!(map.claim(taken));
        }
        for wrong in [
            extent(99, 3),
            extent(118, 3),
            extent(105, u32::MAX),
            extent(110, 0),
        ] {
            map.claim_free(wrong);
            assert_eq!(map.frames_used(), 3, "{wrong:?}");
        }
        // From within one over another to free ones.
        map.claim_free(extent(105, 6));
        assert_eq!(map.frames_used(), 7);
        map.claim_free(extent(100, 20));
        assert_eq!(map.frames_used(), 20);
        assert_eq!(map.allocate(1), None);
    }

    proptest! {
        #[test]
        fn who_shares_frames_is_found(sizes in prop::collection::vec((0u32..40, 1u32..9), 0..12)) {
            let mut extents: Vec<Extent> = sizes.into_iter()
                .map(|(start, frames)| Extent { start, frames }).collect();
            extents.sort_unstable_by_key(|extent| extent.start);
            let shares = |one: usize| extents.iter().enumerate().any(|(other, extent)| {
                other != one && extent.start < extents[one].start + extents[one].frames
                    && extents[one].start < extent.start + extent.frames
            });
            let expected: Vec<bool> = (0..extents.len()).map(shares).collect();
            prop_assert_eq!(overlapping(extents.iter().copied()), expected);
        }

        #[test]
        fn extents_never_overlap(operations in prop::collection::vec((any::<bool>(), 0u32..9), 1..300)) {
            let mut map = Box::new(ExtentMap::EMPTY);
            map.set_bounds(Frame(10), Frame(74));
            let mut owned: Vec<Extent> = Vec::new();
            for (allocate, size) in operations {
                if allocate {
                    if let Some(extent) = map.allocate(size) {
                        prop_assert!(extent.start >= 10 && extent.start + extent.frames <= 74);
                        for other in &owned {
                            prop_assert!(extent.start + extent.frames <= other.start
                                || other.start + other.frames <= extent.start);
                        }
                        owned.push(extent);
                    }
                } else if !owned.is_empty() {
                    map.free(owned.swap_remove(size as usize % owned.len()));
                }
                prop_assert_eq!(map.frames_used(), owned.iter().map(|extent| extent.frames).sum::<u32>());
            }
        }
    }
}
