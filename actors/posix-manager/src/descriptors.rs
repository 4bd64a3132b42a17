//! The open files of one process.

use posix::limits::DESCRIPTORS_MAX;
use posix::{Errno, Flags, Result};
use posix_files::File;

/// One open file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descriptor {
    pub(crate) file: File,
    pub(crate) flags: Flags,
    /// Where in the file it is.
    pub(crate) offset: usize,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Descriptors([Option<Descriptor>; DESCRIPTORS_MAX]);

impl Descriptors {
    pub(crate) const EMPTY: Self = Self([None; DESCRIPTORS_MAX]);

    /// The lowest number that is free, as POSIX says.
    pub(crate) fn free(&mut self) -> Result<(u32, &mut Option<Descriptor>)> {
        let mut places = (0..).zip(&mut self.0);
        let free = places.find(|(_, place)| place.is_none());
        free.ok_or(Errno::EMFILE)
    }

    pub(crate) fn get(&mut self, number: u32) -> Result<&mut Descriptor> {
        let place = self.0.get_mut(number as usize).and_then(Option::as_mut);
        place.ok_or(Errno::EBADF)
    }

    /// One that was opened for this.
    pub(crate) fn get_for(&mut self, number: u32, flag: Flags) -> Result<&mut Descriptor> {
        let descriptor = self.get(number)?;
        if descriptor.flags.contains(flag) {
            Ok(descriptor)
        } else {
            Err(Errno::EBADF)
        }
    }

    pub(crate) fn remove(&mut self, number: u32) -> Result<Descriptor> {
        let place = self.0.get_mut(number as usize).and_then(Option::take);
        place.ok_or(Errno::EBADF)
    }

    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Descriptor> {
        core::mem::replace(self, Self::EMPTY)
            .0
            .into_iter()
            .flatten()
    }
}
