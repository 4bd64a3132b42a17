//! The state machine: events in, actions out.
//!
//! This file holds the interface and what is declared; the machine itself is in these parts:
//!
//! | module | its one idea |
//! |---|---|
//! | `news` | what came in: where each event goes, and what ends without a failure |
//! | `edges` | who depends on whom, and who is restarted with whom |
//! | `failures` | what failed, and what is done once it is decided |
//! | `questions` | failures about which the policy was not heard yet |
//! | `advice` | what the policy is shown, and whether its answer makes sense |
//! | `course` | what a group is heading for, and which groups are on their way |
//! | `reports` | how the actions went |
//! | `progress` | which action is next, in which order |
//! | `asking` | what a member is asked, if anything |
//! | `records` | what is written into the ledger |
//! | `site` | what is known after a restart of the site |
//!
//! # How a group is restarted
//! A group is changed as a whole, in phases, each over for all members before the next begins:
//! *freezing* (all who run), *ending* (those who do not come back), the *delay* of a backoff,
//! *restarting*, *activating*. The last two take the members one at a time, in the order of their
//! declaration. All state is in the members; a phase is a pass over them that asks for whatever
//! its members still lack. So whatever comes in between, starting the passes over from *freezing*
//! is always right, and that is the only thing ever done:
//!
//! * A member that fails while its group is being stopped is stopped with it; the policy is not
//!   asked, and it does not count against the member, who may have failed only because its group
//!   was half gone.
//! * A member that fails once members are being activated is a new failure: the policy is asked,
//!   and the group goes back to *freezing* with its answer. Members that wait for their activation
//!   keep waiting.
//! * A restart that cannot be done is answered with something severer
//!   ([`Response::after_failed`](crate::Response::after_failed)).
//! * What is severer overrides what is milder: a group kill ends a group in any phase.
//!
//! # How groups are restarted together
//! A restart sets going the group and all that depend on it through `restart` edges, and theirs.
//! It may set going more than one: a group below that is blamed, peers, the base at the end of a
//! reverse edge. Each then goes through its own phases, held back in two places only:
//!
//! * It is not *frozen* before those are that depend on it. So the leaves are frozen first and
//!   the root last.
//! * It is not *restarted* before all that were set going with it are frozen, nor before those it
//!   depends on have come to rest, all members activated. So the root goes first and the leaves go
//!   last.
//!
//! "Depend on" is through `restart` edges; through others only if both were set going together.
//!
//! There is no object for "the restart of a tree", so two of them need no merging: a group that is
//! on its way is on its way, for whichever cause. A failure in a subtree that is being stopped is
//! on record and no more. A wider restart sends the groups of a narrower one back to *freezing*,
//! where those of their members that have not run since stay as they are. What two roots share is
//! frozen once and restarted once, after both.
//!
//! An end is not a restart. A group that depends on one that ended, or is held, goes on, or is
//! restarted without it; it learns `Dead` from its calls, and notices tell it why.
//!
//! # Why it comes to an end
//! An action is asked only of a member in the state before it and puts it into a state that asks
//! for nothing, so every action needs a report before the member's next one. A pass visits each
//! member once, phases follow in a fixed order, and only events start them over. So
//! [`RestartManager::poll`] says `None` after at most one action for each actor and one for the
//! site, unless something is reported in between. A member whose restart fails is
//! restarted from storage next, and if that fails its group ends; it goes back to memory only once
//! it has run. So without a failure of running code, which the policy counts, each member gets at
//! most two restarts, and a group comes to rest.
//!
//! No group waits for itself: freezing waits for the freezing of groups above, and for nothing
//! else; restarting waits for freezing, and for groups below to come to rest; and edges make no
//! cycles. A group that comes to rest in whatever way, ended and held included, is waited for by
//! nobody.

use abi::{Instant, LedgerEntry, Name, Slot};

use crate::actor::is_nameable;
use crate::group::{Goal, Stage};
use crate::notice::{Audience, Notice, Notices};
use crate::tree::{Kernel, kernel_name};
use crate::{
    Action, ActorDeclaration, ActorEntry, ActorKind, DeclareError, Event, GroupEntry, GroupSlot,
    Ledger, RestartPolicy, State,
};

mod advice;
mod asking;
mod course;
mod edges;
mod failures;
mod news;
mod progress;
mod questions;
mod records;
mod reports;
mod site;
pub(crate) use advice::Verdict;
use progress::Walk;
use site::{Returned, previous_of};
pub use site::{SiteReboot, SiteReturn};

#[cfg(test)]
mod tests;

/// Memory lent to the manager for good, so that it needs no allocator and nothing large is ever
/// built on a stack. Make them with `vec![ActorEntry::EMPTY; n]` and the like.
///
/// Of actors and groups it may be all there will ever be, or the first: it can grow
/// ([`RestartManager::grow_actors`], [`RestartManager::grow_groups`]).
#[derive(Debug)]
pub struct Storage<'s> {
    /// One for each of the first slots of the kernel's actor table.
    pub actors: &'s mut [ActorEntry],
    /// One for each of the first groups.
    pub groups: &'s mut [GroupEntry],
    /// The ring of the ledger; `None` everywhere, or what the site had before it was restarted.
    pub ledger: &'s mut [Option<LedgerEntry>],
}

/// Events that had no effect, by reason. They are a sign of a bug in the kernel, or of a race that
/// was meant to be harmless.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Ignored {
    /// The capability was not the present one of any actor.
    pub stale: u64,
    /// The event cannot happen in the state its actor was in: a report nobody asked for, a failure
    /// of an actor that does not run.
    pub misplaced: u64,
}

/// A restart of the whole site that was decided on.
#[derive(Clone, Copy, Debug)]
struct SiteRequest {
    goal: Goal,
    because: u64,
    is_asked: bool,
}

/// What came of looking for something to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Polled {
    /// This is to be done.
    Action(Action),
    /// Only a part of those who may have something to do were looked at: to be called again.
    More,
    /// There is nothing to do.
    Nothing,
}

/// The Restart Manager.
pub struct RestartManager<'s> {
    actors: &'s mut [ActorEntry],
    groups: &'s mut [GroupEntry],
    ledger: Ledger<'s>,
    policy: &'s dyn RestartPolicy,
    ignored: Ignored,
    /// The groups with something to do, in the order in which they came to have it, so that a
    /// group that keeps failing waits behind every other.
    first_busy: Option<GroupSlot>,
    last_busy: Option<GroupSlot>,
    /// How far they were gone through, if not to the end.
    walk: Option<Walk>,
    /// When, as of the last time that there was nothing to do, there is something without an event.
    deadline: Option<Instant>,
    /// The actors about which the policy is to be asked, in the order of their failures.
    first_asking: Option<Slot>,
    last_asking: Option<Slot>,
    site: Option<SiteRequest>,
    kernel: Kernel,
    /// How many groups were ever declared.
    declared_groups: u64,
    notices: Notices<'s>,
    /// The members whose activation is not wanted any more.
    first_withdrawn: Option<Slot>,
    /// The restart of the site that this manager came with.
    returned: Option<Returned>,
}

impl<'s> RestartManager<'s> {
    /// A manager of nobody.
    #[must_use]
    pub fn new(storage: Storage<'s>, policy: &'s dyn RestartPolicy) -> Self {
        let Storage {
            actors,
            groups,
            ledger,
        } = storage;
        Self {
            actors,
            groups,
            ledger: Ledger::new(ledger),
            policy,
            ignored: Ignored::default(),
            first_busy: None,
            last_busy: None,
            walk: None,
            deadline: None,
            first_asking: None,
            last_asking: None,
            site: None,
            kernel: Kernel::NEW,
            declared_groups: 0,
            notices: Notices::none(),
            first_withdrawn: None,
            returned: None,
        }
    }

    /// Whether [`RestartManager::declare_actor`] would find no storage for this slot.
    #[must_use]
    pub fn lacks_actor(&self, slot: Slot) -> bool {
        slot.index() >= self.actors.len()
    }

    /// Exchanges the storage for actors for one that begins with what is in this, and is larger.
    pub fn grow_actors(&mut self, grow: impl FnOnce(&'s mut [ActorEntry]) -> &'s mut [ActorEntry]) {
        self.actors = grow(core::mem::take(&mut self.actors));
    }

    /// Whether [`RestartManager::declare_group`] may find no storage for one group more.
    #[must_use]
    pub fn lacks_group(&self) -> bool {
        // Their slots are taken in order.
        let last = self.groups.last();
        last.is_none_or(|last| last.stage != Stage::Free)
    }

    /// Exchanges the storage for groups for one that begins with what is in this, and is larger.
    pub fn grow_groups(&mut self, grow: impl FnOnce(&'s mut [GroupEntry]) -> &'s mut [GroupEntry]) {
        self.groups = grow(core::mem::take(&mut self.groups));
    }

    /// Lends memory for notices. Without, all are lost, and counted.
    pub fn lend_notices(&mut self, ring: &'s mut [Option<Notice>]) {
        self.notices.lend(ring);
    }

    /// Lends marks for entries of the ledger that change from now on, a word for every
    /// [`MARKS`](crate::ledger::MARKS) there is room for. Without, [`RestartManager::take_changed`]
    /// gives none.
    pub fn lend_marks(&mut self, marks: &'s mut [u64]) {
        self.ledger.lend_marks(marks);
    }

    /// An entry of the ledger that is new, or was amended since it was last taken, as it is now.
    /// One that was overwritten meanwhile is missing; the numbers say so.
    pub fn take_changed(&mut self) -> Option<LedgerEntry> {
        self.ledger.take_marked()
    }

    /// Says whether anybody wants notices. If nobody does, none is kept.
    pub fn set_audience(&mut self, audience: Audience) {
        self.notices.set_audience(audience);
    }

    /// Declares an actor as the last member of its group. Its first load is to be reported next.
    ///
    /// # Errors
    /// Any [`DeclareError`] but [`DeclareError::NameTaken`].
    pub fn declare_actor(&mut self, declaration: ActorDeclaration) -> Result<(), DeclareError> {
        let slot = declaration.actor.slot();
        let place = self
            .actors
            .get_mut(slot.index())
            .ok_or(DeclareError::NoSlot)?;
        let group = self
            .groups
            .get_mut(declaration.group.index())
            .ok_or(DeclareError::NoGroup)?;
        if !is_nameable(declaration.actor) {
            return Err(DeclareError::NoSlot);
        }
        if place.state.is_present() {
            return Err(DeclareError::SlotTaken);
        }
        if group.stage != Stage::Declared {
            return Err(DeclareError::NoGroup);
        }
        if group.goal == Goal::End {
            return Err(DeclareError::GroupEnding);
        }
        if declaration.kind == ActorKind::Indirect && group.is_stopping() {
            return Err(DeclareError::GroupStopping);
        }
        if !declaration.parameters.is_valid() {
            return Err(DeclareError::BadParameters);
        }
        // One that ended with a question open may still be in the list of those.
        let (next_asking, is_asking) = (place.next_asking, place.is_asking);
        let previous = previous_of(self.returned, declaration.started);
        *place = place.declared(&declaration, previous);
        (place.next_asking, place.is_asking) = (next_asking, is_asking);
        place.previous_member = group.last_member;
        let before = group.last_member.replace(slot);
        group.members = group.members.saturating_add(1);
        if declaration.kind == ActorKind::Direct {
            group.direct_members = group.direct_members.saturating_add(1);
        }
        match before {
            None => group.first_member = Some(slot),
            Some(before) => {
                if let Some(neighbour) = self.actors.get_mut(before.index()) {
                    neighbour.next_member = Some(slot);
                }
            }
        }
        Ok(())
    }

    /// Takes note of something that happened.
    #[inline(always)]
    pub fn on_event(&mut self, event: Event<'_>, now: Instant) {
        if let Some(walk) = &mut self.walk {
            walk.note_change();
        }
        if !self.take_news(event, now) {
            self.ignored.misplaced = self.ignored.misplaced.saturating_add(1);
        }
    }

    /// What the kernel has to do next. To be called until it says [`Polled::Nothing`], after events
    /// and answers and when [`RestartManager::next_deadline`] has come. Each call looks at a few
    /// members and groups only, however many there are.
    #[inline]
    pub fn poll_some(&mut self, now: Instant) -> Polled {
        if self.site.is_some() || self.walk.is_some() || self.first_busy != self.last_busy {
            return self.look_around(now);
        }
        match self.first_busy {
            Some(only) => self.look_at(only, now),
            None => {
                self.deadline = None;
                Polled::Nothing
            }
        }
    }

    /// [`RestartManager::poll_some`], until it has found something or there is nothing.
    pub fn poll(&mut self, now: Instant) -> Option<Action> {
        loop {
            match self.poll_some(now) {
                Polled::Action(action) => return Some(action),
                Polled::More => {}
                Polled::Nothing => return None,
            }
        }
    }

    /// Whether there is a change that was not fetched yet.
    #[inline]
    #[must_use]
    pub const fn has_notice(&self) -> bool {
        !self.notices.is_empty()
    }

    /// The oldest change that was not fetched yet, for the subscribers of its group. When it must
    /// be fetched is said in [`notice`](crate::notice).
    #[inline]
    pub fn next_notice(&mut self) -> Option<Notice> {
        self.notices.pop()
    }

    /// An actor whose activation is out, and is not wanted any more: its group is being stopped, and
    /// waits for the report. If nobody has begun to activate it, that is to be
    /// [`Event::ActivationPostponed`]; else there is nothing to do. To be called after each event.
    #[inline]
    pub fn next_withdrawal(&mut self) -> Option<abi::ActorId> {
        while let Some(slot) = self.first_withdrawn {
            let actor = self.actors.get_mut(slot.index())?;
            self.first_withdrawn = actor.next_withdrawn.take();
            actor.is_withdrawn = false;
            if actor.state == State::Activating {
                return Some(actor.actor);
            }
        }
        None
    }

    /// How many notices were lost because they were not fetched in time.
    #[must_use]
    pub fn lost_notices(&self) -> u64 {
        self.notices.lost()
    }

    /// The number that the next notice will have.
    #[must_use]
    pub fn next_notice_number(&self) -> u64 {
        self.notices.next_number()
    }

    /// When `poll` may have something to do without any further event, as of the last time that it
    /// found nothing to do.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The ledger.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger<'s> {
        &self.ledger
    }

    /// The policy in use.
    #[must_use]
    pub const fn policy(&self) -> &'s dyn RestartPolicy {
        self.policy
    }

    /// The events that had no effect so far.
    #[must_use]
    pub const fn ignored(&self) -> Ignored {
        self.ignored
    }

    /// What is known of the actor in a slot; `None` if there never was one.
    #[must_use]
    pub fn actor(&self, slot: Slot) -> Option<&ActorEntry> {
        self.actors
            .get(slot.index())
            .filter(|entry| entry.state != State::Vacant)
    }

    /// What is known of a group; `None` if there never was one.
    #[must_use]
    pub fn group(&self, group: GroupSlot) -> Option<&GroupEntry> {
        self.groups
            .get(group.index())
            .filter(|entry| entry.stage != Stage::Free)
    }

    /// The group of this name. One that has ended is found too, unless there is another.
    #[must_use]
    pub fn group_named(&self, name: &Name) -> Option<GroupSlot> {
        let named = |stage| {
            let mut groups = self.groups.iter().take(self.group_slots());
            groups.position(|group| group.stage == stage && group.name == *name)
        };
        let found = named(Stage::Declared).or_else(|| named(Stage::Ended));
        found.and_then(GroupSlot::from_index)
    }

    pub(crate) fn actor_slots(&self) -> usize {
        self.actors.len()
    }

    /// How many slots of groups were ever used: all groups are in the first so many.
    #[must_use]
    pub fn group_slots(&self) -> usize {
        let declared = usize::try_from(self.declared_groups).unwrap_or(usize::MAX);
        self.groups.len().min(declared)
    }

    /// The name of a group, the kernel group included.
    #[must_use]
    pub fn group_name(&self, group: GroupSlot) -> Name {
        if group == GroupSlot::KERNEL {
            return kernel_name();
        }
        let entry = self.groups.get(group.index());
        entry.map_or(Name::EMPTY, |entry| entry.name)
    }

    pub(crate) fn is_declared(&self, group: GroupSlot) -> bool {
        self.groups
            .get(group.index())
            .is_some_and(|entry| entry.stage == Stage::Declared)
    }

    /// The entry of a member and that of its group.
    #[inline]
    pub(crate) fn pair(&mut self, slot: Slot) -> Option<(&mut ActorEntry, &mut GroupEntry)> {
        let actor = self.actors.get_mut(slot.index())?;
        let group = self.groups.get_mut(actor.group.index())?;
        Some((actor, group))
    }
}
