//! What came in: where each event goes, and everything that ends without a failure.

use abi::start::PreviousEnd;
use abi::{ActorId, Advice, FaultRecord, Instant, Response as Recorded, Slot};

use super::RestartManager;
use super::records::End;
use crate::action::Source;
use crate::group::{Goal, Phase, Reason};
use crate::set::GroupSet;
use crate::{ActorKind, Event, GroupSlot, State};

impl RestartManager<'_> {
    /// Handles an event, and says whether it made sense. (A stale one is counted on the way.)
    #[inline(always)]
    pub(super) fn take_news(&mut self, event: Event<'_>, now: Instant) -> bool {
        let actor = match event {
            Event::GroupKillRequested { group, by } => return self.on_group_kill(group, by),
            Event::GiveUpCleared { group, .. } => return self.on_give_up_cleared(group),
            Event::SiteActionRefused => return self.on_site_action_refused(now),
            Event::Loaded { actor }
            | Event::LoadFailed { actor, .. }
            | Event::Failed { actor, .. }
            | Event::Exited { actor }
            | Event::RestartRequested { actor, .. }
            | Event::KillRequested { actor, .. }
            | Event::Frozen { actor, .. }
            | Event::Restarted { actor, .. }
            | Event::RestartFailed { actor, .. }
            | Event::Activated { actor }
            | Event::ActivationFailed { actor, .. }
            | Event::ActivationPostponed { actor }
            | Event::Ended { actor }
            | Event::Ready { actor }
            | Event::FirstReply { actor } => actor,
        };
        let slot = actor.slot();
        let Some(state) = self.present_state(actor) else {
            self.ignored.stale = self.ignored.stale.saturating_add(1);
            return true;
        };
        match event {
            Event::Loaded { .. } => self.on_loaded(slot, state),
            Event::LoadFailed { fault, .. } if state == State::Declared => {
                self.on_first_load_failed(slot, fault, now)
            }
            Event::LoadFailed { fault, .. } | Event::RestartFailed { fault, .. } => {
                state == State::Restarting
                    && self.on_attempt_failed(slot, Phase::Restarting, fault, now)
            }
            Event::ActivationFailed { fault, .. } => {
                state == State::Activating
                    && self.on_attempt_failed(slot, Phase::Activating, fault, now)
            }
            Event::Failed { fault, .. } => self.on_failed(slot, state, fault, now),
            Event::Exited { .. } => self.on_exited(slot, state, now),
            Event::RestartRequested { by, .. } => {
                self.on_restart_wanted(slot, state, End::Requested { by }, now)
            }
            Event::KillRequested { by, .. } => {
                self.on_restart_wanted(slot, state, End::Killed { by }, now)
            }
            Event::Frozen { successor, .. } => {
                state == State::Freezing && self.on_frozen(slot, successor, now)
            }
            Event::Restarted { block_reads, .. } => {
                state == State::Restarting && self.on_restarted(slot, block_reads, now)
            }
            Event::Activated { .. } => state == State::Activating && self.on_activated(slot, now),
            Event::ActivationPostponed { .. } => {
                state == State::Activating && self.on_activation_postponed(slot)
            }
            Event::Ended { .. } => state == State::Terminating && self.on_ended(slot),
            Event::Ready { .. } => self.on_ready(slot, state, now),
            Event::FirstReply { .. } => self.on_first_reply(slot, state, now),
            Event::GroupKillRequested { .. }
            | Event::GiveUpCleared { .. }
            | Event::SiteActionRefused => false,
        }
    }

    /// The state of the actor with this capability. The only place where one is checked.
    #[inline]
    fn present_state(&self, actor: ActorId) -> Option<State> {
        let entry = self.actors.get(actor.slot().index())?;
        (entry.state.is_present() && entry.actor == actor).then_some(entry.state)
    }

    fn on_loaded(&mut self, slot: Slot, state: State) -> bool {
        let Some((actor, group)) = self.pair(slot) else {
            return false;
        };
        if state != State::Declared || !actor.become_state(State::Prepared) {
            return false;
        }
        actor.source = Source::Storage;
        if group.phase == Phase::Idle {
            // Straight to the one there is to activate, however many were started before.
            group.begin_with(slot);
            let group = actor.group;
            self.enlist(group);
        } else {
            group.must_rescan = true;
        }
        true
    }

    /// An actor that never was in memory takes nobody with it, and no policy can help: there is
    /// nothing yet to go back to.
    fn on_first_load_failed(&mut self, slot: Slot, fault: &FaultRecord, now: Instant) -> bool {
        let Some((actor, group)) = self.pair(slot) else {
            return false;
        };
        actor.become_state(State::Frozen);
        actor.leave(group);
        let sequence = self.open_entry(slot, End::Failed(fault), Recorded::TERMINATE, now);
        self.depart(slot, sequence);
        true
    }

    fn on_exited(&mut self, slot: Slot, state: State, now: Instant) -> bool {
        let is_freezing = state == State::Freezing;
        if !is_freezing && !self.is_running(slot, state, now) {
            return false;
        }
        let Some((actor, group)) = self.pair(slot) else {
            return false;
        };
        if actor.is_leaving || (!is_freezing && !actor.become_state(State::Down)) {
            return false;
        }
        actor.leave(group);
        actor.previous = PreviousEnd::Exited;
        let sequence = self.open_entry(slot, End::Exited, Recorded::NONE, now);
        self.depart(slot, sequence);
        true
    }

    /// A member leaves; the others stay. If its group is about to end members anyway, it is among
    /// them; if that is over, the group goes back for it.
    fn depart(&mut self, slot: Slot, because: u64) {
        let Some((actor, group)) = self.pair(slot) else {
            return;
        };
        match group.phase {
            Phase::Escalated | Phase::Freezing if group.is_stopping() => group.must_rescan = true,
            _ => {
                let group = actor.group;
                self.engage(
                    group,
                    Goal::Departures,
                    Reason::Entry(because),
                    Instant::ZERO,
                );
            }
        }
    }

    /// A restart that is wished for, by kill or by request. It is no failure: nothing is counted,
    /// and the policy is not asked.
    fn on_restart_wanted(&mut self, slot: Slot, state: State, end: End<'_>, now: Instant) -> bool {
        let Some((actor, group)) = self.pair(slot) else {
            return false;
        };
        let is_held = group.phase == Phase::Held;
        match state {
            State::Running if !group.is_stopping() => {
                actor.become_state(State::Down);
                actor.previous = PreviousEnd::Requested;
            }
            // Letting go of a group that is held for a debugger.
            State::Held | State::Frozen | State::Prepared if is_held => {}
            // It is on its way to a fresh start, or to its end, already.
            State::Running
            | State::Activating
            | State::Down
            | State::Freezing
            | State::Frozen
            | State::Held
            | State::Prepared
            | State::Restarting => return true,
            State::Vacant | State::Declared | State::Terminating | State::Terminated => {
                return false;
            }
        }
        let goal = Goal::Restart(Source::Memory);
        // That an indirect member ends with it is its nature; the restart is what was done.
        let response = match actor.kind {
            ActorKind::Direct => actor.response_under(goal),
            ActorKind::Indirect => Recorded::HOT_RESTART,
        };
        let group = actor.group;
        let sequence = self.open_entry(slot, end, response, now);
        self.restart_groups(group, goal, GroupSet::EMPTY, Reason::Entry(sequence), now);
        true
    }

    fn on_group_kill(&mut self, group: GroupSlot, by: ActorId) -> bool {
        if !self.is_declared(group) {
            self.ignored.stale = self.ignored.stale.saturating_add(1);
        } else {
            self.engage(group, Goal::End, Reason::Killed(by), Instant::ZERO);
        }
        true
    }

    /// A group that was given up may be declared anew.
    fn on_give_up_cleared(&mut self, group: GroupSlot) -> bool {
        let entry = self.groups.get_mut(group.index());
        let entry = entry.filter(|entry| entry.is_given_up);
        entry.map(|entry| entry.is_given_up = false).is_some()
    }

    /// The kernel will not restart the site: every group that wanted it is given up instead, and
    /// the entry that says that the site is restarted says so.
    fn on_site_action_refused(&mut self, now: Instant) -> bool {
        if self.site.take_if(|site| site.is_asked).is_none() {
            return false;
        }
        let mut listed = self.first_busy;
        while let Some((slot, group)) =
            listed.and_then(|slot| Some((slot, self.groups.get(slot.index())?)))
        {
            listed = group.next_busy;
            if group.phase == Phase::Escalated {
                let reason = group.reason;
                if let Reason::Entry(because) = reason {
                    self.ledger
                        .amend(because, |entry| entry.advice = Advice::SITE_REFUSED);
                    self.give_up(slot, because, now);
                }
                self.engage(slot, Goal::End, reason, Instant::ZERO);
            }
        }
        true
    }
}
