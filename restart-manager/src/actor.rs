//! What is kept for one actor.

use abi::start::PreviousEnd;
use abi::{ActorId, CauseKind, Generation, Instant, Name, Slot, Span};
use serde::{Deserialize, Serialize};

use crate::action::{Fate, Remains, Source};
use crate::group::Goal;
use crate::rehearse::Rehearsal;
use crate::{GroupEntry, GroupSlot, History, Parameters, State};

/// Who starts an actor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ActorKind {
    /// The system: the actor is restarted with its group.
    Direct,
    /// Another actor spawned it: it ends when its group is restarted, and comes back only if it is
    /// spawned again.
    Indirect,
}

/// What the manager is told of a new actor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ActorDeclaration {
    /// Its first capability. The slot stays the same over all incarnations.
    pub actor: ActorId,
    /// Its name.
    pub name: Name,
    /// The group it belongs to for good.
    pub group: GroupSlot,
    /// Who starts it.
    pub kind: ActorKind,
    /// What the policy is tuned by.
    pub parameters: Parameters,
    /// How many times it was started before this manager knew of it: before the site was restarted.
    pub started: u32,
}

/// Why a declaration was refused. Nothing has changed then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeclareError {
    /// The storage has no such slot, or no free one.
    NoSlot,
    /// The slot is taken by an actor that has not ended.
    SlotTaken,
    /// Another group has that name.
    NameTaken,
    /// There is no such group.
    NoGroup,
    /// The group is being ended.
    GroupEnding,
    /// The group is being stopped, and an indirect actor would be stopped with it at once. Whoever
    /// spawned it does not run any more.
    GroupStopping,
    /// The group was given up, and nobody has cleared that yet.
    GivenUp,
    /// The edge would close a cycle of dependencies.
    Cycle,
    /// A limit is beyond what is remembered; see [`Parameters::is_valid`].
    BadParameters,
}

/// An entry of the ledger that is not finished.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OpenEntry {
    pub(crate) sequence: u64,
    pub(crate) response: abi::Response,
}

/// A failure that is on record, and about which nothing is decided yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pending {
    /// Number of the ledger entry, which has the fault.
    pub(crate) sequence: u64,
    /// When it was reported.
    pub(crate) time: Instant,
    /// How long the incarnation had run.
    pub(crate) ran_for: Span,
    /// What had been tried, if the failure is that of a restart.
    pub(crate) attempt: Option<Source>,
}

/// What notices say of the latest entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Latest {
    pub(crate) sequence: u64,
    pub(crate) cause: CauseKind,
    pub(crate) response: abi::Response,
}

impl Latest {
    /// There was none: the actor starts for the first time.
    pub(crate) const NONE: Self = Self {
        sequence: 0,
        cause: CauseKind::FIRST_START,
        response: abi::Response::NONE,
    };
}

/// Storage for one actor. The kernel makes as many as it has actor slots and looks at none.
#[derive(Clone, Debug)]
pub struct ActorEntry {
    pub(crate) state: State,
    /// The present capability: the successor from the moment it is named.
    pub(crate) actor: ActorId,
    pub(crate) name: Name,
    pub(crate) group: GroupSlot,
    pub(crate) kind: ActorKind,
    pub(crate) parameters: Parameters,
    /// Starts that are known to have happened.
    pub(crate) incarnation: u32,
    pub(crate) previous: PreviousEnd,
    pub(crate) history: History,
    /// The entry about the present end, until the actor runs again or is gone.
    pub(crate) open: Option<OpenEntry>,
    /// The entry that still lacks the time of the first reply.
    pub(crate) awaits_reply: Option<u64>,
    /// The latest entry, for notices, open or not.
    pub(crate) latest: Latest,
    /// It is to end whatever happens to its group: it exited cleanly or never loaded.
    pub(crate) is_leaving: bool,
    /// Whether the activation that is out is not wanted any more, and the kernel is to be told.
    pub(crate) is_withdrawn: bool,
    /// The next one of those.
    pub(crate) next_withdrawn: Option<Slot>,
    /// The fate in the freeze that is out.
    pub(crate) fate: Fate,
    /// Where the memory it has, or is being given, came from.
    pub(crate) source: Source,
    /// The mildest source that may still be tried; back to memory once it runs.
    pub(crate) floor: Source,
    /// When its latest phase ended.
    pub(crate) mark: Instant,
    /// It has said that it is ready.
    pub(crate) is_ready: bool,
    /// The failure about which the policy was not heard yet.
    pub(crate) pending: Option<Pending>,
    /// The next actor in the manager's list of those with a question.
    pub(crate) next_asking: Option<Slot>,
    pub(crate) is_asking: bool,
    /// In a rehearsal: how the latest entry ended.
    pub(crate) rehearsed: Rehearsal,
    /// The neighbours in the group's list of members.
    pub(crate) previous_member: Option<Slot>,
    pub(crate) next_member: Option<Slot>,
}

impl ActorEntry {
    /// A slot nobody was declared in.
    pub const EMPTY: Self = Self {
        state: State::Vacant,
        actor: ActorId::NONE,
        name: Name::EMPTY,
        group: GroupSlot::FIRST,
        kind: ActorKind::Direct,
        parameters: Parameters::DEFAULT,
        incarnation: 0,
        previous: PreviousEnd::None,
        history: History::EMPTY,
        open: None,
        awaits_reply: None,
        latest: Latest::NONE,
        is_leaving: false,
        is_withdrawn: false,
        next_withdrawn: None,
        fate: Fate::End,
        source: Source::Storage,
        floor: Source::Memory,
        mark: Instant::ZERO,
        is_ready: false,
        pending: None,
        next_asking: None,
        is_asking: false,
        rehearsed: Rehearsal::BEFORE,
        previous_member: None,
        next_member: None,
    };

    /// The entry of a newly declared actor. An indirect member that is spawned again goes on
    /// counting: it is the same actor, so the policy is to see what became of it before.
    pub(crate) fn declared(&self, declaration: &ActorDeclaration, previous: PreviousEnd) -> Self {
        let former = match self {
            Self {
                state: State::Terminated,
                kind: ActorKind::Indirect,
                ..
            } if self.name == declaration.name
                && self.group == declaration.group
                && declaration.kind == ActorKind::Indirect
                && self.may_be_succeeded_by(declaration.actor) =>
            {
                Self {
                    incarnation: self.incarnation,
                    previous: self.previous,
                    history: self.history.clone(),
                    ..Self::EMPTY
                }
            }
            _ => Self {
                incarnation: declaration.started,
                previous,
                ..Self::EMPTY
            },
        };
        Self {
            state: State::Declared,
            actor: declaration.actor,
            name: declaration.name,
            group: declaration.group,
            kind: declaration.kind,
            parameters: declaration.parameters,
            ..former
        }
    }

    /// Where the actor is in its life.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Its present capability; the successor's from the moment it is named.
    #[must_use]
    pub const fn actor(&self) -> ActorId {
        self.actor
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Its group.
    #[must_use]
    pub const fn group(&self) -> GroupSlot {
        self.group
    }

    /// Who starts it.
    #[must_use]
    pub const fn kind(&self) -> ActorKind {
        self.kind
    }

    /// What the policy is tuned by.
    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// How many times it has been started.
    #[must_use]
    pub const fn incarnation(&self) -> u32 {
        self.incarnation
    }

    /// Its failures since its last stable run.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// It is to end whatever happens to its group.
    pub(crate) fn leave(&mut self, group: &mut GroupEntry) {
        if !core::mem::replace(&mut self.is_leaving, true) {
            group.leaving = group.leaving.saturating_add(1);
        }
    }

    /// What becomes of it if its group has this goal.
    #[inline]
    pub(crate) fn fate_under(&self, goal: Goal) -> Fate {
        match goal {
            _ if self.is_leaving => Fate::End,
            Goal::Restart(_) if self.kind == ActorKind::Direct => Fate::Restart,
            Goal::Hold => Fate::Hold,
            Goal::Restart(_)
            | Goal::Departures
            | Goal::SiteRestart
            | Goal::SiteReboot
            | Goal::End => Fate::End,
        }
    }

    /// What is kept of it if it ends under this goal. Only an indirect member can be spawned again.
    pub(crate) fn remains_under(&self, goal: Goal) -> Remains {
        match goal {
            _ if self.kind == ActorKind::Direct => Remains::Nothing,
            Goal::Restart(Source::Memory) if !self.is_leaving => Remains::Everything,
            Goal::Restart(Source::Memory) | Goal::Departures => Remains::Image,
            // A reload brings what is on the disk by then.
            Goal::Restart(Source::Storage)
            | Goal::Hold
            | Goal::SiteRestart
            | Goal::SiteReboot
            | Goal::End => Remains::Nothing,
        }
    }

    /// What the ledger says is done about it if its group has this goal.
    #[inline]
    pub(crate) fn response_under(&self, goal: Goal) -> abi::Response {
        match (goal, self.fate_under(goal)) {
            (Goal::SiteRestart, _) => abi::Response::SITE_RESTART,
            (Goal::SiteReboot, _) => abi::Response::SITE_REBOOT,
            (Goal::Restart(source), Fate::Restart) => match source.max(self.floor) {
                Source::Memory => abi::Response::HOT_RESTART,
                Source::Storage => abi::Response::RELOAD,
            },
            (_, Fate::Hold) => abi::Response::HOLD,
            (_, Fate::Restart | Fate::End) => abi::Response::TERMINATE,
        }
    }

    /// Moves to `next` if the table allows it, and says whether it did.
    #[inline]
    pub(crate) fn become_state(&mut self, next: State) -> bool {
        let allowed = self.state.may_become(next);
        #[cfg(test)]
        assert!(allowed, "{:?} may not become {next:?}", self.state);
        if allowed {
            self.state = next;
        }
        allowed
    }

    /// Whether `actor` may be this actor's next incarnation.
    pub(crate) fn may_be_succeeded_by(&self, actor: ActorId) -> bool {
        actor.slot() == self.actor.slot() && actor.generation() > self.actor.generation()
    }
}

impl Default for ActorEntry {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Whether a capability can name an actor at all.
pub(crate) fn is_nameable(actor: ActorId) -> bool {
    actor.generation() >= Generation::FIRST
}
