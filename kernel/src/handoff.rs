//! The quick way of a call to a thread that waits for it, and of the answer that it waits for.
//!
//! A call is handed over when its receiver waits already; an answer, when the one who answers waits
//! for the next message. The one thread stops and the other goes on, with nothing in between: no
//! message is queued, no thread made ready and chosen again. Whatever is different takes the long
//! way of [`crate::ipc`] and [`crate::sched`], which says what everything means, and leaves threads
//! and ports in the same state. Nothing is changed before it is certain that the way is free.
//!
//! The way is free for threads that are at home, use no floating point and have not been told to
//! give up; in actors that are at work; if nobody who is ready would run before the other or in its
//! turn; and for a short message between pages that are there.
//!
//! # Invariants
//! - A port's [`Door`] is open only while the port is, nothing is queued in it, and the first of
//!   its receivers is at home. Shut is always right, and only slower. Whoever changes a port's
//!   receivers or ends its capability shuts it; [`Kernel::tend_door`] alone opens it.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use abi::layout::{MESSAGE_MAX, PAGE_BYTES};
use abi::syscall::{CALL_REFUSE_FROZEN, unpack_lengths};
use abi::{Generation, PortId, ReplyToken, Slot, Span};

use crate::arch::entry;
use crate::arch::frame::TrapFrame;
use crate::kernel::{self, Kernel, PORTS_MAX};
use crate::mm::address_space::{AddressSpace, changes};
use crate::mm::page_table::Flags;
use crate::mm::{Page, direct};
use crate::port::{Port, Presence};
use crate::quick::Place;
use crate::thread::{QUEUE, Stage, State, Thread, Wait};
use crate::user::{Access, UserSlice};

/// The longest message that is handed over. It is copied with interrupts off.
const LENGTH_MAX: u64 = 512;

/// Who waits behind a port.
#[repr(C)]
pub struct Door {
    key: AtomicU64,
    /// Nobody while it is shut.
    receiver: AtomicPtr<Thread>,
    /// The port's record, while it is open.
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

    /// Sends callers of the port in a slot the long way.
    pub fn shut(slot: u32) {
        if let Some(door) = DOORS.get(slot as usize) {
            door.close();
        }
    }

    #[inline]
    fn close(&self) {
        self.receiver.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Lets calls through to the first receiver of a port.
    #[inline]
    fn open(&self, id: PortId, port: *mut Port, receiver: *mut Thread) {
        self.key.store(id.raw(), Ordering::Relaxed);
        self.port.store(port, Ordering::Relaxed);
        self.receiver.store(receiver, Ordering::Relaxed);
    }

    /// The thread that waits at `port`, if it is open.
    #[inline]
    fn receiver(&self, port: PortId) -> Option<*mut Thread> {
        let receiver = self.receiver.load(Ordering::Relaxed);
        let is_open = self.key.load(Ordering::Relaxed) == port.raw() && !receiver.is_null();
        is_open.then_some(receiver)
    }
}

/// Where in the kernel's map some memory of a thread's own actor was when it was last used. That
/// holds for as long as nothing is mapped elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// The memory.
    memory: UserSlice,
    /// The kernel's pointer to its first byte.
    at: *mut u8,
    /// How much of it is in the first page.
    room: u64,
    /// The state of all page tables then.
    changes: u64,
}

impl Sight {
    /// Of nothing.
    pub const NONE: Self = Self {
        memory: UserSlice::EMPTY,
        at: ptr::null_mut(),
        room: 0,
        changes: u64::MAX,
    };

    /// Whether it is still that of this memory.
    #[inline]
    fn is_of(&self, address: u64, length: u64) -> bool {
        self.memory.address() == address
            && self.memory.length() == length
            && self.changes == changes()
    }

    /// Looks at memory that allows `wanted`, all of which is there.
    #[must_use]
    fn look(&mut self, memory: UserSlice, wanted: Flags, space: &AddressSpace) -> bool {
        let allows = |page| space.entry(page).allows(wanted | Flags::USER);
        let is_there = memory.length() > 0
            && memory.length() <= MESSAGE_MAX as u64
            && memory.pieces().all(|piece| allows(piece.page));
        if is_there {
            let (address, length) = (memory.address(), memory.length());
            let first = space.entry(Page::containing(address)).address();
            let offset = address % PAGE_BYTES;
            *self = Self {
                memory,
                at: direct::at(first + offset),
                room: length.min(PAGE_BYTES - offset),
                changes: changes(),
            };
        }
        is_there
    }
}

/// A call of the current thread: continues with the one that is called, or takes the long way.
///
/// # Safety
/// For the entry code only, with interrupts off, from ring 3; `frame` is the current thread's.
pub unsafe extern "C" fn call(frame: *mut TrapFrame) -> ! {
    // SAFETY: Called by the entry code with interrupts off, from ring 3: nobody borrows it. The
    // frame is used for nothing else until the thread goes on, and nothing on this stack is.
    unsafe {
        let next = kernel::entered().hand_over_call(&*frame);
        entry::go_on(next)
    }
}

/// The same for an answer of the current thread, which then waits.
///
/// # Safety
/// As for [`call`].
pub unsafe extern "C" fn reply_receive(frame: *mut TrapFrame) -> ! {
    // SAFETY: As in `call`.
    unsafe {
        let next = kernel::entered().hand_over_reply(&*frame);
        entry::go_on(next)
    }
}

impl Kernel {
    #[inline(always)]
    fn hand_over_call(&mut self, frame: &TrapFrame) -> Option<*mut TrapFrame> {
        let (port, flags) = (PortId::from_raw(frame.rdi), frame.r9);
        let timeout = Span(frame.r8);
        let (length, capacity) = unpack_lengths(frame.r10);
        let door = DOORS.get(port.slot().index())?;
        let receiver = door.receiver(port)?;
        let (here, there) = (entry::current(), receiver);
        // SAFETY: The current thread, and one that waits: two records, which never move. Neither
        // is reached in another way until the lists are.
        let (caller, receiver) = unsafe { (&mut *here, &mut *there) };
        let Wait::Receive { port: slot, buffer } = receiver.wait else {
            return None;
        };
        let place = Place::of(receiver.here.slot())?;
        let is_free = flags <= CALL_REFUSE_FROZEN
            && timeout != Span::ZERO
            && length <= LENGTH_MAX
            && caller.is_plain()
            && !caller.is_aborted
            && place.is_open_to(receiver.here)
            && self.scheduler.is_clear_for(receiver.priority);
        if !is_free {
            return None;
        }
        let from = self.outgoing(caller, frame.rsi, length)?;
        let reply = self.incoming(caller, frame.rdx, capacity)?;
        self.incoming(receiver, buffer.address(), buffer.length())?;
        if length > receiver.incoming.room {
            return None;
        }
        // SAFETY: The door is open, so it is the port's record, and those never move.
        let record = unsafe { &mut *door.port.load(Ordering::Relaxed) };
        let (current, next) = (self.scheduler.current(), record.receivers.first()?);

        copy(from, receiver.incoming.at, length);
        self.calls = self.calls.wrapping_add(1);
        caller.call = self.calls;
        caller.state = State::Blocked;
        caller.wait = Wait::Call {
            port,
            request: UserSlice::EMPTY,
            reply,
            stage: Stage::Taken,
        };
        let token = ReplyToken::new(Slot(current), Generation(caller.call));
        receiver.go_on([length, caller.here.raw(), token.raw()]);
        door.close();
        let is_only = record
            .receivers
            .leave_empty(next, &mut receiver.links[QUEUE]);
        if !record.callers.begin(current, &mut caller.links[QUEUE]) {
            record.callers.push_back(&mut self.threads, current);
        }
        if !is_only {
            record.receivers.remove(&mut self.threads, next);
            self.tend_door(slot);
        }
        // SAFETY: These are the records.
        Some(unsafe { self.pass_on((current, here, timeout), (next, there), place) })
    }

    #[inline(always)]
    fn hand_over_reply(&mut self, frame: &TrapFrame) -> Option<*mut TrapFrame> {
        let token = ReplyToken::from_raw(frame.rdi);
        let (port, timeout) = (PortId::from_raw(frame.rdx), Span(frame.r9));
        let (length, capacity) = unpack_lengths(frame.r8);
        let (slot, next) = (port.slot().0, token.slot().0);
        let (here, there) = (entry::current(), &raw mut *self.threads.at_mut(next)?);
        // SAFETY: The current thread, and one that waits, if it is found to do so: two records,
        // which never move. Neither is reached in another way until the lists are.
        let (server, caller) = unsafe { (&mut *here, &mut *there) };
        let Wait::Call {
            port: called,
            reply,
            stage: Stage::Taken,
            ..
        } = caller.wait
        else {
            return None;
        };
        let place = Place::of(caller.here.slot())?;
        let is_free = called == port
            && caller.call == token.generation().0
            && timeout != Span::ZERO
            && length <= LENGTH_MAX
            && caller.is_plain()
            && server.is_plain()
            && !server.is_aborted
            && place.is_open_to(caller.here)
            && Place::of(server.here.slot())?.has_replied(server.here)
            && self.scheduler.is_clear_for(caller.priority);
        if !is_free {
            return None;
        }
        let from = self.outgoing(server, frame.rsi, length)?;
        let buffer = self.incoming(server, frame.r10, capacity)?;
        self.incoming(caller, reply.address(), reply.length())?;
        if length > caller.incoming.room {
            return None;
        }
        let record = self.ports.get_mut(port.slot(), port.generation())?;
        let is_idle = record.presence == Presence::Open && record.messages.is_empty();
        if record.owner != server.here.slot() || !is_idle {
            return None;
        }
        let current = self.scheduler.current();

        copy(from, caller.incoming.at, length);
        caller.go_on([length, 0, 0]);
        server.state = State::Blocked;
        server.wait = Wait::Receive { port: slot, buffer };
        let is_only = record.callers.leave_empty(next, &mut caller.links[QUEUE]);
        if record.receivers.begin(current, &mut server.links[QUEUE]) {
            if let Some(door) = DOORS.get(slot as usize) {
                door.open(port, record, server);
            }
        } else {
            record.receivers.push_back(&mut self.threads, current);
        }
        if !is_only {
            record.callers.remove(&mut self.threads, next);
        }
        // SAFETY: These are the records.
        Some(unsafe { self.pass_on((current, here, timeout), (next, there), place) })
    }

    /// Stops the current thread, with its timeout, and goes on with the one it was waited for by.
    ///
    /// # Safety
    /// The pointers are to the records in the slots.
    #[inline(always)]
    unsafe fn pass_on(
        &mut self,
        (current, previous, timeout): (u32, *mut Thread, Span),
        (next, record): (u32, *mut Thread),
        place: &Place,
    ) -> *mut TrapFrame {
        if timeout != Span::FOREVER {
            self.set_deadline(current, timeout);
        }
        // SAFETY: As the caller promises.
        unsafe {
            if (*record).has_deadline() {
                self.clear_deadline(next);
            }
            self.switch_to(&mut *previous, (next, &mut *record), place)
        }
    }

    /// Looks at memory of a thread's own actor that a message is to go to, all of which is there.
    #[inline(always)]
    fn incoming(&self, thread: &mut Thread, address: u64, length: u64) -> Option<UserSlice> {
        if !thread.incoming.is_of(address, length) {
            let memory = UserSlice::new(address, length).ok()?;
            self.look(thread, memory, Access::Write)?;
        }
        Some(thread.incoming.memory)
    }

    /// Finds a message of a thread's own actor that lies in one page.
    #[inline(always)]
    fn outgoing(&self, thread: &mut Thread, address: u64, length: u64) -> Option<*const u8> {
        let offset = address % PAGE_BYTES;
        if offset + length > PAGE_BYTES {
            return None;
        }
        if !thread.outgoing.is_of(address - offset, PAGE_BYTES) {
            if length == 0 {
                return Some(ptr::null());
            }
            let page = UserSlice::new(address - offset, PAGE_BYTES).ok()?;
            self.look(thread, page, Access::Read)?;
        }
        Some(thread.outgoing.at.wrapping_add(offset as usize))
    }

    #[cold]
    #[inline(never)]
    fn look(&self, thread: &mut Thread, memory: UserSlice, access: Access) -> Option<()> {
        let space = self.actors.at(thread.here.slot().0)?.space.as_ref()?;
        let is_there = match access {
            Access::Write => thread.incoming.look(memory, Flags::WRITABLE, space),
            _ => thread.outgoing.look(memory, Flags::empty(), space),
        };
        is_there.then_some(())
    }

    /// Opens the door of a port, or shuts it: whoever changes who waits there calls this.
    pub fn tend_door(&mut self, slot: u32) {
        Door::shut(slot);
        let id = self.port_id(slot);
        let (Some(port), Some(door)) = (self.ports.at_mut(slot), DOORS.get(slot as usize)) else {
            return;
        };
        if port.presence == Presence::Open
            && port.messages.is_empty()
            && let Some(first) = port.receivers.first()
            && let Some(receiver) = self.threads.at_mut(first)
            && receiver.is_plain()
        {
            door.open(id, port, receiver);
        }
    }
}

/// Copies a message between two actors' memory, which may be the same.
#[inline]
fn copy(from: *const u8, to: *mut u8, length: u64) {
    // SAFETY: Both were just found to be that much of a frame of an actor's. Nobody holds
    // references to those, and any bytes will do for memory that overlaps.
    unsafe {
        core::arch::asm!(
            "rep movsq",
            "mov ecx, edx",
            "and ecx, 7",
            "rep movsb",
            inout("rcx") length / 8 => _,
            inout("rsi") from => _,
            inout("rdi") to => _,
            in("rdx") length,
            options(nostack),
        );
    }
}
