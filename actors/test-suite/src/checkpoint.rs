//! What is said about commits whose owner is killed.

use serde::{Deserialize, Serialize};
use syscall::abi::{Instant, PortId};

/// Bytes that there is room for.
pub const VALUE_BYTES: usize = 64;

/// What is committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Which commit it is of.
    pub number: u64,
    /// Follows from it.
    pub mixed: [u64; 2],
}

impl Account {
    /// What commit number `number` commits.
    #[must_use]
    pub fn of(number: u64) -> Self {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            number,
            mixed: [mixed, !mixed],
        }
    }
}

/// What there is to be cut off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum What {
    /// A commit of the checkpoint.
    Commit,
    /// A record of the log.
    Append,
}

/// When to commit what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CommitPlan {
    /// What to do
    pub what: What,
    /// so many nanoseconds
    pub ahead: u64,
    /// before this time,
    pub due: Instant,
    /// with so many turns of a loop that take an instruction more than others.
    pub long_turns: u64,
    /// Where to tell of it.
    pub port: PortId,
}

/// What is told of a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Told {
    /// It begins.
    Begun(Instant),
    /// It is done.
    Done(Instant),
}

/// What an incarnation finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Found {
    /// The value.
    pub account: Account,
    /// How often it was committed.
    pub sequence: u64,
    /// Whether that was interrupted.
    pub was_interrupted: bool,
    /// The last record of the log.
    pub log: u64,
    /// Whether all records are there that should be, and none is changed.
    pub is_log_whole: bool,
    /// Whether that was interrupted.
    pub was_log_interrupted: bool,
}
