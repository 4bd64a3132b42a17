//! A server's journal: what has happened to each invocation, in memory that outlives the server.
//!
//! Written by the server's guests as they go, so that it can be held against what their callers
//! were told.

use core::sync::atomic::{AtomicU64, Ordering};

/// Name of the persistent region.
pub const REGION: &str = "journal";
/// Entries there are: numbers from 1 to one less.
pub const ENTRIES: usize = 4096;
/// Bytes of the region: a word an entry, and what the handlers write.
pub const BYTES: usize = ENTRIES * 8;

/// The invocation has begun.
pub const BEGUN: u64 = 1;
/// It has had its effect.
pub const EFFECT: u64 = 2;
/// It has come to the end of its program.
pub const ENDED: u64 = 4;

/// The journal.
#[derive(Clone, Copy, Debug)]
pub struct Journal {
    entries: &'static [AtomicU64],
}

impl Journal {
    /// Takes a region's words for a journal.
    #[must_use]
    pub fn of(entries: &'static [AtomicU64]) -> Self {
        Self { entries }
    }

    /// Enters something. What was entered once is never taken back.
    pub fn enter(&self, number: u64, what: u64) {
        if let Some(entry) = self.entries.get(number as usize) {
            entry.fetch_or(what, Ordering::SeqCst);
        }
    }

    /// What has been entered.
    #[must_use]
    pub fn read(&self, number: u64) -> u64 {
        let entry = self.entries.get(number as usize);
        entry.map_or(u64::MAX, |entry| entry.load(Ordering::SeqCst))
    }
}
