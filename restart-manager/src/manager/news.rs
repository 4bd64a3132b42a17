//! What ended or is to end, and what is decided about it.

use abi::start::PreviousEnd;
use abi::{ActorId, Cause, FaultRecord, Instant, Outcome, Response as Recorded, Slot, Span};

use super::{RestartManager, SiteRequest};
use crate::action::Source;
use crate::group::{Goal, Phase, Reason};
use crate::{ActorFacts, Decision, Event, GroupFacts, GroupSlot, Response, Situation, State};

impl RestartManager<'_> {
    /// Handles an event, and says whether it made sense. (A stale one is counted on the way.)
    pub(super) fn take_news(&mut self, event: Event<'_>, now: Instant) -> bool {
        let actor = match event {
            Event::GroupKillRequested { group, by } => return self.on_group_kill(group, by),
            Event::SiteActionRefused => return self.on_site_action_refused(),
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
                self.on_restart_wanted(slot, state, Cause::Requested { by }, now)
            }
            Event::KillRequested { by, .. } => {
                self.on_restart_wanted(slot, state, Cause::Killed { by }, now)
            }
            Event::Frozen { successor, .. } => {
                state == State::Freezing && self.on_frozen(slot, successor, now)
            }
            Event::Restarted { block_reads, .. } => {
                state == State::Restarting && self.on_restarted(slot, block_reads, now)
            }
            Event::Activated { .. } => state == State::Activating && self.on_activated(slot, now),
            Event::Ended { .. } => state == State::Terminating && self.on_ended(slot),
            Event::Ready { .. } => self.is_running(slot, state, now),
            Event::FirstReply { .. } => self.on_first_reply(slot, state, now),
            Event::GroupKillRequested { .. } | Event::SiteActionRefused => false,
        }
    }

    /// The state of the actor with this capability. The only place where one is checked.
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
            group.phase = Phase::Activating;
            group.cursor = Some(slot);
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
        let Some((actor, _)) = self.pair(slot) else {
            return false;
        };
        actor.become_state(State::Frozen);
        actor.is_leaving = true;
        let sequence = self.open_entry(slot, Cause::Fault(*fault), Recorded::TERMINATE, now);
        self.depart(slot, sequence);
        true
    }

    fn on_exited(&mut self, slot: Slot, state: State, now: Instant) -> bool {
        let is_freezing = state == State::Freezing;
        if !is_freezing && !self.is_running(slot, state, now) {
            return false;
        }
        let Some((actor, _)) = self.pair(slot) else {
            return false;
        };
        if actor.is_leaving || (!is_freezing && !actor.become_state(State::Down)) {
            return false;
        }
        actor.is_leaving = true;
        let sequence = self.open_entry(slot, Cause::CleanExit, Recorded::NONE, now);
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

    fn on_failed(&mut self, slot: Slot, state: State, fault: &FaultRecord, now: Instant) -> bool {
        let Some((actor, group)) = self.pair(slot) else {
            return false;
        };
        let ran_for = match state {
            State::Running => now.since(actor.mark),
            // It ran, though we have not been told yet; the report that it does will be ignored.
            State::Activating => {
                actor.incarnation = actor.incarnation.saturating_add(1);
                actor.floor = Source::Memory;
                group.note_report(Phase::Activating);
                Span::ZERO
            }
            State::Freezing if !actor.is_leaving => Span::ZERO,
            _ => return false,
        };
        if state != State::Freezing {
            actor.become_state(State::Down);
        }
        let sequence = if state == State::Freezing || group.is_stopping() {
            group.must_rescan = true;
            let response = actor.response_under(group.goal);
            self.open_entry(slot, Cause::Fault(*fault), response, now)
        } else {
            if state == State::Running && ran_for >= actor.parameters.stable_after {
                actor.history.forget();
            }
            self.decide(slot, fault, ran_for, None, now)
        };
        if let Some(actor) = self.actors.get_mut(slot.index()) {
            actor.previous = PreviousEnd::Failed {
                kind: fault.kind,
                ledger: sequence,
            };
        }
        true
    }

    /// A restart or an activation could not be done. What is tried next is severer.
    fn on_attempt_failed(
        &mut self,
        slot: Slot,
        asked_in: Phase,
        fault: &FaultRecord,
        now: Instant,
    ) -> bool {
        let Some((actor, group)) = self.pair(slot) else {
            return false;
        };
        if !actor.become_state(State::Frozen) {
            return false;
        }
        let attempt = actor.source;
        actor.floor = Source::Storage;
        group.note_report(asked_in);
        let goal = group.goal;
        let is_over = group.phase == Phase::Escalated || goal >= Goal::Hold;
        let response = actor.response_under(goal);
        self.close_entry(slot, Outcome::FAILED);
        if is_over {
            self.open_entry(slot, Cause::Fault(*fault), response, now);
            if response == Recorded::HOLD {
                self.close_entry(slot, Outcome::DONE);
            }
        } else {
            self.decide(slot, fault, Span::ZERO, Some(attempt), now);
        }
        true
    }

    /// Asks the policy, writes down its answer, and sets the group going. Returns the number of
    /// the entry.
    fn decide(
        &mut self,
        slot: Slot,
        fault: &FaultRecord,
        ran_for: Span,
        failed_attempt: Option<Source>,
        now: Instant,
    ) -> u64 {
        let policy = self.policy;
        let Some((actor, group)) = self.pair(slot) else {
            return 0;
        };
        actor.history.record(now, fault.kind);
        group.history.record(now, fault.kind);
        let group_slot = actor.group;
        let facts = ActorFacts {
            incarnation: actor.incarnation,
            kind: actor.kind,
            ran_for,
            ..ActorFacts::new(actor.actor, actor.name, actor.parameters)
        };
        let group_facts = GroupFacts::new(group_slot, group.name, group.members, &group.history);
        let situation = Situation {
            failed_attempt,
            ..Situation::new(fault, facts, &actor.history, group_facts, now)
        };
        let mut decision = policy.decide(&situation);
        if let Some(attempt) = failed_attempt {
            decision.response = decision.response.after_failed(attempt);
        }
        let recorded = decision.response.recorded();
        actor.history.answer(recorded);
        group.history.answer(recorded);
        let sequence = self.open_entry(slot, Cause::Fault(*fault), recorded, now);
        let goal = match (decision.response, failed_attempt) {
            // Only the member whose image is unusable is reloaded: its floor says so.
            (Response::Reload, Some(_)) => Goal::Restart(Source::Memory),
            (response, _) => response.into(),
        };
        let delay = decision.delay.min(Decision::LONGEST_DELAY);
        self.engage(group_slot, goal, Reason::Entry(sequence), now.after(delay));
        if decision.response == Response::Hold && failed_attempt.is_some() {
            // It is frozen already, so it is held as of now.
            self.close_entry(slot, Outcome::DONE);
        }
        sequence
    }

    /// A restart that is wished for, by kill or by request. It is no failure: nothing is counted,
    /// and the policy is not asked.
    fn on_restart_wanted(&mut self, slot: Slot, state: State, cause: Cause, now: Instant) -> bool {
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
        let (group, response) = (
            actor.group,
            actor.response_under(Goal::Restart(Source::Memory)),
        );
        let sequence = self.open_entry(slot, cause, response, now);
        self.engage(
            group,
            Goal::Restart(Source::Memory),
            Reason::Entry(sequence),
            now,
        );
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

    /// The kernel will not restart the site: every group that wanted it ends instead.
    fn on_site_action_refused(&mut self) -> bool {
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
                self.engage(slot, Goal::End, reason, Instant::ZERO);
            }
        }
        true
    }

    /// Sets a group going towards a goal, from wherever it is. A milder goal than the one it is
    /// being stopped for changes nothing but that the members are looked at once more.
    pub(super) fn engage(
        &mut self,
        slot: GroupSlot,
        goal: Goal,
        reason: Reason,
        resume_at: Instant,
    ) {
        let Some(group) = self.groups.get_mut(slot.index()) else {
            return;
        };
        match group.phase {
            Phase::Idle | Phase::Activating => {
                (group.goal, group.reason, group.resume_at) = (goal, reason, resume_at);
            }
            Phase::Held if goal != Goal::Departures => {
                (group.goal, group.reason, group.resume_at) = (goal, reason, resume_at);
            }
            Phase::Escalated if goal != Goal::End => {
                group.must_rescan = true;
                return;
            }
            Phase::Held
            | Phase::Escalated
            | Phase::Freezing
            | Phase::Ending
            | Phase::Delayed
            | Phase::Restarting => {
                if goal > group.goal {
                    (group.goal, group.reason) = (goal, reason);
                }
                group.resume_at = group.resume_at.max(resume_at);
            }
        }
        let escalates = matches!(group.goal, Goal::SiteRestart | Goal::SiteReboot);
        group.begin(if escalates {
            Phase::Escalated
        } else {
            Phase::Freezing
        });
        self.enlist(slot);
        if escalates && let Reason::Entry(because) = reason {
            match self.site {
                Some(site) if site.is_asked || site.goal >= goal => {}
                _ => {
                    self.site = Some(SiteRequest {
                        goal,
                        because,
                        is_asked: false,
                    })
                }
            }
        }
    }

    /// Puts a group at the end of the list of those with something to do.
    fn enlist(&mut self, slot: GroupSlot) {
        let Some(group) = self.groups.get_mut(slot.index()) else {
            return;
        };
        if group.is_listed {
            return;
        }
        group.is_listed = true;
        group.next_busy = None;
        match self.last_busy.replace(slot) {
            None => self.first_busy = Some(slot),
            Some(last) => {
                if let Some(last) = self.groups.get_mut(last.index()) {
                    last.next_busy = Some(slot);
                }
            }
        }
    }
}
