//! What drawings say about groups and edges.

use crate::site::{Edge, GroupIndex, Reaction, Site};

/// What is written in a group's frame: a line, and whether it is about a member.
pub(super) fn lines(site: &Site, group: GroupIndex) -> Vec<(String, Option<Role>)> {
    let entry = site.group(group);
    let name = entry.map(|entry| entry.name).unwrap_or_default();
    let manager = entry
        .and_then(|entry| site.subsystem(entry.subsystem?))
        .and_then(|subsystem| subsystem.manager);
    let members = site.members(group).map(|(index, actor)| {
        let is_manager = manager == Some(index);
        let role = if actor.direct {
            Role::Direct
        } else {
            Role::Indirect
        };
        let text = if is_manager {
            format!("{}, manager", actor.name)
        } else {
            actor.name.to_string()
        };
        (text, Some(role))
    });
    std::iter::once((name.to_string(), None))
        .chain(members)
        .collect()
}

/// Who starts a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Direct,
    Indirect,
}

/// What is written beside an edge; nothing beside one to the kernel group, for it says nothing.
pub(super) fn label(edge: &Edge) -> Vec<String> {
    if edge.base == GroupIndex::KERNEL {
        return Vec::new();
    }
    let mut label = vec![edge.reaction.name().to_owned()];
    if edge.reverse != Reaction::None {
        label.push(format!("reverse: {}", edge.reverse.name()));
    }
    label
}
