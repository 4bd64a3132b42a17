//! What an actor is told when it starts.

use serde::{Deserialize, Serialize};

use crate::{ActorId, FaultKind, Name, SiteCause, Text, layout};

/// What an actor is told at entry. The first two fields also come in registers RDI and RSI.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StartRecord {
    /// The capability of this incarnation.
    pub actor: ActorId,
    /// How many times this actor has been started, this time included; the first is 1.
    pub incarnation: u32,
    /// The actor's name, the same in every incarnation.
    pub name: Name,
    /// Its arguments, the same in every incarnation.
    pub arguments: Text<{ layout::ARGUMENTS_MAX }>,
    /// Why the previous incarnation ended.
    pub previous: PreviousEnd,
}

/// Why the previous incarnation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PreviousEnd {
    /// There was none.
    None,
    /// It failed, with the ledger entry that tells the whole story.
    Failed {
        /// The kind of failure.
        kind: FaultKind,
        /// Sequence number of the ledger entry.
        ledger: u64,
    },
    /// Somebody, or the actor itself, asked for a restart.
    Requested,
    /// A member of its group failed, or a group it depends on was restarted.
    WithGroup,
    /// The whole site was restarted.
    Site {
        /// Why.
        cause: SiteCause,
        /// Sequence number of the ledger entry about it.
        ledger: u64,
    },
    /// It exited cleanly, and was spawned again.
    Exited,
}
