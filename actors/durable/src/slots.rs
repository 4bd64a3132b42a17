//! A ring of slots, one record in each, of which one is always to spare.
//!
//! ```text
//! word 0   the record's number, from 1; 0: nothing yet; all ones: being written
//! word 1   checksum of all other words, and above it the lower half of the number
//! word 2   of what kind the record is
//! word 3   its length in bytes
//! word 4   its bytes, padded with zeroes
//! ```
//!
//! Record *n* is in slot *n* - 1, modulo their number. Of *k* slots the last *k* - 1 records can
//! be read; the remaining slot is the one that the next record goes to. Writing begins with the
//! store that says so, and ends with the store of the number: that one is the commit. So whoever
//! comes after an owner that died finds every record that was committed, and, in the spare slot,
//! whether one more was being written.

use crc::{CRC_32_ISO_HDLC, Crc, Digest, Table};

use crate::memory::{Memory, WORD};

/// What number a slot has that was never written.
const VACANT: u64 = 0;
/// What number a slot has while it is written.
const WRITING: u64 = u64::MAX;

const NUMBER_AT: usize = 0;
const CHECKSUM_AT: usize = 1;
const KIND_AT: usize = 2;
const BYTES_AT: usize = 3;
const RECORD_AT: usize = 4;

static CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Why records cannot be read or written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// What is in the memory is not what was put there: of a record, or of all there are.
    Damaged,
    /// The memory holds records of another kind: another type, or another layout of it.
    OtherKind,
    /// The record is longer than there is room for.
    TooLong,
    /// There is no record of this number: not yet, or no longer.
    NoSuchRecord,
    /// The memory is too small for two slots.
    TooSmall,
}

/// In what condition the slots were found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Nothing was going on.
    Whole,
    /// A record was being written when the owner died. It is lost, and no other.
    Interrupted,
    /// The spare slot is damaged. No record that could be read before is lost.
    SpareDamaged,
    /// A slot is damaged that may have had the last record. What counts as the last one now may be
    /// the one before it.
    LastLost,
}

/// Where slots are, and how many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// The first word.
    pub start: usize,
    /// How many slots: one more than records that can be read. At least two.
    pub count: usize,
    /// Words of each.
    pub words: usize,
}

impl Shape {
    /// Slots for records of so many bytes, from the first word on.
    #[must_use]
    pub const fn for_records(start: usize, count: usize, bytes: usize) -> Self {
        let words = RECORD_AT + bytes.div_ceil(WORD);
        Self {
            start,
            count,
            words,
        }
    }

    /// Words of all slots.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.count * self.words
    }

    /// Bytes of the longest record.
    #[must_use]
    pub const fn record_max(&self) -> usize {
        self.words.saturating_sub(RECORD_AT) * WORD
    }

    /// The slot of a record.
    fn slot(&self, number: u64) -> usize {
        let count = self.count as u64;
        self.start + (number.wrapping_sub(1) % count) as usize * self.words
    }
}

/// What is in a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Content {
    Vacant,
    Writing,
    Record { number: u64, kind: u64 },
    Damaged,
}

/// A record that is whole: where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its first word.
    pub start: usize,
    /// Its length in bytes.
    pub bytes: usize,
}

impl Record {
    /// Copies it; what does not fit is left out.
    pub fn copy(&self, memory: &(impl Memory + ?Sized), buffer: &mut [u8]) {
        let buffer = buffer.iter_mut().take(self.bytes);
        for (index, place) in buffer.enumerate() {
            let word = memory.load(self.start + index / WORD).to_le_bytes();
            *place = word.get(index % WORD).copied().unwrap_or_default();
        }
    }
}

/// A ring of slots.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slots {
    shape: Shape,
    kind: u64,
    /// Number of the last record; 0 if there is none.
    last: u64,
    condition: Condition,
}

impl Slots {
    /// Looks at slots that an earlier owner may have left behind. The shape must be what it was
    /// then; memory that is new is zeroed.
    ///
    /// # Errors
    /// [`Trouble::OtherKind`]; [`Trouble::Damaged`] when no record is whole, though there was one.
    pub fn open(memory: &(impl Memory + ?Sized), shape: Shape, kind: u64) -> Result<Self, Trouble> {
        if shape.count < 2 || shape.words < RECORD_AT {
            return Err(Trouble::TooSmall);
        }
        let (mut last, mut has_damage, mut has_other) = (0, false, false);
        for index in 0..shape.count {
            match content(memory, shape, index) {
                Content::Record { number, .. } if number < last => {}
                Content::Record {
                    number,
                    kind: found,
                } => (last, has_other) = (number, found != kind),
                Content::Damaged => has_damage = true,
                Content::Vacant | Content::Writing => {}
            }
        }
        if has_other {
            return Err(Trouble::OtherKind);
        }
        if last == 0 && has_damage {
            return Err(Trouble::Damaged);
        }
        let mut slots = Self {
            shape,
            kind,
            last,
            condition: Condition::Whole,
        };
        slots.condition = slots.spare_condition(memory)?;
        Ok(slots)
    }

    /// What the slot of the next record says of how the last owner ended.
    fn spare_condition(&self, memory: &(impl Memory + ?Sized)) -> Result<Condition, Trouble> {
        let place = self.shape.slot(self.last + 1);
        let index = (place - self.shape.start) / self.shape.words;
        // The record that was there before it became the spare one.
        let before = (self.last + 1).checked_sub(self.shape.count as u64);
        let before = before.unwrap_or_default();
        Ok(match content(memory, self.shape, index) {
            Content::Writing => Condition::Interrupted,
            Content::Vacant if before == 0 => Condition::Whole,
            Content::Record { number, .. } if number == before => Condition::Whole,
            // Somebody wrote to the slot of a record that is not written yet.
            Content::Vacant | Content::Record { .. } => Condition::LastLost,
            // It says twice which record it was: its damage is elsewhere.
            Content::Damaged
                if before != 0
                    && memory.load(place + NUMBER_AT) == before
                    && memory.load(place + CHECKSUM_AT) >> 32 == before & u64::from(u32::MAX) =>
            {
                Condition::SpareDamaged
            }
            Content::Damaged => Condition::LastLost,
        })
    }

    /// In what condition they were found.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.condition
    }

    /// Number of the last record; 0 if there is none.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Number of the oldest record that can be read; one more than the last if there is none.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        let readable = self.shape.count as u64 - 1;
        (self.last + 1).saturating_sub(readable).max(1)
    }

    /// Bytes of the longest record.
    #[must_use]
    pub fn record_max(&self) -> usize {
        self.shape.record_max()
    }

    /// Finds a record, and checks that it is whole.
    ///
    /// # Errors
    /// [`Trouble::NoSuchRecord`]; [`Trouble::Damaged`].
    pub fn find(&self, memory: &(impl Memory + ?Sized), number: u64) -> Result<Record, Trouble> {
        if number < self.oldest() || number > self.last {
            return Err(Trouble::NoSuchRecord);
        }
        let place = self.shape.slot(number);
        let index = (place - self.shape.start) / self.shape.words;
        match content(memory, self.shape, index) {
            Content::Record { number: found, .. } if found == number => Ok(Record {
                start: place + RECORD_AT,
                bytes: memory.load(place + BYTES_AT) as usize,
            }),
            _ => Err(Trouble::Damaged),
        }
    }

    /// Writes the next record: what `write` gives to the draft. Returns its number.
    ///
    /// # Errors
    /// Those of `write`, and [`Trouble::TooLong`]: there is no new record then, and whoever opens
    /// the slots before the next one is written is told that one was interrupted. So what may fail
    /// is better tried before.
    pub fn append<M: Memory + ?Sized>(
        &mut self,
        memory: &M,
        write: impl FnOnce(&mut Draft<'_, M>) -> Result<(), Trouble>,
    ) -> Result<u64, Trouble> {
        let number = self.last + 1;
        let place = self.shape.slot(number);
        memory.store(place + NUMBER_AT, WRITING);
        let mut draft = Draft {
            memory,
            next: place + RECORD_AT,
            end: place + self.shape.words,
            partial: 0,
            bytes: 0,
            digest: CHECKSUM.digest(),
        };
        write(&mut draft)?;
        let (bytes, checksum) = draft.finish(self.kind, number);
        memory.store(place + BYTES_AT, bytes as u64);
        memory.store(place + KIND_AT, self.kind);
        memory.store(place + CHECKSUM_AT, checksum);
        memory.store(place + NUMBER_AT, number);
        self.last = number;
        Ok(number)
    }

    /// Writes these bytes as the next record; returns its number.
    ///
    /// # Errors
    /// [`Trouble::TooLong`]. Nothing has changed then.
    pub fn append_bytes(
        &mut self,
        memory: &(impl Memory + ?Sized),
        bytes: &[u8],
    ) -> Result<u64, Trouble> {
        if bytes.len() > self.record_max() {
            return Err(Trouble::TooLong);
        }
        self.append(memory, |draft| {
            bytes.iter().try_for_each(|byte| draft.push(*byte))
        })
    }

    /// Makes slots vacant, whatever is in them: for memory that held something else before.
    pub fn erase(memory: &(impl Memory + ?Sized), shape: Shape) {
        for index in shape.start..shape.start + shape.total() {
            memory.store(index, VACANT);
        }
    }
}

/// A record that is being written.
pub struct Draft<'m, M: Memory + ?Sized> {
    memory: &'m M,
    next: usize,
    end: usize,
    /// The bytes that do not make a word yet.
    partial: u64,
    bytes: usize,
    digest: Digest<'static, u32, Table<1>>,
}

impl<M: Memory + ?Sized> Draft<'_, M> {
    /// Writes the next byte.
    ///
    /// # Errors
    /// [`Trouble::TooLong`].
    pub fn push(&mut self, byte: u8) -> Result<(), Trouble> {
        if self.next >= self.end {
            return Err(Trouble::TooLong);
        }
        self.partial |= u64::from(byte) << (8 * (self.bytes % WORD));
        self.bytes += 1;
        if self.bytes.is_multiple_of(WORD) {
            self.store();
        }
        Ok(())
    }

    /// Writes a word. Nothing but words can have been written before.
    ///
    /// # Errors
    /// [`Trouble::TooLong`].
    pub fn push_word(&mut self, word: u64) -> Result<(), Trouble> {
        word.to_le_bytes()
            .into_iter()
            .try_for_each(|byte| self.push(byte))
    }

    fn store(&mut self) {
        let word = core::mem::take(&mut self.partial);
        self.digest.update(&word.to_le_bytes());
        self.memory.store(self.next, word);
        self.next += 1;
    }

    fn finish(mut self, kind: u64, number: u64) -> (usize, u64) {
        if !self.bytes.is_multiple_of(WORD) {
            self.store();
        }
        (self.bytes, seal(self.digest, kind, self.bytes, number))
    }
}

/// The checksum, of the record's words and what else is said of it.
fn seal(mut digest: Digest<'static, u32, Table<1>>, kind: u64, bytes: usize, number: u64) -> u64 {
    for word in [kind, bytes as u64, number] {
        digest.update(&word.to_le_bytes());
    }
    number << 32 | u64::from(digest.finalize())
}

/// Looks into the slot `index`.
fn content(memory: &(impl Memory + ?Sized), shape: Shape, index: usize) -> Content {
    let place = shape.start + index * shape.words;
    let word = |at| memory.load(place + at);
    let (number, kind, bytes) = (word(NUMBER_AT), word(KIND_AT), word(BYTES_AT));
    match number {
        WRITING => return Content::Writing,
        // A number that was lost is not a slot that was never written.
        VACANT if word(CHECKSUM_AT) == 0 && kind == 0 && bytes == 0 => return Content::Vacant,
        VACANT => return Content::Damaged,
        _ => {}
    }
    if bytes > shape.record_max() as u64 || shape.slot(number) != place {
        return Content::Damaged;
    }
    let bytes = bytes as usize;
    let mut digest = CHECKSUM.digest();
    for at in RECORD_AT..RECORD_AT + bytes.div_ceil(WORD) {
        digest.update(&word(at).to_le_bytes());
    }
    if word(CHECKSUM_AT) == seal(digest, kind, bytes, number) {
        Content::Record { number, kind }
    } else {
        Content::Damaged
    }
}
