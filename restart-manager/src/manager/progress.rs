//! Which action is next, in which order.

use abi::start::PreviousEnd;
use abi::{Instant, Slot};

use super::{Polled, RestartManager};
use crate::action::{Action, Fate, Source};
use crate::group::{Goal, GroupEntry, Phase};
use crate::set::GroupSet;
use crate::{ActorEntry, ActorKind, GroupSlot, State};

/// Which actions are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Urgency {
    /// Freezes only.
    Freezes,
    /// Any.
    All,
}

/// How many members and groups one call looks at. Each takes some thirty instructions.
const LOOKS: u32 = 16;

/// Groups that are compared with another one at the cost of a look.
const COMPARED_PER_LOOK: u32 = 8;

/// A walk over the groups with something to do, which takes as many calls as it needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    urgency: Urgency,
    before: Option<GroupSlot>,
    next: Option<GroupSlot>,
    /// Whether a group has come further, or something was reported, since this round began.
    has_changed: bool,
    /// When the first of the delays seen in this round is over.
    deadline: Option<Instant>,
}

impl Walk {
    const fn new(urgency: Urgency, first: Option<GroupSlot>) -> Self {
        Self {
            urgency,
            before: None,
            next: first,
            has_changed: false,
            deadline: None,
        }
    }

    /// Something happened meanwhile: groups that were passed may have something to do.
    pub(super) const fn note_change(&mut self) {
        self.has_changed = true;
    }
}

/// How far a group has come.
enum Advanced {
    /// It has something to be done.
    Action(Action),
    /// To nothing, for now.
    Nothing,
    /// It was not gone through to the end.
    Cut,
}

impl RestartManager<'_> {
    /// Looks for the next action of any group, a bounded part of the way. Freezes come first: they
    /// are what tells the callers of one group's actors, and those must not wait for the reload of
    /// another's.
    pub(super) fn look_on(&mut self, now: Instant) -> Polled {
        if let Some(action) = self.ask_site() {
            return Polled::Action(action);
        }
        let mut walk = match self.walk.take() {
            Some(walk) => walk,
            // A group that is the only one comes before no other.
            None if self.is_one_busy() => Walk::new(Urgency::All, self.first_busy),
            None => Walk::new(Urgency::Freezes, self.first_busy),
        };
        let mut looks = LOOKS;
        loop {
            match self.walk_on(&mut walk, &mut looks, now) {
                Advanced::Action(action) => return Polled::Action(action),
                Advanced::Cut => {
                    // How far the only one has come is in the group itself; and should there be
                    // others by the next call, their freezes come first.
                    self.walk = (!self.is_one_busy()).then_some(walk);
                    return Polled::More;
                }
                Advanced::Nothing if walk.urgency == Urgency::Freezes => {
                    walk = Walk::new(Urgency::All, self.first_busy);
                }
                Advanced::Nothing => {
                    self.deadline = walk.deadline;
                    return Polled::Nothing;
                }
            }
        }
    }

    /// Whether there is at most one group with something to do.
    fn is_one_busy(&self) -> bool {
        self.first_busy == self.last_busy
    }

    fn ask_site(&mut self) -> Option<Action> {
        let site = self.site.as_mut().filter(|site| !site.is_asked)?;
        site.is_asked = true;
        let because = site.because;
        Some(match site.goal {
            Goal::SiteReboot => Action::SiteReboot { because },
            _ => Action::SiteRestart { because },
        })
    }

    /// Goes over the groups with something to do, and takes those off the list that have nothing
    /// any more. What one of them has come to may be what another waits for, so this is repeated
    /// until no group comes any further.
    ///
    /// Ends: each round but the last takes some group to a later phase.
    fn walk_on(&mut self, walk: &mut Walk, looks: &mut u32, now: Instant) -> Advanced {
        loop {
            while let Some(slot) = walk.next {
                if *looks == 0 {
                    return Advanced::Cut;
                }
                let Some(group) = self.groups.get_mut(slot.index()) else {
                    return Advanced::Nothing;
                };
                let phase = group.phase;
                let after = group.next_busy;
                if phase.is_at_rest() {
                    group.is_listed = false;
                    group.next_busy = None;
                    *looks = looks.saturating_sub(1);
                    self.unlist(walk.before, slot, after);
                    walk.next = after;
                    continue;
                }
                let advanced = self.advance(slot, walk, looks, now);
                let Some(group) = self.groups.get(slot.index()) else {
                    return Advanced::Nothing;
                };
                // Nobody waits for the only one, nor does it wait for itself.
                let is_alone = self.is_one_busy();
                walk.has_changed |= group.phase != phase && !is_alone;
                if !matches!(advanced, Advanced::Nothing) {
                    return advanced;
                }
                if is_alone && group.phase.is_at_rest() {
                    continue;
                }
                // As it is now: others may have come behind it meanwhile.
                walk.next = group.next_busy;
                walk.before = Some(slot);
            }
            if !core::mem::take(&mut walk.has_changed) {
                return Advanced::Nothing;
            }
            *walk = Walk::new(walk.urgency, self.first_busy);
        }
    }

    /// Takes a group as far as it comes without a report, or to its next action.
    ///
    /// Ends: each round either visits the next member, or goes over to a later phase, or takes
    /// back a `must_rescan` that only an event sets.
    fn advance(
        &mut self,
        slot: GroupSlot,
        walk: &mut Walk,
        looks: &mut u32,
        now: Instant,
    ) -> Advanced {
        loop {
            if *looks == 0 {
                return Advanced::Cut;
            }
            *looks = looks.saturating_sub(1);
            let Some(group) = self.groups.get(slot.index()) else {
                return Advanced::Nothing;
            };
            let phase = group.phase;
            if walk.urgency == Urgency::Freezes && phase != Phase::Freezing {
                return Advanced::Nothing;
            }
            let mut compared = 0;
            let must_wait = match phase {
                Phase::Freezing => self.waits_for_dependents(group, &mut compared),
                // Its members are ended; who waits then is seen when that is over.
                Phase::Ending => false,
                // What waits for an answer or another group is woken by that, not by time.
                Phase::Delayed => group.asking > 0 || self.waits_for_others(group, &mut compared),
                // One at a time.
                Phase::Restarting | Phase::Activating => group.outstanding > 0 || group.asking > 0,
                Phase::Idle | Phase::Held | Phase::Escalated => true,
            };
            *looks = looks.saturating_sub(compared / COMPARED_PER_LOOK);
            if must_wait {
                return Advanced::Nothing;
            }
            let Some(group) = self.groups.get_mut(slot.index()) else {
                return Advanced::Nothing;
            };
            if phase == Phase::Delayed {
                let at = group.resume_at;
                if now < at {
                    walk.deadline = Some(walk.deadline.map_or(at, |other| other.min(at)));
                    return Advanced::Nothing;
                }
                begin_restarting(group, now);
            } else if let Some(member) = group.cursor {
                if let Some(action) = self.visit(slot, member, now) {
                    return Advanced::Action(action);
                }
            } else if group.outstanding > 0 {
                return Advanced::Nothing;
            } else if group.must_rescan {
                group.begin(phase);
            } else {
                self.end_phase(slot, looks, now);
            }
        }
    }

    /// A group's members have been gone over: it goes on to its next phase.
    fn end_phase(&mut self, slot: GroupSlot, looks: &mut u32, now: Instant) {
        let Some(group) = self.groups.get(slot.index()) else {
            return;
        };
        let mut compared = 0;
        let must_wait = group.phase == Phase::Ending
            && matches!(group.goal, Goal::Restart(_))
            && (now < group.resume_at || self.waits_for_others(group, &mut compared));
        *looks = looks.saturating_sub(compared / COMPARED_PER_LOOK);
        let Some(group) = self.groups.get_mut(slot.index()) else {
            return;
        };
        match (group.phase, group.goal) {
            (Phase::Freezing, _) => group.begin(Phase::Ending),
            (Phase::Ending, Goal::Hold) => group.phase = Phase::Held,
            (Phase::Ending, Goal::Restart(_)) if must_wait => group.phase = Phase::Delayed,
            (Phase::Ending, Goal::Restart(_)) => begin_restarting(group, now),
            (Phase::Ending, Goal::Departures) | (Phase::Restarting, _) => {
                group.begin(Phase::Activating);
            }
            (_, goal) => {
                let has_ended = goal == Goal::End && group.members == 0;
                group.phase = Phase::Idle;
                group.goal = Goal::Departures;
                group.is_awaited = false;
                group.company = GroupSet::EMPTY;
                if has_ended {
                    self.end_group(slot);
                }
            }
        }
    }

    /// Goes to the member at the cursor, and past it; returns what it is to be asked, if anything.
    fn visit(&mut self, group: GroupSlot, member: Slot, now: Instant) -> Option<Action> {
        let group = self.groups.get_mut(group.index())?;
        let actor = self.actors.get(member.index());
        let next = actor.and_then(|actor| actor.next_member);
        group.cursor = next.filter(|_| group.last_asked != Some(member));
        let (actor, goal) = (actor?, group.goal);
        match group.phase {
            Phase::Freezing if actor.state == State::Activating => self.withdraw_activation(member),
            Phase::Freezing if must_freeze(actor, goal) => return self.ask_freeze(member, now),
            Phase::Ending if must_end(actor, goal) => return self.ask_terminate(member, now),
            Phase::Restarting => {
                let source = source_of_restart(actor, goal)?;
                return self.ask_restart(member, source, now);
            }
            Phase::Activating if actor.state == State::Prepared => {
                return self.ask_activate(member);
            }
            Phase::Idle
            | Phase::Escalated
            | Phase::Freezing
            | Phase::Ending
            | Phase::Delayed
            | Phase::Activating
            | Phase::Held => {}
        }
        None
    }

    fn ask_freeze(&mut self, slot: Slot, now: Instant) -> Option<Action> {
        let (actor, _) = self.pair(slot)?;
        if actor.state == State::Running {
            actor.previous = PreviousEnd::WithGroup;
        }
        let (actor, group) = self.entered(slot, now)?;
        if !actor.become_state(State::Freezing) {
            return None;
        }
        let fate = actor.fate_under(group.goal);
        actor.fate = fate;
        group.outstanding = group.outstanding.saturating_add(1);
        Some(Action::Freeze {
            actor: actor.actor,
            fate,
        })
    }

    /// A member of a group that is being stopped need not be activated, if it is not too late.
    fn withdraw_activation(&mut self, slot: Slot) {
        let first = self.first_withdrawn;
        let Some((actor, group)) = self.pair(slot) else {
            return;
        };
        let is_concerned = actor.state == State::Activating && group.goal != Goal::Departures;
        if is_concerned && !core::mem::replace(&mut actor.is_withdrawn, true) {
            actor.next_withdrawn = first;
            self.first_withdrawn = Some(slot);
        }
    }

    fn ask_terminate(&mut self, slot: Slot, now: Instant) -> Option<Action> {
        let (actor, group) = self.entered(slot, now)?;
        if !actor.become_state(State::Terminating) {
            return None;
        }
        group.outstanding = group.outstanding.saturating_add(1);
        Some(Action::Terminate {
            actor: actor.actor,
            remains: actor.remains_under(group.goal),
        })
    }

    fn ask_restart(&mut self, slot: Slot, source: Source, now: Instant) -> Option<Action> {
        let (actor, group) = self.entered(slot, now)?;
        if !actor.become_state(State::Restarting) {
            return None;
        }
        actor.source = source;
        group.outstanding = group.outstanding.saturating_add(1);
        let (actor, open, frozen_at) = (actor.actor, actor.open, group.frozen_at);
        if let Some(open) = open {
            self.ledger.amend(open.sequence, |entry| {
                entry.phases.freeze = frozen_at.since(entry.time);
            });
        }
        Some(Action::Restart { actor, source })
    }

    fn ask_activate(&mut self, slot: Slot) -> Option<Action> {
        let (actor, group) = self.pair(slot)?;
        if !actor.become_state(State::Activating) {
            return None;
        }
        group.outstanding = group.outstanding.saturating_add(1);
        Some(Action::Activate {
            actor: actor.actor,
            previous: actor.previous,
            incarnation: actor.incarnation.saturating_add(1),
        })
    }

    /// A member and its group, once the ledger says what is done to it for its group's sake.
    fn entered(&mut self, slot: Slot, now: Instant) -> Option<(&mut ActorEntry, &mut GroupEntry)> {
        let (actor, group) = self.pair(slot)?;
        let response = actor.response_under(group.goal);
        let is_said = actor.open.is_some_and(|open| open.response == response);
        if actor.pending.is_some() || !is_said {
            self.ensure_group_entry(slot, now);
        }
        self.pair(slot)
    }

    /// Has the ledger say what is done to a member for its group's sake. An indirect member that
    /// brought the restart about keeps its entry: that the group was restarted is what was done
    /// about it, though it is not there to see it.
    fn ensure_group_entry(&mut self, slot: Slot, now: Instant) {
        self.lapse(slot, now);
        let Some((actor, group)) = self.pair(slot) else {
            return;
        };
        let is_restart = matches!(group.goal, Goal::Restart(_));
        if is_restart && actor.kind == ActorKind::Indirect && actor.open.is_some() {
            return;
        }
        let response = actor.response_under(group.goal);
        self.ensure_entry(slot, response, now);
    }
}

/// Begins to restart, and keeps the time: what came before is freeze and backoff.
fn begin_restarting(group: &mut GroupEntry, now: Instant) {
    group.begin(Phase::Restarting);
    group.resume_at = now;
}

/// Whether a member is to be frozen under this goal of its group.
fn must_freeze(actor: &ActorEntry, goal: Goal) -> bool {
    match actor.state {
        State::Running | State::Down => goal != Goal::Departures || actor.is_leaving,
        State::Held => actor.fate_under(goal) != Fate::Hold,
        _ => false,
    }
}

/// Whether a member is to be ended under this goal of its group.
fn must_end(actor: &ActorEntry, goal: Goal) -> bool {
    match actor.state {
        State::Frozen | State::Prepared | State::Declared => {
            actor.fate_under(goal) == Fate::End && (goal != Goal::Departures || actor.is_leaving)
        }
        _ => false,
    }
}

/// Where the memory of a member comes from that is to be restarted under this goal of its group.
fn source_of_restart(actor: &ActorEntry, goal: Goal) -> Option<Source> {
    let Goal::Restart(source) = goal else {
        return None;
    };
    let source = source.max(actor.floor);
    let is_concerned = match actor.state {
        State::Frozen => true,
        // Waiting for its activation when the group started over, now with another source.
        State::Prepared => actor.source < source,
        _ => false,
    };
    (is_concerned && actor.fate_under(goal) == Fate::Restart).then_some(source)
}
