//! The rules about subsystems, groups and the tree that the groups form.

use alloc::vec::Vec;

use abi::Name;

use super::{Place, Report, Rule, check_name, check_unique, parameters};
use crate::graph;
use crate::site::{Edge, GroupIndex, KERNEL_NAME, Reaction, Site, Subsystem, SubsystemIndex};

pub(super) fn check(report: &mut Report<'_>) {
    check_kernel(report);
    check_groups(report);
    let circles = check_group_circles(report);
    check_subsystems(report);
    // A circle of groups across subsystems is a circle of subsystems too; saying it once is enough.
    if circles == 0 {
        check_subsystem_circles(report);
    }
}

fn check_kernel(report: &mut Report<'_>) {
    let kernel = report.site.groups.first();
    let is_root = kernel.is_some_and(|group| {
        group.name.as_str() == KERNEL_NAME && group.subsystem.is_none() && group.edges.is_empty()
    });
    if !is_root {
        report.add(Place::Group(0), "", Rule::NoKernelGroup);
    }
}

fn check_groups(report: &mut Report<'_>) {
    let site = report.site;
    let names: Vec<Name> = site.groups.iter().map(|group| group.name).collect();
    check_unique(report, &names, Place::Group);
    for (at, group) in site.groups.iter().enumerate() {
        let place = Place::Group(at);
        check_name(report, place, "name", group.name);
        parameters::check(report, place, &group.parameters);
        // The rest is about what is above the kernel.
        if at == 0 {
            continue;
        }
        match group.subsystem {
            None => report.add(place, "subsystem", Rule::NoSubsystem),
            Some(subsystem) if site.subsystem(subsystem).is_none() => {
                report.add(place, "subsystem", Rule::Unknown { what: "subsystem" });
            }
            Some(_) => {}
        }
        if !site
            .members(GroupIndex::at(at))
            .any(|(_, actor)| actor.direct)
        {
            report.add(place, "", Rule::NoDirectActor);
        }
        check_edges(report, place, &group.edges);
    }
}

fn check_edges(report: &mut Report<'_>, place: Place, edges: &[Edge]) {
    let site = report.site;
    if edges.is_empty() {
        report.add(place, "depends_on", Rule::NoBase);
    }
    for (position, edge) in edges.iter().enumerate() {
        let Some(base) = site.group(edge.base) else {
            report.add(place, "depends_on", Rule::Unknown { what: "group" });
            continue;
        };
        if edges
            .iter()
            .take(position)
            .any(|earlier| earlier.base == edge.base)
        {
            report.add(place, "depends_on", Rule::BaseTwice(base.name));
        }
        if edge.base == GroupIndex::KERNEL && edge.reaction != Reaction::Restart {
            report.add(place, "depends_on", Rule::KernelReaction);
        }
    }
}

/// Reports circles of groups, and how many there are.
fn check_group_circles(report: &mut Report<'_>) -> usize {
    let site = report.site;
    let circles = graph::circles(site.groups.len(), |group| bases(site, group));
    for circle in &circles {
        let names = circle
            .iter()
            .filter_map(|at| site.groups.get(*at))
            .map(|group| group.name);
        let rule = Rule::Circle(names.collect());
        report.add(
            Place::Group(circle.first().copied().unwrap_or(0)),
            "depends_on",
            rule,
        );
    }
    circles.len()
}

fn check_subsystems(report: &mut Report<'_>) {
    let site = report.site;
    let names: Vec<Name> = site
        .subsystems
        .iter()
        .map(|subsystem| subsystem.name)
        .collect();
    check_unique(report, &names, Place::Subsystem);
    for (at, subsystem) in site.subsystems.iter().enumerate() {
        let place = Place::Subsystem(at);
        check_name(report, place, "name", subsystem.name);
        if subsystem.name.as_str() == KERNEL_NAME {
            report.add(place, "name", Rule::NameReserved);
        }
        if site.groups_of(SubsystemIndex::at(at)).next().is_none() {
            report.add(place, "", Rule::NoGroups);
        }
        check_manager(report, SubsystemIndex::at(at), subsystem);
    }
}

fn check_manager(report: &mut Report<'_>, index: SubsystemIndex, subsystem: &Subsystem) {
    let site = report.site;
    let place = Place::Subsystem(index.index());
    let Some(manager) = subsystem.manager else {
        return;
    };
    let Some(actor) = site.actor(manager) else {
        report.add(place, "manager", Rule::Unknown { what: "actor" });
        return;
    };
    // An actor of an unknown group is reported as such.
    let Some(group) = site.group(actor.group) else {
        return;
    };
    if !actor.direct || group.subsystem != Some(index) {
        report.add(place, "manager", Rule::ManagerElsewhere);
        return;
    }
    let start = actor.group.index();
    let reached = graph::reachable(site.groups.len(), start, |group| bases(site, group));
    let below = site.groups_of(index).find(|group| {
        group.index() != start && reached.get(group.index()).copied().unwrap_or(false)
    });
    if let Some(base) = below.and_then(|group| site.group(group)) {
        report.add(place, "manager", Rule::ManagerNotFirst(base.name));
    }
}

/// Subsystems are loaded one after the other, so one must not need another that needs it.
fn check_subsystem_circles(report: &mut Report<'_>) {
    let site = report.site;
    let circles = graph::circles(site.subsystems.len(), |subsystem| {
        subsystem_bases(site, subsystem)
    });
    for circle in circles {
        let names = circle
            .iter()
            .filter_map(|at| site.subsystems.get(*at))
            .map(|entry| entry.name);
        let rule = Rule::Circle(names.collect());
        report.add(
            Place::Subsystem(circle.first().copied().unwrap_or(0)),
            "",
            rule,
        );
    }
}

/// The groups that a group depends on.
pub(crate) fn bases(site: &Site, group: usize) -> Vec<usize> {
    let edges = site
        .groups
        .get(group)
        .map(|group| group.edges.as_slice())
        .unwrap_or_default();
    edges.iter().map(|edge| edge.base.index()).collect()
}

/// The other subsystems that a subsystem's groups depend on.
pub(crate) fn subsystem_bases(site: &Site, subsystem: usize) -> Vec<usize> {
    let index = SubsystemIndex::at(subsystem);
    let edges = site.groups_of(index).filter_map(|group| site.group(group));
    edges
        .flat_map(|group| &group.edges)
        .filter_map(|edge| site.group(edge.base)?.subsystem)
        .filter(|base| *base != index)
        .map(SubsystemIndex::index)
        .collect()
}
