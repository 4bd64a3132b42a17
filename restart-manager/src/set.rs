//! A set of groups, as bits.
//!
//! Who depends on whom is asked at every step of every restart, with interrupts off. So the answer
//! is kept in both directions, at one bit for each group there may be.

use crate::GroupSlot;

const WORDS: usize = 4;

/// How many groups there may be: four machine words of bits. Sites have tens.
pub const GROUPS_MAX: usize = WORDS * 64;

/// Some of the groups of a site.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct GroupSet([u64; WORDS]);

impl GroupSet {
    /// No group.
    pub(crate) const EMPTY: Self = Self([0; WORDS]);

    /// The set of one group; of none if its slot is beyond [`GROUPS_MAX`].
    pub(crate) fn of(group: GroupSlot) -> Self {
        let mut set = Self::EMPTY;
        set.insert(group);
        set
    }

    pub(crate) fn insert(&mut self, group: GroupSlot) {
        if let Some(word) = self.0.get_mut(group.index() >> 6) {
            *word |= bit(group);
        }
    }

    pub(crate) fn remove(&mut self, group: GroupSlot) {
        if let Some(word) = self.0.get_mut(group.index() >> 6) {
            *word &= !bit(group);
        }
    }

    pub(crate) fn contains(&self, group: GroupSlot) -> bool {
        let word = self.0.get(group.index() >> 6);
        word.is_some_and(|word| word & bit(group) != 0)
    }

    pub(crate) fn union(mut self, other: Self) -> Self {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
        self
    }

    pub(crate) fn intersection(mut self, other: Self) -> Self {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word &= more;
        }
        self
    }

    /// The groups that are not in the other set.
    pub(crate) fn without(mut self, other: Self) -> Self {
        for (word, less) in self.0.iter_mut().zip(other.0) {
            *word &= !less;
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().fold(0, |all, word| all | word) == 0
    }

    /// Takes out the group with the lowest number.
    pub(crate) fn pop(&mut self) -> Option<GroupSlot> {
        for (index, word) in self.0.iter_mut().enumerate() {
            let low = word.trailing_zeros();
            // Without its lowest bit; there is none in zero.
            if let Some(less) = word.checked_sub(1) {
                *word &= less;
                return GroupSlot::from_index((index << 6) | usize::try_from(low).ok()?);
            }
        }
        None
    }

    /// The groups, in the order of their numbers. At most [`GROUPS_MAX`].
    pub(crate) fn iter(&self) -> impl Iterator<Item = GroupSlot> + use<> {
        let mut rest = *self;
        core::iter::from_fn(move || rest.pop())
    }
}

fn bit(group: GroupSlot) -> u64 {
    1 << (group.index() & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(index: usize) -> GroupSlot {
        GroupSlot::from_index(index).unwrap()
    }

    #[test]
    fn groups_come_out_in_order_and_once() {
        let wanted = [0, 1, 63, 64, 127, 200, 255];
        let mut set = GroupSet::EMPTY;
        for index in wanted.into_iter().rev() {
            set.insert(slot(index));
            assert!(set.contains(slot(index)));
        }
        set.insert(slot(256));
        set.insert(GroupSlot::KERNEL);
        assert!(!set.contains(slot(256)) && !set.contains(slot(2)));
        let found: Vec<_> = set.iter().map(GroupSlot::index).collect();
        assert_eq!(found, wanted);
        let low = slot(63);
        let high = set.without(GroupSet::of(low));
        assert!(!high.contains(low) && high.contains(slot(64)));
        assert_eq!(high.intersection(set), high);
        assert_eq!(high.union(GroupSet::of(low)), set);
        let popped: Vec<_> = std::iter::from_fn(|| set.pop())
            .map(GroupSlot::index)
            .collect();
        assert_eq!(popped, wanted);
        assert!(set.is_empty());
    }
}
