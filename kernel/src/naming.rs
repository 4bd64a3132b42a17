//! Names over restarts: what ports, LAPs and actors have in common.
//!
//! A capability names one incarnation. Of an earlier one we say who came after it; that of anybody
//! else says nothing. Actors have names; ports and LAPs can have some of their own, which threads wait for.

use alloc::collections::BTreeMap;

use abi::{Generation, Name, Span, Status};

use crate::fault::Refusal;
use crate::kernel::Kernel;
use crate::list::List;
use crate::port::Presence;
use crate::syscall::Next;
use crate::thread::{QUEUE, Wait};

/// What can have a name of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum What {
    /// An actor, whether it is there or not.
    Actor,
    /// A port.
    Port,
    /// A Local Access Point.
    Lap,
}

/// Everything that has a name, and who waits for one.
pub struct Names {
    slots: BTreeMap<(What, Name), u32>,
    /// Threads that wait for something of some name.
    pub finders: List<QUEUE>,
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
            slots: BTreeMap::new(),
            finders: List::EMPTY,
        }
    }

    /// The slot of what has a name.
    #[must_use]
    pub fn get(&self, what: What, name: Name) -> Option<u32> {
        self.slots.get(&(what, name)).copied()
    }

    /// Gives something a name nobody has. The map allocates and cannot fail gracefully: whoever
    /// calls has asked [`heap::has_room`](crate::mm::heap::has_room).
    pub fn insert(&mut self, what: What, name: Name, slot: u32) {
        self.slots.insert((what, name), slot);
    }

    /// Takes a name away.
    pub fn remove(&mut self, what: What, name: Name) {
        self.slots.remove(&(what, name));
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
    /// `NOT_FOUND` for a caller that does not wait.
    pub fn find(&mut self, what: What, name: Name, timeout: Span) -> Result<Next, Refusal> {
        if let Some(id) = self.open_id(what, name) {
            return Ok(Next::Return([id, 0, 0]));
        }
        if timeout == Span::ZERO {
            return Err(Status::NOT_FOUND.into());
        }
        let thread = self.scheduler.current();
        self.block_current(Wait::Find(what, name));
        self.names.finders.push_back(&mut self.threads, thread);
        self.set_deadline(thread, timeout);
        Ok(Next::Blocked)
    }

    /// Something with a name is there: tells who waits for it.
    pub fn tell_finders(&mut self, what: What, name: Name) {
        let Some(id) = self.open_id(what, name) else {
            return;
        };
        let mut next = self.names.finders.first();
        while let Some(thread) = next {
            next = self.names.finders.after(&self.threads, thread);
            let wait = self.threads.at(thread).map(|record| record.wait);
            if matches!(wait, Some(Wait::Find(a, b)) if (a, b) == (what, name)) {
                self.finish_wait(thread, Status::OK, [id, 0, 0]);
            }
        }
    }

    /// The capability of what has a name, if it is not absent.
    fn open_id(&self, what: What, name: Name) -> Option<u64> {
        let slot = self.names.get(what, name)?;
        let (presence, id) = match what {
            // Nobody waits for these.
            What::Actor => return None,
            What::Port => (self.ports.at(slot)?.presence, self.port_id(slot).raw()),
            What::Lap => (self.laps.at(slot)?.presence, self.lap_id(slot).raw()),
        };
        (presence == Presence::Open).then_some(id)
    }
}
