//! Which action is next, in which order.

use abi::start::PreviousEnd;
use abi::{Instant, Slot};

use super::RestartManager;
use crate::action::{Action, Fate};
use crate::group::{Goal, GroupEntry, Phase};
use crate::set::GroupSet;
use crate::{ActorKind, GroupSlot, State};

/// Which actions are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Urgency {
    /// Freezes only.
    Freezes,
    /// Any.
    All,
}

impl RestartManager<'_> {
    /// The next action of any group. Freezes come first: they are what tells the callers of one
    /// group's actors, and those must not wait for the reload of another's.
    pub(super) fn next_action(&mut self, now: Instant) -> Option<Action> {
        self.ask_site().or_else(|| {
            self.next_listed(Urgency::Freezes, now)
                .or_else(|| self.next_listed(Urgency::All, now))
        })
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
    fn next_listed(&mut self, urgency: Urgency, now: Instant) -> Option<Action> {
        let mut has_changed = true;
        while core::mem::take(&mut has_changed) {
            let mut before = None;
            let mut listed = self.first_busy;
            while let Some(slot) = listed {
                let group = self.groups.get_mut(slot.index())?;
                let phase = group.phase;
                listed = group.next_busy;
                if matches!(phase, Phase::Idle | Phase::Held) {
                    group.is_listed = false;
                    group.next_busy = None;
                    self.unlist(before, slot, listed);
                    continue;
                }
                before = Some(slot);
                if let Some(action) = self.advance(slot, urgency, now) {
                    return Some(action);
                }
                let reached = self.groups.get(slot.index()).map(|group| group.phase);
                has_changed |= reached != Some(phase);
            }
        }
        None
    }

    /// Takes a group as far as it comes without a report, or to its next action.
    ///
    /// Ends: each round either visits the next member, or goes over to a later phase, or takes
    /// back a `must_rescan` that only an event sets.
    fn advance(&mut self, slot: GroupSlot, urgency: Urgency, now: Instant) -> Option<Action> {
        loop {
            let group = self.groups.get(slot.index())?;
            if self.waits_for_dependents(group) {
                return None;
            }
            let must_wait = matches!(group.phase, Phase::Ending | Phase::Delayed)
                && (now < group.resume_at || self.waits_for_others(group));
            let group = self.groups.get_mut(slot.index())?;
            if urgency == Urgency::Freezes && group.phase != Phase::Freezing {
                return None;
            }
            let is_one_at_a_time = match group.phase {
                Phase::Idle | Phase::Held | Phase::Escalated => return None,
                Phase::Delayed if must_wait || group.asking > 0 => return None,
                Phase::Delayed => {
                    begin_restarting(group, now);
                    continue;
                }
                Phase::Freezing | Phase::Ending => false,
                Phase::Restarting | Phase::Activating => true,
            };
            if is_one_at_a_time && (group.outstanding > 0 || group.asking > 0) {
                return None;
            }
            if let Some(member) = group.cursor {
                let phase = group.phase;
                let next = self.actors.get(member.index())?.next_member;
                group.cursor = next.filter(|_| group.last_asked != Some(member));
                let action = match phase {
                    Phase::Freezing => self.ask_freeze(member, now),
                    Phase::Ending => self.ask_terminate(member, now),
                    Phase::Restarting => self.ask_restart(member, now),
                    _ => self.ask_activate(member),
                };
                if action.is_some() {
                    return action;
                }
            } else if group.outstanding > 0 {
                return None;
            } else if group.must_rescan {
                group.begin(group.phase);
            } else {
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
        }
    }

    fn ask_freeze(&mut self, slot: Slot, now: Instant) -> Option<Action> {
        self.withdraw_activation(slot);
        let (actor, group) = self.pair(slot)?;
        let fate = actor.fate_under(group.goal);
        let is_concerned = match actor.state {
            State::Running | State::Down => group.goal != Goal::Departures || actor.is_leaving,
            State::Held => fate != Fate::Hold,
            _ => false,
        };
        if !is_concerned {
            return None;
        }
        if actor.state == State::Running {
            actor.previous = PreviousEnd::WithGroup;
        }
        self.ensure_group_entry(slot, now);
        let (actor, group) = self.pair(slot)?;
        if !actor.become_state(State::Freezing) {
            return None;
        }
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
        let (actor, group) = self.pair(slot)?;
        let is_concerned = match actor.state {
            State::Frozen | State::Prepared | State::Declared => {
                actor.fate_under(group.goal) == Fate::End
                    && (group.goal != Goal::Departures || actor.is_leaving)
            }
            _ => false,
        };
        if !is_concerned {
            return None;
        }
        self.ensure_group_entry(slot, now);
        let (actor, group) = self.pair(slot)?;
        if !actor.become_state(State::Terminating) {
            return None;
        }
        group.outstanding = group.outstanding.saturating_add(1);
        Some(Action::Terminate {
            actor: actor.actor,
            remains: actor.remains_under(group.goal),
        })
    }

    fn ask_restart(&mut self, slot: Slot, now: Instant) -> Option<Action> {
        let (actor, group) = self.pair(slot)?;
        let Goal::Restart(source) = group.goal else {
            return None;
        };
        let source = source.max(actor.floor);
        let is_concerned = match actor.state {
            _ if actor.fate_under(group.goal) != Fate::Restart => false,
            State::Frozen => true,
            // Waiting for its activation when the group started over, now with another source.
            State::Prepared => actor.source < source,
            _ => false,
        };
        if !is_concerned {
            return None;
        }
        let frozen_at = group.frozen_at;
        self.ensure_group_entry(slot, now);
        self.amend_entry(slot, |entry| {
            entry.phases.freeze = frozen_at.since(entry.time)
        });
        let (actor, group) = self.pair(slot)?;
        if !actor.become_state(State::Restarting) {
            return None;
        }
        actor.source = source;
        group.outstanding = group.outstanding.saturating_add(1);
        Some(Action::Restart {
            actor: actor.actor,
            source,
        })
    }

    fn ask_activate(&mut self, slot: Slot) -> Option<Action> {
        let (actor, group) = self.pair(slot)?;
        if actor.state != State::Prepared || !actor.become_state(State::Activating) {
            return None;
        }
        group.outstanding = group.outstanding.saturating_add(1);
        Some(Action::Activate {
            actor: actor.actor,
            previous: actor.previous,
            incarnation: actor.incarnation.saturating_add(1),
        })
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
