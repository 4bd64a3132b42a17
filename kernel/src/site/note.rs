//! One thing written down in the site record, so that the next kernel can trust it or not.
//!
//! A [`Note`] is free, or whole, or neither. What a kernel was just writing when it ended is taken
//! for free, because nobody has been told of it yet.
//!
//! # Invariants
//! - Any bit pattern is a note: memory that may hold anything can be read as one.
//! - A value is looked at only after its checksum was found to be right. By then it is what some
//!   kernel with the same instructions wrote.

use core::mem::{MaybeUninit, offset_of};
use core::sync::atomic::{Ordering, compiler_fence};

/// The mark of a note that holds something.
const WHOLE: u64 = u64::from_be_bytes(*b"written.");
/// The mark of a note that is being written.
const WRITING: u64 = u64::from_be_bytes(*b"begun...");
/// The mark of a note that holds nothing.
const FREE: u64 = u64::from_be_bytes(*b"nothing.");
/// The mark of a note that was found to be wrong.
const CONDEMNED: u64 = u64::from_be_bytes(*b"damaged.");

/// A place for one value in the site record.
#[repr(C, align(8))]
pub struct Note<T> {
    mark: u64,
    check: u64,
    value: MaybeUninit<T>,
}

/// What was found in a note.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found<T> {
    /// Nothing.
    Free,
    /// This.
    Whole(T),
    /// Something that is not what was written.
    Damaged,
}

impl<T: Copy> Note<T> {
    /// Writes a value. `T` may be any type without pointers to what ends with the kernel.
    pub fn write(&mut self, value: T) {
        self.set_mark(WRITING);
        self.value.write(value);
        self.check = self.sum();
        self.set_mark(WHOLE);
    }

    /// Empties the note.
    pub fn clear(&mut self) {
        self.set_mark(FREE);
    }

    /// Makes the note one that is damaged for good. What it says stays.
    pub fn condemn(&mut self) {
        self.set_mark(CONDEMNED);
    }

    /// What is in the note.
    #[must_use]
    pub fn read(&self) -> Found<T> {
        match self.value() {
            Found::Whole(value) => Found::Whole(*value),
            Found::Free => Found::Free,
            Found::Damaged => Found::Damaged,
        }
    }

    /// What is in the note, where it is.
    #[must_use]
    #[inline]
    pub fn value(&self) -> Found<&T> {
        match self.mark {
            FREE | WRITING => Found::Free,
            WHOLE if self.check == self.sum() => {
                // SAFETY: The checksum is that of a value that was written.
                Found::Whole(unsafe { self.value.assume_init_ref() })
            }
            _ => Found::Damaged,
        }
    }

    /// What a damaged note holds: the pieces may be anything.
    #[must_use]
    pub const fn remains(&self) -> &MaybeUninit<T> {
        &self.value
    }

    /// Whether the note holds nothing.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        matches!(self.mark, FREE | WRITING)
    }

    /// Sets the mark after all that was written before, and before all that is written after: the
    /// kernel may end between any two instructions.
    fn set_mark(&mut self, mark: u64) {
        compiler_fence(Ordering::SeqCst);
        // SAFETY: A field of our own; volatile only so that it is written where it stands here.
        unsafe { (&raw mut self.mark).write_volatile(mark) };
        compiler_fence(Ordering::SeqCst);
    }

    /// Checksum of the value and what lies around it.
    fn sum(&self) -> u64 {
        let bytes = size_of::<Self>() - offset_of!(Self, value);
        let start = (&raw const self.value).cast();
        // SAFETY: The value and the padding behind it, to the note's end.
        unsafe { super::checksum(start, bytes) }
    }
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;

    use super::*;

    type Value = (u64, [u8; 5], Option<u16>);

    /// A note in memory that held something else.
    fn note() -> Box<Note<Value>> {
        // SAFETY: Any bit pattern is a note.
        unsafe { Box::<Note<Value>>::new_zeroed().assume_init() }
    }

    #[test]
    fn memory_that_holds_anything_is_no_note() {
        assert_eq!(note().read(), Found::Damaged);
    }

    #[test]
    fn what_is_written_is_found_until_it_is_cleared() {
        let mut note = note();
        note.clear();
        assert_eq!(note.read(), Found::Free);
        for value in [(7, [1; 5], None), (8, [2; 5], Some(3))] {
            note.write(value);
            assert_eq!(note.read(), Found::Whole(value));
        }
        note.clear();
        assert_eq!(note.read(), Found::Free);
    }

    #[test]
    fn any_flipped_bit_is_found() {
        let mut note = note();
        note.write((0x1234_5678, [9; 5], Some(77)));
        let bytes = size_of::<Note<Value>>();
        for bit in 0..bytes * 8 {
            let flip = |note: &mut Note<Value>| {
                // SAFETY: A byte of the note; any bit pattern is one.
                unsafe { *(&raw mut *note).cast::<u8>().add(bit / 8) ^= 1 << (bit % 8) };
            };
            flip(&mut note);
            assert_eq!(note.read(), Found::Damaged, "bit {bit}");
            flip(&mut note);
        }
        assert!(matches!(note.read(), Found::Whole(_)));
    }

    #[test]
    fn what_is_condemned_stays_so_and_can_still_be_looked_at() {
        let mut note = note();
        note.write((1, [1; 5], None));
        note.condemn();
        assert_eq!(note.read(), Found::Damaged);
        assert!(!note.is_free());
        // SAFETY: It was written just now.
        assert_eq!(unsafe { note.remains().assume_init() }.0, 1);
    }

    #[test]
    fn what_was_being_written_is_not_there() {
        let mut note = note();
        note.write((1, [1; 5], None));
        note.set_mark(WRITING);
        assert_eq!(note.read(), Found::Free);
    }
}
