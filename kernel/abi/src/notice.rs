//! Notices: what subscribers of a group are told, one for each change.
//!
//! Numbered by the site without gaps over all groups.

use serde::{Deserialize, Serialize};

use crate::numbered::numbered;
use crate::{ActorId, Instant, Name, Response};

numbered! {
    /// What has just happened to an actor or its group.
    pub struct NoticePhase(u16) {
        /// The actor failed.
        FAILED = 1 => "failed",
        /// The actor is frozen; from here on its new capability, if any, is known.
        FROZEN = 2 => "frozen",
        /// Its memory is in its first state.
        RESTARTED = 3 => "restarted",
        /// It has a first thread.
        ACTIVATED = 4 => "activated",
        /// It says that it is ready to serve.
        READY = 5 => "ready",
        /// The group is given up: it ends, and is not started again until that is cleared.
        GIVEN_UP = 6 => "given up",
    }
}

numbered! {
    /// What kind of cause a change has; the ledger has the details.
    pub struct CauseKind(u16) {
        /// None: the actor starts for the first time.
        FIRST_START = 0 => "first start",
        /// The actor failed.
        FAULT = 1 => "fault",
        /// The actor was done.
        CLEAN_EXIT = 2 => "clean exit",
        /// Somebody asked for a restart.
        REQUESTED = 3 => "requested",
        /// Somebody killed the actor or its group.
        KILLED = 4 => "killed",
        /// Another member, or a group below.
        GROUP = 5 => "group",
    }
}

/// One change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// Number of the notice; the first is 1, and none is left out.
    pub sequence: u64,
    /// When it happened.
    pub time: Instant,
    /// The name of the group.
    pub group: Name,
    /// The name of the actor.
    pub actor: Name,
    /// Its capability before the change.
    pub old: ActorId,
    /// Its capability from now on; none if it has no successor (yet).
    pub new: ActorId,
    /// Why.
    pub cause: CauseKind,
    /// What is being done about it.
    pub response: Response,
    /// What has happened.
    pub phase: NoticePhase,
    /// The entry of the ledger about it; 0 if there is none.
    pub ledger: u64,
}

/// The message that a subscriber's port gets for each change. Its sender is nobody
/// ([`ActorId::NONE`]), which no actor can be.
///
/// A port that has no room, or whose owner's budget has none, misses the notice. Nobody waits for
/// it, but the next message says how many were missed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// The group that was subscribed to. The notice may be about another one, at the other end of
    /// an edge whose reaction there is `restart` or `notify`.
    pub subscription: Name,
    /// How many notices of this subscription were missed right before this one.
    pub missed: u64,
    /// How many notices, of whichever groups, the kernel could not keep until they were delivered,
    /// since the last message of this subscription.
    pub lost: u64,
    /// What has happened.
    pub notice: Notice,
}

/// No [`Delivery`] is longer, in bytes.
pub const DELIVERY_MAX: usize = 256;
