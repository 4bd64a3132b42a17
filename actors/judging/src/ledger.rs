//! The ledger as the judge reads it: entry by entry, none left out.

use syscall::abi::{Cause, FaultRecord, LedgerEntry, Outcome, Response};
use syscall::ledger;
use syscall::prelude::*;

use crate::check::{Must, wait_until};

/// How long an entry may take to come, or to be finished: far longer than any restart and any
/// backoff of the test sites.
const PATIENCE: Span = Span::from_secs(10);

/// A place in the ledger: everything before it has been read.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    next: u64,
}

impl Reader {
    /// Starts behind the last entry that there is.
    #[track_caller]
    pub fn at_end() -> Self {
        let last = ledger::entries_from(0).last();
        let next = last.map_or(1, |entry| entry.must("a ledger entry").sequence + 1);
        Self { next }
    }

    /// Starts with the entry of this number.
    #[must_use]
    pub const fn at(sequence: u64) -> Self {
        Self { next: sequence }
    }

    /// Starts with the first entry.
    pub fn at_start() -> Self {
        Self { next: 1 }
    }

    /// Waits for the next entry to come and to be finished, and takes it.
    #[track_caller]
    pub fn take(&mut self) -> LedgerEntry {
        let entry = self.take_unfinished();
        finished(entry.sequence)
    }

    /// Waits for the next entry to come, and takes it.
    #[track_caller]
    pub fn take_unfinished(&mut self) -> LedgerEntry {
        let mut found = None;
        wait_until(PATIENCE, || {
            found = ledger::entries_from(self.next).next();
            found.is_some()
        });
        let entry = found.must("the next ledger entry").must("a ledger entry");
        // None is left out, and none came in between.
        check_eq!(entry.sequence, self.next);
        self.next += 1;
        entry
    }

    /// Checks that no entry has come.
    #[track_caller]
    pub fn must_be_at_end(&self) {
        if let Some(entry) = ledger::entries_from(self.next).next() {
            fail!("unexpected ledger entry: {entry:?}")
        }
    }

    /// Skips what is there.
    #[track_caller]
    pub fn skip(&mut self) {
        *self = Self::at_end();
    }
}

/// Waits for an entry to be finished, and returns it.
#[track_caller]
pub fn finished(sequence: u64) -> LedgerEntry {
    let read = || {
        ledger::entry(sequence)
            .must("a ledger entry")
            .must("a ledger entry")
    };
    wait_until(PATIENCE, || read().outcome != Outcome::PENDING);
    let entry = read();
    check!(
        entry.outcome != Outcome::PENDING,
        "entry {sequence} is not finished: {entry:?}"
    );
    entry
}

/// The fault that an entry is about.
#[track_caller]
pub fn fault(entry: &LedgerEntry) -> FaultRecord {
    match entry.cause {
        Cause::Fault(fault) => fault,
        other => fail!("entry {} has no fault but {other:?}", entry.sequence),
    }
}

/// Checks what was done, and that it worked.
#[track_caller]
pub fn must_be_done(entry: &LedgerEntry, response: Response) {
    check_eq!(
        (entry.response, entry.outcome),
        (response, Outcome::DONE),
        "entry {} of {}",
        entry.sequence,
        entry.name
    );
}
