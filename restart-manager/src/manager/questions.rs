//! Failures about which the policy was not heard yet, and what may happen to them meanwhile.
//!
//! A failure is counted and entered in the ledger at once; the question waits in a list until it
//! is fetched, and then for its answer. Until that comes the group goes nowhere on this account:
//! it does not restart or activate anybody, but it can be frozen or ended for another cause. Then
//! the question *lapses*: nobody is asked any more, and what is done to the group is what is done
//! about the failure, as with one of a member whose group is being stopped when it fails.
//!
//! Whether the kernel asks one question at a time, and how long it takes, is its own affair. A
//! question that is fetched must be answered, if by [`Response::NoAnswer`](crate::Response).

use abi::{Cause, FaultRecord, Instant, Outcome, Response as Recorded, Slot, Span};

use super::RestartManager;
use super::records::End;
use crate::Decision;
use crate::action::Source;
use crate::actor::Pending;
use crate::group::{Goal, GroupEntry, Phase};
use crate::question::Question;

impl RestartManager<'_> {
    /// Writes the next question for the policy into `question`, and says whether there was one. To
    /// be called after events until it says no, and before [`RestartManager::poll`].
    ///
    /// Ends: each round takes an actor off the list.
    #[inline]
    pub fn next_question(&mut self, now: Instant, question: &mut Question) -> bool {
        self.first_asking.is_some() && self.fetch_question(now, question)
    }

    fn fetch_question(&mut self, now: Instant, question: &mut Question) -> bool {
        while let Some(slot) = self.first_asking {
            let Some(actor) = self.actors.get_mut(slot.index()) else {
                return false;
            };
            actor.is_asking = false;
            self.first_asking = actor.next_asking.take();
            if self.first_asking.is_none() {
                self.last_asking = None;
            }
            let Some(pending) = actor.pending else {
                continue;
            };
            let group = self.groups.get(actor.group.index());
            if group.is_some_and(|group| is_overtaken(&pending, group)) {
                self.lapse(slot, now);
                continue;
            }
            if self.write_down(slot, pending, question) {
                return true;
            }
        }
        false
    }

    /// Takes the answer to a question, and sets the group going. One that has lapsed is answered
    /// in vain.
    pub fn answer(&mut self, question: &Question, advised: Decision, now: Instant) {
        if let Some(walk) = &mut self.walk {
            walk.note_change();
        }
        let slot = question.slot;
        let Some((actor, group)) = self.pair(slot) else {
            return;
        };
        let pending = actor
            .pending
            .filter(|open| open.sequence == question.sequence);
        let Some(pending) = pending else {
            return;
        };
        if is_overtaken(&pending, group) {
            return self.lapse(slot, now);
        }
        actor.pending = None;
        group.asking = group.asking.saturating_sub(1);
        if let Some(verdict) = self.judge(question, advised) {
            self.carry_out(slot, pending, verdict, now);
        }
    }

    /// Enters a failure, and has the policy asked about it. Returns the number of the entry.
    pub(super) fn ask(
        &mut self,
        slot: Slot,
        fault: &FaultRecord,
        ran_for: Span,
        attempt: Option<Source>,
        now: Instant,
    ) -> u64 {
        self.count_failure(slot, fault.kind, now);
        let sequence = self.append_entry(slot, End::Failed(fault), Recorded::NONE, now);
        let Some((actor, group)) = self.pair(slot) else {
            return sequence;
        };
        let former = actor.pending.replace(Pending {
            sequence,
            time: now,
            ran_for,
            attempt,
        });
        if former.is_none() {
            group.asking = group.asking.saturating_add(1);
        }
        if !core::mem::replace(&mut actor.is_asking, true) {
            actor.next_asking = None;
            match self.last_asking.replace(slot) {
                None => self.first_asking = Some(slot),
                Some(last) => {
                    if let Some(last) = self.actors.get_mut(last.index()) {
                        last.next_asking = Some(slot);
                    }
                }
            }
        }
        sequence
    }

    /// Decides about a failure what is decided about the group anyway, if the policy was not heard
    /// about it yet.
    pub(super) fn lapse(&mut self, slot: Slot, now: Instant) {
        let Some(pending) = self.take_pending(slot) else {
            return;
        };
        let Some((actor, group)) = self.pair(slot) else {
            return;
        };
        let response = actor.response_under(group.goal);
        self.settle_entry(slot, pending.sequence, response, now, |_| {});
        if response == Recorded::HOLD && pending.attempt.is_some() {
            // It is frozen already, so it is held as of now.
            self.close_entry(slot, Outcome::DONE);
        }
    }

    fn take_pending(&mut self, slot: Slot) -> Option<Pending> {
        let (actor, group) = self.pair(slot)?;
        let pending = actor.pending.take()?;
        group.asking = group.asking.saturating_sub(1);
        Some(pending)
    }

    /// Writes down the question about a failure, as of then, so that it can be rehearsed. The
    /// ledger has the fault, unless as many entries as it holds came since.
    fn write_down(&self, slot: Slot, pending: Pending, question: &mut Question) -> bool {
        let Pending {
            sequence,
            time,
            ran_for,
            attempt,
        } = pending;
        question.sequence = sequence;
        if let Some(Cause::Fault(fault)) = self.ledger.get(sequence).map(|entry| &entry.cause) {
            return self.show(slot, fault, ran_for, attempt, time, question);
        }
        let actor = self.actors.get(slot.index());
        let latest = actor.and_then(|actor| actor.history.latest());
        let fault = FaultRecord::new(latest.map_or(abi::FaultKind(0), |death| death.kind));
        self.show(slot, &fault, ran_for, attempt, time, question)
    }
}

/// Whether something else was decided about the group meanwhile, so that the policy need not be
/// asked about this failure of a member. A restart that could not be done must not be tried again,
/// whatever else restarts the group: about that it is asked.
fn is_overtaken(pending: &Pending, group: &GroupEntry) -> bool {
    if pending.attempt.is_some() {
        group.phase == Phase::Escalated || group.goal >= Goal::Hold
    } else {
        group.is_stopping()
    }
}
