//! What the policy is asked, whether its answer makes sense, and the books it is shown.

use abi::{Advice, FaultKind, FaultRecord, Instant, Slot, Span};

use super::RestartManager;
use crate::action::Source;
use crate::group::Stage;
use crate::policy::Unanswered;
use crate::question::Question;
use crate::tree::{Blame, Layer};
use crate::{ActorFacts, Decision, GroupSlot, Parameters, Response, fallback};

/// What is to be done, and how it came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Verdict {
    pub(crate) decision: Decision,
    pub(crate) advice: Advice,
    /// The group it is aimed at.
    pub(crate) scope: GroupSlot,
}

impl RestartManager<'_> {
    /// Counts a failure, in the books of the actor, of its group, and of the group below.
    pub(crate) fn count_failure(&mut self, slot: Slot, kind: FaultKind, now: Instant) {
        let Some((actor, group)) = self.pair(slot) else {
            return;
        };
        actor.history.record(now, kind);
        group.history.record(now, kind);
        let base = group.base.unwrap_or(GroupSlot::KERNEL);
        if let Some(blame) = self.blame(base) {
            blame.failures_above.record(now);
        }
    }

    /// Writes down what the policy is shown of a failure that is counted already; false if there
    /// is no such actor.
    pub(crate) fn show(
        &self,
        slot: Slot,
        fault: &FaultRecord,
        ran_for: Span,
        failed_attempt: Option<Source>,
        now: Instant,
        question: &mut Question,
    ) -> bool {
        let actor = self.actors.get(slot.index());
        let group = actor.and_then(|actor| self.groups.get(actor.group.index()));
        let (Some(actor), Some(group)) = (actor, group) else {
            return false;
        };
        question.slot = slot;
        question.fault = *fault;
        question.actor = ActorFacts {
            incarnation: actor.incarnation,
            kind: actor.kind,
            ran_for,
            ..ActorFacts::new(actor.actor, actor.name, actor.parameters)
        };
        question.history.copy_from(&actor.history);
        question.group = actor.group;
        question.group_name = group.name;
        question.members = group.members;
        question.group_history.copy_from(&group.history);
        question.failed_attempt = failed_attempt;
        question.now = now;
        question.layers.begin(&self.kernel, now);
        // Ends: the question has room for so many.
        let mut below = group.base;
        while let Some((slot, entry)) =
            below.and_then(|slot| Some((slot, self.groups.get(slot.index())?)))
        {
            if !question.layers.push(Layer::of(slot, entry, now)) {
                break;
            }
            below = entry.base;
        }
        true
    }

    /// Counts the answer to a question, or what is put in its place. Nothing else happens.
    pub(crate) fn judge(&mut self, question: &Question, advised: Decision) -> Option<Verdict> {
        let Question { slot, now, .. } = *question;
        let own = question.group;
        let (mut decision, mut advice) = match self.objection(&advised, own) {
            None => (advised, Advice::FOLLOWED),
            Some(objection) => (
                fallback::chorus(&question.situation(), &Parameters::DEFAULT),
                objection,
            ),
        };
        if decision.response == Response::HotRestartGroup(GroupSlot::KERNEL) {
            decision.response = Response::SiteRestart;
        }
        if let Some(attempt) = question.failed_attempt {
            let severer = decision.response.after_failed(attempt);
            if severer != decision.response && advice == Advice::FOLLOWED {
                advice = Advice::SEVERER;
            }
            decision.response = severer;
        }
        let recorded = decision.response.recorded();
        let (actor, group) = self.pair(slot)?;
        actor.history.answer(recorded);
        group.history.answer(recorded);
        let scope = match decision.response {
            Response::HotRestartGroup(group) | Response::HotRestartPeers(group, _) => group,
            Response::SiteRestart | Response::SiteReboot => GroupSlot::KERNEL,
            Response::HotRestart
            | Response::Hold
            | Response::Reload
            | Response::Terminate
            | Response::NoAnswer(_) => own,
        };
        if scope != own {
            self.count_propagation(own, scope, now);
        }
        Some(Verdict {
            decision,
            advice,
            scope,
        })
    }

    /// A group below is restarted because of `own`: that counts against it, as a failure of its
    /// own in the eyes of its parent, and what stood on it starts with a clean slate.
    ///
    /// Ends: after as many steps as there are groups, at the latest.
    fn count_propagation(&mut self, own: GroupSlot, scope: GroupSlot, now: Instant) {
        let mut at = own;
        for _ in 0..=self.groups.len() {
            let parent = self.parent(at);
            if let Some(blame) = parent.and_then(|parent| self.blame(parent)) {
                blame.failures_above.forget();
            }
            match parent {
                Some(parent) if parent != scope => at = parent,
                _ => break,
            }
        }
        if let Some(blame) = self.blame(scope) {
            blame.restarts.record(now);
        }
        let below = self.parent(scope);
        if let Some(blame) = below.and_then(|below| self.blame(below)) {
            blame.failures_above.record(now);
        }
    }

    fn parent(&self, group: GroupSlot) -> Option<GroupSlot> {
        let entry = self.groups.get(group.index())?;
        Some(entry.base.unwrap_or(GroupSlot::KERNEL))
    }

    fn blame(&mut self, group: GroupSlot) -> Option<&mut Blame> {
        if group == GroupSlot::KERNEL {
            return Some(&mut self.kernel.blame);
        }
        let entry = self.groups.get_mut(group.index())?;
        Some(&mut entry.blame)
    }

    /// Why an answer makes no sense, if it does not.
    fn objection(&self, advised: &Decision, own: GroupSlot) -> Option<Advice> {
        let named = match advised.response {
            Response::NoAnswer(Unanswered::Panicked) => return Some(Advice::PANICKED),
            Response::NoAnswer(Unanswered::OverBudget) => return Some(Advice::OVER_BUDGET),
            _ if advised.delay > Decision::LONGEST_DELAY => return Some(Advice::DELAY_TOO_LONG),
            Response::HotRestartPeers(GroupSlot::KERNEL, _) => {
                return Some(Advice::NOT_RESTARTABLE);
            }
            Response::HotRestartGroup(GroupSlot::KERNEL) => return None,
            Response::HotRestartPeers(group, _) if group == own => return None,
            Response::HotRestartGroup(group) | Response::HotRestartPeers(group, _) => group,
            Response::HotRestart
            | Response::Reload
            | Response::Hold
            | Response::Terminate
            | Response::SiteRestart
            | Response::SiteReboot => return None,
        };
        let entry = self.groups.get(named.index());
        let Some(entry) = entry.filter(|entry| entry.stage != Stage::Free) else {
            return Some(Advice::UNKNOWN_GROUP);
        };
        if !self.is_below(named, own) {
            return Some(Advice::NOT_BELOW);
        }
        (!entry.is_restartable()).then_some(Advice::NOT_RESTARTABLE)
    }

    /// Whether a group is among those on the way from another one to the kernel group. Ends: after
    /// as many steps as there are groups, at the latest.
    fn is_below(&self, group: GroupSlot, above: GroupSlot) -> bool {
        let steps = self.groups.len();
        core::iter::successors(self.parent(above), |at| self.parent(*at))
            .take(steps)
            .any(|at| at == group)
    }
}
