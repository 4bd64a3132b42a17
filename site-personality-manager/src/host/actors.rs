//! From the tables of actors to actors, and to the groups they have to themselves.

use abi::site::Rights;
use abi::{Name, Text};
use restart_manager::Parameters;

use super::entry::Entry;
use super::parse::Reader;
use super::policy;
use super::problem::Problems;
use super::value::one_of;
use crate::limits;
use crate::site::{
    Actor, ActorIndex, Budget, Edge, Grant, Group, GroupIndex, NATIVE_NAME, Site, Target,
};
use crate::validate::Place;

const ACTOR_KEYS: &[&str] = &[
    "name",
    "image",
    "arguments",
    "priority",
    "stack",
    "budget",
    "rights",
    "grants",
    "group",
    "direct",
    "heartbeat",
    "start_deadline",
    "policy",
];
const GRANT_KEYS: &[&str] = &["on", "rights"];
const BUDGET_KEYS: &[&str] = &["frames", "threads", "ports", "persistent_frames"];

impl Reader<'_, '_> {
    /// Reads all actors, and adds the groups that some of them have to themselves.
    pub(super) fn actors(&mut self, root: &Entry<'_>, site: &mut Site) {
        let declared = site.groups.len();
        for (table, offset) in root.tables(self.problems, "actor") {
            let at = site.actors.len();
            let place = Place::Actor(at);
            let entry = Entry::open(self.problems, place, table, offset, ACTOR_KEYS);
            let name = entry
                .required_name(self.problems, "name")
                .unwrap_or_default();
            let named = entry.name(self.problems, "group");
            let group_name = named.unwrap_or(name);
            // Of declared groups only: groups made up for an actor say nothing of their own.
            let mut groups = site.groups.iter().take(declared);
            let group = groups.find(|group| group.name == group_name);
            let above = group.map_or(site.parameters, |group| group.parameters);
            let parameters = policy::read(self.problems, &entry, above);
            if !entry.has("group") {
                self.own_group(site, place, name, parameters);
            }
            if named.is_some() || !entry.has("group") && !name.is_empty() {
                self.references.add((place, "group"), None, group_name, 0);
            } else {
                self.problems.made_up((place, "group"));
            }
            let grants = self.grants(&entry, place);
            let actor = Actor {
                grants,
                ..self.actor(&entry, place, name, parameters)
            };
            site.actors.push(actor);
        }
    }

    fn actor(
        &mut self,
        entry: &Entry<'_>,
        place: Place,
        name: Name,
        parameters: Parameters,
    ) -> Actor {
        let problems = &mut *self.problems;
        if !entry.has("image") {
            problems.made_up((place, "image"));
        }
        Actor {
            name,
            image: entry.name(problems, "image").unwrap_or(name),
            arguments: entry.text(problems, "arguments").unwrap_or(Text::EMPTY),
            priority: entry
                .number(problems, "priority")
                .unwrap_or(limits::PRIORITY_DEFAULT),
            stack_bytes: entry
                .size(problems, "stack")
                .unwrap_or(limits::STACK_DEFAULT),
            budget: read_budget(problems, entry),
            rights: read_rights(problems, entry, "rights"),
            grants: Vec::new(),
            group: GroupIndex::UNKNOWN,
            direct: entry.flag(problems, "direct").unwrap_or(true),
            heartbeat: entry.span(problems, "heartbeat"),
            start_deadline: entry.span(problems, "start_deadline"),
            parameters,
        }
    }

    /// Reads an actor's rights on others, whose names are looked up later.
    fn grants(&mut self, actor: &Entry<'_>, place: Place) -> Vec<Grant> {
        let mut grants = Vec::new();
        for (table, offset) in actor.tables(self.problems, "grants") {
            let entry = actor.open_inner(self.problems, table, offset, GRANT_KEYS);
            let rights = read_rights(self.problems, &entry, "grants.rights");
            match entry.required_name(self.problems, "on") {
                Some(on) => {
                    let position = grants.len();
                    self.references
                        .add((place, "grants"), Some(offset), on, position);
                }
                None => self.problems.made_up((place, "grants")),
            }
            grants.push(Grant {
                on: Target::Actor(ActorIndex::UNKNOWN),
                rights,
            });
        }
        grants
    }

    /// Gives an actor without a group one of its own, unless there is one of its name already.
    fn own_group(&mut self, site: &mut Site, actor: Place, name: Name, parameters: Parameters) {
        if name.is_empty() || site.groups.iter().any(|group| group.name == name) {
            return;
        }
        let place = Place::Group(site.groups.len());
        let offset = self.problems.offset((actor, ""));
        self.problems.locate((place, ""), offset);
        // Whatever is wrong with the name or the parameters is wrong with the actor's.
        for key in ["name", "policy", "policy.window", "policy.backoff"] {
            self.problems.made_up((place, key));
        }
        self.references.add(
            (place, "subsystem"),
            Some(offset),
            Name::truncated(NATIVE_NAME),
            0,
        );
        let edges = vec![Edge::to(GroupIndex::KERNEL)];
        site.groups.push(Group {
            name,
            subsystem: None,
            edges,
            parameters,
        });
    }
}

fn read_budget(problems: &mut Problems<'_>, actor: &Entry<'_>) -> Budget {
    let default = Budget::default();
    let Some(table) = actor.table(problems, "budget", BUDGET_KEYS) else {
        return default;
    };
    let mut number = |key, default| table.number(problems, key).unwrap_or(default);
    Budget {
        frames: number("budget.frames", default.frames),
        threads: number("budget.threads", default.threads),
        ports: number("budget.ports", default.ports),
        persistent_frames: number("budget.persistent_frames", default.persistent_frames),
    }
}

fn read_rights(problems: &mut Problems<'_>, entry: &Entry<'_>, key: &'static str) -> Rights {
    let lower: Vec<(String, Rights)> = Rights::NAMED
        .iter()
        .map(|(name, right)| (name.to_lowercase(), *right))
        .collect();
    let words: Vec<(&str, Rights)> = lower
        .iter()
        .map(|(name, right)| (name.as_str(), *right))
        .collect();
    let rights = entry.list(problems, key, |_, value| one_of(value.get_ref(), &words));
    rights.into_iter().fold(Rights::NONE, Rights::union)
}
