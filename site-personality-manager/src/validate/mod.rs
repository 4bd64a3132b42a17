//! Every rule that a description must keep, checked on the plain data.
//!
//! All broken rules are found at once, so that a person corrects a file in one go. The checks take
//! any [`Site`] whatever its numbers say, never panic, and take a time bounded by the limits:
//! tables that are too long are refused before anything is looked up in them.
//!
//! A broken reference is reported where it stands, and checks that would only repeat it (the
//! dependencies of a group that does not exist, say) pass over it.

mod actors;
mod groups;
mod parameters;
mod violation;

use alloc::vec::Vec;

use abi::Name;

pub(crate) use self::groups::{bases, subsystem_bases};
pub use self::violation::{Place, Rule, Violation};
use crate::limits;
use crate::site::Site;

/// Checks a description against every rule.
///
/// # Errors
/// Gives all broken rules: those of the site first, then by subsystem, group and actor.
pub fn validate(site: &Site) -> Result<(), Vec<Violation>> {
    let mut report = Report {
        site,
        violations: Vec::new(),
    };
    check_sizes(&mut report);
    // Longer tables than we allow are not searched: the checks below take quadratic time.
    if report.violations.is_empty() {
        check_site(&mut report);
        groups::check(&mut report);
        actors::check(&mut report);
    }
    let mut violations = report.violations;
    violations.sort_by_key(|violation| violation.place);
    if violations.is_empty() {
        Ok(())
    } else {
        Err(violations)
    }
}

/// The broken rules found so far.
struct Report<'a> {
    site: &'a Site,
    violations: Vec<Violation>,
}

impl Report<'_> {
    fn add(&mut self, place: Place, key: &'static str, rule: Rule) {
        let name = match place {
            Place::Site => Some(self.site.name),
            Place::Subsystem(at) => self.site.subsystems.get(at).map(|entry| entry.name),
            Place::Group(at) => self.site.groups.get(at).map(|entry| entry.name),
            Place::Actor(at) => self.site.actors.get(at).map(|entry| entry.name),
        };
        let name = name.unwrap_or_default();
        self.violations.push(Violation {
            place,
            name,
            key,
            rule,
        });
    }
}

fn check_sizes(report: &mut Report<'_>) {
    let site = report.site;
    let tables = [
        (
            "subsystem",
            "subsystems",
            site.subsystems.len(),
            limits::SUBSYSTEMS_MAX,
        ),
        ("group", "groups", site.groups.len(), limits::GROUPS_MAX),
        ("actor", "actors", site.actors.len(), limits::ACTORS_MAX),
    ];
    for (key, what, count, limit) in tables {
        if count > limit {
            report.add(Place::Site, key, Rule::TooMany { what, count, limit });
        }
    }
    for (at, group) in site.groups.iter().enumerate() {
        let (what, count, limit) = ("bases", group.edges.len(), limits::EDGES_MAX);
        if count > limit {
            report.add(
                Place::Group(at),
                "depends_on",
                Rule::TooMany { what, count, limit },
            );
        }
    }
    check_grants(report);
}

fn check_grants(report: &mut Report<'_>) {
    for (at, actor) in report.site.actors.iter().enumerate() {
        let (what, count, limit) = ("grants", actor.grants.len(), limits::GRANTS_MAX);
        if count > limit {
            let rule = Rule::TooMany { what, count, limit };
            report.add(Place::Actor(at), "grants", rule);
        }
    }
}

fn check_site(report: &mut Report<'_>) {
    let site = report.site;
    check_name(report, Place::Site, "name", site.name);
    if !site.actors.iter().any(|actor| actor.direct) {
        report.add(Place::Site, "actor", Rule::NoActors);
    }
    parameters::check(report, Place::Site, &site.parameters);
}

/// Checks the form of a name.
fn check_name(report: &mut Report<'_>, place: Place, key: &'static str, name: Name) {
    if name.is_empty() {
        report.add(place, key, Rule::NameEmpty);
    } else if !name.is_identifier() {
        report.add(place, key, Rule::NameCharacters);
    }
}

/// Reports every name of a table that an earlier entry has. Empty ones are reported as that.
fn check_unique(report: &mut Report<'_>, names: &[Name], place: fn(usize) -> Place) {
    for (at, name) in names.iter().enumerate() {
        if !name.is_empty() && names.iter().take(at).any(|earlier| earlier == name) {
            report.add(place(at), "name", Rule::NameTaken);
        }
    }
}
