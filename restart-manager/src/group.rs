//! What is kept for one group: its place in the tree, its members, and the restart under way.
//!
//! A group is flat: a list of members in the order of their declaration. The tree is between
//! groups: each stands on another one, and may depend on more
//! ([`RestartManager::declare_edge`](crate::RestartManager::declare_edge)). What would close a
//! cycle is refused when it is declared. The sets below hold the same edges from both ends.

use abi::site::GroupState;
use abi::{ActorId, Instant, Name, Slot};
use serde::{Deserialize, Serialize};

use crate::action::Source;
use crate::set::GroupSet;
use crate::tree::Blame;
use crate::{History, Parameters, Response};

/// Names a group in the manager's storage.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GroupSlot(u32);

impl GroupSlot {
    /// The group declared first.
    pub const FIRST: Self = Self(0);

    /// The kernel group, on which everything stands. It has no entry: restarting it is a
    /// restart of the site.
    pub const KERNEL: Self = Self(u32::MAX);

    /// The group at an array index, if there can be one.
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        let slot = u32::try_from(index).ok().map(Self);
        slot.filter(|slot| *slot != Self::KERNEL)
    }

    /// The group as an array index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How far the restart, or other change, of a group has come. Each phase is over for all members
/// before the next begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Nothing is to be done.
    Idle,
    /// The kernel has been asked to restart the site on this group's account.
    Escalated,
    /// Members that run are frozen.
    Freezing,
    /// Members that do not come back are terminated.
    Ending,
    /// Everything waits for the end of the backoff, and for the groups below to run again.
    Delayed,
    /// Members get their memory back, one at a time, in the order of declaration.
    Restarting,
    /// Members get their first thread, one at a time, in the order of declaration.
    Activating,
    /// Everything is frozen for a debugger.
    Held,
}

impl Phase {
    /// Whether nothing is to be done until something is reported or asked for.
    pub(crate) const fn is_at_rest(self) -> bool {
        matches!(self, Self::Idle | Self::Held)
    }
}

/// What the present change of a group is to lead to. Later ones override earlier ones while the
/// members are being stopped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Goal {
    /// Members that leave are ended; the others are not touched.
    Departures,
    /// All direct members start again.
    Restart(Source),
    /// All members stay frozen.
    Hold,
    /// The site is restarted.
    SiteRestart,
    /// The site is rebooted.
    SiteReboot,
    /// All members end.
    End,
}

impl From<Response> for Goal {
    fn from(response: Response) -> Self {
        match response {
            Response::HotRestart | Response::HotRestartGroup(_) | Response::HotRestartPeers(..) => {
                Self::Restart(Source::Memory)
            }
            Response::Reload => Self::Restart(Source::Storage),
            Response::Hold => Self::Hold,
            Response::Terminate | Response::NoAnswer(_) => Self::End,
            Response::SiteRestart => Self::SiteRestart,
            Response::SiteReboot => Self::SiteReboot,
        }
    }
}

/// What the ledger says about members that are stopped because of something else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    /// The entry with this number.
    Entry(u64),
    /// The group was killed.
    Killed(ActorId),
}

/// Storage for one group. The kernel makes as many as it wants to allow and looks at none.
#[derive(Clone, Debug)]
pub struct GroupEntry {
    pub(crate) stage: Stage,
    pub(crate) name: Name,
    /// The group this one stands on; `None` is the kernel group.
    pub(crate) base: Option<GroupSlot>,
    /// What the policy is tuned by.
    pub(crate) parameters: Parameters,
    /// How many groups were declared before it.
    pub(crate) serial: u64,
    pub(crate) edges: Edges,
    pub(crate) blame: Blame,
    /// Somebody with the right to must allow that the name is declared anew.
    pub(crate) is_given_up: bool,
    pub(crate) first_member: Option<Slot>,
    pub(crate) last_member: Option<Slot>,
    pub(crate) members: u32,
    pub(crate) direct_members: u32,
    /// How many members end whatever happens to the group.
    pub(crate) leaving: u32,
    pub(crate) history: History,
    pub(crate) phase: Phase,
    pub(crate) goal: Goal,
    /// It is to be restarted, and has not come to rest since. A member that leaves meanwhile
    /// changes the goal, not this.
    pub(crate) is_awaited: bool,
    /// The groups it is being restarted with, for whichever causes.
    pub(crate) company: GroupSet,
    pub(crate) reason: Reason,
    /// The next member to look at in this phase.
    pub(crate) cursor: Option<Slot>,
    /// How many members have an action out.
    pub(crate) outstanding: u32,
    /// Something happened behind the cursor: this phase must go over the members once more.
    pub(crate) must_rescan: bool,
    /// The member at which going over them ends: the only one there is to be asked.
    pub(crate) last_asked: Option<Slot>,
    /// How many members have a failure about which the policy was not heard yet.
    pub(crate) asking: u32,
    /// When the last member was frozen.
    pub(crate) frozen_at: Instant,
    /// Until when restarts are put off, and from then on when they began.
    pub(crate) resume_at: Instant,
    /// The next group in the manager's list of those with something to do.
    pub(crate) next_busy: Option<GroupSlot>,
    pub(crate) is_listed: bool,
}

/// What happens to one group when another one, at the other end of an edge, fails or is restarted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reaction {
    /// It is restarted too, at least hot.
    Restart,
    /// It is told, and goes on.
    Notify,
    /// Nothing.
    None,
}

/// The edges of one group, by what they are for. An edge is in the sets of both its ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Edges {
    /// The groups it depends on.
    pub(crate) bases: GroupSet,
    /// Of those, the ones that are not restarted without it.
    pub(crate) restart_bases: GroupSet,
    /// Of those, the ones that are restarted when it fails.
    pub(crate) reverse_bases: GroupSet,
    /// The groups that depend on it.
    pub(crate) dependents: GroupSet,
    /// Of those, the ones that are restarted with it.
    pub(crate) restart_dependents: GroupSet,
    /// The groups, at either end of an edge, that are to be told what happens to it.
    pub(crate) audience: GroupSet,
}

impl Edges {
    pub(crate) const NONE: Self = Self {
        bases: GroupSet::EMPTY,
        restart_bases: GroupSet::EMPTY,
        reverse_bases: GroupSet::EMPTY,
        dependents: GroupSet::EMPTY,
        restart_dependents: GroupSet::EMPTY,
        audience: GroupSet::EMPTY,
    };
}

/// How far a group's slot has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// Never declared.
    Free,
    /// Declared.
    Declared,
    /// Its last member ended; the slot may be declared anew.
    Ended,
}

impl GroupEntry {
    /// A slot nobody declared a group in.
    pub const EMPTY: Self = Self {
        stage: Stage::Free,
        name: Name::EMPTY,
        base: None,
        parameters: Parameters::DEFAULT,
        serial: 0,
        edges: Edges::NONE,
        blame: Blame::NONE,
        is_given_up: false,
        first_member: None,
        last_member: None,
        members: 0,
        direct_members: 0,
        leaving: 0,
        history: History::EMPTY,
        phase: Phase::Idle,
        goal: Goal::Departures,
        is_awaited: false,
        company: GroupSet::EMPTY,
        reason: Reason::Entry(0),
        cursor: None,
        outstanding: 0,
        must_rescan: false,
        last_asked: None,
        asking: 0,
        frozen_at: Instant::ZERO,
        resume_at: Instant::ZERO,
        next_busy: None,
        is_listed: false,
    };

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// The group it stands on; `None` is the kernel group.
    #[must_use]
    pub const fn base(&self) -> Option<GroupSlot> {
        self.base
    }

    /// How many members it has.
    #[must_use]
    pub const fn members(&self) -> u32 {
        self.members
    }

    /// How many of them were spawned.
    #[must_use]
    pub const fn spawned_members(&self) -> u32 {
        self.members.saturating_sub(self.direct_members)
    }

    /// What the policy is tuned by for the group as a whole.
    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Whether it was given up: nothing that could be tried is left. It ends, and its name cannot
    /// be declared anew until [`Event::GiveUpCleared`](crate::Event::GiveUpCleared).
    #[must_use]
    pub const fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// How far its restart, or other change, has come.
    #[must_use]
    pub fn state(&self) -> GroupState {
        match (self.stage, self.phase) {
            (Stage::Free | Stage::Ended, _) => GroupState::ENDED,
            (_, Phase::Idle) => GroupState::AT_REST,
            (_, Phase::Escalated) => GroupState::ESCALATED,
            (_, Phase::Freezing) => GroupState::FREEZING,
            (_, Phase::Ending) => GroupState::ENDING,
            (_, Phase::Delayed) => GroupState::DELAYED,
            (_, Phase::Restarting) => GroupState::RESTARTING,
            (_, Phase::Activating) => GroupState::ACTIVATING,
            (_, Phase::Held) => GroupState::HELD,
        }
    }

    /// Whether its last member has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// The groups that are to be told what happens to this one: those that depend on it, and
    /// those it depends on that are concerned by its failures, unless their edge says `none`.
    pub fn audience(&self) -> impl Iterator<Item = GroupSlot> {
        self.edges.audience.iter()
    }

    /// Whether it is on its way to run again, so that what is restarted with it has to wait.
    pub(crate) fn is_restarting(&self) -> bool {
        self.stage == Stage::Declared
            && self.is_awaited
            && self.goal < Goal::Hold
            && match self.phase {
                Phase::Idle | Phase::Held | Phase::Escalated => false,
                Phase::Freezing
                | Phase::Ending
                | Phase::Delayed
                | Phase::Restarting
                | Phase::Activating => true,
            }
    }

    /// Whether it is about to be frozen whole, but is not yet.
    pub(crate) fn is_freezing(&self) -> bool {
        match self.phase {
            Phase::Freezing => self.goal != Goal::Departures,
            // Its members run on, and the kernel has yet to say whether the site does.
            Phase::Escalated => true,
            Phase::Idle
            | Phase::Ending
            | Phase::Delayed
            | Phase::Restarting
            | Phase::Activating
            | Phase::Held => false,
        }
    }

    /// Whether it is kept frozen for a debugger. A restart or kill of any member lets it go.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.phase == Phase::Held
    }

    /// Whether all members are being stopped anyway, so that a member's failure changes nothing.
    pub(crate) fn is_stopping(&self) -> bool {
        match self.phase {
            Phase::Idle | Phase::Activating => false,
            Phase::Escalated | Phase::Held => true,
            Phase::Freezing | Phase::Ending | Phase::Delayed | Phase::Restarting => {
                self.goal != Goal::Departures
            }
        }
    }

    /// Whether no member ends of this change of the group, so that they need not be gone over for
    /// that.
    pub(crate) fn ends_nobody(&self) -> bool {
        matches!(self.goal, Goal::Restart(_))
            && self.direct_members == self.members
            && self.leaving == 0
    }

    /// A member has been asked for something.
    pub(crate) fn note_asked(&mut self) {
        self.outstanding = self.outstanding.saturating_add(1);
    }

    /// A member's report came in. One that was asked for in another phase finds the cursor past
    /// its member.
    pub(crate) fn note_report(&mut self, asked_in: Phase) {
        self.outstanding = self.outstanding.saturating_sub(1);
        if self.phase != asked_in {
            self.must_rescan = true;
        }
    }

    /// Goes over the members from the first one, for `phase`.
    pub(crate) fn begin(&mut self, phase: Phase) {
        self.phase = phase;
        self.cursor = self.first_member;
        self.must_rescan = false;
        self.last_asked = None;
    }

    /// Goes to one member only, for its activation: however many others there are, none of them is
    /// looked at.
    pub(crate) fn begin_with(&mut self, member: Slot) {
        self.phase = Phase::Activating;
        self.cursor = Some(member);
        self.last_asked = self.cursor;
    }
}

impl Default for GroupEntry {
    fn default() -> Self {
        Self::EMPTY
    }
}
