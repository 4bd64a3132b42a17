//! One value of any type that survives a restart, committed as a whole.
//!
//! It is kept twice, with a number and a checksum each ([`durable::slots`]). A commit writes over
//! the copy that is not the value, and the store that completes that copy makes it the value: an
//! actor that dies anywhere leaves the old value or the new one, and it can be told whether it
//! died in a commit. A copy that is damaged is not believed, and neither is a value of another
//! type. [`PersistentCell`](crate::PersistentCell) is less and faster: plain data, no checksum.

use core::fmt;

use durable::{Condition, Shape, Slots, Trouble, layout, value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::persistent::{PersistentRegion, PersistentWords};
use crate::{Error, Result};

/// A value in a persistent region of its own.
#[derive(Debug)]
pub struct Checkpoint<T> {
    words: PersistentWords,
    slots: Slots,
    /// What is in the region, or what the owner began with.
    value: T,
}

impl<T: Serialize + DeserializeOwned> Checkpoint<T> {
    /// Opens the checkpoint of this name, or makes it, with room for a value that takes `bytes`
    /// bytes (as [postcard](https://docs.rs/postcard) writes it) at most. Until the first commit
    /// the value is `initial`.
    ///
    /// # Errors
    /// As for [`PersistentRegion::open`], and [`Error::Kept`]: with [`Trouble::Damaged`] when
    /// neither copy can be believed, with [`Trouble::OtherKind`] when the value is of another
    /// type, or of one with other fields. The region stays as it is; whoever can do without it
    /// frees it with [`PersistentRegion::free`].
    pub fn open(name: &str, bytes: usize, initial: T) -> Result<Self> {
        // The shape depends on nothing but the region: a later version may ask for less.
        let asked = Shape::for_records(0, 2, bytes).total() * size_of::<u64>();
        let mut words = PersistentRegion::open(name, asked)?.into_shared();
        let shape = Shape {
            start: 0,
            count: 2,
            words: words.len() / 2,
        };
        let slots = Slots::open(&*words, shape, layout::of::<T>())?;
        let value = if slots.last() == 0 {
            initial
        } else {
            let record = slots.find(&*words, slots.last())?;
            value::decode(words.bytes(record.start, record.bytes))?
        };
        Ok(Self {
            words,
            slots,
            value,
        })
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.value
    }

    /// Replaces the value. After a restart at any instruction before the end it is the old or the
    /// new one.
    ///
    /// # Errors
    /// [`Error::Kept`] with [`Trouble::TooLong`] when it does not fit. Nothing has changed then.
    pub fn commit(&mut self, value: T) -> Result<()> {
        value::append(&mut self.slots, &*self.words, &value)?;
        self.value = value;
        Ok(())
    }

    /// Replaces the value by what `change` makes of it, and returns that.
    ///
    /// # Errors
    /// As for [`Checkpoint::commit`].
    pub fn update(&mut self, change: impl FnOnce(&T) -> T) -> Result<&T> {
        self.commit(change(&self.value))?;
        Ok(&self.value)
    }
}

impl<T> Checkpoint<T> {
    /// How many commits made the value what it is; 0 if there was none.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.slots.last()
    }

    /// Whether the last commit that was begun before the checkpoint was opened came to no end: its
    /// owner died in it, and its value is lost. It stays so until something is committed: an owner
    /// that dies before it has acted on it leaves that to the next one.
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.condition() == Condition::Interrupted
    }

    /// In what condition the copies were when the checkpoint was opened. [`Condition::LastLost`]
    /// is the one that matters: the value may be the one before the last.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.slots.condition()
    }

    /// Gives the memory back to the kernel. The value is lost.
    ///
    /// # Errors
    /// When the kernel does not know it: a bug.
    pub fn free(self) -> Result<()> {
        self.words.free()
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        Self::Kept(trouble)
    }
}

/// [`Trouble`] in words.
pub(crate) fn describe(trouble: Trouble, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(match trouble {
        Trouble::Damaged => "what was kept is damaged",
        Trouble::OtherKind => "what was kept is of another type or layout",
        Trouble::TooLong => "does not fit into the memory it is to be kept in",
        Trouble::NoSuchRecord => "there is no record of this number",
        Trouble::TooSmall => "the memory is too small to keep anything in",
        _ => "what was kept cannot be used",
    })
}
