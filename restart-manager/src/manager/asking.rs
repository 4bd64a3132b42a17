//! What a member of a group that is on its way is asked, if anything.

use abi::start::PreviousEnd;
use abi::{Instant, Slot};

use super::RestartManager;
use crate::action::{Action, Fate, Source};
use crate::group::{Goal, GroupEntry, Phase};
use crate::{ActorEntry, ActorKind, GroupSlot, State};

impl RestartManager<'_> {
    /// Goes to the member at the group's cursor, and past it; returns what it is to be asked.
    #[inline]
    pub(super) fn visit(&mut self, group: GroupSlot, member: Slot, now: Instant) -> Option<Action> {
        let group = self.groups.get_mut(group.index())?;
        let Some(actor) = self.actors.get_mut(member.index()) else {
            group.cursor = None;
            return None;
        };
        group.cursor = match group.last_asked {
            Some(last) if last == member => None,
            _ => actor.next_member,
        };
        let goal = group.goal;
        match group.phase {
            Phase::Freezing if actor.state == State::Activating => {
                self.withdraw_activation(member);
                None
            }
            Phase::Freezing if must_freeze(actor, goal) => {
                if actor.state == State::Running {
                    actor.previous = PreviousEnd::WithGroup;
                }
                let (actor, group) = match is_on_record(actor, goal) {
                    true => (actor, group),
                    false => self.put_on_record(member, now)?,
                };
                freeze(actor, group)
            }
            Phase::Ending if must_end(actor, goal) => {
                let (actor, group) = self.put_on_record(member, now)?;
                terminate(actor, group)
            }
            Phase::Restarting => {
                let source = source_of_restart(actor, goal)?;
                let (actor, group) = match is_on_record(actor, goal) {
                    true => (actor, group),
                    false => self.put_on_record(member, now)?,
                };
                let (open, frozen_at) = (actor.open, group.frozen_at);
                let action = restart(actor, group, source);
                if let Some(open) = open {
                    self.ledger.amend(open.sequence, |entry| {
                        entry.phases.freeze = frozen_at.since(entry.time);
                    });
                }
                action
            }
            Phase::Activating if actor.state == State::Prepared => activate(actor, group),
            Phase::Idle
            | Phase::Escalated
            | Phase::Freezing
            | Phase::Ending
            | Phase::Delayed
            | Phase::Activating
            | Phase::Held => None,
        }
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

    /// Has the ledger say what is done to a member for its group's sake. An indirect member that
    /// brought the restart about keeps its entry: that the group was restarted is what was done
    /// about it, though it is not there to see it.
    #[inline(never)]
    fn put_on_record(
        &mut self,
        slot: Slot,
        now: Instant,
    ) -> Option<(&mut ActorEntry, &mut GroupEntry)> {
        self.lapse(slot, now);
        let (actor, group) = self.pair(slot)?;
        let is_restart = matches!(group.goal, Goal::Restart(_));
        if !is_restart || actor.kind == ActorKind::Direct || actor.open.is_none() {
            let response = actor.response_under(group.goal);
            self.ensure_entry(slot, response, now);
        }
        self.pair(slot)
    }
}

/// Whether the ledger says already that this is done to a member.
#[inline]
fn is_on_record(actor: &ActorEntry, goal: Goal) -> bool {
    let response = actor.response_under(goal);
    actor.pending.is_none() && actor.open.is_some_and(|open| open.response == response)
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

fn freeze(actor: &mut ActorEntry, group: &mut GroupEntry) -> Option<Action> {
    let fate = actor.fate_under(group.goal);
    if !actor.become_state(State::Freezing) {
        return None;
    }
    actor.fate = fate;
    group.note_asked();
    Some(Action::Freeze {
        actor: actor.actor,
        fate,
    })
}

fn terminate(actor: &mut ActorEntry, group: &mut GroupEntry) -> Option<Action> {
    if !actor.become_state(State::Terminating) {
        return None;
    }
    group.note_asked();
    Some(Action::Terminate {
        actor: actor.actor,
        remains: actor.remains_under(group.goal),
    })
}

fn restart(actor: &mut ActorEntry, group: &mut GroupEntry, source: Source) -> Option<Action> {
    if !actor.become_state(State::Restarting) {
        return None;
    }
    actor.source = source;
    group.note_asked();
    Some(Action::Restart {
        actor: actor.actor,
        source,
    })
}

fn activate(actor: &mut ActorEntry, group: &mut GroupEntry) -> Option<Action> {
    if !actor.become_state(State::Activating) {
        return None;
    }
    group.note_asked();
    Some(Action::Activate {
        actor: actor.actor,
        previous: actor.previous,
        incarnation: actor.incarnation.saturating_add(1),
    })
}
