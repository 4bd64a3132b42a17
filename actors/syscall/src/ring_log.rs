//! A log that survives a restart: records in order, of which the oldest give way.
//!
//! Each record has a number, from 1 on, and a checksum ([`durable::slots`]). An actor that dies
//! anywhere in an append leaves every record that was there before, and its successor can be told
//! that one more was being written.

use durable::{Condition, Shape, Slots};

use crate::Result;
use crate::persistent::{PersistentRegion, PersistentWords};

/// What the records are: bytes, with no type of ours.
const KIND: u64 = u64::from_be_bytes(*b"ring log");

/// A log in a persistent region of its own.
#[derive(Debug)]
pub struct RingLog {
    words: PersistentWords,
    slots: Slots,
}

impl RingLog {
    /// Opens the log of this name, or makes it, with room for `records` records of at most
    /// `bytes` bytes each. For one log these must be the same in every incarnation.
    ///
    /// # Errors
    /// As for [`PersistentRegion::open`], and [`Error::Kept`](crate::Error::Kept) when no record
    /// can be believed, when the region has something else in it, or for a log without records.
    pub fn open(name: &str, records: usize, bytes: usize) -> Result<Self> {
        let shape = Shape::for_records(0, records.saturating_add(1), bytes);
        let asked = shape.total().saturating_mul(size_of::<u64>());
        let words = PersistentRegion::open(name, asked)?.into_shared();
        // A log of another shape is of another kind: its records are elsewhere.
        let kind = KIND ^ (shape.count as u64) << 32 ^ shape.words as u64;
        let slots = Slots::open(&*words, shape, kind)?;
        Ok(Self { words, slots })
    }

    /// Appends a record, in the place of the oldest one if there is no other; returns its number.
    /// After a restart at any instruction before the end it is there or not, and all others are.
    ///
    /// # Errors
    /// [`Error::Kept`](crate::Error::Kept) when it is too long. Nothing has changed then.
    pub fn append(&mut self, record: &[u8]) -> Result<u64> {
        Ok(self.slots.append_bytes(&*self.words, record)?)
    }

    /// Number of the last record; 0 if there was none ever.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.slots.last()
    }

    /// Number of the oldest record that is still there; one more than the last if there is none.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.slots.oldest()
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`Error::Kept`](crate::Error::Kept) when it is damaged, or there is no such record (any
    /// more); [`Error::BufferTooSmall`](crate::Error::BufferTooSmall).
    pub fn read<'b>(&self, number: u64, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
        let record = self.slots.find(&*self.words, number)?;
        let needed = record.bytes;
        let buffer = buffer
            .get_mut(..needed)
            .ok_or(crate::Error::BufferTooSmall { needed })?;
        record.copy(&*self.words, buffer);
        Ok(buffer)
    }

    /// Whether the last record that was begun before the log was opened came to no end: its owner
    /// died in it, and it is lost. It stays so until something is appended.
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.condition() == Condition::Interrupted
    }

    /// In what condition the log was when it was opened.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.slots.condition()
    }

    /// Gives the memory back to the kernel. The records are lost.
    ///
    /// # Errors
    /// When the kernel does not know it: a bug.
    pub fn free(self) -> Result<()> {
        self.words.free()
    }
}
