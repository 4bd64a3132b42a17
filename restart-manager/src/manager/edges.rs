//! Who depends on whom, and who is restarted with whom.

use abi::{Instant, Name};

use super::RestartManager;
use crate::group::{Edges, Goal, GroupEntry, Phase, Reaction, Reason, Stage};
use crate::policy::Peers;
use crate::set::{GROUPS_MAX, GroupSet};
use crate::{DeclareError, GroupSlot, Parameters};

impl RestartManager<'_> {
    /// Declares a group that stands on `base` (`None` is the kernel group), and is restarted with
    /// it; see [`RestartManager::declare_edge`]. A group whose last member ended is gone: its name
    /// may be declared anew, and then what depended on it depends on the new one. Its slot may be
    /// taken by another name if nothing depends on it.
    ///
    /// # Errors
    /// [`DeclareError::NoSlot`], [`DeclareError::NameTaken`], [`DeclareError::GivenUp`],
    /// [`DeclareError::Cycle`], or [`DeclareError::NoGroup`] for the base.
    pub fn declare_group(
        &mut self,
        name: Name,
        base: Option<GroupSlot>,
    ) -> Result<GroupSlot, DeclareError> {
        let base = base.filter(|base| *base != GroupSlot::KERNEL);
        if base.is_some_and(|base| !self.is_declared(base)) {
            return Err(DeclareError::NoGroup);
        }
        let slot = self.free_group(name)?;
        if base.is_some_and(|base| self.depends(base, slot)) {
            return Err(DeclareError::Cycle);
        }
        let serial = self.declared_groups;
        self.declared_groups = serial.saturating_add(1);
        let group = self
            .groups
            .get_mut(slot.index())
            .ok_or(DeclareError::NoSlot)?;
        // An ended group may still be in the list of the busy ones, and must stay linked there;
        // and the groups that depended on it are linked to it.
        *group = GroupEntry {
            stage: Stage::Declared,
            name,
            base,
            serial,
            edges: group.edges,
            next_busy: group.next_busy,
            is_listed: group.is_listed,
            ..GroupEntry::EMPTY
        };
        if let Some(base) = base {
            self.link(slot, base, Reaction::Restart, Reaction::None);
        }
        Ok(slot)
    }

    /// The slot for a group of this name.
    fn free_group(&self, name: Name) -> Result<GroupSlot, DeclareError> {
        let mut free = None;
        // Those that were ever used, and one more.
        let used = self.group_slots().saturating_add(1).min(GROUPS_MAX);
        for (index, group) in self.groups.iter().enumerate().take(used) {
            let is_at_rest = group.phase == Phase::Idle;
            match group.stage {
                Stage::Declared if group.name == name => return Err(DeclareError::NameTaken),
                Stage::Ended if group.name == name && group.is_given_up => {
                    return Err(DeclareError::GivenUp);
                }
                Stage::Ended if group.name == name && is_at_rest => {
                    return GroupSlot::from_index(index).ok_or(DeclareError::NoSlot);
                }
                Stage::Free | Stage::Ended
                    if free.is_none()
                        && is_at_rest
                        && !group.is_given_up
                        && group.edges.dependents.is_empty() =>
                {
                    free = GroupSlot::from_index(index);
                }
                Stage::Declared | Stage::Free | Stage::Ended => {}
            }
        }
        free.ok_or(DeclareError::NoSlot)
    }

    /// Declares that a group depends on another one, or says anew how.
    ///
    /// `reaction` is what a restart of `base` means for `dependent`: with [`Reaction::Restart`] it
    /// is restarted too, frozen before and activated after its base. An end of the base is not a
    /// restart: who depends on it goes on, and hears of it. `reverse` is what a *failure* of
    /// `dependent` means for `base`; a restart of the dependent for other reasons means nothing.
    ///
    /// Edges to [`GroupSlot::KERNEL`] are accepted and say nothing: a restart of the kernel group
    /// restarts everything, and only a policy blames it.
    ///
    /// # Errors
    /// [`DeclareError::NoGroup`] for either end, or [`DeclareError::Cycle`].
    pub fn declare_edge(
        &mut self,
        dependent: GroupSlot,
        base: GroupSlot,
        reaction: Reaction,
        reverse: Reaction,
    ) -> Result<(), DeclareError> {
        if !self.is_declared(dependent) {
            return Err(DeclareError::NoGroup);
        }
        if base == GroupSlot::KERNEL {
            return Ok(());
        }
        if !self.is_declared(base) {
            return Err(DeclareError::NoGroup);
        }
        if self.depends(base, dependent) {
            return Err(DeclareError::Cycle);
        }
        self.unlink(dependent, base);
        self.link(dependent, base, reaction, reverse);
        Ok(())
    }

    /// Sets what policies are tuned by for a group as a whole. Of [`GroupSlot::KERNEL`]: for the
    /// site.
    ///
    /// # Errors
    /// [`DeclareError::NoGroup`] or [`DeclareError::BadParameters`].
    pub fn set_group_parameters(
        &mut self,
        group: GroupSlot,
        parameters: Parameters,
    ) -> Result<(), DeclareError> {
        if !parameters.is_valid() {
            return Err(DeclareError::BadParameters);
        }
        if group == GroupSlot::KERNEL {
            self.kernel.parameters = parameters;
            return Ok(());
        }
        let entry = self.groups.get_mut(group.index());
        let entry = entry.filter(|entry| entry.stage == Stage::Declared);
        entry.ok_or(DeclareError::NoGroup)?.parameters = parameters;
        Ok(())
    }

    /// Whether `group` is `other` or depends on it. Ends: each group is looked at at most once.
    fn depends(&self, group: GroupSlot, other: GroupSlot) -> bool {
        let mut seen = GroupSet::of(group);
        let mut ahead = seen;
        while let Some(next) = ahead.pop() {
            if next == other {
                return true;
            }
            for base in self.edges(next).bases.iter() {
                if !seen.contains(base) {
                    seen.insert(base);
                    ahead.insert(base);
                }
            }
        }
        false
    }

    fn edges(&self, group: GroupSlot) -> Edges {
        let entry = self.groups.get(group.index());
        entry.map_or(Edges::NONE, |entry| entry.edges)
    }

    fn link(
        &mut self,
        dependent: GroupSlot,
        base: GroupSlot,
        reaction: Reaction,
        reverse: Reaction,
    ) {
        if let Some(entry) = self.groups.get_mut(dependent.index()) {
            let edges = &mut entry.edges;
            edges.bases.insert(base);
            if reaction == Reaction::Restart {
                edges.restart_bases.insert(base);
            }
            if reverse == Reaction::Restart {
                edges.reverse_bases.insert(base);
            }
            if reverse != Reaction::None {
                edges.audience.insert(base);
            }
        }
        if let Some(entry) = self.groups.get_mut(base.index()) {
            let edges = &mut entry.edges;
            edges.dependents.insert(dependent);
            if reaction == Reaction::Restart {
                edges.restart_dependents.insert(dependent);
            }
            if reaction != Reaction::None {
                edges.audience.insert(dependent);
            }
        }
    }

    fn unlink(&mut self, dependent: GroupSlot, base: GroupSlot) {
        if let Some(entry) = self.groups.get_mut(dependent.index()) {
            let edges = &mut entry.edges;
            edges.bases.remove(base);
            edges.restart_bases.remove(base);
            edges.reverse_bases.remove(base);
            edges.audience.remove(base);
        }
        if let Some(entry) = self.groups.get_mut(base.index()) {
            let edges = &mut entry.edges;
            edges.dependents.remove(dependent);
            edges.restart_dependents.remove(dependent);
            edges.audience.remove(dependent);
        }
    }

    /// A group's last member has ended: it depends on nothing any more.
    pub(super) fn end_group(&mut self, slot: GroupSlot) {
        for base in self.edges(slot).bases.iter() {
            self.unlink(slot, base);
        }
        if let Some(group) = self.groups.get_mut(slot.index()) {
            group.stage = Stage::Ended;
            group.base = None;
        }
    }

    /// Restarts a group, and `also` these, and whatever is restarted with any of them. A group
    /// that is on its way already goes on its way, and is restarted once: see `engage`.
    ///
    /// Ends: each group is looked at at most twice.
    pub(super) fn restart_groups(
        &mut self,
        own: GroupSlot,
        goal: Goal,
        also: GroupSet,
        reason: Reason,
        resume_at: Instant,
    ) {
        self.engage(own, goal, reason, resume_at);
        let group = self.groups.get(own.index());
        if also.is_empty() && group.is_none_or(|group| group.edges.restart_dependents.is_empty()) {
            // Mostly it is alone, which is the same as to be in no company.
            return;
        }
        let mut seen = also;
        seen.insert(own);
        let mut ahead = seen;
        let mut company = GroupSet::EMPTY;
        while let Some(next) = ahead.pop() {
            let Some(group) = self.groups.get(next.index()) else {
                continue;
            };
            // What is held or ends is not restarted, so nothing is restarted with it.
            if !group.is_restartable() {
                continue;
            }
            let dependents = group.edges.restart_dependents;
            company.insert(next);
            if next != own {
                // Who is restarted with another waits for that one, not for a backoff.
                let resume_at = if also.contains(next) {
                    resume_at
                } else {
                    Instant::ZERO
                };
                let goal = Goal::Restart(crate::Source::Memory);
                self.engage(next, goal, reason, resume_at);
            }
            ahead = ahead.union(dependents.without(seen));
            seen = seen.union(dependents);
        }
        for slot in company.iter() {
            if let Some(group) = self.groups.get_mut(slot.index()) {
                group.company = group.company.union(company);
            }
        }
    }

    /// The group, and those on the same base that are restarted with it.
    pub(super) fn peers(&self, group: GroupSlot, peers: Peers) -> GroupSet {
        let mut set = GroupSet::of(group);
        let Some(first) = self.groups.get(group.index()) else {
            return set;
        };
        for (index, other) in self.groups.iter().enumerate().take(GROUPS_MAX) {
            let is_peer = other.stage == Stage::Declared
                && other.base == first.base
                && (peers == Peers::All || other.serial > first.serial);
            if is_peer && let Some(slot) = GroupSlot::from_index(index) {
                set.insert(slot);
            }
        }
        set
    }

    /// The groups that are restarted because this one failed, without depending on it.
    pub(super) fn reverse_bases(&self, group: GroupSlot) -> GroupSet {
        self.edges(group).reverse_bases
    }

    /// Whether a group that is to be frozen must wait for one that depends on it: they are frozen
    /// from the leaves to the root. Each group that is compared is counted.
    #[inline]
    pub(super) fn waits_for_dependents(&self, group: &GroupEntry, compared: &mut u32) -> bool {
        let is_restart = matches!(group.goal, Goal::Restart(_));
        is_restart && !group.edges.dependents.is_empty() && self.waits_for_leaves(group, compared)
    }

    fn waits_for_leaves(&self, group: &GroupEntry, compared: &mut u32) -> bool {
        let edges = &group.edges;
        let above = edges.dependents.intersection(group.company);
        let above = edges.restart_dependents.union(above);
        self.any(above, GroupEntry::is_freezing, compared)
    }

    /// Whether a group that is frozen must wait for others: all are frozen before any is
    /// restarted, and they are restarted and activated from the root to the leaves. Each group that
    /// is compared is counted.
    #[inline]
    pub(super) fn waits_for_others(&self, group: &GroupEntry, compared: &mut u32) -> bool {
        let edges = &group.edges;
        if edges.restart_bases.is_empty() && group.company.is_empty() {
            return false;
        }
        self.waits_for_company(group, compared)
    }

    fn waits_for_company(&self, group: &GroupEntry, compared: &mut u32) -> bool {
        let edges = &group.edges;
        let below = edges.bases.intersection(group.company);
        let below = edges.restart_bases.union(below);
        self.any(group.company, GroupEntry::is_freezing, compared)
            || self.any(below, GroupEntry::is_restarting, compared)
    }

    fn any(&self, set: GroupSet, what: fn(&GroupEntry) -> bool, compared: &mut u32) -> bool {
        set.iter().any(|slot| {
            *compared = compared.saturating_add(1);
            self.groups.get(slot.index()).is_some_and(what)
        })
    }
}
