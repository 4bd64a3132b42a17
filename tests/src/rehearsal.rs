//! A recorded run put to a policy again, on the host.
//!
//! [`restart_manager::rehearse`] does it; here a manager is made that knows the recorded site, and
//! its answers are put beside the recorded ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use abi::{ActorId, Advice, Generation, Instant, Name, Response, Slot, Span};
use restart_manager::{
    ActorDeclaration, ActorEntry, DeclareError, GroupEntry, GroupSlot, RestartManager,
    RestartPolicy, Storage, rehearse,
};
use serde::Serialize;

use crate::trace::Trace;

/// What a policy would have decided in a recorded run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Rehearsal {
    /// The site that ran.
    pub site: Name,
    /// The policy it ran with.
    pub recorded_policy: Name,
    /// The policy that was asked now.
    pub rehearsed_policy: String,
    /// How many entries the trace has, those included about which no policy was asked.
    pub entries: usize,
    /// How many entries are known to be missing from it.
    pub lost: u64,
    /// In how many decisions the two differ.
    pub differences: usize,
    /// Every decision.
    pub decisions: Vec<Pair>,
}

/// One failure, and the two decisions about it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Pair {
    /// The entry's number.
    pub sequence: u64,
    /// When it failed.
    pub time: Instant,
    /// Who failed.
    pub actor: Name,
    /// Its group.
    pub group: Name,
    /// How it failed.
    pub failure: String,
    /// What was decided then.
    pub recorded: Decided,
    /// What is decided now.
    pub rehearsed: Decided,
    /// Whether the two say the same; the delay is not compared.
    pub agree: bool,
}

/// A decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Decided {
    /// What to do.
    pub response: Response,
    /// With which group.
    pub scope: Name,
    /// How long to put it off. (Of a recorded one: how long it was, after the freeze.)
    pub delay: Span,
    /// What became of the policy's advice.
    pub advice: Advice,
}

/// Why a trace cannot be rehearsed: something in it was declared that cannot be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    what: &'static str,
    name: Name,
    error: DeclareError,
}

impl Rehearsal {
    /// Puts a trace to a policy.
    ///
    /// # Errors
    /// When the trace describes a site that cannot be. (It was changed by hand.)
    pub fn of(trace: &Trace, policy: &dyn RestartPolicy) -> Result<Self, Refused> {
        let named = |name: fn(&abi::LedgerEntry) -> Name| -> BTreeSet<Name> {
            trace.entries.iter().map(name).collect()
        };
        // Room for those who are declared, and for those of whom the site did not say anything.
        let actors = trace.actors.len() + named(|entry| entry.name).len();
        let groups = trace.groups.len() + named(|entry| entry.group).len();
        let mut actors = vec![ActorEntry::EMPTY; actors];
        let mut groups = vec![GroupEntry::EMPTY; groups];
        let storage = Storage {
            actors: &mut actors,
            groups: &mut groups,
            ledger: &mut [],
        };
        let mut manager = RestartManager::new(storage, policy);
        declare(&mut manager, trace)?;

        let mut decisions = Vec::new();
        rehearse(&mut manager, &trace.entries, |rehearsed| {
            decisions.push(Pair::of(&rehearsed));
        });
        Ok(Self {
            site: trace.site,
            recorded_policy: trace.policy,
            rehearsed_policy: policy.name().to_owned(),
            entries: trace.entries.len(),
            lost: trace
                .lost
                .iter()
                .map(|range| range.end().saturating_sub(*range.start()).saturating_add(1))
                .sum(),
            differences: decisions.iter().filter(|pair| !pair.agree).count(),
            decisions,
        })
    }
}

impl Pair {
    fn of(rehearsed: &restart_manager::Rehearsed<'_>) -> Self {
        let entry = rehearsed.entry;
        Self {
            sequence: entry.sequence,
            time: entry.time,
            actor: entry.name,
            group: entry.group,
            failure: match &entry.cause {
                abi::Cause::Fault(fault) => fault.to_string(),
                other => other.kind().to_string(),
            },
            recorded: Decided {
                response: rehearsed.recorded,
                scope: rehearsed.recorded_scope,
                delay: entry.phases.delay,
                advice: entry.advice,
            },
            rehearsed: Decided {
                response: rehearsed.decision.response.recorded(),
                scope: rehearsed.scope,
                delay: rehearsed.decision.delay,
                advice: rehearsed.advice,
            },
            agree: rehearsed.agrees(),
        }
    }
}

/// Tells a manager of the recorded site, in the order in which it was told then.
fn declare(manager: &mut RestartManager<'_>, trace: &Trace) -> Result<(), Refused> {
    let refused = |what, name| move |error| Refused { what, name, error };
    let mut slots = BTreeMap::new();
    // The kernel group, by which the edges to it are known.
    slots.insert(Name::truncated("kernel"), GroupSlot::KERNEL);
    let set = manager.set_group_parameters(GroupSlot::KERNEL, trace.parameters);
    set.map_err(refused("site", trace.site))?;
    for group in &trace.groups {
        let refused = |error| refused("group", group.name)(error);
        let slot_of = |name| {
            slots
                .get(name)
                .copied()
                .ok_or(refused(DeclareError::NoGroup))
        };
        let parent = group.depends_on.first().map(|edge| slot_of(&edge.group));
        let slot = manager.declare_group(group.name, parent.transpose()?);
        let slot = slot.map_err(refused)?;
        let set = manager.set_group_parameters(slot, group.parameters);
        set.map_err(refused)?;
        for edge in &group.depends_on {
            let base = slot_of(&edge.group)?;
            let edge = manager.declare_edge(slot, base, edge.reaction, edge.reverse);
            edge.map_err(refused)?;
        }
        slots.insert(group.name, slot);
    }
    for (index, actor) in (0..).zip(&trace.actors) {
        let refused = refused("actor", actor.name);
        let Some(group) = slots.get(&actor.group).copied() else {
            return Err(refused(DeclareError::NoGroup));
        };
        let declaration = ActorDeclaration {
            actor: ActorId::new(Slot(index), Generation::FIRST),
            name: actor.name,
            group,
            kind: actor.kind,
            parameters: actor.parameters,
            started: 0,
        };
        manager.declare_actor(declaration).map_err(refused)?;
    }
    Ok(())
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, name, error } = self;
        write!(
            f,
            "{what} \"{name}\" of the trace makes no sense: {error:?}"
        )
    }
}

impl std::error::Error for Refused {}
