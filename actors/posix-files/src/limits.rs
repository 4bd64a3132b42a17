//! How much there can be.

use durable::memory::WORD;

use crate::memory::{BLOCK_WORDS, BLOCKS_AT};

/// Most files there can be.
pub const FILES_MAX: usize = 64;

/// Bytes of a block. A change of one byte writes a block anew, so it is not large.
pub const BLOCK_BYTES: usize = 1024;

/// Most blocks in all files together.
pub const BLOCKS_MAX: usize = 256;

/// Longest file.
pub const FILE_BYTES_MAX: usize = FILE_BLOCKS_MAX * BLOCK_BYTES;

/// Most blocks in one file.
pub(crate) const FILE_BLOCKS_MAX: usize = 64;

/// Longest name of a file, in bytes.
pub const NAME_MAX: usize = 32;

/// Most bytes that one write takes.
pub const WRITE_MAX: usize = 2048;

/// Most blocks that one write touches, and so needs free ones for.
pub(crate) const TOUCHED_MAX: usize = WRITE_MAX / BLOCK_BYTES + 1;

/// Blocks in the memory.
pub(crate) const POOL: usize = BLOCKS_MAX + TOUCHED_MAX;

/// Bytes of the memory.
pub const MEMORY_BYTES: usize = (BLOCKS_AT + POOL * BLOCK_WORDS) * WORD;
