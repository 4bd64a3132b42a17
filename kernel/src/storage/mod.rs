//! Stable storage: a virtio block device that holds a plain tar archive.
//!
//! What `tar tf` shows on the host is what is read here, at each look-up anew: a file may be
//! replaced while the site runs, and a reload brings the new one. Only the loader thread uses it.

pub mod pci;
mod virtio;

use core::fmt;

use tar_no_std::{PosixHeader, TarArchiveRef};

use crate::kernel;
use crate::mm::extent::Extent;
use crate::mm::{Frame, direct, pages_for};
pub use virtio::Disk;

/// Bytes in a block of the device and of the archive.
pub const BLOCK_BYTES: usize = 512;

/// The most files an archive may have before we give up looking: it bounds the search in a
/// damaged archive.
const FILES_MAX: usize = 4096;

/// Why a file could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StorageError {
    /// There is no disk, or it was taken away.
    NoDisk,
    /// The disk reported an error.
    Device,
    /// The disk did not answer in time.
    TimedOut,
    /// The archive has no such file.
    NotFound,
    /// The archive is damaged.
    Damaged,
    /// The archive ends in the middle of the file.
    Truncated,
    /// There is no memory to read the file into.
    OutOfMemory,
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoDisk => "there is no disk",
            Self::Device => "the disk reported an error",
            Self::TimedOut => "the disk did not answer in time",
            Self::NotFound => "no such file in the archive",
            Self::Damaged => "the archive is damaged",
            Self::Truncated => "the archive is truncated",
            Self::OutOfMemory => "no memory to read the file into",
        })
    }
}

/// A file in memory, until it is dropped.
pub struct File {
    extent: Extent,
    start: usize,
    length: usize,
    /// Blocks that were read to get it.
    pub block_reads: u64,
}

impl File {
    /// The file's content.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        extent_bytes(&self.extent)
            .get(self.start..self.start + self.length)
            .unwrap_or_default()
    }
}

impl File {
    /// Keeps the file's memory: its extent, and the first byte and number of bytes there.
    #[must_use]
    pub fn keep(self) -> (Extent, usize, usize) {
        let kept = (self.extent, self.start, self.length);
        core::mem::forget(self);
        kept
    }
}

impl Drop for File {
    fn drop(&mut self) {
        kernel::with(|kernel| kernel.preserved.free(self.extent));
    }
}

fn extent_bytes(extent: &Extent) -> &[u8] {
    let length = extent.frames as usize * 4096;
    // SAFETY: The extent is the holder's alone, and the direct map covers it.
    unsafe { core::slice::from_raw_parts(direct::pointer(Frame(extent.start)), length) }
}

/// The bytes of an extent its holder lays out.
///
/// # Safety
/// The extent is the caller's alone.
#[must_use]
#[expect(
    clippy::mut_from_ref,
    reason = "the extent stands for the memory it names"
)]
pub unsafe fn extent_bytes_mut(extent: &Extent) -> &mut [u8] {
    let length = extent.frames as usize * 4096;
    // SAFETY: As the caller promises; the direct map covers it.
    unsafe { core::slice::from_raw_parts_mut(direct::pointer(Frame(extent.start)), length) }
}

/// Reads a file of the archive.
///
/// # Errors
/// See [`StorageError`].
pub fn read_file(disk: &mut Disk, name: &str) -> Result<File, StorageError> {
    let mut reads = 0;
    let result = find_and_read(disk, name, &mut reads);
    kernel::with(|kernel| kernel.counters.block_reads += reads);
    let mut file = result?;
    file.block_reads = reads;
    Ok(file)
}

fn find_and_read(disk: &mut Disk, name: &str, reads: &mut u64) -> Result<File, StorageError> {
    if disk.blocks() == 0 {
        return Err(StorageError::NoDisk);
    }
    let mut block = 0;
    for _ in 0..FILES_MAX {
        if block >= disk.blocks() {
            return Err(StorageError::NotFound);
        }
        let mut bytes = [0; BLOCK_BYTES];
        disk.read(block, &mut bytes)?;
        *reads += 1;
        let header = header(&bytes);
        if header.is_zero_block() {
            return Err(StorageError::NotFound);
        }
        let payload = header
            .payload_block_count()
            .map_err(|_| StorageError::Damaged)? as u64;
        let next = block
            .checked_add(payload + 1)
            .ok_or(StorageError::Damaged)?;
        let found = { header.name };
        if found.as_str().is_ok_and(|found| found == name) {
            if next > disk.blocks() {
                return Err(StorageError::Truncated);
            }
            return read_entry(disk, block, payload + 1, reads);
        }
        block = next;
    }
    Err(StorageError::Damaged)
}

/// Reads an entry, header included, and lets the archive crate check and take it apart. The two
/// zero blocks behind it make it an archive of one file.
fn read_entry(
    disk: &mut Disk,
    block: u64,
    blocks: u64,
    reads: &mut u64,
) -> Result<File, StorageError> {
    let bytes = (blocks + 2) * BLOCK_BYTES as u64;
    let frames = u32::try_from(pages_for(bytes)).map_err(|_| StorageError::OutOfMemory)?;
    let extent = kernel::with(|kernel| kernel.preserved.allocate(frames));
    let extent = extent.ok_or(StorageError::OutOfMemory)?;
    let mut file = File {
        extent,
        start: 0,
        length: 0,
        block_reads: 0,
    };
    // SAFETY: The extent was just allocated.
    let memory = unsafe { extent_bytes_mut(&extent) };
    let (content, end) = memory.split_at_mut(blocks as usize * BLOCK_BYTES);
    end.fill(0);
    for (index, chunk) in (0..).zip(content.chunks_mut(Disk::CHUNK_BYTES)) {
        let first = block + index * (Disk::CHUNK_BYTES / BLOCK_BYTES) as u64;
        if let Err(error) = disk.read(first, chunk) {
            if error == StorageError::TimedOut {
                // The device may still write there: the memory is given up for good.
                core::mem::forget(file);
            }
            return Err(error);
        }
        *reads += (chunk.len() / BLOCK_BYTES) as u64;
    }
    let archive = memory.get(..bytes as usize).unwrap_or_default();
    let archive = TarArchiveRef::new(archive).map_err(|_| StorageError::Damaged)?;
    let entry = archive.entries().next().ok_or(StorageError::Damaged)?;
    file.start = BLOCK_BYTES;
    file.length = entry.data().len();
    Ok(file)
}

/// A block as the header of an archive's entry.
fn header(block: &[u8; BLOCK_BYTES]) -> &PosixHeader {
    const _: () =
        assert!(size_of::<PosixHeader>() == BLOCK_BYTES && align_of::<PosixHeader>() == 1);
    // SAFETY: The header is made of byte arrays only: it has the block's size, no alignment, and
    // every bit pattern is one.
    unsafe { &*block.as_ptr().cast() }
}
