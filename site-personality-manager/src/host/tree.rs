//! The tree of groups as text.
//!
//! Each group hangs below its parent, its actors under its own name, so that what a failure takes
//! along is what is further to the right. Dependencies beyond the parent are said in words.

use std::fmt::Write as _;

use abi::site::Rights;

use crate::site::{Actor, Edge, GroupIndex, Reaction, Site};

/// Draws the tree of groups as text.
#[must_use]
pub fn tree(site: &Site) -> String {
    let mut text = format!("site {}\n", site.name);
    draw(site, GroupIndex::KERNEL, "", "", &mut text);
    text
}

/// Draws one group and all above it. Groups in a circle, which a valid site does not have, are not
/// reached from the kernel group, so that this ends.
fn draw(site: &Site, index: GroupIndex, first: &str, rest: &str, text: &mut String) {
    let Some(group) = site.group(index) else {
        return;
    };
    let _ = write!(text, "{first}{}", group.name);
    let subsystem = group
        .subsystem
        .and_then(|subsystem| site.subsystem(subsystem));
    if let Some(subsystem) = subsystem {
        let _ = write!(text, " ({})", subsystem.name);
    }
    for (position, edge) in group.edges.iter().enumerate() {
        text.push_str(&describe(site, edge, position));
    }
    text.push('\n');

    let children: Vec<GroupIndex> = children(site, index).collect();
    let bar = if children.is_empty() {
        "    "
    } else {
        "│   "
    };
    for (member, actor) in site.members(index) {
        let is_manager = subsystem.is_some_and(|subsystem| subsystem.manager == Some(member));
        let role = match (actor.direct, is_manager) {
            (true, true) => ", manager",
            (true, false) => "",
            (false, _) => ", indirect",
        };
        let _ = writeln!(
            text,
            "{rest}{bar}• {}{role}{}",
            actor.name,
            describe_actor(site, actor)
        );
    }
    for (position, child) in children.iter().enumerate() {
        let is_last = position + 1 == children.len();
        let (branch, bar) = if is_last {
            ("└── ", "    ")
        } else {
            ("├── ", "│   ")
        };
        draw(
            site,
            *child,
            &format!("{rest}{branch}"),
            &format!("{rest}{bar}"),
            text,
        );
    }
}

/// The groups whose parent this is. The kernel group never is one, whatever it claims, or the
/// drawing might have no end.
pub(super) fn children(site: &Site, parent: GroupIndex) -> impl Iterator<Item = GroupIndex> {
    let groups = site.groups.iter().enumerate();
    groups
        .filter(move |(at, group)| *at > 0 && group.parent() == Some(parent))
        .map(|(at, _)| GroupIndex::at(at))
}

/// Says what the drawing itself does not: other bases than the parent, and unusual reactions.
fn describe(site: &Site, edge: &Edge, position: usize) -> String {
    let mut words = Vec::new();
    if position > 0 {
        let name = site
            .group(edge.base)
            .map(|base| base.name)
            .unwrap_or_default();
        words.push(format!("needs {name}"));
    }
    if let Some(reactions) = reactions(edge) {
        words.push(reactions);
    }
    if words.is_empty() {
        String::new()
    } else {
        format!(", {}", words.join(": "))
    }
}

/// Says how an edge differs from the usual one.
fn reactions(edge: &Edge) -> Option<String> {
    let mut words = Vec::new();
    if edge.reaction != Reaction::Restart {
        words.push(format!("reaction {}", edge.reaction.name()));
    }
    if edge.reverse != Reaction::None {
        words.push(format!("reverse {}", edge.reverse.name()));
    }
    (!words.is_empty()).then(|| words.join(", "))
}

fn describe_actor(site: &Site, actor: &Actor) -> String {
    let mut text = format!(", priority {}", actor.priority);
    if actor.image != actor.name {
        let _ = write!(text, ", image {}", actor.image);
    }
    if !actor.arguments.is_empty() {
        let _ = write!(text, ", arguments {:?}", actor.arguments);
    }
    if actor.rights != Rights::NONE {
        let _ = write!(text, ", rights {}", words(actor.rights));
    }
    for grant in &actor.grants {
        let on = site.target_name(grant.on).unwrap_or_default();
        let _ = write!(text, ", {} on {on}", words(grant.rights));
    }
    text
}

fn words(rights: Rights) -> String {
    let named = Rights::NAMED.iter();
    let held = named.filter(|(_, right)| rights.contains(*right));
    let names: Vec<String> = held.map(|(name, _)| name.to_lowercase()).collect();
    names.join(" ")
}
