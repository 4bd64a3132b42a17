//! The ledger: a bounded ring of everything that ended and what was done about it.
//!
//! Entries are numbered from 1 without gaps. When the ring is full the oldest entry is
//! overwritten; a reader that was slower sees it from the jump in the numbers and can say how many
//! it missed.
//!
//! An entry is made when the end is reported, so that it is there even if what follows goes
//! wrong, and amended as the phases complete.

use abi::LedgerEntry;

/// The ring, over storage lent by the kernel.
#[derive(Debug)]
pub struct Ledger<'s> {
    // Invariant: an entry with sequence number `n` is at index `(n - 1) % entries.len()`.
    entries: &'s mut [Option<LedgerEntry>],
    next: u64,
}

impl<'s> Ledger<'s> {
    /// A ledger that goes on after the latest entry in `entries`. (After a restart of the site the
    /// kernel hands back the ring as it was.) Entries that are not where their number says are
    /// dropped.
    #[must_use]
    pub fn new(entries: &'s mut [Option<LedgerEntry>]) -> Self {
        let capacity = entries.len();
        let mut latest = 0;
        for (index, place) in entries.iter_mut().enumerate() {
            match place {
                Some(entry) if position(entry.sequence, capacity) == Some(index) => {
                    latest = latest.max(entry.sequence);
                }
                _ => *place = None,
            }
        }
        let ledger = Self {
            entries,
            next: latest.saturating_add(1),
        };
        let oldest = ledger.oldest_kept();
        for place in ledger.entries.iter_mut() {
            if place.is_some_and(|entry| entry.sequence < oldest) {
                *place = None;
            }
        }
        ledger
    }

    /// Adds an entry and returns the number it was given; its own is overwritten.
    pub(crate) fn append(&mut self, mut entry: LedgerEntry) -> u64 {
        let sequence = self.next;
        self.next = sequence.saturating_add(1);
        entry.sequence = sequence;
        let place = position(sequence, self.entries.len());
        if let Some(place) = place.and_then(|index| self.entries.get_mut(index)) {
            *place = Some(entry);
        }
        sequence
    }

    /// Changes the entry with this number, if it is still there.
    pub(crate) fn amend(&mut self, sequence: u64, change: impl FnOnce(&mut LedgerEntry)) {
        let place = position(sequence, self.entries.len());
        if let Some(Some(entry)) = place.and_then(|index| self.entries.get_mut(index))
            && entry.sequence == sequence
        {
            change(entry);
        }
    }

    /// The entry with this number, if it is still there.
    #[must_use]
    pub fn get(&self, sequence: u64) -> Option<&LedgerEntry> {
        let entry = self
            .entries
            .get(position(sequence, self.entries.len())?)?
            .as_ref()?;
        (entry.sequence == sequence).then_some(entry)
    }

    /// The first entry with this number or a later one. A number that is not the one asked for
    /// means that those between are lost.
    #[must_use]
    pub fn read_from(&self, sequence: u64) -> Option<&LedgerEntry> {
        (sequence.max(self.oldest_kept())..self.next).find_map(|wanted| self.get(wanted))
    }

    /// Every entry that is still there, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &LedgerEntry> {
        (self.oldest_kept()..self.next).filter_map(|wanted| self.get(wanted))
    }

    /// The number that the next entry will have.
    #[must_use]
    pub const fn next_sequence(&self) -> u64 {
        self.next
    }

    fn oldest_kept(&self) -> u64 {
        let capacity = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        self.next.saturating_sub(capacity).max(1)
    }
}

/// Where the entry with this number belongs.
fn position(sequence: u64, capacity: usize) -> Option<usize> {
    let capacity = u64::try_from(capacity).ok()?;
    usize::try_from(sequence.checked_sub(1)?.checked_rem(capacity)?).ok()
}
