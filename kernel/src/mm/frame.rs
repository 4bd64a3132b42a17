//! Physical frames: who owns them, and the lists they are in.
//!
//! Frames that were never used are carved off the ranges of the memory map; frames that were
//! given back are kept in a list; some of them are cleared ahead of time, while nothing else is to be
//! done ([`Frames::take_for_clearing`]). Each frame has a 16-byte descriptor outside the frame, so that a
//! frame's content is never touched by bookkeeping, and so that the frames an actor holds form a
//! list: a restart visits exactly those (DESIGN 2, point 4), never the page tables.
//!
//! # Invariants
//! - A frame is in one list: the free list, that of the cleared ones, or its owner's.
//! - Descriptors are valid from the first time their frame is allocated; nothing reads them
//!   before, so making the allocator costs nothing per frame.

use super::{Frame, Page};

const NONE: u32 = u32::MAX;

/// What is known about one frame.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Descriptor {
    next: u32,
    previous: u32,
    /// The page at which its owner has it mapped, and in the highest bits how often it is lent.
    page: u64,
}

/// Where the count of lendings begins in a descriptor's last word.
const LENT_SHIFT: u32 = 48;
/// Its owner has given the frame up; it is free when it is no longer lent.
const GIVEN_UP: u64 = 1 << 47;
/// The page's number.
const PAGE: u64 = GIVEN_UP - 1;

impl Descriptor {
    const UNUSED: Self = Self {
        next: NONE,
        previous: NONE,
        page: 0,
    };

    const fn lent(&self) -> u64 {
        self.page >> LENT_SHIFT
    }
}

/// A list of frames with one owner.
#[derive(Debug)]
pub struct FrameList {
    head: u32,
    count: u32,
}

impl FrameList {
    /// No frames.
    pub const EMPTY: Self = Self {
        head: NONE,
        count: 0,
    };

    /// How many frames are in the list.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }
}

/// The most ranges of memory the allocator keeps apart; further, smaller ones are left unused.
const RANGES: usize = 32;

/// The allocator of physical frames.
pub struct Frames {
    descriptors: &'static mut [Descriptor],
    free: FrameList,
    /// Free frames full of zeroes.
    cleared: FrameList,
    /// Frames never used so far, as `start..end`.
    fresh: [(u32, u32); RANGES],
    fresh_count: u64,
}

impl Frames {
    /// Makes an allocator that owns nothing yet. `descriptors` has one entry for each frame
    /// number that will ever be given to it.
    #[must_use]
    pub fn new(descriptors: &'static mut [Descriptor]) -> Self {
        Self {
            descriptors,
            free: FrameList::EMPTY,
            cleared: FrameList::EMPTY,
            fresh: [(0, 0); RANGES],
            fresh_count: 0,
        }
    }

    /// Gives a range of frames to the allocator. Returns how many it took: none when its table of
    /// ranges is full or the range goes beyond the descriptors.
    pub fn add_range(&mut self, start: Frame, end: Frame) -> u32 {
        let fits = (end.0 as usize) <= self.descriptors.len() && start < end;
        match self.fresh.iter_mut().find(|range| range.0 == range.1) {
            Some(range) if fits => {
                *range = (start.0, end.0);
                self.fresh_count += u64::from(end.0 - start.0);
                end.0 - start.0
            }
            _ => 0,
        }
    }

    /// Frames nobody owns.
    #[must_use]
    pub const fn free_count(&self) -> u64 {
        self.free.count as u64 + self.cleared.count as u64 + self.fresh_count
    }

    /// Takes one frame, content undefined.
    pub fn allocate(&mut self) -> Option<Frame> {
        if let Some(frame) = pop_unowned(self.descriptors, &mut self.free) {
            return Some(frame);
        }
        self.take_fresh()
            .or_else(|| pop_unowned(self.descriptors, &mut self.cleared))
    }

    /// Takes one frame full of zeroes, which `clear` makes if there is none ready.
    pub fn allocate_cleared(&mut self, clear: impl FnOnce(Frame)) -> Option<Frame> {
        if let Some(frame) = pop_unowned(self.descriptors, &mut self.cleared) {
            return Some(frame);
        }
        let frame = self.allocate()?;
        clear(frame);
        Some(frame)
    }

    /// Takes one frame to be cleared ahead of time, if there are not `enough` of those yet. It is given
    /// back with [`give_cleared`](Self::give_cleared).
    pub fn take_for_clearing(&mut self, enough: u32) -> Option<Frame> {
        if self.cleared.count >= enough {
            return None;
        }
        pop_unowned(self.descriptors, &mut self.free).or_else(|| self.take_fresh())
    }

    /// Gives back a frame full of zeroes.
    pub fn give_cleared(&mut self, frame: Frame) {
        push(self.descriptors, &mut self.cleared, frame, Page(0));
    }

    fn take_fresh(&mut self) -> Option<Frame> {
        let range = self.fresh.iter_mut().find(|range| range.0 < range.1)?;
        let frame = Frame(range.0);
        range.0 += 1;
        self.fresh_count -= 1;
        if let Some(descriptor) = self.descriptors.get_mut(frame.0 as usize) {
            *descriptor = Descriptor::UNUSED;
        }
        Some(frame)
    }

    /// Takes `count` frames next to each other, from memory never used so far. They are never
    /// given back: this is for the kernel's own start.
    pub fn allocate_contiguous(&mut self, count: u32) -> Option<Frame> {
        let range = self
            .fresh
            .iter_mut()
            .find(|range| range.1 - range.0 >= count)?;
        range.1 -= count;
        self.fresh_count -= u64::from(count);
        Some(Frame(range.1))
    }

    /// Gives a frame back. One that is lent is free only when it has come back.
    pub fn free(&mut self, frame: Frame) {
        let Some(descriptor) = self.descriptors.get_mut(frame.0 as usize) else {
            return;
        };
        if descriptor.lent() > 0 {
            descriptor.page |= GIVEN_UP;
            return;
        }
        *descriptor = Descriptor {
            next: self.free.head,
            ..Descriptor::UNUSED
        };
        self.free.head = frame.0;
        self.free.count += 1;
    }

    /// Gives the newest frame of a list back; returns where it was mapped.
    #[inline]
    pub fn free_newest(&mut self, list: &mut FrameList) -> Option<Page> {
        let (frame, page) = self.pop(list)?;
        self.free(frame);
        Some(page)
    }

    /// Notes that somebody else sees a frame, too.
    pub fn lend(&mut self, frame: Frame) {
        if let Some(descriptor) = self.descriptors.get_mut(frame.0 as usize) {
            descriptor.page += 1 << LENT_SHIFT;
        }
    }

    /// Notes that somebody else sees a frame no more; it is free now if its owner gave it up.
    pub fn take_back(&mut self, frame: Frame) {
        let Some(descriptor) = self.descriptors.get_mut(frame.0 as usize) else {
            return;
        };
        if descriptor.lent() == 0 {
            return;
        }
        descriptor.page -= 1 << LENT_SHIFT;
        if descriptor.lent() == 0 && descriptor.page & GIVEN_UP != 0 {
            descriptor.page = 0;
            self.free(frame);
        }
    }

    /// Puts a frame the caller owns on a list, noting where it is mapped.
    pub fn push(&mut self, list: &mut FrameList, frame: Frame, page: Page) {
        push(self.descriptors, list, frame, page);
    }

    /// Takes the newest frame off a list; the caller owns it.
    #[inline]
    pub fn pop(&mut self, list: &mut FrameList) -> Option<(Frame, Page)> {
        let frame = Frame(list.head);
        let descriptor = self.descriptors.get_mut(frame.0 as usize)?;
        let Descriptor { next, page, .. } = *descriptor;
        *descriptor = Descriptor {
            page: page & !PAGE,
            ..Descriptor::UNUSED
        };
        if let Some(behind) = self.descriptors.get_mut(next as usize) {
            behind.previous = NONE;
        }
        list.head = next;
        list.count -= 1;
        Some((frame, Page(page & PAGE)))
    }

    /// Takes a certain frame off the list it is in; the caller owns it.
    pub fn unlink(&mut self, list: &mut FrameList, frame: Frame) {
        let Some(descriptor) = self.descriptors.get_mut(frame.0 as usize) else {
            return;
        };
        let Descriptor {
            next,
            previous,
            page,
        } = *descriptor;
        *descriptor = Descriptor {
            page: page & !PAGE,
            ..Descriptor::UNUSED
        };
        match self.descriptors.get_mut(previous as usize) {
            Some(before) => before.next = next,
            None => list.head = next,
        }
        if let Some(behind) = self.descriptors.get_mut(next as usize) {
            behind.previous = previous;
        }
        list.count -= 1;
    }
}

/// Takes the first frame of a list that is gone through from the front only.
fn pop_unowned(descriptors: &mut [Descriptor], list: &mut FrameList) -> Option<Frame> {
    let head = list.head;
    let descriptor = descriptors.get_mut(head as usize)?;
    list.head = descriptor.next;
    list.count -= 1;
    *descriptor = Descriptor::UNUSED;
    Some(Frame(head))
}

fn push(descriptors: &mut [Descriptor], list: &mut FrameList, frame: Frame, page: Page) {
    let Some(descriptor) = descriptors.get_mut(frame.0 as usize) else {
        return;
    };
    *descriptor = Descriptor {
        next: list.head,
        previous: NONE,
        page: (page.0 & PAGE) | (descriptor.page & !PAGE),
    };
    if let Some(behind) = descriptors.get_mut(list.head as usize) {
        behind.previous = frame.0;
    }
    list.head = frame.0;
    list.count += 1;
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;
    use alloc::vec;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn frames(end: u32) -> Frames {
        let descriptors = vec![
            Descriptor {
                next: 7,
                previous: 7,
                page: 7
            };
            end as usize
        ];
        Frames::new(Box::leak(descriptors.into_boxed_slice()))
    }

    #[test]
    fn a_range_beyond_the_descriptors_is_refused() {
        let mut frames = frames(8);
        assert_eq!(frames.add_range(Frame(4), Frame(9)), 0);
        assert_eq!(frames.allocate(), None);
    }

    #[test]
    fn contiguous_frames_are_next_to_each_other_and_gone() {
        let mut frames = frames(64);
        frames.add_range(Frame(2), Frame(6));
        frames.add_range(Frame(10), Frame(30));
        assert_eq!(frames.allocate_contiguous(8), Some(Frame(22)));
        let rest: Vec<_> = core::iter::from_fn(|| frames.allocate()).collect();
        assert!(rest.iter().all(|frame| frame.0 < 22));
        assert_eq!(rest.len(), 16);
    }

    #[test]
    fn a_lent_frame_is_free_only_when_it_has_come_back() {
        let mut frames = frames(4);
        frames.add_range(Frame(1), Frame(3));
        let mut list = FrameList::EMPTY;
        let frame = frames.allocate().unwrap();
        frames.push(&mut list, frame, Page(77));
        frames.lend(frame);
        frames.lend(frame);
        assert_eq!(frames.pop(&mut list), Some((frame, Page(77))));
        frames.free(frame);
        assert_eq!(frames.free_count(), 1);
        frames.take_back(frame);
        assert_eq!(frames.free_count(), 1);
        frames.take_back(frame);
        assert_eq!(frames.free_count(), 2);
        assert_eq!(frames.allocate(), Some(frame));
    }

    proptest! {
        #[test]
        fn no_frame_is_lost_or_given_twice(operations in prop::collection::vec((0u8..6, any::<u8>()), 1..300)) {
            let mut frames = frames(40);
            frames.add_range(Frame(1), Frame(20));
            frames.add_range(Frame(25), Frame(40));
            let total = frames.free_count();
            let mut owned: Vec<Frame> = Vec::new();
            let mut list = FrameList::EMPTY;
            let mut listed: Vec<(Frame, Page)> = Vec::new();
            let mut cleared: Vec<Frame> = Vec::new();
            for (kind, value) in operations {
                match kind {
                    0 => if let Some(frame) = frames.allocate() {
                        prop_assert!(!owned.contains(&frame));
                        prop_assert!(listed.iter().all(|entry| entry.0 != frame));
                        owned.push(frame);
                    },
                    1 => if let Some(frame) = owned.pop() { frames.free(frame); },
                    2 => if let Some(frame) = owned.pop() {
                        frames.push(&mut list, frame, Page(u64::from(value)));
                        listed.push((frame, Page(u64::from(value))));
                    },
                    3 => if let Some(frame) = frames.take_for_clearing(8) {
                        prop_assert!(!owned.contains(&frame) && !cleared.contains(&frame));
                        frames.give_cleared(frame);
                        cleared.push(frame);
                    },
                    4 => {
                        let mut is_cleared_now = false;
                        if let Some(frame) = frames.allocate_cleared(|_| is_cleared_now = true) {
                            prop_assert!(is_cleared_now || cleared.contains(&frame));
                            prop_assert!(!owned.contains(&frame));
                            owned.push(frame);
                        }
                    },
                    _ if value % 2 == 0 => {
                        let expected = listed.pop();
                        prop_assert_eq!(frames.pop(&mut list), expected);
                        owned.extend(expected.map(|entry| entry.0));
                    }
                    _ => if !listed.is_empty() {
                        let (frame, _) = listed.remove(usize::from(value) % listed.len());
                        frames.unlink(&mut list, frame);
                        owned.push(frame);
                    },
                }
                cleared.retain(|frame| !owned.contains(frame));
                prop_assert_eq!(list.count() as usize, listed.len());
                prop_assert_eq!(frames.free_count() as usize + owned.len() + listed.len(), total as usize);
            }
        }
    }
}
