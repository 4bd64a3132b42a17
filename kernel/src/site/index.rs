//! Finding things by name at the start of a kernel.
//!
//! As many as were noted are put in at once, and most are taken out again soon. So it is made for a
//! number that is known, and nothing is ever moved.

use alloc::vec;
use alloc::vec::Vec;

use abi::Name;

use crate::slot::NONE;

/// An odd number whose bits are spread (the golden ratio of 2^64).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Values by name.
pub struct Index<T> {
    /// The first entry of each list; their number is a power of two, or there are none.
    heads: Vec<u32>,
    entries: Vec<Entry<T>>,
}

struct Entry<T> {
    name: Name,
    next: u32,
    /// `None` once it was taken out.
    value: Option<T>,
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self::with_room_for(0)
    }
}

impl<T> Index<T> {
    /// An index that is fast for as many as this.
    #[must_use]
    pub fn with_room_for(count: usize) -> Self {
        Self {
            heads: vec![
                NONE;
                if count == 0 {
                    0
                } else {
                    count.next_power_of_two()
                }
            ],
            entries: Vec::with_capacity(count),
        }
    }

    /// Which list a name is in.
    fn head(&self, name: &Name) -> usize {
        let words = name.as_bytes().chunks(8);
        let hash = words.fold(0, |hash: u64, chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            (hash ^ u64::from_le_bytes(word))
                .wrapping_mul(SPREAD)
                .rotate_left(29)
        });
        hash as usize & self.heads.len().wrapping_sub(1)
    }

    fn place(&self, name: &Name) -> Option<usize> {
        let mut next = *self.heads.get(self.head(name))?;
        while let Some(entry) = self.entries.get(next as usize) {
            if entry.name == *name && entry.value.is_some() {
                return Some(next as usize);
            }
            next = entry.next;
        }
        None
    }

    /// Puts a value in. Of several of one name the latest is found.
    pub fn insert(&mut self, name: Name, value: T) {
        let head = self.head(&name);
        if let Some(head) = self.heads.get_mut(head) {
            let next = core::mem::replace(head, self.entries.len() as u32);
            let value = Some(value);
            self.entries.push(Entry { name, next, value });
        }
    }

    /// The value of a name, which is put in if there is none.
    pub fn entry(&mut self, name: Name) -> Option<&mut T>
    where
        T: Default,
    {
        // Names often come several times in a row.
        let latest = self.entries.len().wrapping_sub(1);
        let is_latest = self.entries.last().is_some_and(|entry| entry.name == name);
        let place = match is_latest {
            true => latest,
            false => match self.place(&name) {
                Some(place) => place,
                None => {
                    self.insert(name, T::default());
                    self.entries.len().wrapping_sub(1)
                }
            },
        };
        self.entries.get_mut(place)?.value.as_mut()
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<&T> {
        self.entries.get(self.place(name)?)?.value.as_ref()
    }

    /// Takes out the value of a name.
    pub fn take(&mut self, name: &Name) -> Option<T> {
        let place = self.place(name)?;
        self.entries.get_mut(place)?.value.take()
    }

    /// What was not taken out.
    pub fn into_rest(self) -> impl Iterator<Item = (Name, T)> {
        let entries = self.entries.into_iter();
        entries.filter_map(|entry| Some((entry.name, entry.value?)))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn name(number: u32) -> Name {
        Name::truncated(&format!("actor-with-a-long-name-{number}"))
    }

    #[test]
    fn what_is_put_in_is_found_until_it_is_taken_out() {
        for room in [1, 7, 300] {
            let mut index = Index::with_room_for(room);
            for number in 0..300 {
                index.insert(name(number), number);
            }
            assert_eq!(index.get(&name(300)), None);
            for number in (0..300).step_by(3) {
                assert_eq!(index.take(&name(number)), Some(number));
                assert_eq!(index.take(&name(number)), None);
            }
            let left: Vec<u32> = (0..300).filter(|number| number % 3 != 0).collect();
            for number in 0..300 {
                let is_left = left.contains(&number);
                assert_eq!(index.get(&name(number)).is_some(), is_left);
            }
            let left: Vec<(Name, u32)> = left.into_iter().map(|left| (name(left), left)).collect();
            assert_eq!(index.into_rest().collect::<Vec<_>>(), left);
        }
    }

    #[test]
    fn values_of_one_name_are_one_entry() {
        let mut index: Index<Vec<u32>> = Index::with_room_for(4);
        for number in [1, 1, 2, 1, 2] {
            index.entry(name(number)).unwrap().push(number);
        }
        assert_eq!(index.take(&name(1)), Some(vec![1, 1, 1]));
        assert_eq!(index.take(&name(2)), Some(vec![2, 2]));
        assert!(index.into_rest().next().is_none());
    }

    #[test]
    fn an_empty_index_finds_nothing_and_takes_nothing() {
        let mut index = Index::default();
        index.insert(name(1), 1);
        assert_eq!(index.get(&name(1)), None);
        assert!(index.into_rest().next().is_none());
    }
}
