//! What failed, and what is done once it is decided.

use abi::start::PreviousEnd;
use abi::{FaultRecord, Instant, NoticePhase, Outcome, Response as Recorded, Slot, Span};

use super::RestartManager;
use super::advice::Verdict;
use super::records::End;
use crate::action::Source;
use crate::actor::Pending;
use crate::group::{Goal, Phase, Reason};
use crate::set::GroupSet;
use crate::{Decision, Response, State};

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
                actor.is_ready = false;
                group.note_report(Phase::Activating);
                let id = actor.actor;
                self.notify(slot, NoticePhase::ACTIVATED, id, id, now);
                Span::ZERO
            }
            State::Freezing if !actor.is_leaving => Span::ZERO,
            _ => return false,
        };
        let Some((actor, group)) = self.pair(slot) else {
            return false;
        };
        if state != State::Freezing {
            actor.become_state(State::Down);
        }
        let sequence = if state == State::Freezing || group.is_stopping() {
            group.must_rescan = true;
            let response = actor.response_under(group.goal);
            self.open_entry(slot, End::Failed(fault), response, now)
        } else {
            if state == State::Running && ran_for >= actor.parameters.stable_after {
                actor.history.forget();
            }
            self.ask(slot, fault, ran_for, None, now)
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
            self.open_entry(slot, End::Failed(fault), response, now);
            if response == Recorded::HOLD {
                self.close_entry(slot, Outcome::DONE);
            }
        } else {
            self.ask(slot, fault, Span::ZERO, Some(attempt), now);
        }
        true
    }

    /// Writes down what was decided about a failure, and sets the group going.
    pub(super) fn carry_out(
        &mut self,
        slot: Slot,
        pending: Pending,
        verdict: Verdict,
        now: Instant,
    ) {
        let Some(actor) = self.actors.get(slot.index()) else {
            return;
        };
        let Pending {
            sequence,
            attempt: failed_attempt,
            ..
        } = pending;
        let group = actor.group;
        let decision = verdict.decision;
        // That of the actor's own group is there already.
        let scope = (verdict.scope != group).then(|| self.group_name(verdict.scope));
        self.settle_entry(slot, sequence, decision.response.recorded(), now, |entry| {
            entry.advice = verdict.advice;
            if let Some(scope) = scope {
                entry.scope = scope;
            }
        });
        let goal = match (decision.response, failed_attempt) {
            // Only the member whose image is unusable is reloaded: its floor says so.
            (Response::Reload, Some(_)) => Goal::Restart(Source::Memory),
            (response, _) => response.into(),
        };
        let reason = Reason::Entry(sequence);
        let resume_at = now.after(decision.delay.min(Decision::LONGEST_DELAY));
        let mut also = match decision.response {
            Response::HotRestartGroup(below) => GroupSet::of(below),
            Response::HotRestartPeers(of, peers) => self.peers(of, peers),
            Response::HotRestart
            | Response::Reload
            | Response::Hold
            | Response::Terminate
            | Response::SiteRestart
            | Response::SiteReboot
            | Response::NoAnswer(_) => GroupSet::EMPTY,
        };
        if matches!(goal, Goal::Restart(_)) {
            // A restart that could not be done is no further failure of the group.
            if failed_attempt.is_none() {
                also = also.union(self.reverse_bases(group));
            }
            self.restart_groups(group, goal, also, reason, resume_at);
        } else {
            self.engage(group, goal, reason, resume_at);
        }
        if goal == Goal::End {
            self.give_up(group, sequence, now);
        }
        if decision.response == Response::Hold && failed_attempt.is_some() {
            // It is frozen already, so it is held as of now.
            self.close_entry(slot, Outcome::DONE);
        }
    }
}
