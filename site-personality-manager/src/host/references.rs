//! Names that stand for other entries, looked up when every entry has been read.

use std::collections::BTreeMap;

use abi::Name;

use super::problem::{Problems, Spot};
use crate::site::{ActorIndex, GroupIndex, Site, SubsystemIndex, Target};
use crate::validate::Place;

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
