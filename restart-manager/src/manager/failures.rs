//! What failed, and what is decided about it.

use abi::start::PreviousEnd;
use abi::{Cause, FaultRecord, Instant, Outcome, Response as Recorded, Slot, Span};

use super::RestartManager;
use crate::action::Source;
use crate::group::{Goal, Phase, Reason};
use crate::{ActorFacts, Decision, GroupFacts, Response, Situation, State};

impl RestartManager<'_> {
    /// A running actor failed.
    pub(super) fn on_failed(
        &mut self,
        slot: Slot,
        state: State,
        fault: &FaultRecord,
        now: Instant,
    ) -> bool {
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
    pub(super) fn on_attempt_failed(
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
}
