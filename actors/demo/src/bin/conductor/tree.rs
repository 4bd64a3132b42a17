//! The tree of groups, as the kernel tells it.

use core::fmt::Write as _;

use syscall::abi::Text;
use syscall::abi::site::{ActorInfo, ActorState, GroupInfo, GroupState};
use syscall::prelude::*;
use syscall::{group, site};

use crate::kept::Kept;

/// Groups that are looked at.
const GROUPS: usize = 32;
/// Actors that are looked at.
const ACTORS: usize = 64;
/// The root.
const KERNEL: &str = "kernel";
/// What stands on what, as `demo.toml` says.
const EDGES: [(&str, &str); 5] = [
    ("disk-service", KERNEL),
    ("store", "disk-service"),
    ("front", "store"),
    ("posix", KERNEL),
    ("init", "posix"),
];

/// What is known about the tree.
pub(crate) struct Tree {
    groups: Kept<GroupInfo, GROUPS>,
    actors: Kept<ActorInfo, ACTORS>,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self {
            groups: Kept::new(),
            actors: Kept::new(),
        }
    }

    /// Looks at it again. A group that has ended stands on nothing any more: of that we remember
    /// where it stood.
    pub(crate) fn look(&mut self) {
        for group in group::groups().flatten() {
            let known = self
                .groups
                .iter_mut()
                .find(|known| known.name == group.name);
            let Some(known) = known else {
                self.groups.push(group);
                continue;
            };
            let base = match group.state {
                GroupState::ENDED => known.base,
                _ => group.base,
            };
            *known = GroupInfo { base, ..group };
        }
        self.actors = Kept::new();
        for actor in site::actors().flatten() {
            self.actors.push(actor);
        }
    }

    /// Whether every group stands where it was declared to.
    pub(crate) fn is_as_described(&self) -> bool {
        let stands = |(name, base): &(&str, &str)| {
            let found = self.group(name);
            found.is_some_and(|group| group.base.as_str() == *base)
        };
        EDGES.iter().all(stands)
    }

    /// Whether a group is given up.
    pub(crate) fn is_given_up(&self, name: &str) -> bool {
        self.group(name).is_some_and(|group| group.is_given_up)
    }

    fn group(&self, name: &str) -> Option<&GroupInfo> {
        let mut groups = self.groups.iter();
        groups.find(|group| group.name.as_str() == name)
    }

    /// Prints a line for each group, under the one that it stands on.
    pub(crate) fn print(&self) {
        info!("The tree of groups. A group is restarted with all that stands on it:");
        info!(
            "{:<24} {:<10} {:<10} members (incarnation)",
            "group", "subsystem", "state"
        );
        info!("{KERNEL}");
        self.print_above(KERNEL, 1);
    }

    /// Those that stand on a group. No group is on its own base's way down, so this ends; and
    /// there are no more levels than groups.
    fn print_above(&self, base: &str, level: usize) {
        if level > GROUPS {
            return;
        }
        let above = self.groups.iter();
        for group in above.filter(|group| group.base.as_str() == base && !is_root(group)) {
            let mut name = Text::<48>::EMPTY;
            // Writing to a `Text` cannot fail: what does not fit is cut.
            let _ = write!(name, "{:1$}{2}", "", 2 * level, group.name);
            let (subsystem, members) = (self.subsystem(group), self.members(group));
            let state = if group.is_given_up {
                "given up"
            } else {
                group.state.name()
            };
            info!("{name:<24} {subsystem:<10} {state:<10} {members}");
            self.print_above(group.name.as_str(), level + 1);
        }
    }

    fn actors_of(&self, group: &GroupInfo) -> impl Iterator<Item = &ActorInfo> {
        let name = group.name;
        self.actors.iter().filter(move |actor| actor.group == name)
    }

    fn subsystem(&self, group: &GroupInfo) -> &str {
        let first = self.actors_of(group).next();
        first.map_or("-", |actor| actor.subsystem.as_str())
    }

    /// The names of those that live.
    fn members(&self, group: &GroupInfo) -> Text<64> {
        let mut text = Text::EMPTY;
        let is_there = |actor: &&ActorInfo| {
            !matches!(actor.state, ActorState::TERMINATED | ActorState::ABSENT)
        };
        for actor in self.actors_of(group).filter(is_there) {
            let gap = if text.is_empty() { "" } else { ", " };
            // Writing to a `Text` cannot fail: what does not fit is cut.
            let _ = write!(text, "{gap}{} ({})", actor.name, actor.incarnation);
        }
        if text.is_empty() {
            Text::truncated("-")
        } else {
            text
        }
    }
}

fn is_root(group: &GroupInfo) -> bool {
    group.name.as_str() == KERNEL
}
