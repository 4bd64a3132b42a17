//! Names that stand for other entries, looked up when every entry has been read.

use std::collections::BTreeMap;

use abi::Name;

use super::problem::{Problems, Spot};
use crate::graph;
use crate::site::{ActorIndex, Edge, GroupIndex, Site, SubsystemIndex, Target};
use crate::validate::{Place, bases};

/// All names to look up.
#[derive(Default)]
pub(super) struct References {
    references: Vec<Reference>,
}

struct Reference {
    /// Where the name is used. The key says what kind of entry it stands for.
    spot: Spot,
    /// Where that is in the text, if not where the key's value is.
    offset: Option<usize>,
    name: Name,
    /// Which of several names at the same spot.
    position: usize,
}

impl References {
    pub(super) fn add(&mut self, spot: Spot, offset: Option<usize>, name: Name, position: usize) {
        self.references.push(Reference {
            spot,
            offset,
            name,
            position,
        });
    }

    /// Whether `name` is used with a key.
    pub(super) fn any(&self, key: &str, name: &str) -> bool {
        let mut references = self.references.iter();
        references.any(|reference| reference.spot.1 == key && reference.name.as_str() == name)
    }

    /// Looks up every name, and reports those that stand for nothing.
    pub(super) fn resolve(self, site: &mut Site, problems: &mut Problems<'_>) {
        let subsystems = positions(site.subsystems.iter().map(|subsystem| subsystem.name));
        let groups = positions(site.groups.iter().map(|group| group.name));
        let actors = positions(site.actors.iter().map(|actor| actor.name));
        for Reference {
            spot,
            offset,
            name,
            position,
        } in self.references
        {
            let (table, what) = match spot.1 {
                "subsystem" => (&subsystems, "subsystem"),
                "manager" => (&actors, "actor"),
                // A name that both have is the group's, which the actor is usually a member of.
                "grants" if !groups.contains_key(&name) => (&actors, "actor or group"),
                _ => (&groups, "group"),
            };
            let Some(target) = table.get(&name).copied() else {
                let offset = offset.unwrap_or_else(|| problems.offset(spot));
                let message = format!("{}: there is no {what} `{name}`", label(site, spot.0));
                problems.refuse(spot, offset, message);
                continue;
            };
            match spot {
                (Place::Subsystem(at), _) => {
                    site.subsystems[at].manager = Some(ActorIndex::at(target));
                }
                (Place::Group(at), "subsystem") => {
                    site.groups[at].subsystem = Some(SubsystemIndex::at(target));
                }
                (Place::Group(at), _) => {
                    site.groups[at].edges[position].base = GroupIndex::at(target);
                }
                (Place::Actor(at), "grants") => {
                    site.actors[at].grants[position].on = if groups.contains_key(&name) {
                        Target::Group(GroupIndex::at(target))
                    } else {
                        Target::Actor(ActorIndex::at(target))
                    };
                }
                (Place::Actor(at), _) => site.actors[at].group = GroupIndex::at(target),
                (Place::Site, _) => {}
            }
        }
        depend_on_managers(site);
    }
}

/// What a manager activates is restarted when the manager is: every other group of its subsystem
/// depends on the manager's, unless it says how. One that names no base at all stands on it.
fn depend_on_managers(site: &mut Site) {
    for at in 0..site.groups.len() {
        let group = &site.groups[at];
        let subsystem = group
            .subsystem
            .and_then(|subsystem| site.subsystem(subsystem));
        let manager = subsystem.and_then(|subsystem| site.actor(subsystem.manager?));
        let Some(base) = manager.map(|manager| manager.group) else {
            continue;
        };
        let below = graph::reachable(site.groups.len(), base.index(), |group| bases(site, group));
        let is_below = below.get(at).copied().unwrap_or(true);
        if is_below || at == base.index() || group.edges.iter().any(|edge| edge.base == base) {
            continue;
        }
        let edges = &mut site.groups[at].edges;
        if *edges == [Edge::to(GroupIndex::KERNEL)] {
            edges.clear();
        }
        edges.push(Edge::to(base));
    }
}

/// Where each name is. Of several entries with one name the first is meant; the others are
/// reported elsewhere.
fn positions(names: impl Iterator<Item = Name>) -> BTreeMap<Name, usize> {
    let mut positions = BTreeMap::new();
    for (at, name) in names.enumerate() {
        positions.entry(name).or_insert(at);
    }
    positions
}

fn label(site: &Site, place: Place) -> String {
    match place {
        Place::Site => format!("site `{}`", site.name),
        Place::Subsystem(at) => format!("subsystem `{}`", site.subsystems[at].name),
        Place::Group(at) => format!("group `{}`", site.groups[at].name),
        Place::Actor(at) => format!("actor `{}`", site.actors[at].name),
    }
}
