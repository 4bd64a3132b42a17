//! What the actors of these tests say to each other.
//!
//! A *worker* checks at its start everything that it keeps in persistent regions, and then works. A
//! [`member`] goes wherever the judge wants somebody to be when the kernel ends. Both serve a port of
//! their own name. The judge comes back with the site like everybody else, so what it knows of the
//! time before is in regions of its own.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod member;

use serde::{Deserialize, Serialize};
use syscall::abi::start::PreviousEnd;
use syscall::abi::{ActorId, LapId, PortId};

/// What a worker can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Answers [`Reply::Report`].
    Report,
    /// Answers [`Reply::Number`] with one more.
    Echo(u64),
    /// Begins to work, with all it has.
    Work,
    /// Answers [`Reply::Progress`].
    Progress,
}

/// What a worker answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Did it.
    Done,
    /// A number.
    Number(u64),
    /// What it found at its start.
    Report(Report),
    /// How far it has come since.
    Progress(Progress),
}

/// What a worker found at its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Its capability.
    pub actor: ActorId,
    /// Its port.
    pub port: PortId,
    /// Its LAP.
    pub lap: LapId,
    /// How many times it was started.
    pub incarnation: u32,
    /// Why the previous incarnation ended.
    pub previous: PreviousEnd,
    /// The last record of its journal.
    pub last: u64,
    /// Whether the one before was interrupted in appending to the journal.
    pub was_appending: bool,
    /// Whether the one before was interrupted in committing its state.
    pub was_committing: bool,
}

/// How far a worker has come since its start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// The last record that is committed.
    pub committed: u64,
    /// Calls that were answered.
    pub calls: u64,
    /// Visits in the LAP of another worker.
    pub visits: u64,
    /// Runs of its timer.
    pub times: u64,
    /// Runs of its interrupt handler.
    pub interrupts: u64,
}

/// The name of a worker's LAP.
#[must_use]
pub fn lap_name(worker: &str) -> syscall::abi::Name {
    with_suffix(worker, "-lap")
}

/// The name of the actor that a worker spawns.
#[must_use]
pub fn child_name(worker: &str) -> syscall::abi::Name {
    with_suffix(worker, "-child")
}

fn with_suffix(worker: &str, suffix: &str) -> syscall::abi::Name {
    let mut name = syscall::abi::Name::EMPTY;
    // Writing to a `Text` cannot fail: what does not fit is cut.
    let _ = core::fmt::write(&mut name, format_args!("{worker}{suffix}"));
    name
}
