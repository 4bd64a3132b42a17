//! What the Restart Manager asks of the kernel.

use abi::ActorId;
use abi::start::PreviousEnd;
use serde::{Deserialize, Serialize};

/// One step for the kernel to carry out and then to report with an [`Event`](crate::Event).
///
/// The manager never has two actions out for one actor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Stop everything in the actor, disconnect its sources of interrupts and time, unwind the
    /// threads of others out of it, and tell its callers. Answered by
    /// [`Event::Frozen`](crate::Event::Frozen). An actor that is frozen already may be frozen
    /// again with another fate (a held actor that is let go): only the telling is left to do.
    Freeze {
        /// The present incarnation.
        actor: ActorId,
        /// What comes after, which is what callers are told.
        fate: Fate,
    },
    /// Put the frozen actor's memory into its first state. Answered by
    /// [`Event::Restarted`](crate::Event::Restarted) or
    /// [`Event::RestartFailed`](crate::Event::RestartFailed).
    Restart {
        /// The new incarnation, as named at the freeze.
        actor: ActorId,
        /// Where text and data come from.
        source: Source,
    },
    /// Create the first thread. Answered by [`Event::Activated`](crate::Event::Activated) or
    /// [`Event::ActivationFailed`](crate::Event::ActivationFailed).
    Activate {
        /// The new incarnation.
        actor: ActorId,
        /// What it is told about the one before it.
        previous: PreviousEnd,
        /// How many times the actor has been started, this time included.
        incarnation: u32,
    },
    /// Give back what the frozen actor has; whoever asks for it learns that it is dead. Answered
    /// by [`Event::Ended`](crate::Event::Ended). May come before the actor's first load was
    /// reported, whose report is then ignored.
    Terminate {
        /// The last incarnation.
        actor: ActorId,
        /// What is kept of it, in case it is spawned again.
        remains: Remains,
    },
    /// Restart the whole site from memory. Returns only as
    /// [`Event::SiteActionRefused`](crate::Event::SiteActionRefused).
    SiteRestart {
        /// Sequence number of the ledger entry that says why.
        because: u64,
    },
    /// Restart the whole site through the firmware. Returns only as
    /// [`Event::SiteActionRefused`](crate::Event::SiteActionRefused).
    SiteReboot {
        /// Sequence number of the ledger entry that says why.
        because: u64,
    },
}

/// What a frozen actor's callers are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It comes back. The kernel names the successor now, though memory may be put back only
    /// later: callers are never held for the length of a backoff.
    Restart,
    /// It ends: no successor is named. Callers learn `Dead` now or, at the latest, when the actor
    /// is terminated.
    End,
    /// It stays as it is for a debugger: no successor is named yet.
    Hold,
}

/// What is kept of an actor that ends, less first. What is kept is given back, at the latest, when
/// its group has ended ([`GroupEntry::has_ended`](crate::GroupEntry::has_ended)).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Remains {
    /// Nothing.
    Nothing,
    /// The pristine image: an indirect member that was done. If it is spawned again, no block of
    /// stable storage is read.
    Image,
    /// The image, and the persistent regions with what is in them: an indirect member whose group
    /// is restarted hot. If it is spawned again, it has lost no more than a direct one.
    Everything,
}

/// Where text and data of a new incarnation come from, the milder first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Source {
    /// From the pristine image in memory: a hot restart. No block of stable storage is read.
    Memory,
    /// From stable storage: a reload, possibly of a new version.
    Storage,
}
