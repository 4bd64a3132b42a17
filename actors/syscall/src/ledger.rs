//! The site's ledger: every failure and what was done about it.

use abi::LedgerEntry;

use crate::{Result, call, wire};

/// Walks the ledger from an entry on. A gap in the sequence numbers means that entries were
/// overwritten.
#[derive(Clone, Debug)]
pub struct Entries {
    next: u64,
}

/// Returns the entries whose sequence number is at least `sequence`, oldest first.
#[must_use]
pub fn entries_from(sequence: u64) -> Entries {
    Entries { next: sequence }
}

/// Returns the entry with this sequence number, if the ledger has it still (and already).
///
/// # Errors
/// When the kernel's record cannot be read.
pub fn entry(sequence: u64) -> Result<Option<LedgerEntry>> {
    match entries_from(sequence).next() {
        Some(Ok(entry)) if entry.sequence == sequence => Ok(Some(entry)),
        Some(Err(error)) => Err(error),
        Some(Ok(_)) | None => Ok(None),
    }
}

impl Iterator for Entries {
    type Item = Result<LedgerEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        wire::next_record(&mut self.next, call::sys_ledger_read)
    }
}
