//! The ledger: a bounded ring of everything that ended and what was done about it.
//!
//! Entries are numbered from 1 without gaps. When the ring is full the oldest entry is
//! overwritten; a reader that was slower sees it from the jump in the numbers and can say how many
//! it missed.
//!
//! An entry is made when the end is reported, so that it is there even if what follows goes
//! wrong, and amended as the phases complete. A reader who wants to follow that lends marks: each
//! entry that is new or was amended is marked, until it is [taken](Ledger::take_marked).

use abi::LedgerEntry;

/// Entries that one word has marks for.
pub const MARKS: usize = 64;

/// The ring, over storage lent by the kernel.
#[derive(Debug)]
pub struct Ledger<'s> {
    // Invariants: an entry with sequence number `n` is at index `(n - 1) % entries.len()`, and so is
    // `next_index` for `next` (0 if there is no room).
    entries: &'s mut [Option<LedgerEntry>],
    next: u64,
    /// Where that belongs: so that no entry's place needs a division.
    next_index: usize,
    /// One bit for each place, set if what is there changed; fewer, or none, if nobody asks. In words,
    /// so that whoever takes one looks at as many words as there are, and not at every place.
    marks: &'s mut [u64],
    /// How many are set.
    marked: usize,
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
        let next = latest.saturating_add(1);
        let ledger = Self {
            next_index: position(next, capacity).unwrap_or(0),
            entries,
            next,
            marks: &mut [],
            marked: 0,
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
    pub(crate) fn append(&mut self, entry: LedgerEntry) -> u64 {
        self.append_and(entry, |_| {})
    }

    /// The same, and changes it where it stays: what is long need not be made elsewhere and moved.
    #[inline]
    pub(crate) fn append_and(
        &mut self,
        mut entry: LedgerEntry,
        change: impl FnOnce(&mut LedgerEntry),
    ) -> u64 {
        let sequence = self.next;
        self.next = sequence.saturating_add(1);
        entry.sequence = sequence;
        let index = self.next_index;
        let after = index.saturating_add(1);
        self.next_index = if after < self.entries.len() { after } else { 0 };
        if let Some(place) = self.entries.get_mut(index) {
            change(place.insert(entry));
            self.mark(index);
        }
        sequence
    }

    /// Where the entry with this number is, if it is still there.
    #[inline]
    fn index_of(&self, sequence: u64) -> Option<usize> {
        let back = usize::try_from(self.next.checked_sub(sequence)?).ok()?;
        let capacity = self.entries.len();
        if back > capacity {
            return None;
        }
        let ahead = self.next_index.checked_sub(back);
        ahead.or_else(|| self.next_index.checked_add(capacity)?.checked_sub(back))
    }

    /// Changes the entry with this number, if it is still there.
    #[inline]
    pub(crate) fn amend(&mut self, sequence: u64, change: impl FnOnce(&mut LedgerEntry)) {
        if let Some(index) = self.index_of(sequence)
            && let Some(Some(entry)) = self.entries.get_mut(index)
            && entry.sequence == sequence
        {
            change(entry);
            self.mark(index);
        }
    }

    /// Lends marks, a word for every [`MARKS`] entries there is room for. What is there now counts as
    /// known.
    pub(crate) fn lend_marks(&mut self, marks: &'s mut [u64]) {
        marks.fill(0);
        self.marked = 0;
        self.marks = marks;
    }

    /// Takes the mark off an entry and returns it as it is now; which of several is not said.
    ///
    /// Ends: it looks at each word of marks once.
    pub fn take_marked(&mut self) -> Option<LedgerEntry> {
        if !self.has_marked() {
            return None;
        }
        let mut words = self.marks.iter_mut().enumerate();
        let (index, word) = words.find(|(_, word)| **word != 0)?;
        let bit = word.trailing_zeros();
        // Clears the lowest bit.
        *word &= word.saturating_sub(1);
        self.marked = self.marked.saturating_sub(1);
        let place = index.checked_mul(MARKS)?;
        *self
            .entries
            .get(place.checked_add(usize::try_from(bit).ok()?)?)?
    }

    /// Whether there is an entry to be taken.
    #[must_use]
    pub const fn has_marked(&self) -> bool {
        self.marked > 0
    }

    #[inline]
    fn mark(&mut self, index: usize) {
        let bit = 1 << (index % MARKS);
        if let Some(word) = self.marks.get_mut(index / MARKS)
            && *word & bit == 0
        {
            *word |= bit;
            self.marked = self.marked.saturating_add(1);
        }
    }

    /// The entry with this number, if it is still there.
    #[must_use]
    pub fn get(&self, sequence: u64) -> Option<&LedgerEntry> {
        let entry = self.entries.get(self.index_of(sequence)?)?.as_ref()?;
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

    /// The numbers of the entries that may still be there: from the first, to below the second.
    pub(crate) fn range(&self) -> (u64, u64) {
        (self.oldest_kept(), self.next)
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

#[cfg(test)]
mod tests {
    use abi::{ActorId, Advice, Cause, Instant, Name, Outcome, Phases, Response};

    use super::*;

    fn entry() -> LedgerEntry {
        LedgerEntry {
            sequence: 0,
            time: Instant::ZERO,
            actor: ActorId::NONE,
            successor: ActorId::NONE,
            name: Name::EMPTY,
            group: Name::EMPTY,
            incarnation: 0,
            cause: Cause::CleanExit,
            response: Response::NONE,
            outcome: Outcome::PENDING,
            block_reads: 0,
            phases: Phases::default(),
            advice: Advice::NOT_ASKED,
            scope: Name::EMPTY,
        }
    }

    fn numbers(ledger: &Ledger<'_>) -> Vec<u64> {
        ledger.entries().map(|entry| entry.sequence).collect()
    }

    #[test]
    fn overwritten_entries_show_as_a_gap() {
        let mut storage = vec![None; 3];
        let mut ledger = Ledger::new(&mut storage);
        assert!(ledger.read_from(0).is_none());
        for expected in 1..=5 {
            assert_eq!(ledger.append(entry()), expected);
        }
        assert_eq!(numbers(&ledger), [3, 4, 5]);
        assert_eq!(ledger.read_from(1).map(|entry| entry.sequence), Some(3));
        assert_eq!(ledger.read_from(4).map(|entry| entry.sequence), Some(4));
        assert!(ledger.read_from(6).is_none());
        assert!(ledger.get(2).is_none());
    }

    #[test]
    fn an_overwritten_entry_is_not_amended() {
        let mut storage = vec![None; 2];
        let mut ledger = Ledger::new(&mut storage);
        for _ in 0..3 {
            ledger.append(entry());
        }
        ledger.amend(1, |entry| entry.outcome = Outcome::FAILED);
        ledger.amend(2, |entry| entry.outcome = Outcome::DONE);
        let outcomes: Vec<_> = ledger.entries().map(|entry| entry.outcome).collect();
        assert_eq!(outcomes, [Outcome::DONE, Outcome::PENDING]);
    }

    #[test]
    fn a_ledger_goes_on_after_the_entries_it_is_given() {
        let mut storage = vec![None; 4];
        let mut ledger = Ledger::new(&mut storage);
        for _ in 0..6 {
            ledger.append(entry());
        }
        // One entry in the wrong place, one from a round before: both are lost.
        storage.swap(0, 1);
        storage[3] = Some(LedgerEntry {
            sequence: 8 - 4,
            ..entry()
        });
        let mut ledger = Ledger::new(&mut storage);
        assert_eq!(ledger.next_sequence(), 5);
        ledger.append(entry());
        assert_eq!(numbers(&ledger), [3, 4, 5]);
    }

    #[test]
    fn who_lends_marks_sees_every_change_and_the_last_state() {
        let mut storage = vec![None; 3];
        let mut marks = [u64::MAX];
        let mut ledger = Ledger::new(&mut storage);
        ledger.append(entry());
        ledger.lend_marks(&mut marks);
        // What was there before is known.
        assert!(!ledger.has_marked());
        ledger.amend(1, |entry| entry.outcome = Outcome::FAILED);
        ledger.append(entry());
        let mut taken = || -> Vec<_> {
            let taken = std::iter::from_fn(|| ledger.take_marked());
            taken.map(|entry| (entry.sequence, entry.outcome)).collect()
        };
        assert_eq!(taken(), [(1, Outcome::FAILED), (2, Outcome::PENDING)]);
        assert_eq!(taken(), []);
        ledger.amend(1, |entry| entry.outcome = Outcome::FAILED);
        ledger.amend(1, |entry| entry.outcome = Outcome::DONE);
        assert!(ledger.has_marked());
        assert_eq!(ledger.take_marked().map(|e| e.outcome), Some(Outcome::DONE));
        assert!(!ledger.has_marked());
        // What is overwritten before it is taken is lost; its number says so.
        for _ in 0..4 {
            ledger.append(entry());
        }
        ledger.amend(2, |entry| entry.outcome = Outcome::DONE);
        let numbers = std::iter::from_fn(|| ledger.take_marked()).map(|entry| entry.sequence);
        assert_eq!(numbers.collect::<Vec<_>>(), [4, 5, 6]);
        assert!(!ledger.has_marked());
        assert!(ledger.take_marked().is_none());
    }

    #[test]
    fn every_place_of_a_long_ring_has_a_mark_of_its_own() {
        let mut storage = vec![None; 200];
        let mut marks = [0; 200_usize.div_ceil(MARKS)];
        let mut ledger = Ledger::new(&mut storage);
        ledger.lend_marks(&mut marks);
        for _ in 0..200 {
            ledger.append(entry());
        }
        let all = |ledger: &mut Ledger<'_>| -> Vec<_> {
            let taken = std::iter::from_fn(|| ledger.take_marked());
            taken.map(|entry| entry.sequence).collect()
        };
        assert_eq!(all(&mut ledger), (1..=200).collect::<Vec<_>>());
        let changed = [1, 64, 65, 128, 129, 200];
        for sequence in changed {
            ledger.amend(sequence, |entry| entry.outcome = Outcome::DONE);
        }
        assert_eq!(all(&mut ledger), changed);
        assert!(!ledger.has_marked());
    }

    #[test]
    fn without_room_entries_are_only_numbered() {
        let mut ledger = Ledger::new(&mut []);
        assert_eq!((ledger.append(entry()), ledger.append(entry())), (1, 2));
        assert!(ledger.read_from(1).is_none());
    }
}
