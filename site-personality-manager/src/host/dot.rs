//! The tree of groups for Graphviz.
//!
//! Subsystems are clusters, groups are boxes with their actors in them, arrows go from a group to
//! what it depends on. The direction is from the bottom up, so that the kernel is the ground.
//! Names need no quoting beyond the quotes: the rules let nothing in that DOT gives a meaning to.

use std::fmt::Write as _;

use super::captions::{Role, label, lines};
use crate::site::{Edge, Group, GroupIndex, Reaction, Site, SubsystemIndex};

/// Writes the tree of groups for Graphviz.
#[must_use]
pub fn dot(site: &Site) -> String {
    let mut text = format!(
        "digraph \"{}\" {{\n  fontname = \"sans-serif\";\n  \
         node [shape = box, fontname = \"sans-serif\"];\n  \
         edge [fontname = \"sans-serif\", fontsize = 10];\n",
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
    let lines = lines(site, index).into_iter().map(|(line, role)| {
        line + if role == Some(Role::Indirect) {
            " (indirect)"
        } else {
            ""
        }
    });
    let lines: Vec<_> = lines.collect();
    let _ = writeln!(
        text,
        "    \"{}\" [label = \"{}\"];",
        group.name,
        lines.join("\\n")
    );
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
    let both = if edge.reverse == Reaction::None {
        ""
    } else {
        ", dir = both"
    };
    let _ = writeln!(
        text,
        "  \"{}\" -> \"{}\" [style = {style}, constraint = {constraint}{both}, label = \"{}\"];",
        group.name,
        base.name,
        label(edge).join("\\n")
    );
}
