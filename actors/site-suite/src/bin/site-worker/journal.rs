//! What a worker keeps: a journal, a state that says how far that came, and a pattern.
//!
//! Beside them, in a region of its own, stands what the worker was about to do and what it has done.
//! These are plain words, so that what the journal says of itself is held against something else.

use core::sync::atomic::Ordering;

use judging::random::Random;
use serde::{Deserialize, Serialize};
use syscall::durable::Condition;
use syscall::prelude::*;
use syscall::{PersistentRegion, PersistentWords, RingLog};

/// Records that the journal has room for.
const RECORDS: usize = 24;
/// Bytes of the longest record.
const RECORD_MAX: usize = 96;
/// Bytes of the pattern.
const PATTERN_BYTES: usize = 2 * 4096;

/// How far the journal has come, and a number that follows from that.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
struct State {
    last: u64,
    sum: u64,
}

/// The words beside it: each kept thing is written between two of these.
#[derive(Clone, Copy)]
enum Mark {
    /// The number that is going to be appended.
    Appending,
    /// The number that was appended.
    Appended,
    /// The number that is going to be committed.
    Committing,
    /// The number that was committed.
    Committed,
}

pub(crate) struct Journal {
    log: RingLog,
    state: Checkpoint<State>,
    marks: PersistentWords,
    seed: u64,
}

impl Journal {
    /// Opens it, and checks that all is there.
    pub(crate) fn open(owner: &str) -> Result<Self> {
        let journal = Self {
            log: RingLog::open("journal", RECORDS, RECORD_MAX)?,
            state: Checkpoint::open("state", 32, State::default())?,
            marks: PersistentRegion::open("marks", 4 * 8)?.into_shared(),
            seed: seed_of(owner),
        };
        journal.check();
        Ok(journal)
    }

    /// Whether the owner before was interrupted in an append, and in a commit.
    pub(crate) fn was_interrupted(&self) -> (bool, bool) {
        (self.log.was_interrupted(), self.state.was_interrupted())
    }

    /// Number of the last record.
    pub(crate) fn last(&self) -> u64 {
        self.log.last()
    }

    /// Appends a record, and commits a state that says so. Returns its number.
    pub(crate) fn step(&mut self) -> Result<u64> {
        let number = self.log.last() + 1;
        let mut buffer = [0; RECORD_MAX];
        let record = record(self.seed, number, &mut buffer);
        self.mark(Mark::Appending, number);
        assert_eq!(self.log.append(record)?, number, "a number was left out");
        self.mark(Mark::Appended, number);
        self.mark(Mark::Committing, number);
        self.state.commit(state(self.seed, number))?;
        self.mark(Mark::Committed, number);
        Ok(number)
    }

    fn check(&self) {
        let [appending, appended, committing, committed] = [
            Mark::Appending,
            Mark::Appended,
            Mark::Committing,
            Mark::Committed,
        ]
        .map(|mark| self.marked(mark));
        let (last, kept) = (self.log.last(), *self.state.get());
        check_kept(
            self.log.condition(),
            last,
            (appending, appended),
            "the journal",
        );
        check_kept(
            self.state.condition(),
            kept.last,
            (committing, committed),
            "the state",
        );
        let oldest = last.saturating_sub(RECORDS as u64) + 1;
        assert_eq!(self.log.oldest(), oldest, "records are lost, of {last}");
        let (mut found, mut expected) = ([0; RECORD_MAX], [0; RECORD_MAX]);
        for number in oldest..=last {
            let record_found = match self.log.read(number, &mut found) {
                Ok(record) => record,
                Err(error) => panic!("record {number} of {last}: {error}"),
            };
            let expected = record(self.seed, number, &mut expected);
            assert!(record_found == expected, "record {number} is another one");
        }
        assert!(
            kept.last == 0 || kept == state(self.seed, kept.last),
            "the state is another one"
        );
    }

    fn mark(&self, mark: Mark, number: u64) {
        if let Some(word) = self.marks.get(mark as usize) {
            word.store(number, Ordering::SeqCst);
        }
    }

    fn marked(&self, mark: Mark) -> u64 {
        let word = self.marks.get(mark as usize);
        word.map_or(0, |word| word.load(Ordering::SeqCst))
    }
}

/// Holds what is kept against what its owner was about to do and had done.
fn check_kept(condition: Condition, last: u64, (begun, done): (u64, u64), what: &str) {
    let is_so = match condition {
        Condition::Interrupted => begun == done + 1 && last == done,
        Condition::Whole => last == done || (last == begun && begun == done + 1),
        _ => false,
    };
    assert!(
        is_so,
        "{what} is {condition:?} at {last}, begun {begun}, done {done}"
    );
}

/// Checks the pattern, which the first incarnation made and nobody changes.
pub(crate) fn check_pattern(owner: &str) -> Result<()> {
    let mut region = PersistentRegion::open("pattern", PATTERN_BYTES)?;
    let mut random = Random::new(seed_of(owner), 0);
    let is_new = region.is_new();
    for word in region.chunks_exact_mut(8) {
        let expected = random.next_number().to_le_bytes();
        if is_new {
            word.copy_from_slice(&expected);
        }
        assert!(*word == expected, "the pattern has changed");
    }
    Ok(())
}

/// The record of this number: it says which it is, and its length differs from the next one's.
fn record(seed: u64, number: u64, buffer: &mut [u8; RECORD_MAX]) -> &[u8] {
    let mut random = Random::new(seed, number);
    for word in buffer.chunks_exact_mut(8) {
        word.copy_from_slice(&random.next_number().to_le_bytes());
    }
    let length = 8 + random.below(RECORD_MAX as u64 - 8) as usize;
    buffer.get(..length).unwrap_or_default()
}

/// The state after the record of this number.
fn state(seed: u64, last: u64) -> State {
    let sum = Random::new(!seed, last).next_number();
    State { last, sum }
}

fn seed_of(owner: &str) -> u64 {
    let bytes = owner.bytes();
    bytes.fold(7, |seed, byte| Random::new(seed, byte.into()).next_number())
}
