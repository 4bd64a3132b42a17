//! Doubly linked lists threaded through the entries of a [`SlotTable`].
//!
//! An entry is in at most one list per link it has, so joining, leaving and waking cost the same
//! however many others wait, and nothing is ever allocated for a queue.
//!
//! # Invariants
//! - An entry whose link is `linked` is in exactly one list through that link.
//! - An entry leaves all its lists before its slot is freed.

use crate::slot::{NONE, SlotTable};

/// One entry's place in a list.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    previous: u32,
    next: u32,
    linked: bool,
}

impl Link {
    /// In no list.
    pub const FREE: Self = Self {
        previous: NONE,
        next: NONE,
        linked: false,
    };

    /// The entry behind it in the list.
    #[must_use]
    pub const fn next(self) -> Option<u32> {
        if self.next == NONE {
            None
        } else {
            Some(self.next)
        }
    }

    /// Whether the entry is in a list through this link.
    #[must_use]
    pub const fn is_linked(&self) -> bool {
        self.linked
    }
}

/// Entries that can be in lists; `L` tells their links apart.
pub trait Linked<const L: usize> {
    /// The link numbered `L`.
    fn link(&mut self) -> &mut Link;
    /// The link numbered `L`.
    fn link_ref(&self) -> &Link;
}

/// A list through the link numbered `L`.
#[derive(Clone, Copy, Debug)]
pub struct List<const L: usize> {
    head: u32,
    tail: u32,
}

impl<const L: usize> Default for List<L> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const L: usize> List<L> {
    /// A list of nothing.
    pub const EMPTY: Self = Self {
        head: NONE,
        tail: NONE,
    };

    /// The first entry's slot.
    #[must_use]
    pub const fn first(&self) -> Option<u32> {
        if self.head == NONE {
            None
        } else {
            Some(self.head)
        }
    }

    /// Whether nothing is in the list.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.head == NONE
    }

    /// The entry after `slot`.
    #[must_use]
    pub fn after<T: Linked<L>>(&self, table: &SlotTable<T>, slot: u32) -> Option<u32> {
        let next = table.at(slot)?.link_ref().next;
        (next != NONE).then_some(next)
    }

    /// Puts an entry at the end. An entry that is in a list already stays where it is.
    pub fn push_back<T: Linked<L>>(&mut self, table: &mut SlotTable<T>, slot: u32) {
        self.insert(table, slot, self.tail, NONE);
    }

    /// Puts an entry at the beginning. An entry that is in a list already stays where it is.
    pub fn push_front<T: Linked<L>>(&mut self, table: &mut SlotTable<T>, slot: u32) {
        self.insert(table, slot, NONE, self.head);
    }

    /// Whether nothing but this entry is in the list.
    #[must_use]
    pub const fn is_only(&self, slot: u32) -> bool {
        self.head == slot && self.tail == slot
    }

    /// The first entry's slot, of a list in which there is one.
    #[must_use]
    pub const fn head(&self) -> u32 {
        self.head
    }

    /// Puts an entry that is in no list into this one, in which nothing is.
    #[inline]
    pub const fn begin(&mut self, slot: u32, link: &mut Link) {
        debug_assert!(
            self.is_empty() && !link.linked,
            "that is what lists are for"
        );
        self.head = slot;
        self.tail = slot;
        link.linked = true;
    }

    /// Takes the only entry out of this list.
    #[inline]
    pub const fn end(&mut self, link: &mut Link) {
        *self = Self::EMPTY;
        link.linked = false;
    }

    /// Moves the first entry to the end and returns it.
    pub fn rotate<T: Linked<L>>(&mut self, table: &mut SlotTable<T>) -> Option<u32> {
        let slot = self.pop_front(table)?;
        self.push_back(table, slot);
        Some(slot)
    }

    /// Takes the first entry.
    pub fn pop_front<T: Linked<L>>(&mut self, table: &mut SlotTable<T>) -> Option<u32> {
        let slot = self.first()?;
        self.remove(table, slot);
        Some(slot)
    }

    /// Takes an entry out; one that is in no list is left alone.
    pub fn remove<T: Linked<L>>(&mut self, table: &mut SlotTable<T>, slot: u32) {
        let Some(entry) = table.at_mut(slot) else {
            return;
        };
        let Link {
            previous,
            next,
            linked,
        } = core::mem::replace(entry.link(), Link::FREE);
        if !linked {
            return;
        }
        match table.at_mut(previous) {
            Some(entry) => entry.link().next = next,
            None => self.head = next,
        }
        match table.at_mut(next) {
            Some(entry) => entry.link().previous = previous,
            None => self.tail = previous,
        }
    }

    fn insert<T: Linked<L>>(
        &mut self,
        table: &mut SlotTable<T>,
        slot: u32,
        previous: u32,
        next: u32,
    ) {
        let Some(entry) = table.at_mut(slot) else {
            return;
        };
        if entry.link().linked {
            return;
        }
        *entry.link() = Link {
            previous,
            next,
            linked: true,
        };
        match table.at_mut(previous) {
            Some(entry) => entry.link().next = slot,
            None => self.head = slot,
        }
        match table.at_mut(next) {
            Some(entry) => entry.link().previous = slot,
            None => self.tail = slot,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::VecDeque;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    struct Item(Link);

    impl Linked<0> for Item {
        fn link(&mut self) -> &mut Link {
            &mut self.0
        }

        fn link_ref(&self) -> &Link {
            &self.0
        }
    }

    proptest! {
        #[test]
        fn behaves_like_a_deque(operations in prop::collection::vec((0u8..5, 0u32..12), 1..300)) {
            let mut table = SlotTable::new(12);
            for _ in 0..12 {
                table.insert(Item(Link::FREE)).unwrap();
            }
            let mut list = List::<0>::EMPTY;
            let mut model: VecDeque<u32> = VecDeque::new();
            for (kind, slot) in operations {
                match kind {
                    4 => {
                        if !model.is_empty() { model.rotate_left(1); }
                        prop_assert_eq!(list.rotate(&mut table), model.back().copied());
                    }
                    0 => {
                        list.push_back(&mut table, slot);
                        if !model.contains(&slot) { model.push_back(slot); }
                    }
                    1 => {
                        list.push_front(&mut table, slot);
                        if !model.contains(&slot) { model.push_front(slot); }
                    }
                    2 => prop_assert_eq!(list.pop_front(&mut table), model.pop_front()),
                    _ => {
                        list.remove(&mut table, slot);
                        model.retain(|other| *other != slot);
                    }
                }
                let mut seen = Vec::new();
                let mut next = list.first();
                while let Some(slot) = next {
                    seen.push(slot);
                    next = list.after(&table, slot);
                }
                prop_assert_eq!(&seen, &model.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(list.is_empty(), model.is_empty());
            }
        }
    }
}
