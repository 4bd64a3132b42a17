//! Files.

use crate::call::{self, Operation};
use crate::{Errno, Result};

/// How a file is opened: any of these together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flags(pub u32);

impl Flags {
    /// For reading.
    pub const READ: Self = Self(1);
    /// For writing.
    pub const WRITE: Self = Self(2);
    /// It is made if it is not there.
    pub const CREATE: Self = Self(4);
    /// It is emptied if it is there.
    pub const TRUNCATE: Self = Self(8);
    /// It must not be there.
    pub const EXCLUSIVE: Self = Self(16);
    /// Each write goes to its end.
    pub const APPEND: Self = Self(32);
    /// All of them.
    pub const ALL: Self = Self(63);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// From where to move in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whence {
    /// From its start.
    Start,
    /// From where we are.
    Here,
    /// From its end.
    End,
}

/// An open file, which is closed when this is dropped.
#[derive(Debug)]
pub struct File {
    descriptor: u32,
}

impl File {
    /// Opens a file with these flags.
    ///
    /// # Errors
    /// `ENOENT`, `EEXIST`, `EINVAL` and `ENAMETOOLONG` for the name, `EMFILE`, `ENOSPC`.
    pub fn with(name: &str, flags: Flags) -> Result<Self> {
        let descriptor = call::call(Operation::OPEN, flags.0, bytes(name.as_bytes()))?;
        Ok(Self {
            descriptor: descriptor as u32,
        })
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// As for [`File::with`].
    pub fn open(name: &str) -> Result<Self> {
        Self::with(name, Flags::READ)
    }

    /// Opens a file for writing, made or emptied.
    ///
    /// # Errors
    /// As for [`File::with`].
    pub fn create(name: &str) -> Result<Self> {
        let flags = Flags::WRITE.and(Flags::CREATE).and(Flags::TRUNCATE);
        Self::with(name, flags)
    }

    /// Opens a file for writing at its end, made if it is not there.
    ///
    /// # Errors
    /// As for [`File::with`].
    pub fn append(name: &str) -> Result<Self> {
        Self::with(name, Flags::WRITE.and(Flags::CREATE).and(Flags::APPEND))
    }

    /// Its descriptor.
    #[must_use]
    pub fn descriptor(&self) -> u32 {
        self.descriptor
    }

    /// Reads; returns how much, which is nothing at the end.
    ///
    /// # Errors
    /// `EBADF`, `EIO`.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        // The address comes of a `&mut`, for what the manager does to it.
        let place = [
            buffer.as_mut_ptr().expose_provenance() as u64,
            buffer.len() as u64,
        ];
        let count = call::call(Operation::READ, self.descriptor, place)?;
        Ok(count as usize)
    }

    /// Reads until the buffer is full or the file ends; returns what there was.
    ///
    /// # Errors
    /// As for [`File::read`].
    pub fn read_to_end<'b>(&mut self, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.read(rest)? {
                0 => break,
                count => done += count,
            }
        }
        Ok(buffer.get(..done).unwrap_or_default())
    }

    /// Writes, all or a part: what is counted is in the file for good, and all at once.
    ///
    /// # Errors
    /// `EBADF`, `EFBIG`, `ENOSPC`; `EIO` if the manager failed meanwhile, and then it may be in the
    /// file, all of it or nothing.
    pub fn write(&mut self, content: &[u8]) -> Result<usize> {
        let count = call::call(Operation::WRITE, self.descriptor, bytes(content))?;
        Ok(count as usize)
    }

    /// Writes all of it, in as many parts as it takes.
    ///
    /// # Errors
    /// As for [`File::write`]; what went before is in the file.
    pub fn write_all(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let count = self.write(bytes)?;
            bytes = bytes.get(count..).ok_or(Errno::EIO)?;
        }
        Ok(())
    }

    /// Moves; returns where to, from the start.
    ///
    /// # Errors
    /// `EINVAL` for a place before the start or behind the end.
    pub fn seek(&mut self, offset: i64, from: Whence) -> Result<u64> {
        let from = match from {
            Whence::Start => call::SEEK_SET,
            Whence::Here => call::SEEK_CUR,
            Whence::End => call::SEEK_END,
        };
        let numbers = [offset.cast_unsigned(), from];
        call::call(Operation::SEEK, self.descriptor, numbers)
    }

    /// Closes it; dropping it does the same, but silently.
    ///
    /// # Errors
    /// `EBADF`: the manager was restarted since, and has forgotten it.
    pub fn close(self) -> Result<()> {
        let descriptor = self.descriptor;
        core::mem::forget(self);
        call::call(Operation::CLOSE, descriptor, [0; 2]).map(drop)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // One that is forgotten already is what we want.
        let _ = call::call(Operation::CLOSE, self.descriptor, [0; 2]);
    }
}

/// Deletes a file.
///
/// # Errors
/// `ENOENT`, and `EBUSY` for one that is open.
pub fn unlink(name: &str) -> Result<()> {
    call::call(Operation::UNLINK, 0, bytes(name.as_bytes())).map(drop)
}

/// Address and length of bytes that the manager reads.
fn bytes(bytes: &[u8]) -> [u64; 2] {
    [
        bytes.as_ptr().expose_provenance() as u64,
        bytes.len() as u64,
    ]
}
