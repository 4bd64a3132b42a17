//! What the kernel tells the Restart Manager.
//!
//! Half of these are news (something failed, somebody asked), the other half report how an
//! [`Action`](crate::Action) went. Every action is answered by exactly one report; until then the
//! manager asks nothing else of that actor.

use abi::{ActorId, FaultRecord};

use crate::GroupSlot;

/// Something that happened. Fault records are lent, because they are long and most events carry
/// none.
///
/// `actor` is the capability the kernel holds to be the present one. An event with any other is
/// ignored and counted: it is about an incarnation that is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'f> {
    /// The actor's image was loaded for the first time; it waits for its activation.
    Loaded {
        /// The declared actor.
        actor: ActorId,
    },
    /// The image could not be loaded. For a reload this says the same as
    /// [`Event::RestartFailed`].
    LoadFailed {
        /// The declared actor.
        actor: ActorId,
        /// Why not.
        fault: &'f FaultRecord,
    },
    /// The actor failed. None of its threads that failed runs on.
    Failed {
        /// The incarnation that failed.
        actor: ActorId,
        /// What is known about the failure.
        fault: &'f FaultRecord,
    },
    /// The actor said that it was done.
    Exited {
        /// The incarnation that is done.
        actor: ActorId,
    },
    /// Somebody with the right to, or the actor itself, wants its group restarted.
    RestartRequested {
        /// The member named in the request.
        actor: ActorId,
        /// Who asked.
        by: ActorId,
    },
    /// Somebody with the right to killed the actor. Its group is restarted: only a group kill
    /// ends restartable actors.
    KillRequested {
        /// The member that was killed.
        actor: ActorId,
        /// Who killed it.
        by: ActorId,
    },
    /// Somebody with the right to wants the whole group ended.
    GroupKillRequested {
        /// The group.
        group: GroupSlot,
        /// Who killed it.
        by: ActorId,
    },
    /// Somebody with the right to allows that a group that was given up is declared anew.
    GiveUpCleared {
        /// The group.
        group: GroupSlot,
        /// Who allowed it.
        by: ActorId,
    },
    /// Report on [`Action::Freeze`](crate::Action::Freeze): no thread of the actor runs, and its
    /// callers were told what its fate says.
    Frozen {
        /// The incarnation that was frozen.
        actor: ActorId,
        /// The capability of the next incarnation, for [`Fate::Restart`](crate::Fate::Restart).
        /// From here on it is the present one. `None` when the slot's generations are used up.
        successor: Option<ActorId>,
    },
    /// Report on [`Action::Restart`](crate::Action::Restart): memory is in its first state.
    Restarted {
        /// The new incarnation.
        actor: ActorId,
        /// Blocks of stable storage read for it.
        block_reads: u64,
    },
    /// Report on [`Action::Restart`](crate::Action::Restart): it could not be done. The actor
    /// stays frozen.
    RestartFailed {
        /// The new incarnation.
        actor: ActorId,
        /// Why not.
        fault: &'f FaultRecord,
    },
    /// Report on [`Action::Activate`](crate::Action::Activate): the first thread is ready to run.
    Activated {
        /// The new incarnation.
        actor: ActorId,
    },
    /// Report on [`Action::Activate`](crate::Action::Activate): there is no first thread. The
    /// actor stays frozen.
    ActivationFailed {
        /// The new incarnation.
        actor: ActorId,
        /// Why not.
        fault: &'f FaultRecord,
    },
    /// Report on [`Action::Activate`](crate::Action::Activate): it has not been done, and nobody is
    /// about to do it any more. It is to be asked for again, if it still is wanted.
    ActivationPostponed {
        /// The new incarnation.
        actor: ActorId,
    },
    /// Report on [`Action::Terminate`](crate::Action::Terminate): nothing is left of the actor.
    Ended {
        /// The last incarnation.
        actor: ActorId,
    },
    /// The actor says that it is ready to serve.
    Ready {
        /// The incarnation that is ready.
        actor: ActorId,
    },
    /// The actor answered a call for the first time in this incarnation.
    FirstReply {
        /// The incarnation that answered.
        actor: ActorId,
    },
    /// Report on [`Action::SiteRestart`](crate::Action::SiteRestart) or
    /// [`Action::SiteReboot`](crate::Action::SiteReboot): the kernel will not. (If it will, nobody
    /// is left to tell.)
    SiteActionRefused,
}
