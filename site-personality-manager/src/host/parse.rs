//! From the tables of a TOML document to a site.
//!
//! Entries refer to each other by name, in any order, so that the reading has two rounds: first
//! every table is read on its own and references stay words; then the words are looked up. What a
//! short description leaves out is made up in between: the kernel group, a group for each actor
//! that names none, the subsystem `native`, and each group's dependency on the kernel.

use std::path::Path;

use abi::Name;
use restart_manager::Parameters;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::entry::Entry;
use super::policy;
use super::problem::{Problem, Problems};
use super::references::References;
use super::value::must_be;
use crate::site::{
    ActorIndex, Edge, Group, GroupIndex, KERNEL_NAME, NATIVE_NAME, Reaction, Site, Subsystem,
};
use crate::validate::{Place, validate};

const SITE_KEYS: &[&str] = &["name", "policy", "subsystem", "group", "actor"];
const SUBSYSTEM_KEYS: &[&str] = &["name", "manager"];
const KERNEL_KEYS: &[&str] = &["name", "policy"];
const GROUP_KEYS: &[&str] = &["name", "subsystem", "depends_on", "policy"];
const EDGE_KEYS: &[&str] = &["group", "reaction", "reverse"];

/// Reads a description and checks it against every rule. `file` is for the messages, and gives the
/// site its name if the text does not.
///
/// # Errors
/// Gives every problem in the text, in the order of lines.
pub fn parse(text: &str, file: &str) -> Result<Site, Vec<Problem>> {
    let mut problems = Problems::new(text, file);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        problems.syntax(error.span().map_or(0, |span| span.start), error.message());
    }
    let root = Entry::open(&mut problems, Place::Site, document.get_ref(), 0, SITE_KEYS);
    let site = Reader {
        problems: &mut problems,
        references: References::default(),
    }
    .site(&root, file);
    if let Err(violations) = validate(&site) {
        problems.add_violations(violations);
    }
    let found = problems.finish();
    if found.is_empty() {
        Ok(site)
    } else {
        Err(found)
    }
}

/// What has been found out so far.
pub(super) struct Reader<'p, 't> {
    pub(super) problems: &'p mut Problems<'t>,
    pub(super) references: References,
}

impl Reader<'_, '_> {
    fn site(mut self, root: &Entry<'_>, file: &str) -> Site {
        let stem = Path::new(file)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        let name = root
            .name(self.problems, "name")
            .unwrap_or_else(|| Name::truncated(stem));
        let parameters = policy::read(self.problems, root, Parameters::default());
        let mut site = Site {
            name,
            subsystems: Vec::new(),
            groups: self.groups(root, parameters),
            actors: Vec::new(),
            parameters,
        };
        self.actors(root, &mut site);
        // Last, for now it is known whether a group needs the subsystem `native`.
        site.subsystems = self.subsystems(root);
        self.references.resolve(&mut site, self.problems);
        site
    }

    fn subsystems(&mut self, root: &Entry<'_>) -> Vec<Subsystem> {
        let mut subsystems = Vec::new();
        let tables = root.tables(self.problems, "subsystem");
        let is_native = |table: &DeTable<'_>| name_of(table) == Some(NATIVE_NAME);
        let is_used = self.references.any("subsystem", NATIVE_NAME);
        if is_used && !tables.iter().any(|(table, _)| is_native(table)) {
            let name = Name::truncated(NATIVE_NAME);
            subsystems.push(Subsystem {
                name,
                manager: None,
            });
        }
        for (table, offset) in tables {
            let place = Place::Subsystem(subsystems.len());
            let entry = Entry::open(self.problems, place, table, offset, SUBSYSTEM_KEYS);
            let name = entry
                .required_name(self.problems, "name")
                .unwrap_or_default();
            let manager = entry.name(self.problems, "manager").map(|manager| {
                self.references.add((place, "manager"), None, manager, 0);
                ActorIndex::UNKNOWN
            });
            subsystems.push(Subsystem { name, manager });
        }
        subsystems
    }

    fn groups(&mut self, root: &Entry<'_>, above: Parameters) -> Vec<Group> {
        let kernel = Group {
            name: Name::truncated(KERNEL_NAME),
            subsystem: None,
            edges: Vec::new(),
            parameters: above,
        };
        let mut groups = vec![kernel];
        for (table, offset) in root.tables(self.problems, "group") {
            let is_kernel = name_of(table) == Some(KERNEL_NAME);
            // The kernel group is there whether it is declared or not.
            let (at, keys) = if is_kernel {
                (0, KERNEL_KEYS)
            } else {
                (groups.len(), GROUP_KEYS)
            };
            let place = Place::Group(at);
            let entry = Entry::open(self.problems, place, table, offset, keys);
            let parameters = policy::read(self.problems, &entry, above);
            if is_kernel {
                groups[0].parameters = parameters;
                continue;
            }
            let name = entry
                .required_name(self.problems, "name")
                .unwrap_or_default();
            let subsystem = entry.name(self.problems, "subsystem");
            let offset = subsystem.is_none().then_some(offset);
            let subsystem = subsystem.unwrap_or(Name::truncated(NATIVE_NAME));
            self.references
                .add((place, "subsystem"), offset, subsystem, 0);
            let edges = self.edges(&entry, place);
            groups.push(Group {
                name,
                subsystem: None,
                edges,
                parameters,
            });
        }
        groups
    }

    /// Reads what a group depends on: names, or tables that say more.
    fn edges(&mut self, group: &Entry<'_>, place: Place) -> Vec<Edge> {
        let key = "depends_on";
        let mut bases = Vec::new();
        let edges = group.list(self.problems, key, |problems, value| {
            let offset = value.span().start;
            let (base, edge) = read_edge(problems, group, value)?;
            bases.push((base, offset));
            Ok(edge)
        });
        for (position, (base, offset)) in bases.into_iter().enumerate() {
            match base {
                Some(base) => self
                    .references
                    .add((place, key), Some(offset), base, position),
                None => self.problems.made_up((place, key)),
            }
        }
        if edges.is_empty() {
            vec![Edge::to(GroupIndex::KERNEL)]
        } else {
            edges
        }
    }
}

impl Edge {
    /// The dependency that is meant when nothing else is said.
    pub(super) fn to(base: GroupIndex) -> Self {
        Self {
            base,
            reaction: Reaction::Restart,
            reverse: Reaction::None,
        }
    }
}

fn read_edge<'t>(
    problems: &mut Problems<'_>,
    group: &Entry<'t>,
    value: &'t Spanned<DeValue<'t>>,
) -> Result<(Option<Name>, Edge), String> {
    let mut edge = Edge::to(GroupIndex::UNKNOWN);
    match value.get_ref() {
        DeValue::String(text) => {
            let base = Name::new(text).ok_or("has a name that is too long")?;
            Ok((Some(base), edge))
        }
        DeValue::Table(table) => {
            let entry = group.open_inner(problems, table, value.span().start, EDGE_KEYS);
            let base = entry.required_name(problems, "group");
            let reactions = Reaction::NAMED;
            if let Some(reaction) = entry.word(problems, "reaction", reactions) {
                edge.reaction = reaction;
            }
            if let Some(reverse) = entry.word(problems, "reverse", reactions) {
                edge.reverse = reverse;
            }
            Ok((base, edge))
        }
        other => Err(must_be("a group's name or a table", other)),
    }
}

/// The name in a table, if it has one.
fn name_of<'t>(table: &'t DeTable<'_>) -> Option<&'t str> {
    table.get("name")?.get_ref().as_str()
}
