//! A recorded run: the ledger as it grew, and what a rehearsal has to know about the site.
//!
//! The kernel tells the debug console of each entry, in the form of [`abi::trace`]; the rest is in
//! the site's description. Together they are a [`Trace`], which is kept as JSON, so that a person
//! can read it, and change it to ask "what if".

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use abi::trace::{Record, VERSION};
use abi::{LedgerEntry, Name};
use restart_manager::{ActorKind, Parameters, Reaction};
use serde::{Deserialize, Serialize};
use site_personality_manager::order::{Step, boot};
use site_personality_manager::site::{self, GroupIndex, Site};

/// A recorded run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// [`VERSION`] of the entries.
    pub version: u32,
    /// The site that ran.
    pub site: Name,
    /// The policy it ran with.
    pub policy: Name,
    /// How the run ended, in words.
    pub ended: String,
    /// What the policy was tuned by for the site as a whole.
    pub parameters: Parameters,
    /// The groups, in the order in which they were declared.
    pub groups: Vec<Group>,
    /// The actors, in the order in which they were declared.
    pub actors: Vec<Actor>,
    /// Numbers of entries that were overwritten before they could be recorded.
    pub lost: Vec<RangeInclusive<u64>>,
    /// Pieces of the recording that could not be read: of what the kernel was writing when the
    /// machine was stopped.
    pub damaged: u64,
    /// The ledger, as it was in the end.
    pub entries: Vec<LedgerEntry>,
}

/// A group of the site.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: Name,
    /// The groups it depends on, its parent first.
    pub depends_on: Vec<Edge>,
    /// What the policy is tuned by for the group as a whole.
    pub parameters: Parameters,
}

/// A dependency.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// The group depended upon.
    pub group: Name,
    /// What a restart of it means for the dependent group.
    pub reaction: Reaction,
    /// What a failure of the dependent group means for it.
    pub reverse: Reaction,
}

/// An actor of the site.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Its name.
    pub name: Name,
    /// The group it belongs to.
    pub group: Name,
    /// Who starts it.
    pub kind: ActorKind,
    /// What the policy is tuned by.
    pub parameters: Parameters,
}

/// Why there is no trace.
#[derive(Debug)]
pub enum TraceError {
    /// The kernel said nothing.
    Silence,
    /// It writes records of another version than we read.
    Version(u32),
    /// The text is not that of a trace.
    Json(serde_json::Error),
}

impl Trace {
    /// Puts together what the kernel told the debug console and what the site's description says.
    ///
    /// # Errors
    /// When the kernel did not say anything, or not in our version.
    pub fn of(site: &Site, recording: &[u8], ended: &str) -> Result<Self, TraceError> {
        let mut policy = None;
        let mut entries = BTreeMap::new();
        let mut damaged = 0;
        for frame in recording.split(|byte| *byte == 0) {
            match postcard::from_bytes_cobs(&mut frame.to_vec()) {
                _ if frame.is_empty() => {}
                Ok(Record::Start { version, .. }) if version != VERSION => {
                    return Err(TraceError::Version(version));
                }
                Ok(Record::Start { policy: named, .. }) => policy = Some(named),
                Ok(Record::Entry(entry)) => {
                    entries.insert(entry.sequence, entry);
                }
                Err(_) => damaged += 1,
            }
        }
        Ok(Self {
            version: VERSION,
            site: site.name,
            policy: policy.ok_or(TraceError::Silence)?,
            ended: ended.to_owned(),
            parameters: site
                .group(GroupIndex::KERNEL)
                .map_or(site.parameters, |kernel| kernel.parameters),
            groups: groups(site),
            actors: actors(site),
            lost: missing(entries.keys().copied()),
            damaged,
            entries: entries.into_values().collect(),
        })
    }

    /// Reads what [`Trace::to_json`] wrote, or a person.
    ///
    /// # Errors
    /// When the text is not that of a trace, or of another version.
    pub fn from_json(text: &str) -> Result<Self, TraceError> {
        let trace: Self = serde_json::from_str(text).map_err(TraceError::Json)?;
        if trace.version == VERSION {
            Ok(trace)
        } else {
            Err(TraceError::Version(trace.version))
        }
    }

    /// The trace as text.
    ///
    /// # Panics
    /// Never: a trace has nothing that JSON cannot say.
    #[must_use]
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("a trace can be written as JSON") + "\n"
    }
}

/// The groups but that of the kernel, as they are declared at boot.
fn groups(site: &Site) -> Vec<Group> {
    let opened = boot(site).into_iter().filter_map(|step| match step {
        Step::Open(group) => site.group(group),
        _ => None,
    });
    let described = opened.map(|group| Group {
        name: group.name,
        depends_on: group
            .edges
            .iter()
            .map(|edge| describe(site, edge))
            .collect(),
        parameters: group.parameters,
    });
    described.collect()
}

fn describe(site: &Site, edge: &site::Edge) -> Edge {
    let reaction = |reaction| match reaction {
        site::Reaction::Restart => Reaction::Restart,
        site::Reaction::Notify => Reaction::Notify,
        site::Reaction::None => Reaction::None,
    };
    Edge {
        group: name_of(site, edge.base),
        reaction: reaction(edge.reaction),
        reverse: reaction(edge.reverse),
    }
}

fn actors(site: &Site) -> Vec<Actor> {
    let described = site.actors.iter().map(|actor| Actor {
        name: actor.name,
        group: name_of(site, actor.group),
        kind: if actor.direct {
            ActorKind::Direct
        } else {
            ActorKind::Indirect
        },
        parameters: actor.parameters,
    });
    described.collect()
}

fn name_of(site: &Site, group: GroupIndex) -> Name {
    site.group(group)
        .map(|group| group.name)
        .unwrap_or_default()
}

/// The numbers that are left out. (The first is 1.)
fn missing(numbers: impl Iterator<Item = u64>) -> Vec<RangeInclusive<u64>> {
    let mut next = 1;
    let mut missing = Vec::new();
    for number in numbers {
        if next < number {
            missing.push(next..=number - 1);
        }
        next = number + 1;
    }
    missing
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence => f.write_str("the kernel recorded nothing: it did not come up"),
            Self::Version(found) => write!(
                f,
                "the trace has version {found}, and we read version {VERSION}"
            ),
            Self::Json(error) => write!(f, "not a trace: {error}"),
        }
    }
}

impl std::error::Error for TraceError {}
