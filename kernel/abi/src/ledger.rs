//! The ledger: every failure, and what was done about it.

use serde::{Deserialize, Serialize};

use crate::numbered::numbered;
use crate::{ActorId, CauseKind, FaultRecord, Instant, Name, Span};

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
        /// The entry that caused it: of a member, or of a group below or above.
        because: u64,
    },
}

impl Cause {
    /// What kind of cause it is.
    #[must_use]
    pub const fn kind(&self) -> CauseKind {
        match self {
            Self::Fault(_) => CauseKind::FAULT,
            Self::CleanExit => CauseKind::CLEAN_EXIT,
            Self::Requested { .. } => CauseKind::REQUESTED,
            Self::Killed { .. } => CauseKind::KILLED,
            Self::Group { .. } => CauseKind::GROUP,
        }
    }
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

numbered! {
    /// What became of the policy's advice about a failure.
    pub struct Advice(u16) {
        /// The policy was not asked: it was no failure, or the group was being stopped anyway.
        NOT_ASKED = 0 => "not asked",
        /// Its answer was followed.
        FOLLOWED = 1 => "followed",
        /// What it asked for had just been tried in vain, so something severer was done.
        SEVERER = 2 => "made severer",
        /// It panicked; the built-in policy was asked instead, as for all that follow.
        PANICKED = 3 => "policy panicked",
        /// It did not answer within its budget of steps.
        OVER_BUDGET = 4 => "policy over budget",
        /// It named a group that does not exist.
        UNKNOWN_GROUP = 5 => "policy named an unknown group",
        /// It named a group that is not below the one that failed.
        NOT_BELOW = 6 => "policy named a group that is not below",
        /// It named a group that is held, has ended, or is being ended.
        NOT_RESTARTABLE = 7 => "policy named a group that cannot be restarted",
        /// It asked for a delay beyond the longest that is allowed.
        DELAY_TOO_LONG = 8 => "policy asked for too long a delay",
        /// The site was to be restarted or rebooted and the kernel refused; the group was
        /// terminated instead, and given up.
        SITE_REFUSED = 9 => "site action refused",
    }
}

/// How long each phase took. Zero where a phase did not happen (yet).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Phases {
    /// From the failure until every thread was stopped and every caller told.
    pub freeze: Span,
    /// From there until its restart began: a backoff, and waiting for other groups.
    pub delay: Span,
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
    /// What became of the policy's advice.
    pub advice: Advice,
    /// The name of the group the response was aimed at: the actor's own, or, if the blame went
    /// further down, the one below that was restarted.
    pub scope: Name,
}

impl LedgerEntry {
    /// When the next incarnation was activated, or how far that has come.
    #[must_use]
    pub fn activated_at(&self) -> Instant {
        let phases = &self.phases;
        [phases.freeze, phases.delay, phases.restart, phases.activate]
            .into_iter()
            .fold(self.time, Instant::after)
    }
}
