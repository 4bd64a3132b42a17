//! Doors: who waits behind a port for the next call.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use abi::PortId;

use crate::kernel::{Kernel, PORTS_MAX};
use crate::port::{Port, Presence};
use crate::thread::Thread;

/// Who waits behind a port.
#[repr(C, align(32))]
pub struct Door {
    /// The complement of the port's capability: nothing is nobody's.
    key: AtomicU64,
    /// Nobody while it is shut.
    receiver: AtomicPtr<Thread>,
    /// The port's record, while there is a key.
    port: AtomicPtr<Port>,
}

/// The doors, by slots of ports.
static DOORS: [Door; PORTS_MAX as usize] = [const { Door::new() }; PORTS_MAX as usize];

impl Door {
    const fn new() -> Self {
        Self {
            key: AtomicU64::new(0),
            receiver: AtomicPtr::new(ptr::null_mut()),
            port: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Sends callers of the port in a slot, and answers of its owner, the long way.
    pub fn shut(slot: u32) {
        if let Some(door) = DOORS.get(slot as usize) {
            door.key.store(0, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(super) fn close(&self) {
        self.receiver.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Lets calls through to the first receiver of the port.
    #[inline]
    pub(super) fn open(&self, receiver: *mut Thread) {
        self.receiver.store(receiver, Ordering::Relaxed);
    }

    /// The door of a port that is open, and the port.
    #[inline]
    pub(super) fn of(id: PortId) -> Option<(&'static Self, *mut Port)> {
        let door = DOORS.get(id.slot().index())?;
        let is_known = door.key.load(Ordering::Relaxed) == !id.raw();
        is_known.then(|| (door, door.port.load(Ordering::Relaxed)))
    }

    /// The thread that waits behind it.
    #[inline]
    pub(super) fn receiver(&self) -> Option<*mut Thread> {
        let receiver = self.receiver.load(Ordering::Relaxed);
        (!receiver.is_null()).then_some(receiver)
    }
}

impl Kernel {
    /// Opens the door of a port, or shuts it: whoever changes who waits there calls this.
    pub fn tend_door(&mut self, slot: u32) {
        let id = self.port_id(slot);
        let (Some(port), Some(door)) = (self.ports.at_mut(slot), DOORS.get(slot as usize)) else {
            return;
        };
        door.close();
        let owner = self.actors.at(port.owner.0);
        if port.presence != Presence::Open || owner.is_none_or(|owner| !owner.has_replied) {
            return;
        }
        door.key.store(!id.raw(), Ordering::Relaxed);
        door.port.store(port, Ordering::Relaxed);
        // Where somebody waits, nothing is queued.
        if let Some(first) = port.receivers.first()
            && let Some(receiver) = self.threads.at_mut(first)
            && receiver.is_plain()
        {
            door.open(receiver);
        }
    }
}
