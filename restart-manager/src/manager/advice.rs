//! What the policy is asked, whether its answer makes sense, and the books it is shown.

use abi::{Advice, FaultRecord, Instant, Slot, Span};

use super::RestartManager;
use crate::action::Source;
use crate::policy::Unanswered;
use crate::tree::Blame;
use crate::{
    ActorFacts, Decision, GroupFacts, GroupSlot, Parameters, Response, Situation, Tree, fallback,
};

/// What is to be done, and how it came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Verdict {
    pub(crate) decision: Decision,
    pub(crate) advice: Advice,
    /// The group it is aimed at.
    pub(crate) scope: GroupSlot,
}

impl RestartManager<'_> {
    /// Counts a failure, asks the policy about it, and counts the answer. Nothing else happens.
    pub(crate) fn consult(
        &mut self,
        slot: Slot,
        fault: &FaultRecord,
        ran_for: Span,
        failed_attempt: Option<Source>,
        now: Instant,
    ) -> Option<Verdict> {
        let (actor, group) = self.pair(slot)?;
        actor.history.record(now, fault.kind);
        group.history.record(now, fault.kind);
        let (own, base) = (actor.group, group.base.unwrap_or(GroupSlot::KERNEL));
        self.blame(base)?.failures_above.record(now);
        let policy = self.policy;
        let actor = self.actors.get(slot.index())?;
        let group = self.groups.get(own.index())?;
        let facts = ActorFacts {
            incarnation: actor.incarnation,
            kind: actor.kind,
            ran_for,
            ..ActorFacts::new(actor.actor, actor.name, actor.parameters)
        };
        let group_facts = GroupFacts::new(own, group.name, group.members, &group.history);
        let tree = Tree {
            groups: self.groups,
            kernel: &self.kernel,
            group: own,
            now,
        };
        let situation = Situation {
            failed_attempt,
            tree,
            ..Situation::new(fault, facts, &actor.history, group_facts, now)
        };
        let advised = policy.decide(&situation);
        let (mut decision, mut advice) = match objection(&advised, &tree) {
            None => (advised, Advice::FOLLOWED),
            Some(objection) => (
                fallback::chorus(&situation, &Parameters::DEFAULT),
                objection,
            ),
        };
        if decision.response == Response::HotRestartGroup(GroupSlot::KERNEL) {
            decision.response = Response::SiteRestart;
        }
        if let Some(attempt) = failed_attempt {
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
}

/// Why an answer makes no sense, if it does not.
fn objection(advised: &Decision, tree: &Tree<'_>) -> Option<Advice> {
    let named = match advised.response {
        Response::NoAnswer(Unanswered::Panicked) => return Some(Advice::PANICKED),
        Response::NoAnswer(Unanswered::OverBudget) => return Some(Advice::OVER_BUDGET),
        _ if advised.delay > Decision::LONGEST_DELAY => return Some(Advice::DELAY_TOO_LONG),
        Response::HotRestartPeers(GroupSlot::KERNEL, _) => return Some(Advice::NOT_RESTARTABLE),
        Response::HotRestartPeers(group, _) if group == tree.group => return None,
        Response::HotRestartGroup(group) | Response::HotRestartPeers(group, _) => group,
        Response::HotRestart
        | Response::Reload
        | Response::Hold
        | Response::Terminate
        | Response::SiteRestart
        | Response::SiteReboot => return None,
    };
    let Some(facts) = tree.facts(named) else {
        return Some(Advice::UNKNOWN_GROUP);
    };
    if !tree.ancestors().any(|group| group == named) {
        return Some(Advice::NOT_BELOW);
    }
    (!facts.is_restartable).then_some(Advice::NOT_RESTARTABLE)
}
