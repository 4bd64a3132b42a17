//! The memory that files are in, word by word, and where in it is what.
//!
//! ```text
//! word 0   whether it is formatted
//! word 1   which copy of the table counts
//! word 2   the two copies of the table
//!          the blocks
//! ```

use core::sync::atomic::{AtomicU64, Ordering};

use crate::limits::BLOCK_BYTES;
use crate::table::TABLE_WORDS;

/// Bytes of a word.
pub(crate) const WORD: usize = size_of::<u64>();
/// Words of a block.
pub(crate) const BLOCK_WORDS: usize = BLOCK_BYTES / WORD;

pub(crate) const MARK_AT: usize = 0;
pub(crate) const CURRENT_AT: usize = 1;
pub(crate) const TABLES_AT: usize = 2;
pub(crate) const BLOCKS_AT: usize = TABLES_AT + 2 * TABLE_WORDS;

/// Words that stay when the owner dies.
pub trait Memory {
    /// Reads the word `index`; 0 beyond the end.
    fn load(&self, index: usize) -> u64;

    /// Writes the word `index` with one store; beyond the end it does nothing. Stores happen in
    /// the order of the calls.
    fn store(&self, index: usize, word: u64);
}

impl Memory for &[AtomicU64] {
    fn load(&self, index: usize) -> u64 {
        let word = self.get(index);
        word.map_or(0, |word| word.load(Ordering::Acquire))
    }

    fn store(&self, index: usize, word: u64) {
        if let Some(place) = self.get(index) {
            // Release: after every store before it, for whoever looks at the memory later.
            place.store(word, Ordering::Release);
        }
    }
}
