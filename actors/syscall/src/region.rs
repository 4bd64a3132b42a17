//! Private memory: zeroed, between guard pages, gone after a restart.

use core::ops::{Deref, DerefMut};
use core::slice;

use crate::{Result, call};

/// A private region, freed when dropped.
#[derive(Debug)]
pub struct Region {
    // Invariant: the kernel gave us `bytes` bytes of zeroed memory at `address`, and nobody else
    // knows them.
    address: u64,
    bytes: usize,
}

impl Region {
    /// Allocates `bytes` bytes, rounded up to pages by the kernel.
    ///
    /// # Errors
    /// When there is no memory left, or none for this actor.
    pub fn allocate(bytes: usize) -> Result<Self> {
        let address = call::sys_region_allocate(bytes as u64)?;
        Ok(Self { address, bytes })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Frees the region; dropping it does the same, but silently.
    ///
    /// # Errors
    /// When the kernel does not know it: a bug.
    pub fn free(self) -> Result<()> {
        let address = self.address;
        core::mem::forget(self);
        // SAFETY: we owned the memory, and whoever borrowed it has given it back.
        unsafe { call::sys_region_free(address) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: we own the memory, and whoever borrowed it has given it back.
        let _ = unsafe { call::sys_region_free(self.address) };
    }
}

impl Deref for Region {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let start = core::ptr::with_exposed_provenance(self.address as usize);
        // SAFETY: the invariant of `Region`; any bytes are `u8`s.
        unsafe { slice::from_raw_parts(start, self.bytes) }
    }
}

impl DerefMut for Region {
    fn deref_mut(&mut self) -> &mut [u8] {
        let start = core::ptr::with_exposed_provenance_mut(self.address as usize);
        // SAFETY: the invariant of `Region`, and we are borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(start, self.bytes) }
    }
}
