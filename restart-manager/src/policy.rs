//! The seam between deciding and advising.
//!
//! A policy answers one question: this failed, here is the past; what now? It is asked for every
//! failure of a running actor and for every restart that could not be done. It is not asked about
//! what was wished for (clean exit, requested restart, kill), nor about members that fail while
//! their group is already being stopped.
//!
//! A policy is a function: it keeps nothing, and for the same situation it gives the same answer,
//! so that a recorded trace can be rehearsed.

use abi::{ActorId, FaultRecord, Instant, Name, Span};

use crate::action::Source;
use crate::{ActorKind, GroupSlot, History, Parameters, Tree};

/// How many instructions a policy may take for one answer.
///
/// An estimate, not a measurement: the longest of the shipped ones looks at two histories of
/// sixteen times for each group below, so some hundred thousand instructions down a chain of 256
/// groups, and a few thousand in the trees we know. Ten times the former is about a millisecond,
/// which the recovery of one actor can afford even if the answer is then thrown away.
pub const DECISION_BUDGET: u64 = 1_000_000;

/// What a policy must do.
pub trait RestartPolicy: Sync {
    /// The name it is chosen by.
    fn name(&self) -> &'static str;

    /// Advises on one failure.
    ///
    /// # Contract
    /// It returns within [`DECISION_BUDGET`] instructions: it loops only over what the situation
    /// shows, which is bounded (histories, the groups below), and each a fixed number of times. It
    /// does not panic, allocate or block, and gives the same answer to the same question.
    ///
    /// The kernel does not trust a policy to keep this: it runs it on a stack of its own, and when
    /// it panics or takes too long that stack is given up and [`Response::NoAnswer`] is the
    /// answer. Since a policy allocates nothing and locks nothing, nothing is lost. An answer that makes no sense
    /// is caught by the manager: a group that is not below the one that failed or cannot be
    /// restarted, a delay beyond [`Decision::LONGEST_DELAY`]. In both cases the built-in
    /// [`fallback`](crate::fallback) decides, and the ledger says why.
    fn decide(&self, situation: &Situation<'_>) -> Decision;
}

/// What a policy is shown. More fields may come, so it is made with [`Situation::new`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Situation<'a> {
    /// The failure.
    pub fault: &'a FaultRecord,
    /// The actor that failed.
    pub actor: ActorFacts,
    /// The actor's failures since its last stable run, this one included.
    pub history: &'a History,
    /// The actor's group, which shares whatever is decided.
    pub group: GroupFacts<'a>,
    /// What that group stands on.
    pub tree: Tree<'a>,
    /// Set when the failure is that of a restart: what had been tried. Whatever the policy
    /// answers, that is not tried again (see [`Response::after_failed`]).
    pub failed_attempt: Option<Source>,
    /// The time.
    pub now: Instant,
}

impl<'a> Situation<'a> {
    /// A situation with nothing unusual about it.
    #[must_use]
    pub const fn new(
        fault: &'a FaultRecord,
        actor: ActorFacts,
        history: &'a History,
        group: GroupFacts<'a>,
        now: Instant,
    ) -> Self {
        Self {
            fault,
            actor,
            history,
            group,
            tree: Tree::BARE,
            failed_attempt: None,
            now,
        }
    }

    /// How many failures of this actor count now: those in its own window, this one included.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.history
            .failures_within(self.actor.parameters.window, self.now)
    }

    /// `response` after the delay that the actor's backoff has for this many failures.
    #[must_use]
    pub fn after_backoff(&self, response: Response) -> Decision {
        Decision {
            response,
            delay: self.actor.parameters.backoff.delay(self.failures()),
        }
    }
}

/// What a policy is shown of an actor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ActorFacts {
    /// The incarnation that failed.
    pub actor: ActorId,
    /// Its name.
    pub name: Name,
    /// How many times it has been started.
    pub incarnation: u32,
    /// Who starts it.
    pub kind: ActorKind,
    /// What the site description says about it.
    pub parameters: Parameters,
    /// How long this incarnation ran; zero if it never did.
    pub ran_for: Span,
}

impl ActorFacts {
    /// The facts of a direct actor in its first incarnation.
    #[must_use]
    pub const fn new(actor: ActorId, name: Name, parameters: Parameters) -> Self {
        Self {
            actor,
            name,
            incarnation: 1,
            kind: ActorKind::Direct,
            parameters,
            ran_for: Span::ZERO,
        }
    }
}

/// What a policy is shown of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct GroupFacts<'a> {
    /// The group.
    pub group: GroupSlot,
    /// Its name.
    pub name: Name,
    /// How many actors are in it.
    pub members: u32,
    /// The failures of all its members, this one included.
    pub history: &'a History,
}

impl<'a> GroupFacts<'a> {
    /// The facts of a group.
    #[must_use]
    pub const fn new(group: GroupSlot, name: Name, members: u32, history: &'a History) -> Self {
        Self {
            group,
            name,
            members,
            history,
        }
    }
}

/// What a policy answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision {
    /// What to do with the actor's group.
    pub response: Response,
    /// How long to put off the restart, at most [`Decision::LONGEST_DELAY`]. The freeze is never
    /// put off.
    pub delay: Span,
}

impl Decision {
    /// The longest delay that makes sense; an answer with a longer one is replaced. An hour is beyond any backoff that makes sense, and a
    /// policy that means "never" has [`Response::Hold`] and [`Response::Terminate`].
    pub const LONGEST_DELAY: Span = Span::from_secs(3_600);

    /// `response` at once.
    #[must_use]
    pub const fn now(response: Response) -> Self {
        Self {
            response,
            delay: Span::ZERO,
        }
    }
}

/// What can be done about a failure, mildest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Response {
    /// Restart the actor's group from memory.
    HotRestart,
    /// Restart the groups that stand where the actor's group or one below it does, from memory: the
    /// group that is named, and others on the same base.
    HotRestartPeers(GroupSlot, Peers),
    /// Restart the actor's group from stable storage.
    Reload,
    /// Restart a group below the actor's from memory, and with it whatever depends on that: the
    /// blame is propagated. Down to [`GroupSlot::KERNEL`], which is [`Response::SiteRestart`].
    HotRestartGroup(GroupSlot),
    /// Keep the actor's group frozen for a debugger.
    Hold,
    /// End the actor's group.
    Terminate,
    /// Restart the whole site from memory.
    SiteRestart,
    /// Restart the whole site through the firmware.
    SiteReboot,
    /// The policy gave no answer. Said in its place by who asked it.
    NoAnswer(Unanswered),
}

/// Which groups beside a group are restarted with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peers {
    /// All that stand on the same base.
    All,
    /// Those of them that were declared later.
    Later,
}

/// Why a policy gave no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unanswered {
    /// It panicked.
    Panicked,
    /// It took more than [`DECISION_BUDGET`].
    OverBudget,
}

impl Response {
    /// How the ledger says it.
    #[must_use]
    pub const fn recorded(self) -> abi::Response {
        match self {
            Self::HotRestart | Self::HotRestartGroup(_) | Self::HotRestartPeers(..) => {
                abi::Response::HOT_RESTART
            }
            Self::Reload => abi::Response::RELOAD,
            Self::Hold => abi::Response::HOLD,
            Self::Terminate | Self::NoAnswer(_) => abi::Response::TERMINATE,
            Self::SiteRestart => abi::Response::SITE_RESTART,
            Self::SiteReboot => abi::Response::SITE_REBOOT,
        }
    }

    /// This response, or the mildest that is severer than the `attempt` that has just failed.
    ///
    /// It is what bounds a recovery: memory, then storage, then the end. However eagerly a policy
    /// asks for restarts, an image that cannot be restarted is tried at most twice.
    #[must_use]
    pub const fn after_failed(self, attempt: Source) -> Self {
        match (self, attempt) {
            // That of a group below restarts this one hot, which has just failed, but the member
            // whose image it was is reloaded then.
            (Self::HotRestart | Self::HotRestartPeers(..), Source::Memory) => Self::Reload,
            (
                Self::HotRestart
                | Self::HotRestartPeers(..)
                | Self::HotRestartGroup(_)
                | Self::Reload,
                Source::Storage,
            ) => Self::Terminate,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_attempt_is_never_repeated() {
        const BELOW: Response = Response::HotRestartGroup(GroupSlot::FIRST);
        const PEERS: Response = Response::HotRestartPeers(GroupSlot::FIRST, Peers::All);
        use Response::{HotRestart, Reload, Terminate};
        let table = [
            (HotRestart, Source::Memory, Reload),
            (Reload, Source::Memory, Reload),
            (HotRestart, Source::Storage, Terminate),
            (Reload, Source::Storage, Terminate),
            (Terminate, Source::Memory, Terminate),
            (Response::Hold, Source::Storage, Response::Hold),
            (Response::SiteReboot, Source::Storage, Response::SiteReboot),
            (BELOW, Source::Memory, BELOW),
            (BELOW, Source::Storage, Terminate),
            (PEERS, Source::Memory, Reload),
            (PEERS, Source::Storage, Terminate),
        ];
        for (asked, attempt, given) in table {
            assert_eq!(
                asked.after_failed(attempt),
                given,
                "{asked:?} after {attempt:?}"
            );
        }
    }
}
