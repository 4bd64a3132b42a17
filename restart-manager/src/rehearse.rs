//! Recorded failures put to a policy again, to see what it would have decided.

use abi::{Cause, Instant, LedgerEntry, Name, Outcome, Response as Recorded, Slot, Span};

use crate::action::Source;
use crate::{ActorDeclaration, ActorKind, Decision, Parameters, Question, RestartManager};

/// One recorded failure, and what is decided about it now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rehearsed<'e> {
    /// The entry.
    pub entry: &'e LedgerEntry,
    /// What was decided then.
    pub recorded: Recorded,
    /// The name of the group at which that was aimed.
    pub recorded_scope: Name,
    /// What the policy in use decides.
    pub decision: Decision,
    /// The name of the group at which that is aimed.
    pub scope: Name,
    /// What became of its advice.
    pub advice: abi::Advice,
}

/// Puts the failures among `entries`, in their order, to the policy of `manager`, and gives each
/// pair of answers to `each`.
///
/// The manager must be one that does nothing else: its groups and actors are only what the policy
/// is shown. Declare the site's groups, edges and actors with their parameters first; what is not
/// declared is made up as it occurs, groups on the kernel group and actors with default parameters,
/// as long as there is room. Entries without room, without a failure, or about which no policy was
/// asked, are left out.
///
/// The past that the policy is shown consists of the recorded failures and its own answers. That
/// the failures after an answer might have been others is the limit of any rehearsal. Bounded by
/// the number of entries times that of actors and groups.
pub fn rehearse<'e>(
    manager: &mut RestartManager<'_>,
    entries: impl IntoIterator<Item = &'e LedgerEntry>,
    mut each: impl FnMut(Rehearsed<'e>),
) {
    let mut question = Question::new();
    for entry in entries {
        let Some(slot) = manager.slot_of(entry) else {
            continue;
        };
        let (failed_attempt, ran_for) = manager.recall(slot, entry);
        let Cause::Fault(fault) = &entry.cause else {
            continue;
        };
        if entry.advice == abi::Advice::NOT_ASKED {
            continue;
        }
        manager.count_failure(slot, fault.kind, entry.time);
        if !manager.show(
            slot,
            fault,
            ran_for,
            failed_attempt,
            entry.time,
            &mut question,
        ) {
            continue;
        }
        let advised = manager.policy().decide(&question.situation());
        if let Some(verdict) = manager.judge(&question, advised) {
            each(Rehearsed {
                entry,
                recorded: entry.response,
                recorded_scope: entry.scope,
                decision: verdict.decision,
                scope: manager.group_name(verdict.scope),
                advice: verdict.advice,
            });
        }
    }
}

impl RestartManager<'_> {
    /// The actor an entry is about; it is made up if there is none.
    fn slot_of(&mut self, entry: &LedgerEntry) -> Option<Slot> {
        let mut free = None;
        for index in 0..self.actor_slots() {
            let slot = Slot(u32::try_from(index).ok()?);
            match self.actor(slot) {
                Some(actor) if *actor.name() == entry.name => return Some(slot),
                None if free.is_none() => free = Some(slot),
                _ => {}
            }
        }
        let slot = free?;
        let known = self.group_named(&entry.group);
        let group = match known.filter(|group| self.is_declared(*group)) {
            Some(group) => group,
            None => self.declare_group(entry.group, None).ok()?,
        };
        let declaration = ActorDeclaration {
            actor: abi::ActorId::new(slot, abi::Generation::FIRST),
            name: entry.name,
            group,
            kind: ActorKind::Direct,
            parameters: Parameters::DEFAULT,
        };
        self.declare_actor(declaration).ok()?;
        Some(slot)
    }

    /// What had been tried in vain just before the failure of this entry, and for how long its
    /// incarnation had run. A past that is over is forgotten.
    fn recall(&mut self, slot: Slot, entry: &LedgerEntry) -> (Option<Source>, Span) {
        let Some(actor) = self.actor_mut(slot) else {
            return (None, Span::ZERO);
        };
        let attempt = actor.rehearsed_attempt.take();
        let ran_for = match attempt {
            Some(_) => Span::ZERO,
            None => entry.time.since(actor.mark),
        };
        if ran_for >= actor.parameters.stable_after {
            actor.history.forget();
        }
        actor.rehearsed_attempt = match (entry.outcome, entry.response) {
            (Outcome::FAILED, Recorded::HOT_RESTART) => Some(Source::Memory),
            (Outcome::FAILED, Recorded::RELOAD) => Some(Source::Storage),
            _ => None,
        };
        actor.mark = activated_at(entry);
        (attempt, ran_for)
    }
}

/// When the incarnation after this entry was activated.
fn activated_at(entry: &LedgerEntry) -> Instant {
    let phases = entry.phases;
    let frozen = entry.time.after(phases.freeze);
    frozen.after(phases.restart).after(phases.activate)
}
