//! What can be done with files.

use durable::Memory;

use crate::limits::{
    BLOCK_BYTES, BLOCKS_MAX, FILE_BLOCKS_MAX, FILE_BYTES_MAX, FILES_MAX, TOUCHED_MAX, WRITE_MAX,
};
use crate::name::FileName;
use crate::table::{Entry, Table};

/// Why something was not done. Nothing has changed then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// There is no such file.
    Missing,
    /// There is one already.
    Exists,
    /// The name is empty, or has a byte that no name has.
    BadName,
    /// The name is too long.
    LongName,
    /// The file would be longer than a file may be.
    LongFile,
    /// There are as many files, or blocks, as there may be.
    Full,
    /// The file is open.
    Busy,
    /// The place is behind the end of the file.
    Beyond,
    /// What is in the memory is not what was put there. Nothing can be believed any more.
    Damaged,
}

impl From<durable::Trouble> for Trouble {
    fn from(_: durable::Trouble) -> Self {
        // A table always fits, and is of one kind: whatever else is found, nobody put it there.
        Self::Damaged
    }
}

/// What becomes of an `open` of a file that is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenMissing {
    /// It is refused.
    Refuse,
    /// An empty one is made.
    Create,
}

/// What becomes of an `open` of a file that is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenThere {
    /// It is opened as it is.
    Keep,
    /// It is emptied.
    Truncate,
    /// It is refused.
    Refuse,
}

/// An open file. It stays good until as many calls of [`Files::close`] as of [`Files::open`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct File(usize);

/// The file system.
pub struct Files<M: Memory> {
    memory: M,
    /// What is in the memory.
    table: Table,
    /// How often each file is open.
    users: [u32; FILES_MAX],
}

impl<M: Memory> Files<M> {
    /// Takes the memory for a file system; if it is new, or its owner died while formatting it, it
    /// is formatted.
    ///
    /// # Errors
    /// [`Trouble::Damaged`].
    pub fn mount(memory: M) -> Result<Self, Trouble> {
        let table = Table::mount(&memory)?;
        Ok(Self {
            memory,
            table,
            users: [0; FILES_MAX],
        })
    }

    /// Opens a file.
    ///
    /// # Errors
    /// [`Trouble::Missing`] and [`Trouble::Exists`] if so chosen; [`Trouble::Full`] when a further
    /// file would be one too many.
    pub fn open(
        &mut self,
        name: FileName,
        when_missing: WhenMissing,
        when_there: WhenThere,
    ) -> Result<File, Trouble> {
        let file = match (self.find(name), when_missing, when_there) {
            (Some(_), _, WhenThere::Refuse) => return Err(Trouble::Exists),
            (Some(file), _, WhenThere::Truncate) => {
                self.change(|_, table| {
                    let entry = table.entry_mut(file)?;
                    entry.bytes = 0;
                    Ok(())
                })?;
                file
            }
            (Some(file), _, WhenThere::Keep) => file,
            (None, WhenMissing::Refuse, _) => return Err(Trouble::Missing),
            (None, WhenMissing::Create, _) => self.create(name)?,
        };
        if let Some(users) = self.users.get_mut(file.0) {
            *users = users.saturating_add(1);
        }
        Ok(file)
    }

    /// Closes a file.
    pub fn close(&mut self, file: File) {
        if let Some(users) = self.users.get_mut(file.0) {
            *users = users.saturating_sub(1);
        }
    }

    /// The length of an open file.
    #[must_use]
    pub fn length(&self, file: File) -> usize {
        self.table.entry(file).map_or(0, |entry| entry.bytes)
    }

    /// Reads from an offset on; returns how much there was, which is nothing at the end.
    ///
    /// # Errors
    /// [`Trouble::Damaged`].
    pub fn read(&self, file: File, offset: usize, bytes: &mut [u8]) -> Result<usize, Trouble> {
        let entry = self.table.entry(file)?;
        let there = entry.bytes.saturating_sub(offset).min(bytes.len());
        let mut done = 0;
        while done < there {
            let at = offset + done;
            let skipped = at % BLOCK_BYTES;
            let block = *entry.used().get(at / BLOCK_BYTES).ok_or(Trouble::Damaged)?;
            let block = self.table.block(&self.memory, block)?;
            let count = (BLOCK_BYTES - skipped).min(there - done);
            let found = block.get(skipped..skipped + count);
            let place = bytes.get_mut(done..done + count);
            let (found, place) = found.zip(place).ok_or(Trouble::Damaged)?;
            place.copy_from_slice(found);
            done += count;
        }
        Ok(there)
    }

    /// Writes at an offset, which is at most the file's length. Returns how much: all, or as much
    /// as one write takes, or as the file may grow. It is there for good when this returns.
    ///
    /// # Errors
    /// [`Trouble::Beyond`], [`Trouble::LongFile`], [`Trouble::Full`], [`Trouble::Damaged`].
    pub fn write(&mut self, file: File, offset: usize, bytes: &[u8]) -> Result<usize, Trouble> {
        let entry = *self.table.entry(file)?;
        if offset > entry.bytes {
            return Err(Trouble::Beyond);
        }
        let room = (FILE_BYTES_MAX - offset).min(WRITE_MAX);
        let bytes = bytes.get(..room).unwrap_or(bytes);
        match (bytes.len(), room) {
            (0, 0) => return Err(Trouble::LongFile),
            (0, _) => return Ok(0),
            _ => {}
        }
        let (end, had) = (offset + bytes.len(), entry.used().len());
        let length = entry.bytes.max(end);
        if self.used_blocks() + length.div_ceil(BLOCK_BYTES) - had > BLOCKS_MAX {
            return Err(Trouble::Full);
        }
        // The blocks that change, as they will be.
        let (first, last) = (offset / BLOCK_BYTES, (end - 1) / BLOCK_BYTES);
        let mut changed = [[0; BLOCK_BYTES]; TOUCHED_MAX];
        for (number, block) in (first..=last).zip(&mut changed) {
            if let Some(present) = entry.used().get(number) {
                *block = self.table.block(&self.memory, *present)?;
            }
        }
        let start = offset - first * BLOCK_BYTES;
        let place = changed.as_flattened_mut();
        let place = place.get_mut(start..start + bytes.len());
        place.ok_or(Trouble::Damaged)?.copy_from_slice(bytes);
        self.change(|memory, table| {
            let mut free = table.free_blocks();
            let fresh = [(); TOUCHED_MAX].map(|()| free.next());
            drop(free);
            let changed = changed.iter().zip(fresh);
            for (number, (content, block)) in (first..=last).zip(changed) {
                let block = block.ok_or(Trouble::Full)?;
                table.fill(memory, block, content);
                let place = table.entry_mut(file)?.blocks.get_mut(number);
                *place.ok_or(Trouble::LongFile)? = block;
            }
            table.entry_mut(file)?.bytes = length;
            Ok(())
        })?;
        Ok(bytes.len())
    }

    /// Deletes a file that is not open.
    ///
    /// # Errors
    /// [`Trouble::Missing`], [`Trouble::Busy`].
    pub fn unlink(&mut self, name: FileName) -> Result<(), Trouble> {
        let file = self.find(name).ok_or(Trouble::Missing)?;
        if self.users.get(file.0).is_some_and(|users| *users > 0) {
            return Err(Trouble::Busy);
        }
        self.change(|_, table| {
            let place = table.entries.get_mut(file.0);
            *place.ok_or(Trouble::Missing)? = None;
            Ok(())
        })
    }

    fn create(&mut self, name: FileName) -> Result<File, Trouble> {
        let free = self.table.entries.iter().position(Option::is_none);
        let free = free.ok_or(Trouble::Full)?;
        self.change(|_, table| {
            let place = table.entries.get_mut(free);
            *place.ok_or(Trouble::Full)? = Some(Entry {
                name,
                bytes: 0,
                blocks: [0; FILE_BLOCKS_MAX],
            });
            Ok(())
        })?;
        Ok(File(free))
    }

    /// Makes a new table of the present one, and puts it in its place; or leaves all as it is.
    fn change(
        &mut self,
        body: impl FnOnce(&M, &mut Table) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let mut next = self.table.clone();
        body(&self.memory, &mut next)?;
        next.commit(&self.memory)?;
        self.table = next;
        Ok(())
    }

    fn find(&self, name: FileName) -> Option<File> {
        let is_it = |entry: &Option<Entry>| entry.is_some_and(|entry| entry.name == name);
        self.table.entries.iter().position(is_it).map(File)
    }

    fn used_blocks(&self) -> usize {
        let entries = self.table.entries.iter().flatten();
        entries.map(|entry| entry.used().len()).sum()
    }
}

impl Table {
    fn entry(&self, file: File) -> Result<&Entry, Trouble> {
        let place = self.entries.get(file.0).and_then(Option::as_ref);
        place.ok_or(Trouble::Missing)
    }

    fn entry_mut(&mut self, file: File) -> Result<&mut Entry, Trouble> {
        let place = self.entries.get_mut(file.0).and_then(Option::as_mut);
        place.ok_or(Trouble::Missing)
    }
}
