//! Tables whose entries are named by slot and generation.
//!
//! Every kernel object that an actor can name lives in a [`SlotTable`]. An identifier is checked
//! in one place, [`SlotTable::get`]: the slot must be occupied *and* its generation must be the
//! identifier's.
//!
//! # Invariants
//! - A slot's generation only grows, and is never reused: a slot whose generations are used up is
//!   retired.
//! - After a restart of the site, generations go on above all that were ever given out.
//! - Entries never move: memory is taken for whole chunks of them, so the address of an entry is stable
//!   for as long as it is occupied (the trap code keeps pointers to threads' frames).
//! - Freeing puts a slot on the free list; memory for chunks is never given back, so a table's
//!   memory is bounded by the most entries it ever held.

use alloc::vec::Vec;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use abi::{Generation, Slot};
use spin::Mutex;

/// Entries in a chunk. Chosen so that a chunk of the largest entry (a thread) stays near 64 KiB.
const CHUNK: usize = 32;

/// No slot: the end of a list.
pub const NONE: u32 = u32::MAX;

struct Entry<T> {
    generation: Generation,
    next_free: u32,
    value: Option<T>,
}

/// The generation of a slot that is new: above all that earlier kernels gave out.
static FIRST: AtomicU32 = AtomicU32::new(Generation::FIRST.0);
/// The highest generation that may be given out without being noted first.
static NOTED: AtomicU32 = AtomicU32::new(u32::MAX);
/// Notes a further one.
static NOTE: Mutex<fn(u32)> = Mutex::new(|_| {});

/// How many generations are noted at once, so that noting is rare. A restart of the site skips as
/// many, of four thousand million.
const AHEAD: u32 = 512;

/// Begins after generation `last`, and has `note` write down up to which one may have been given
/// out before that happens. To be called before there is any table.
pub fn begin_after(last: u32, note: fn(u32)) {
    FIRST.store(last.saturating_add(1), Ordering::Relaxed);
    *NOTE.lock() = note;
    NOTED.store(last, Ordering::Relaxed);
    note_up_to(Generation(last));
}

/// Sees to it that a generation is noted before it is given out.
fn note(generation: Generation) -> Generation {
    if generation.0 > NOTED.load(Ordering::Relaxed) {
        note_up_to(generation);
    }
    generation
}

#[cold]
fn note_up_to(generation: Generation) {
    let ahead = generation.0.saturating_add(AHEAD);
    NOTE.lock()(ahead);
    NOTED.store(ahead, Ordering::Relaxed);
}

/// A growing table of at most `limit` entries.
///
/// An entry is found with one look at a list of pointers: nothing in the kernel is done more often.
pub struct SlotTable<T> {
    /// Where each entry is. They are the table's alone, and never given back.
    entries: Vec<NonNull<Entry<T>>>,
    /// Where the newest chunk begins.
    chunk: NonNull<Entry<T>>,
    free: u32,
    used: u32,
    limit: u32,
}

/// What is like all others when it is new. It is made in its place.
pub trait Blank: Sized {
    /// A new one.
    const BLANK: Self;
}

/// The table is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

impl<T> SlotTable<T> {
    /// Makes an empty table for at most `limit` entries.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self {
            entries: Vec::new(),
            chunk: NonNull::dangling(),
            free: NONE,
            used: 0,
            limit,
        }
    }

    /// Puts `value` into a free slot and names it.
    ///
    /// # Errors
    /// [`Full`] when `limit` entries are used, or no memory is left for a further chunk.
    pub fn insert(&mut self, value: T) -> Result<(Slot, Generation), Full> {
        if self.free == NONE {
            return self.push(value);
        }
        let slot = self.free;
        let entry = self.entry_mut(slot).ok_or(Full)?;
        let (next_free, generation) = (entry.next_free, entry.generation);
        entry.value = Some(value);
        self.free = next_free;
        self.used += 1;
        Ok((Slot(slot), generation))
    }

    /// Puts a new entry into a free slot, and names it.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn insert_blank(&mut self) -> Result<(Slot, Generation, &mut T), Full>
    where
        T: Blank,
    {
        if self.free == NONE {
            let (slot, generation) = self.push(T::BLANK)?;
            let value = self.at_mut(slot.0).ok_or(Full)?;
            return Ok((slot, generation, value));
        }
        let slot = self.free;
        let entry = self.entry(slot).ok_or(Full)?;
        self.free = entry.next_free;
        self.used += 1;
        let entry = self.entry_mut(slot).ok_or(Full)?;
        let generation = entry.generation;
        let value = entry.value.insert(T::BLANK);
        Ok((Slot(slot), generation, value))
    }

    /// Empties a slot. What named it names nothing from now on.
    pub fn remove(&mut self, slot: Slot) -> Option<T> {
        let free = self.free;
        let entry = self.entry_mut(slot.0)?;
        let value = entry.value.take()?;
        if let Some(next) = entry.generation.next() {
            entry.generation = note(next);
            entry.next_free = free;
            self.free = slot.0;
        }
        self.used -= 1;
        Some(value)
    }

    /// Gives the occupant of a slot its next generation: a new name for the same object.
    /// `None` when the slot is empty or its generations are used up.
    pub fn rename(&mut self, slot: Slot) -> Option<Generation> {
        let entry = self.entry_mut(slot.0)?;
        entry.value.as_ref()?;
        entry.generation = note(entry.generation.next()?);
        Some(entry.generation)
    }

    /// The entry that `slot` and `generation` name together.
    #[must_use]
    pub fn get(&self, slot: Slot, generation: Generation) -> Option<&T> {
        self.entry(slot.0)
            .filter(|entry| entry.generation == generation)?
            .value
            .as_ref()
    }

    /// The entry that `slot` and `generation` name together.
    #[inline]
    pub fn get_mut(&mut self, slot: Slot, generation: Generation) -> Option<&mut T> {
        self.entry_mut(slot.0)
            .filter(|entry| entry.generation == generation)?
            .value
            .as_mut()
    }

    /// The occupant of a slot, whatever its generation. For lists inside the kernel.
    #[must_use]
    pub fn at(&self, slot: u32) -> Option<&T> {
        self.entry(slot)?.value.as_ref()
    }

    /// The occupant of a slot, whatever its generation. For lists inside the kernel.
    pub fn at_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.entry_mut(slot)?.value.as_mut()
    }

    /// The present generation of a slot, occupied or not.
    #[must_use]
    pub fn generation(&self, slot: Slot) -> Option<Generation> {
        self.entry(slot.0).map(|entry| entry.generation)
    }

    /// How many entries are used.
    #[must_use]
    pub const fn used(&self) -> u32 {
        self.used
    }

    /// One more than the highest slot there is.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.entries.len() as u32
    }

    /// The slot that [`SlotTable::insert`] takes next.
    #[must_use]
    pub fn next(&self) -> u32 {
        if self.free == NONE {
            self.end()
        } else {
            self.free
        }
    }

    /// The occupied slots, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &T)> {
        (0..self.end()).filter_map(|slot| Some((Slot(slot), self.at(slot)?)))
    }

    /// Puts `value` into a slot that is new. Only that one is written to: a whole chunk would take too
    /// long at once.
    ///
    /// # Errors
    /// As [`SlotTable::insert`].
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(Slot, Generation), Full> {
        let slot = self.end();
        if slot >= self.limit {
            return Err(Full);
        }
        let place = slot as usize % CHUNK;
        if place == 0 {
            self.grow()?;
        }
        let generation = note(Generation(FIRST.load(Ordering::Relaxed)));
        let entry = Entry {
            generation,
            next_free: NONE,
            value: Some(value),
        };
        // SAFETY: The chunk has room for so many entries, and nobody uses this one yet.
        let new = unsafe {
            let new = self.chunk.add(place);
            new.write(entry);
            new
        };
        // Within what was reserved.
        self.entries.push(new);
        self.used += 1;
        Ok((Slot(slot), generation))
    }

    /// Adds a chunk of which nothing is written yet.
    #[cold]
    fn grow(&mut self) -> Result<(), Full> {
        let further = self.limit as usize - self.entries.len();
        let reserved = self.entries.try_reserve_exact(further);
        reserved.map_err(|_| Full)?;
        let mut chunk = ManuallyDrop::new(Vec::<Entry<T>>::new());
        chunk.try_reserve_exact(CHUNK).map_err(|_| Full)?;
        self.chunk = NonNull::new(chunk.as_mut_ptr()).ok_or(Full)?;
        Ok(())
    }

    #[inline]
    fn entry(&self, slot: u32) -> Option<&Entry<T>> {
        let entry = self.entries.get(slot as usize)?;
        // SAFETY: It was written when it was made, and is this table's alone.
        Some(unsafe { entry.as_ref() })
    }

    #[inline]
    fn entry_mut(&mut self, slot: u32) -> Option<&mut Entry<T>> {
        let entry = self.entries.get_mut(slot as usize)?;
        // SAFETY: Likewise.
        Some(unsafe { entry.as_mut() })
    }
}

// SAFETY: A table owns its entries, as if they were in it.
unsafe impl<T: Send> Send for SlotTable<T> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_removed_name_is_never_valid_again() {
        let mut table = SlotTable::new(1);
        let (slot, first) = table.insert('a').unwrap();
        assert_eq!(table.remove(slot), Some('a'));
        let (again, second) = table.insert('b').unwrap();
        assert_eq!((slot, table.get(slot, first)), (again, None));
        assert_eq!(table.get(slot, second), Some(&'b'));
    }

    #[test]
    fn renaming_keeps_the_value_and_ends_the_old_name() {
        let mut table = SlotTable::new(4);
        let (slot, old) = table.insert(7).unwrap();
        let new = table.rename(slot).unwrap();
        assert_eq!(
            (table.get(slot, old), table.get(slot, new)),
            (None, Some(&7))
        );
    }

    #[test]
    fn used_up_generations_retire_the_slot() {
        let mut table = SlotTable::new(1);
        let (slot, _) = table.insert(()).unwrap();
        table.entry_mut(slot.0).unwrap().generation = Generation(u32::MAX);
        assert_eq!(table.rename(slot), None);
        table.remove(slot);
        assert_eq!(table.insert(()), Err(Full));
    }

    proptest! {
        #[test]
        fn behaves_like_a_map_of_unique_names(operations in prop::collection::vec(any::<(u8, u8)>(), 1..400)) {
            let mut table = SlotTable::new(50);
            let mut model: Vec<(Slot, Generation, u8)> = Vec::new();
            let mut ended: Vec<(Slot, Generation)> = Vec::new();
            for (kind, value) in operations {
                match kind % 3 {
                    0 => match table.insert(value) {
                        Ok((slot, generation)) => model.push((slot, generation, value)),
                        Err(Full) => prop_assert_eq!(model.len(), 50),
                    },
                    1 if !model.is_empty() => {
                        let (slot, generation, value) = model.swap_remove(usize::from(value) % model.len());
                        prop_assert_eq!(table.remove(slot), Some(value));
                        ended.push((slot, generation));
                    }
                    2 if !model.is_empty() => {
                        let index = usize::from(value) % model.len();
                        let entry = &mut model[index];
                        ended.push((entry.0, entry.1));
                        entry.1 = table.rename(entry.0).unwrap();
                    }
                    _ => {}
                }
                prop_assert_eq!(table.used() as usize, model.len());
            }
            for (slot, generation, value) in model {
                prop_assert_eq!(table.get(slot, generation), Some(&value));
            }
            for (slot, generation) in ended {
                prop_assert_eq!(table.get(slot, generation), None);
            }
        }
    }
}
