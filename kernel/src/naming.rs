//! Names over restarts: what ports, LAPs and actors have in common.
//!
//! A capability names one incarnation. Of an earlier one we say who came after it; that of anybody
//! else says nothing. Ports and LAPs are *ways in*: threads of others wait at them, for what happens
//! inside or for the owner's next incarnation, and are told when the one they asked for is over.
//! They can have names of their own, which threads wait for.
//!
//! However many wait, each step tells one of them. Nobody can come to be among them meanwhile:
//! whoever comes later has the next capability, or is refused.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;

use abi::{Generation, Name, Slot, Span, Status};

use crate::fault::Refusal;
use crate::handoff::Door;
use crate::kernel::Kernel;
use crate::list::List;
use crate::mm::address_space::Progress;
use crate::mm::heap;
use crate::port::Presence;
use crate::quick::Gate;
use crate::slot::NONE;
use crate::syscall::Next;
use crate::thread::{QUEUE, Wait};

/// What can be found by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum What {
    /// A port.
    Port,
    /// A Local Access Point.
    Lap,
    /// An actor, whether it is there or not.
    Actor,
}

/// A way into an actor: a port or a LAP, and its slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WayIn {
    /// A port.
    Port(u32),
    /// A Local Access Point.
    Lap(u32),
}

/// What becomes of a way in whose present capability is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// The owner comes back: what has a name is absent until then, anything else goes.
    Successor,
    /// It goes.
    End,
}

/// Everything that has a name, and who waits for one.
pub struct Names {
    entries: BTreeMap<(What, Name), Named>,
}

#[derive(Clone, Copy)]
struct Named {
    /// The slot of what has the name; `NONE` while nothing has.
    slot: u32,
    /// Threads that wait for it.
    finders: List<QUEUE>,
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

impl Names {
    /// No names.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
        }
    }

    /// The slot of what has a name.
    #[must_use]
    pub fn get(&self, what: What, name: Name) -> Option<u32> {
        let slot = self.entries.get(&(what, name))?.slot;
        (slot != NONE).then_some(slot)
    }

    /// Gives something a name nobody has. The map allocates and cannot fail gracefully: whoever
    /// calls has asked [`heap::has_room`].
    pub fn insert(&mut self, what: What, name: Name, slot: u32) {
        self.entry(what, name).slot = slot;
    }

    /// Takes a name away.
    pub fn remove(&mut self, what: What, name: Name) {
        self.change(what, name, |named| named.slot = NONE);
    }

    fn entry(&mut self, what: What, name: Name) -> &mut Named {
        let finders = List::EMPTY;
        let nothing = Named {
            slot: NONE,
            finders,
        };
        self.entries.entry((what, name)).or_insert(nothing)
    }

    /// Changes what is known of a name, and forgets one that nothing has and nobody waits for.
    fn change(&mut self, what: What, name: Name, change: impl FnOnce(&mut Named)) {
        if let Entry::Occupied(mut entry) = self.entries.entry((what, name)) {
            let named = entry.get_mut();
            change(named);
            if named.slot == NONE && named.finders.is_empty() {
                entry.remove();
            }
        }
    }
}

/// What the generation in a capability says, for a slot whose present occupant began with
/// generation `first` and has come to `present`.
///
/// # Errors
/// `RESTARTED` for an earlier incarnation of the present occupant, else `DEAD`.
pub fn check(asked: Generation, first: Generation, present: Generation) -> Result<(), Status> {
    if asked == present {
        Ok(())
    } else if (first..present).contains(&asked) {
        Err(Status::RESTARTED)
    } else {
        Err(Status::DEAD)
    }
}

/// The capability that goes with a status: the present one for `RESTARTED`, nobody's else.
#[must_use]
pub fn successor(status: Status, present: u64) -> u64 {
    if status == Status::RESTARTED {
        present
    } else {
        0
    }
}

impl Kernel {
    /// Finds something by name, waiting for it if need be.
    ///
    /// # Errors
    /// `NOT_FOUND` for a caller that does not wait; `LIMIT_REACHED` when the kernel cannot note one
    /// more name.
    pub fn find(&mut self, what: What, name: Name, timeout: Span) -> Result<Next, Refusal> {
        if let Some(id) = self.open_id(what, name) {
            return Ok(Next::Return([id, 0, 0]));
        }
        if timeout == Span::ZERO {
            return Err(Status::NOT_FOUND.into());
        }
        if !heap::has_room() {
            return Err(Status::LIMIT_REACHED.into());
        }
        let thread = self.scheduler.current();
        self.block_current(Wait::Find(what, name));
        let entry = self.names.entry(what, name);
        entry.finders.push_back(&mut self.threads, thread);
        self.set_deadline(thread, timeout);
        Ok(Next::Blocked)
    }

    /// A thread does not wait for a name any more.
    pub fn stop_finding(&mut self, thread: u32, what: What, name: Name) {
        let threads = &mut self.threads;
        let stop = |named: &mut Named| named.finders.remove(threads, thread);
        self.names.change(what, name, stop);
    }

    /// Something with a name is there: tells one of those who wait for it.
    pub fn tell_finder(&mut self, what: What, name: Name, id: u64) -> Progress {
        let named = self.names.entries.get_mut(&(what, name));
        let first = named.and_then(|named| named.finders.pop_front(&mut self.threads));
        let Some(thread) = first else {
            return Progress::Finished;
        };
        if let Some(record) = self.threads.at_mut(thread) {
            record.wait = Wait::Nothing;
        }
        self.finish_wait(thread, Status::OK, [id, 0, 0]);
        Progress::More
    }

    /// The capability of what has a name, if it is not absent.
    fn open_id(&self, what: What, name: Name) -> Option<u64> {
        let slot = self.names.get(what, name)?;
        let (presence, id) = match what {
            What::Port => (self.ports.at(slot)?.presence, self.port_id(slot).raw()),
            What::Lap => (self.laps.at(slot)?.presence, self.lap_id(slot).raw()),
            What::Actor => return None,
        };
        (presence == Presence::Open).then_some(id)
    }

    fn way_in(&mut self, way: WayIn) -> Option<(&mut Presence, &mut Option<Name>)> {
        match way {
            WayIn::Port(slot) => {
                let port = self.ports.at_mut(slot)?;
                Some((&mut port.presence, &mut port.name))
            }
            WayIn::Lap(slot) => {
                let lap = self.laps.at_mut(slot)?;
                Some((&mut lap.presence, &mut lap.name))
            }
        }
    }

    /// Begins to end a way in, as far as its present capability goes: names its successor, or
    /// refuses it to everybody from now on. [`Kernel::turn_one_away`] does the rest.
    pub fn renounce(&mut self, way: WayIn, fate: Fate) {
        let name = self.way_in(way).and_then(|(_, name)| *name);
        let is_renamed = fate == Fate::Successor
            && name.is_some()
            && match way {
                WayIn::Port(slot) => self.ports.rename(Slot(slot)).is_some(),
                WayIn::Lap(slot) => self.laps.rename(Slot(slot)).is_some(),
            };
        match way {
            WayIn::Port(slot) => {
                Door::shut(slot);
                self.unsubscribe_port(slot);
            }
            WayIn::Lap(slot) => Gate::of(slot).shut(),
        }
        let Some((presence, own_name)) = self.way_in(way) else {
            return;
        };
        if is_renamed {
            *presence = Presence::Absent;
            return;
        }
        *presence = Presence::Ended;
        *own_name = None;
        if let Some(name) = name {
            self.names.remove(way.what(), name);
        }
    }

    /// Tells one of those who wait at a way in for a capability that is over. When nobody is left,
    /// a way in that has ended goes.
    pub fn turn_one_away(&mut self, way: WayIn) -> Progress {
        let waiting = match way {
            WayIn::Port(slot) => self.waits_at_port(slot),
            WayIn::Lap(slot) => self.waits_at_lap(slot),
        };
        let Some((thread, stage)) = waiting else {
            return match way {
                WayIn::Port(slot) => self.clear_port(slot),
                WayIn::Lap(slot) => self.clear_lap(slot),
            };
        };
        let is_absent = self
            .way_in(way)
            .is_some_and(|(presence, _)| *presence == Presence::Absent);
        let (status, successor) = match way {
            _ if !is_absent => (Status::DEAD, 0),
            WayIn::Port(slot) => (Status::RESTARTED, self.port_id(slot).raw()),
            WayIn::Lap(slot) => (Status::RESTARTED, self.lap_id(slot).raw()),
        };
        self.finish_wait(thread, status, [0, successor, stage.0]);
        Progress::More
    }

    /// Ends a way in for good: one step.
    pub fn end_some(&mut self, way: WayIn) -> Progress {
        if let Some((presence, _)) = self.way_in(way)
            && *presence != Presence::Ended
        {
            self.renounce(way, Fate::End);
        }
        self.turn_one_away(way)
    }
}

impl WayIn {
    const fn what(self) -> What {
        match self {
            Self::Port(_) => What::Port,
            Self::Lap(_) => What::Lap,
        }
    }
}
