//! What is due next: a heap by time, of the entries of a [`SlotTable`].
//!
//! Joining, moving and leaving take as many steps as the logarithm of how many there are, so that
//! the tick looks at what is due and at nothing else. What is due at the same time is served in the
//! order in which it joined.
//!
//! # Invariants
//! - An entry of the heap is due no earlier than its parent.
//! - An entry of the table knows where in the heap it is, and leaves it before its slot is freed.

use alloc::vec::Vec;

use crate::slot::{NONE, SlotTable};

/// Where in a heap an entry of a table is.
#[derive(Clone, Copy, Debug)]
pub struct Position(u32);

impl Position {
    /// Nowhere.
    pub const FREE: Self = Self(NONE);

    /// Whether the entry is in a heap.
    #[must_use]
    #[inline]
    pub const fn is_taken(self) -> bool {
        self.0 != NONE
    }
}

/// Entries that can be due at some time.
pub trait Timed {
    /// Its place in the heap.
    fn position(&mut self) -> &mut Position;
    /// Its place in the heap.
    fn position_ref(&self) -> &Position;
}

/// What is due when.
#[derive(Debug)]
pub struct Due {
    heap: Vec<Entry>,
    joined: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The time, and then the turn.
    key: (u64, u64),
    slot: u32,
}

impl Due {
    /// Nothing, and room for `limit` entries, so that later nothing is allocated.
    #[must_use]
    pub fn with_room_for(limit: u32) -> Self {
        Self {
            heap: Vec::with_capacity(limit as usize),
            joined: 0,
        }
    }

    /// What is due first, and when.
    #[must_use]
    pub fn first(&self) -> Option<(u32, u64)> {
        self.heap.first().map(|entry| (entry.slot, entry.key.0))
    }

    /// Makes an entry due at `time`, and at no other.
    pub fn set<T: Timed>(&mut self, table: &mut SlotTable<T>, slot: u32, time: u64) {
        self.remove(table, slot);
        if table.at(slot).is_none() || self.heap.len() == self.heap.capacity() {
            return;
        }
        self.joined += 1;
        let key = (time, self.joined);
        self.heap.push(Entry { key, slot });
        self.rise(table, self.heap.len() - 1);
    }

    /// Makes an entry due at `time`, unless it is due earlier.
    pub fn hasten<T: Timed>(&mut self, table: &mut SlotTable<T>, slot: u32, time: u64) {
        let place = table.at(slot).map_or(NONE, |entry| entry.position_ref().0);
        let present = self.heap.get(place as usize);
        if present.is_none_or(|entry| time < entry.key.0) {
            self.set(table, slot, time);
        }
    }

    /// Takes an entry out; one that is not in is left alone.
    pub fn remove<T: Timed>(&mut self, table: &mut SlotTable<T>, slot: u32) {
        let Some(entry) = table.at_mut(slot) else {
            return;
        };
        let index = core::mem::replace(entry.position(), Position::FREE).0 as usize;
        if index >= self.heap.len() {
            return;
        }
        self.heap.swap_remove(index);
        if index < self.heap.len() {
            let index = self.rise(table, index);
            self.sink(table, index);
        }
    }

    /// Moves an entry up to where it belongs; returns where that is.
    fn rise<T: Timed>(&mut self, table: &mut SlotTable<T>, mut index: usize) -> usize {
        let entry = self.heap[index];
        while index > 0 {
            let parent = (index - 1) / 2;
            if self.heap[parent].key <= entry.key {
                break;
            }
            self.put(table, index, self.heap[parent]);
            index = parent;
        }
        self.put(table, index, entry);
        index
    }

    /// Moves an entry down to where it belongs.
    fn sink<T: Timed>(&mut self, table: &mut SlotTable<T>, mut index: usize) {
        let entry = self.heap[index];
        loop {
            let first = 2 * index + 1;
            let Some(mut least) = self.heap.get(first).copied() else {
                break;
            };
            let mut child = first;
            if let Some(other) = self.heap.get(first + 1)
                && other.key < least.key
            {
                (child, least) = (first + 1, *other);
            }
            if entry.key <= least.key {
                break;
            }
            self.put(table, index, least);
            index = child;
        }
        self.put(table, index, entry);
    }

    fn put<T: Timed>(&mut self, table: &mut SlotTable<T>, index: usize, entry: Entry) {
        self.heap[index] = entry;
        if let Some(of) = table.at_mut(entry.slot) {
            *of.position() = Position(index as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    struct Item(Position);

    impl Timed for Item {
        fn position(&mut self) -> &mut Position {
            &mut self.0
        }

        fn position_ref(&self) -> &Position {
            &self.0
        }
    }

    proptest! {
        #[test]
        fn serves_in_order_of_time_and_then_of_joining(
            operations in prop::collection::vec((0u8..4, 0u32..20, 0u64..8), 1..400),
        ) {
            let mut table = SlotTable::new(20);
            for _ in 0..20 {
                table.insert(Item(Position::FREE)).unwrap();
            }
            let mut due = Due::with_room_for(20);
            // When, in which turn, and who.
            let mut model: BTreeSet<(u64, usize, u32)> = BTreeSet::new();
            for (turn, (kind, slot, time)) in operations.into_iter().enumerate() {
                let present = model.iter().copied().find(|entry| entry.2 == slot);
                match kind {
                    0 => {
                        due.set(&mut table, slot, time);
                        model.retain(|entry| entry.2 != slot);
                        model.insert((time, turn, slot));
                    }
                    1 => {
                        due.hasten(&mut table, slot, time);
                        if present.is_none_or(|entry| time < entry.0) {
                            model.retain(|entry| entry.2 != slot);
                            model.insert((time, turn, slot));
                        }
                    }
                    2 => {
                        due.remove(&mut table, slot);
                        model.retain(|entry| entry.2 != slot);
                    }
                    _ => if let Some((slot, time)) = due.first() {
                        let first = model.pop_first().unwrap();
                        prop_assert_eq!((slot, time), (first.2, first.0));
                        due.remove(&mut table, slot);
                    }
                }
                prop_assert_eq!(due.heap.len(), model.len());
                prop_assert_eq!(due.first().is_none(), model.is_empty());
            }
        }
    }
}
