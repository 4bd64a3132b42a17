//! The tree of groups for Graphviz.
//!
//! Subsystems are clusters, groups are boxes with their actors in them, arrows go from a group to
//! what it depends on. The direction is from the bottom up, so that the kernel is the ground.
//! Names need no quoting beyond the quotes: the rules let nothing in that DOT gives a meaning to.

use std::fmt::Write as _;

use super::tree::reactions;
use crate::site::{Edge, Group, GroupIndex, Reaction, Site, SubsystemIndex};

/// Writes the tree of groups for Graphviz.
#[must_use]
pub fn dot(site: &Site) -> String {
    let mut text = format!(
        "digraph \"{}\" {{\n  rankdir = TB;\n  node [shape = box, fontname = \"sans-serif\"];\n",
        site.name
    );
    for (at, subsystem) in site.subsystems.iter().enumerate() {
        let _ = writeln!(
            text,
            "  subgraph \"cluster_{at}\" {{\n    label = \"{}\";",
            subsystem.name
        );
        for group in site.groups_of(SubsystemIndex::at(at)) {
            node(site, group, &mut text);
        }
        text.push_str("  }\n");
    }
    node(site, GroupIndex::KERNEL, &mut text);
    for group in &site.groups {
        for (position, edge) in group.edges.iter().enumerate() {
            arrow(site, group, edge, position, &mut text);
        }
    }
    text.push_str("}\n");
    text
}

fn node(site: &Site, index: GroupIndex, text: &mut String) {
    let Some(group) = site.group(index) else {
        return;
    };
    let _ = write!(text, "    \"{0}\" [label = \"{0}", group.name);
    for (_, actor) in site.members(index) {
        let _ = write!(
            text,
            "\\n{}{}",
            actor.name,
            if actor.direct { "" } else { " (indirect)" }
        );
    }
    text.push_str("\"];\n");
}

fn arrow(site: &Site, group: &Group, edge: &Edge, position: usize, text: &mut String) {
    let Some(base) = site.group(edge.base) else {
        return;
    };
    // Only the parent decides the layout; other dependencies would pull it apart.
    let constraint = if position == 0 { "true" } else { "false" };
    let style = match edge.reaction {
        Reaction::Restart => "solid",
        Reaction::Notify => "dashed",
        Reaction::None => "dotted",
    };
    let _ = writeln!(
        text,
        "  \"{}\" -> \"{}\" [style = {style}, constraint = {constraint}, label = \"{}\"];",
        group.name,
        base.name,
        reactions(edge).unwrap_or_default()
    );
}
