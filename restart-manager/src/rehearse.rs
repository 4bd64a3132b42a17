//! Recorded failures put to a policy again, to see what it would have decided.

use abi::{
    Cause, FaultRecord, Instant, LedgerEntry, Name, Outcome, Response as Recorded, Slot, Span,
};

use crate::action::Source;
use crate::group::{Goal, Phase};
use crate::manager::Verdict;
use crate::{ActorDeclaration, ActorKind, Decision, Parameters, Question, RestartManager, State};

/// What the latest entry says of an actor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rehearsal {
    /// Its next incarnation runs.
    runs: bool,
    /// This was tried in vain.
    attempt: Option<Source>,
}

impl Rehearsal {
    /// There was none: the first incarnation runs.
    pub(crate) const BEFORE: Self = Self {
        runs: true,
        attempt: None,
    };
}

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

impl Rehearsed<'_> {
    /// Whether the same is decided as was recorded, about the same group. (How long a restart is
    /// put off is not compared.)
    #[must_use]
    pub fn agrees(&self) -> bool {
        (self.recorded, self.recorded_scope) == (self.decision.response.recorded(), self.scope)
    }
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
/// A policy is shown what it was shown then, with two exceptions, because the ledger does not say
/// when they happened: a first incarnation is taken to have run since the start of the site; and
/// who ended is taken to have gone at once. The past consists of the recorded failures and the
/// policy's own answers. That the failures after another answer might have been others is the limit
/// of any rehearsal. Bounded by the number of entries times that of actors and groups.
pub fn rehearse<'e>(
    manager: &mut RestartManager<'_>,
    entries: impl IntoIterator<Item = &'e LedgerEntry>,
    mut each: impl FnMut(Rehearsed<'e>),
) {
    for entry in entries {
        if is_site_restart(entry) {
            manager.rehearse_site_restart(entry);
            continue;
        }
        let Some(slot) = manager.slot_of(entry) else {
            continue;
        };
        manager.recall(slot, entry);
        if let Cause::Fault(fault) = &entry.cause
            && entry.advice != abi::Advice::NOT_ASKED
            && let Some(past) = manager.past(slot, entry.time)
            && let Some(verdict) = manager.consult(slot, fault, past, entry.time)
        {
            each(Rehearsed {
                entry,
                recorded: entry.response,
                recorded_scope: entry.scope,
                decision: verdict.decision,
                scope: manager.group_name(verdict.scope),
                advice: verdict.advice,
            });
        }
        manager.conclude(slot, entry);
    }
}

impl RestartManager<'_> {
    /// The actor an entry is about. One that had ended was spawned again; one that there never was
    /// is made up.
    fn slot_of(&mut self, entry: &LedgerEntry) -> Option<Slot> {
        let (mut former, mut free) = (None, None);
        for index in 0..self.actor_slots() {
            let slot = Slot(u32::try_from(index).ok()?);
            match self.actor(slot) {
                Some(actor) if *actor.name() == entry.name => {
                    if actor.state().is_present() {
                        return Some(slot);
                    }
                    former = Some((slot, actor.kind, actor.parameters));
                }
                None if free.is_none() => {
                    free = Some((slot, ActorKind::Direct, Parameters::DEFAULT))
                }
                _ => {}
            }
        }
        let (slot, kind, parameters) = former.or(free)?;
        let known = self.group_named(&entry.group);
        let group = match known.filter(|group| self.is_declared(*group)) {
            Some(group) => group,
            None => self.declare_group(entry.group, None).ok()?,
        };
        let declaration = ActorDeclaration {
            actor: abi::ActorId::new(slot, entry.actor.generation().max(abi::Generation::FIRST)),
            name: entry.name,
            group,
            kind,
            parameters,
            started: 0,
        };
        self.declare_actor(declaration).ok()?;
        Some(slot)
    }

    /// Counts a failure, asks the policy in use about it, and counts the answer.
    fn consult(
        &mut self,
        slot: Slot,
        fault: &FaultRecord,
        (failed_attempt, ran_for): (Option<Source>, Span),
        now: Instant,
    ) -> Option<Verdict> {
        self.count_failure(slot, fault.kind, now);
        let mut question = Question::new();
        if !self.show(slot, fault, ran_for, failed_attempt, now, &mut question) {
            return None;
        }
        let advised = self.policy().decide(&question.situation());
        self.judge(&question, advised)
    }

    /// The incarnation an entry is about is there.
    fn recall(&mut self, slot: Slot, entry: &LedgerEntry) {
        if let Some((actor, group)) = self.pair(slot) {
            actor.actor = entry.actor;
            actor.incarnation = entry.incarnation;
            // Whoever was held has been let go, or there would be no further entry.
            if group.phase == Phase::Held {
                group.phase = Phase::Idle;
            }
        }
    }

    /// What had been tried in vain just before an actor failed now, and for how long its
    /// incarnation had run. A past that is over is forgotten.
    fn past(&mut self, slot: Slot, now: Instant) -> Option<(Option<Source>, Span)> {
        let (actor, _) = self.pair(slot)?;
        let ran_for = if actor.rehearsed.runs {
            now.since(actor.mark)
        } else {
            Span::ZERO
        };
        if ran_for >= actor.parameters.stable_after {
            actor.history.forget();
        }
        Some((actor.rehearsed.attempt, ran_for))
    }

    /// What the recorded entry led to, as far as the next policy that is asked sees it.
    fn conclude(&mut self, slot: Slot, entry: &LedgerEntry) {
        let is_done = entry.outcome == Outcome::DONE;
        let Some((actor, group)) = self.pair(slot) else {
            return;
        };
        actor.mark = entry.activated_at();
        actor.rehearsed = Rehearsal {
            runs: is_done,
            attempt: match (entry.outcome, entry.response) {
                (Outcome::FAILED, Recorded::HOT_RESTART) => Some(Source::Memory),
                (Outcome::FAILED, Recorded::RELOAD) => Some(Source::Storage),
                _ => None,
            },
        };
        let is_asked = entry.advice != abi::Advice::NOT_ASKED;
        // Of a direct member, this is what its whole group is killed with.
        let is_kill =
            matches!(entry.cause, Cause::Killed { .. }) && actor.kind == ActorKind::Direct;
        let is_refused = entry.advice == abi::Advice::SITE_REFUSED;
        match entry.response {
            _ if is_refused => (group.goal, group.phase) = (Goal::End, Phase::Ending),
            Recorded::HOLD => (group.goal, group.phase) = (Goal::Hold, Phase::Held),
            Recorded::TERMINATE if is_asked || is_kill => {
                (group.goal, group.phase) = (Goal::End, Phase::Ending);
            }
            _ => {}
        }
        let has_ended = match entry.response {
            Recorded::NONE | Recorded::TERMINATE => true,
            // An indirect member.
            Recorded::HOT_RESTART | Recorded::RELOAD => entry.successor.is_none(),
            _ => false,
        };
        if is_done && has_ended {
            // By its slot here, should it be spawned again.
            actor.actor = abi::ActorId::new(slot, entry.actor.generation());
            actor.state = State::Terminating;
            self.on_ended(slot);
        }
    }
}

/// Whether an entry is that of the site itself.
fn is_site_restart(entry: &LedgerEntry) -> bool {
    matches!(
        entry.response,
        Recorded::SITE_RESTART | Recorded::SITE_REBOOT
    ) && entry.actor.is_none()
}
