//! Memory for the Restart Manager's tables, of which only the beginning is made.
//!
//! A restart of the site makes the tables anew, while everybody waits. So their entries are made when
//! somebody is to be put there: what nobody uses is never written.

use abi::Slot;
use alloc::boxed::Box;
use restart_manager::{ActorEntry, GROUPS_MAX, GroupEntry};

use crate::kernel::{self, ACTORS_MAX, Kernel};

/// Entries that are made in one step.
const AT_ONCE: usize = 4;

/// Memory for the entries of both tables.
pub struct Entries {
    actors: Growing<ActorEntry>,
    groups: Growing<GroupEntry>,
}

/// Memory for a table that somebody else has the made part of.
struct Growing<T> {
    // Invariant: it is room for `limit` entries, of which the first `made` are initialised.
    start: *mut T,
    made: usize,
    limit: usize,
}

impl<T: Clone> Growing<T> {
    fn with_room_for(limit: usize) -> Self {
        let memory = Box::<[T]>::new_uninit_slice(limit);
        Self {
            start: Box::into_raw(memory).cast(),
            made: 0,
            limit,
        }
    }

    /// Whether there is room for more.
    const fn has_more(&self) -> bool {
        self.made < self.limit
    }

    /// Makes a few entries more; returns all that are made, for the ones that were.
    fn grow(&mut self, made: &'static mut [T], empty: &T) -> &'static mut [T] {
        assert_eq!(made.len(), self.made, "the part of a table that is made");
        let end = (self.made + AT_ONCE).min(self.limit);
        for index in self.made..end {
            // SAFETY: There is room for `limit`, and nobody else knows of what is not made.
            unsafe { self.start.add(index).write(empty.clone()) };
        }
        self.made = end;
        // SAFETY: All of these are initialised, and whoever had the made part has given it up.
        unsafe { core::slice::from_raw_parts_mut(self.start, end) }
    }
}

impl Default for Entries {
    fn default() -> Self {
        Self::new()
    }
}

impl Entries {
    /// Takes memory for as many as there may be, and makes none.
    #[must_use]
    pub fn new() -> Self {
        Self {
            actors: Growing::with_room_for(ACTORS_MAX as usize),
            groups: Growing::with_room_for(GROUPS_MAX),
        }
    }
}

impl Kernel {
    /// Makes a few of the manager's entries if there is none for the actor in a slot; whether it did.
    pub fn grow_for_actor(&mut self, slot: u32) -> bool {
        let (manager, entries) = (&mut self.recovery.manager, &mut self.entries.actors);
        let grows = manager.lacks_actor(Slot(slot)) && entries.has_more();
        if grows {
            manager.grow_actors(|made| entries.grow(made, &ActorEntry::EMPTY));
        }
        grows
    }

    /// Makes a few of the manager's entries if there may be none for one group more.
    fn grow_for_group(&mut self) {
        let (manager, entries) = (&mut self.recovery.manager, &mut self.entries.groups);
        if manager.lacks_group() && entries.has_more() {
            manager.grow_groups(|made| entries.grow(made, &GroupEntry::EMPTY));
        }
    }
}

/// Sees to it that the manager has an entry for the actor in a slot.
///
/// Ends: the table of actors is bounded.
pub fn room_for_actor(slot: u32) {
    while kernel::with(|kernel| kernel.grow_for_actor(slot)) {}
}

/// Sees to it that the manager has an entry for one group more, if there may be one.
pub fn room_for_group() {
    kernel::with(Kernel::grow_for_group);
}
