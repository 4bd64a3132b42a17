//! Former members of groups: indirect actors that are not there, and may be spawned again.
//!
//! The record of each stays in the table of actors, in state `ABSENT`. What else is kept of it is
//! said by the Restart Manager when it ends ([`Remains`]). All is given back when its group has
//! ended, one thing a step; or earlier, if its group has too many of them.
//!
//! Actors that the site describes as indirect are former members from the beginning. They are never
//! forgotten, for their names are theirs.

use alloc::vec;
use alloc::vec::Vec;

use abi::ActorId;
use abi::site::ActorState;
use restart_manager::{GROUPS_MAX, GroupSlot, Parameters, Remains};

use crate::actor::{Actor, Declaration, FORMER};
use crate::kernel::Kernel;
use crate::list::List;
use crate::mm::address_space::Progress;
use crate::site::record::LifeEnd;

/// The former members of each group, the one that ended first in front.
pub struct Formers(Vec<(List<FORMER>, u32)>);

impl Default for Formers {
    fn default() -> Self {
        Self::new()
    }
}

impl Formers {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self(vec![(List::EMPTY, 0); GROUPS_MAX])
    }

    fn first(&self, group: GroupSlot) -> Option<u32> {
        self.0.get(group.index())?.0.first()
    }

    /// How many former members a group has.
    #[must_use]
    pub fn count(&self, group: GroupSlot) -> u32 {
        self.0.get(group.index()).map_or(0, |(_, count)| *count)
    }
}

impl Kernel {
    /// Adds an actor that the site describes as indirect: nobody has spawned it yet.
    pub fn describe(
        &mut self,
        declaration: Declaration,
        group: GroupSlot,
        parameters: Parameters,
    ) -> Option<ActorId> {
        let mut record = Actor::new(declaration, group);
        record.stop(ActorState::ABSENT);
        record.described = Some(parameters);
        let actor = self.insert_actor(record)?;
        self.join_formers(actor.slot().0);
        Some(actor)
    }

    /// An indirect actor has ended: it is a former member of its group from now on.
    pub fn become_former(&mut self, slot: u32, remains: Remains) {
        if remains == Remains::Nothing {
            self.release_image(slot);
        }
        if let Some(record) = self.actors.at_mut(slot) {
            record.stop(ActorState::ABSENT);
            record.spawner = ActorId::NONE;
            record.is_outdated = remains == Remains::Nothing;
            self.watched.remove(&mut self.actors, slot);
            self.join_formers(slot);
            self.note_life(slot, LifeEnd::None);
        }
    }

    /// Adds one to the former members of its group.
    pub fn join_formers(&mut self, slot: u32) {
        let group = self.actors.at(slot).map(|record| record.group);
        let formers = group.and_then(|group| self.formers.0.get_mut(group.index()));
        if let Some((list, count)) = formers {
            list.push_back(&mut self.actors, slot);
            *count += 1;
        }
    }

    /// A former member is spawned again, or forgotten.
    pub fn leave_formers(&mut self, slot: u32) {
        let group = self.actors.at(slot).map(|record| record.group);
        let formers = group.and_then(|group| self.formers.0.get_mut(group.index()));
        if let Some((list, count)) = formers {
            list.remove(&mut self.actors, slot);
            *count = count.saturating_sub(1);
        }
    }

    /// Gives back one thing that was kept of a former member, at last its slot and its name. One
    /// that the site describes keeps those: it stays known as ended.
    pub fn forget_former(&mut self, slot: u32) {
        self.release_image(slot);
        if self.drop_one_persistent(slot) == Progress::More {
            return;
        }
        self.leave_formers(slot);
        match self.actors.at_mut(slot) {
            Some(record) if record.described.is_some() => record.stop(ActorState::TERMINATED),
            _ => self.remove_actor(slot),
        }
    }

    /// Gives back one thing of the former members of a group that has ended.
    pub fn forget_formers(&mut self, group: GroupSlot) -> Progress {
        match self.formers.first(group) {
            Some(slot) => {
                self.forget_former(slot);
                Progress::More
            }
            None => Progress::Finished,
        }
    }

    /// The former member of a group that ended first, but for those that the site describes.
    ///
    /// Ends: there are at most as many as `SPAWNED_MAX` and described ones.
    #[must_use]
    pub fn oldest_former(&self, group: GroupSlot) -> Option<u32> {
        let (list, _) = self.formers.0.get(group.index())?;
        let mut next = list.first();
        while let Some(slot) = next {
            if self.actors.at(slot)?.described.is_none() {
                return Some(slot);
            }
            next = list.after(&self.actors, slot);
        }
        None
    }
}
