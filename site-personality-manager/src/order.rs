//! The sequence of steps that brings a site, or one group of it, up.
//!
//! Pure: [`boot`] and [`group`] make a list, and the kernel follows it. Dependencies come first,
//! between subsystems and between groups; what they leave open is decided by the order of
//! declaration, so that the same description always boots the same way. In each subsystem the
//! manager's group comes before the groups it has to activate.
//!
//! Within a group every member is loaded before any is activated: a member that finds no peer at
//! its first call would not know whether the peer is late or missing.

use alloc::vec::Vec;

use crate::graph;
use crate::site::{ActorIndex, GroupIndex, Site, SubsystemIndex};
use crate::validate::{bases, subsystem_bases};

/// One step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// A subsystem begins: from here on its failures are captured.
    Enter(SubsystemIndex),
    /// A group is born, and its direct members follow.
    Open(GroupIndex),
    /// Read an actor's image and build the actor, without a thread.
    Load(ActorIndex),
    /// Give a loaded actor its first thread.
    Activate(ActorIndex),
    /// Tell a subsystem's manager to activate a loaded actor.
    Delegate {
        /// The actor to activate.
        actor: ActorIndex,
        /// The subsystem's manager.
        manager: ActorIndex,
    },
    /// Everything in the subsystem is activated.
    Leave(SubsystemIndex),
}

/// The steps from an empty machine to a running site.
#[must_use]
pub fn boot(site: &Site) -> Vec<Step> {
    let mut steps = Vec::new();
    let declared: Vec<usize> = (0..site.subsystems.len()).collect();
    for subsystem in graph::in_order(&declared, |subsystem| subsystem_bases(site, subsystem)) {
        let index = SubsystemIndex::at(subsystem);
        steps.push(Step::Enter(index));
        for member in groups_in_order(site, index) {
            steps.extend(group(site, member));
        }
        steps.push(Step::Leave(index));
    }
    steps
}

/// The steps that bring one group up: at boot, and when it is reloaded as a whole.
#[must_use]
pub fn group(site: &Site, group: GroupIndex) -> Vec<Step> {
    let manager = manager_of(site, group);
    let direct = || {
        site.members(group)
            .filter(|(_, actor)| actor.direct)
            .map(|(index, _)| index)
    };
    let load = direct().map(Step::Load);
    let activate = direct().map(|actor| match manager {
        Some(manager) => Step::Delegate { actor, manager },
        None => Step::Activate(actor),
    });
    core::iter::once(Step::Open(group))
        .chain(load)
        .chain(activate)
        .collect()
}

/// Who activates a group's actors, if not the kernel. The manager's own group is the kernel's
/// affair: nobody can be told to activate himself.
#[must_use]
pub fn manager_of(site: &Site, group: GroupIndex) -> Option<ActorIndex> {
    let subsystem = site.subsystem(site.group(group)?.subsystem?)?;
    subsystem
        .manager
        .filter(|manager| site.actor(*manager).is_some_and(|m| m.group != group))
}

/// All groups of a subsystem, each after those it depends on.
fn groups_in_order(site: &Site, subsystem: SubsystemIndex) -> Vec<GroupIndex> {
    let manager = site.subsystem(subsystem).and_then(|entry| entry.manager);
    let first = manager
        .and_then(|manager| site.actor(manager))
        .map(|actor| actor.group);
    // Every group of the site takes part, for a dependency may lead through another subsystem.
    let mut preferred: Vec<usize> = (0..site.groups.len()).collect();
    // The others go before our own, so that whatever the manager needs is out of its way.
    let is_own = |group: GroupIndex| {
        site.group(group)
            .is_some_and(|g| g.subsystem == Some(subsystem))
    };
    preferred.sort_by_key(|group| {
        let group = GroupIndex::at(*group);
        (Some(group) != first, is_own(group))
    });
    let order = graph::in_order(&preferred, |group| bases(site, group));
    order
        .into_iter()
        .map(GroupIndex::at)
        .filter(|group| is_own(*group))
        .collect()
}
