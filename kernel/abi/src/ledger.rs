//! The ledger: every failure, and what was done about it.

use serde::{Deserialize, Serialize};

use crate::numbered::numbered;
use crate::{ActorId, FaultRecord, Instant, Name, Span};

/// Why an incarnation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "kept in place: there is no heap to box it on"
)]
pub enum Cause {
    /// It failed.
    Fault(FaultRecord),
    /// It said that it was done.
    CleanExit,
    /// It, or the holder of the right, asked for its restart.
    Requested {
        /// Who asked.
        by: ActorId,
    },
    /// It was killed by the holder of the right.
    Killed {
        /// Who killed it.
        by: ActorId,
    },
    /// Its group was restarted because of the entry with this sequence number.
    Group {
        /// The entry of the member, or the group below, that caused it.
        because: u64,
    },
}

numbered! {
    /// What the Restart Manager decided to do (paper, 2.1), mildest last.
    pub struct Response(u16) {
        /// Nothing: the actor ended by its own wish.
        NONE = 0 => "none",
        /// The actor ends.
        TERMINATE = 1 => "terminate",
        /// Text and data come again from stable storage; every private state is lost.
        RELOAD = 2 => "reload",
        /// Text and data are put back from memory.
        HOT_RESTART = 3 => "hot restart",
        /// The whole site re-enters from memory.
        SITE_RESTART = 4 => "site restart",
        /// The whole site goes through the firmware.
        SITE_REBOOT = 5 => "site reboot",
        /// The actor stays frozen for a debugger.
        HOLD = 6 => "hold",
    }
}

numbered! {
    /// How the response went.
    pub struct Outcome(u16) {
        /// Decided, not finished.
        PENDING = 0 => "pending",
        /// The actor runs again, or has ended as decided.
        DONE = 1 => "done",
        /// The image could not be used; the message is in the following entry.
        FAILED = 2 => "failed",
        /// A failure during the restart led to another response; see the following entry.
        SUPERSEDED = 3 => "superseded",
    }
}

/// How long each phase took. Zero where a phase did not happen (yet).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Phases {
    /// From the failure until every thread was stopped and every caller told.
    pub freeze: Span,
    /// From there until memory was back in its first state; for a reload, reading included.
    pub restart: Span,
    /// From there until the new incarnation's first thread was ready to run.
    pub activate: Span,
    /// From there until the new incarnation first answered a call.
    pub first_reply: Span,
}

/// One failure, or other end of an incarnation, and what was done about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Number of the entry; the first is 1, and none is left out.
    pub sequence: u64,
    /// When the incarnation ended.
    pub time: Instant,
    /// The incarnation that ended.
    pub actor: ActorId,
    /// The incarnation that took its place, if one did.
    pub successor: ActorId,
    /// The actor's name.
    pub name: Name,
    /// The name of its group.
    pub group: Name,
    /// How many times the actor had been started when it ended.
    pub incarnation: u32,
    /// Why it ended.
    pub cause: Cause,
    /// What was decided.
    pub response: Response,
    /// How that went.
    pub outcome: Outcome,
    /// Blocks read from stable storage for it.
    pub block_reads: u64,
    /// How long each phase took.
    pub phases: Phases,
}
