//! Where in the memory is what.
//!
//! ```text
//! word 0   whether it is formatted
//! word 1   the two copies of the table
//!          the blocks
//! ```

use durable::memory::WORD;

use crate::limits::BLOCK_BYTES;
use crate::table::TABLES;

/// Words of a block.
pub(crate) const BLOCK_WORDS: usize = BLOCK_BYTES / WORD;

pub(crate) const MARK_AT: usize = 0;
pub(crate) const TABLES_AT: usize = 1;
pub(crate) const BLOCKS_AT: usize = TABLES_AT + TABLES.total();
