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
//! turn; and for a message that lies in one page and goes to one, of memory that is there.
//!
//! # Invariants
//! - A port's [`Door`] has a receiver only while the port is open, nothing is queued in it, and that
//!   thread is the first of its receivers, and plain. It has a key, the port's present capability,
//!   only while the port is open and its owner's incarnation has answered a call. Having neither is
//!   always right, and only slower. Whoever changes a port's receivers or ends its capability shuts
//!   the door; [`Kernel::tend_door`] and the quick way of an answer alone open it.
//! - What a [`Sight`] says holds for as long as no page of any actor is mapped elsewhere, or with
//!   other rights: whoever does that counts it ([`changes`]).
//! - While a thread waits for a message or an answer, its sight of incoming memory is of where that
//!   is to go, or of nothing: it is forgotten at the beginning of every other wait.
//! - A thread that was handed something has its results in the CPU; its frame has them not. The next
//!   way into the kernel writes the frame as a whole.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use abi::layout::{MESSAGE_MAX, PAGE_BYTES};
use abi::syscall::{CALL_REFUSE_FROZEN, unpack_lengths};
use abi::{Generation, PortId, ReplyToken, Slot, Span};

use crate::arch::entry::{self, Handed};
use crate::kernel::{self, Kernel, PORTS_MAX};
use crate::mm::address_space::{AddressSpace, changes};
use crate::mm::direct;
use crate::mm::page_table::Flags;
use crate::port::{Port, Presence};
use crate::slot;
use crate::thread::{QUEUE, Stage, State, Thread, Wait};
use crate::user::UserSlice;

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
            door.close();
        }
    }

    #[inline]
    fn close(&self) {
        self.receiver.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Lets calls through to the first receiver of the port.
    #[inline]
    fn open(&self, receiver: *mut Thread) {
        self.receiver.store(receiver, Ordering::Relaxed);
    }

    /// The door of a port that is open, and the port.
    #[inline]
    fn of(id: PortId) -> Option<(&'static Self, *mut Port)> {
        let door = DOORS.get(id.slot().index())?;
        let is_known = door.key.load(Ordering::Relaxed) == !id.raw();
        is_known.then(|| (door, door.port.load(Ordering::Relaxed)))
    }

    /// The thread that waits behind it.
    #[inline]
    fn receiver(&self) -> Option<*mut Thread> {
        let receiver = self.receiver.load(Ordering::Relaxed);
        (!receiver.is_null()).then_some(receiver)
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

    /// Sees nothing from now on.
    pub const fn forget(&mut self) {
        self.changes = u64::MAX;
    }

    /// Whether it is still that of this memory.
    #[inline]
    fn is_of(&self, address: u64, length: u64, changes: u64) -> bool {
        let is_it = self.memory.address() == address && self.memory.length() == length;
        is_it && self.holds(changes)
    }

    /// Whether it is still true.
    #[inline]
    fn holds(&self, changes: u64) -> bool {
        self.changes == changes
    }

    /// Looks at memory that allows `wanted`, all of which is there.
    fn look(&mut self, memory: UserSlice, wanted: Flags, space: &AddressSpace) -> Option<()> {
        if memory.length() > MESSAGE_MAX as u64 {
            return None;
        }
        let mut first = None;
        for piece in memory.pieces() {
            let entry = space.entry(piece.page);
            if !entry.allows(wanted | Flags::USER) {
                return None;
            }
            first.get_or_insert(entry.address());
        }
        let (address, length) = (memory.address(), memory.length());
        let (first, offset) = (first.unwrap_or_default(), address % PAGE_BYTES);
        *self = Self {
            memory,
            at: direct::at(first + offset),
            room: length.min(PAGE_BYTES - offset),
            changes: changes(),
        };
        Some(())
    }
}

/// A call, as it comes in registers.
#[derive(Clone, Copy)]
struct Call {
    port: PortId,
    request: u64,
    reply: u64,
    lengths: u64,
    timeout: Span,
    flags: u64,
}

/// An answer, as it comes in registers.
#[derive(Clone, Copy)]
struct Answer {
    token: ReplyToken,
    message: u64,
    port: PortId,
    buffer: u64,
    lengths: u64,
    timeout: Span,
}

impl Call {
    #[inline(always)]
    const fn of(
        port: u64,
        request: u64,
        reply: u64,
        lengths: u64,
        timeout: u64,
        flags: u64,
    ) -> Self {
        Self {
            port: PortId::from_raw(port),
            request,
            reply,
            lengths,
            timeout: Span(timeout),
            flags,
        }
    }
}

impl Answer {
    #[inline(always)]
    const fn of(
        token: u64,
        message: u64,
        port: u64,
        buffer: u64,
        lengths: u64,
        timeout: u64,
    ) -> Self {
        Self {
            token: ReplyToken::from_raw(token),
            message,
            port: PortId::from_raw(port),
            buffer,
            lengths,
            timeout: Span(timeout),
        }
    }
}

/// Why something is not handed over.
enum Refused {
    /// It must be looked anew where memory is.
    Stale,
    /// It is for the long way.
    Other,
}

/// What is refused for want of something.
trait OrRefused<T> {
    fn or_refused(self) -> Result<T, Refused>;
}

impl<T> OrRefused<T> for Option<T> {
    #[inline(always)]
    fn or_refused(self) -> Result<T, Refused> {
        self.ok_or(Refused::Other)
    }
}

/// A call of the current thread: continues with the one that is called, or takes the long way.
///
/// # Safety
/// For the entry code only, with interrupts off, from ring 3, with the current thread's registers
/// saved.
pub unsafe extern "C" fn call(
    port: u64,
    request: u64,
    reply: u64,
    lengths: u64,
    timeout: u64,
    flags: u64,
) -> ! {
    let call = Call::of(port, request, reply, lengths, timeout, flags);
    // SAFETY: Called by the entry code with interrupts off, from ring 3: nobody borrows the kernel.
    // Nothing on this stack is used when the thread goes on.
    unsafe {
        match kernel::entered().hand_over_call(call) {
            Ok(handed) => entry::go_on(handed),
            Err(Refused::Stale) => call_anew(port, request, reply, lengths, timeout, flags),
            Err(Refused::Other) => entry::call_long_way(),
        }
    }
}

/// The same when it must be looked where memory is.
///
/// # Safety
/// As for [`call`].
#[cold]
#[inline(never)]
unsafe extern "C" fn call_anew(
    port: u64,
    request: u64,
    reply: u64,
    lengths: u64,
    timeout: u64,
    flags: u64,
) -> ! {
    let call = Call::of(port, request, reply, lengths, timeout, flags);
    // SAFETY: As in `call`.
    unsafe {
        if kernel::entered().look_for_call(call).is_some()
            && let Ok(handed) = kernel::entered().hand_over_call(call)
        {
            entry::go_on(handed)
        }
        entry::call_long_way()
    }
}

/// An answer of the current thread, which then waits.
///
/// # Safety
/// As for [`call`].
pub unsafe extern "C" fn reply_receive(
    token: u64,
    message: u64,
    port: u64,
    buffer: u64,
    lengths: u64,
    timeout: u64,
) -> ! {
    let answer = Answer::of(token, message, port, buffer, lengths, timeout);
    // SAFETY: As in `call`.
    unsafe {
        match kernel::entered().hand_over_answer(answer) {
            Ok(handed) => entry::go_on(handed),
            Err(Refused::Stale) => answer_anew(token, message, port, buffer, lengths, timeout),
            Err(Refused::Other) => entry::answer_long_way(),
        }
    }
}

/// The same when it must be looked where memory is.
///
/// # Safety
/// As for [`call`].
#[cold]
#[inline(never)]
unsafe extern "C" fn answer_anew(
    token: u64,
    message: u64,
    port: u64,
    buffer: u64,
    lengths: u64,
    timeout: u64,
) -> ! {
    let answer = Answer::of(token, message, port, buffer, lengths, timeout);
    // SAFETY: As in `call`.
    unsafe {
        if kernel::entered().look_for_answer(answer).is_some()
            && let Ok(handed) = kernel::entered().hand_over_answer(answer)
        {
            entry::go_on(handed)
        }
        entry::answer_long_way()
    }
}

/// Goes on after a call at a port with further receivers or callers, or with deadlines.
///
/// # Safety
/// All else is done.
#[cold]
#[inline(never)]
unsafe extern "C" fn call_among_others(port: u64, length: u64, timeout: u64) -> ! {
    let slot = PortId::from_raw(port).slot().0;
    // SAFETY: As in `call`.
    let kernel = unsafe { kernel::entered() };
    let current = kernel.scheduler.current();
    let port = kernel.ports.at_mut(slot);
    let next = port.map_or(slot::NONE, |port| {
        let next = port.receivers.head();
        port.receivers.remove(&mut kernel.threads, next);
        port.callers.push_back(&mut kernel.threads, current);
        next
    });
    let caller = kernel.threads.at(current);
    let (number, here) = caller.map_or((0, 0), |caller| (caller.call, caller.here.raw()));
    let token = ReplyToken::new(Slot(current), Generation(number));
    // SAFETY: As the caller promises.
    unsafe { kernel.go_on_in_time(slot, next, timeout, [length, here, token.raw()]) }
}

/// The same after an answer to the thread in slot `next`.
///
/// # Safety
/// All else is done.
#[cold]
#[inline(never)]
unsafe extern "C" fn answer_among_others(port: u64, next: u64, length: u64, timeout: u64) -> ! {
    let (slot, next) = (PortId::from_raw(port).slot().0, next as u32);
    // SAFETY: As in `call`.
    let kernel = unsafe { kernel::entered() };
    let current = kernel.scheduler.current();
    if let Some(port) = kernel.ports.at_mut(slot) {
        port.callers.remove(&mut kernel.threads, next);
        port.receivers.push_back(&mut kernel.threads, current);
    }
    // SAFETY: As the caller promises.
    unsafe { kernel.go_on_in_time(slot, next, timeout, [length, 0, 0]) }
}

impl Kernel {
    #[inline(always)]
    fn hand_over_call(&mut self, call: Call) -> Result<Handed, Refused> {
        let (length, capacity) = unpack_lengths(call.lengths);
        let (door, record) = Door::of(call.port).or_refused()?;
        let (here, there) = (entry::current(), door.receiver().or_refused()?);
        // SAFETY: The current thread, and one that waits: two records, which never move, as the
        // port's does not. None is reached in another way until the lists are.
        let (caller, receiver, port) = unsafe { (&mut *here, &mut *there, &mut *record) };
        let place = receiver.home_place;
        let is_free = call.flags <= CALL_REFUSE_FROZEN
            && call.timeout != Span::ZERO
            && caller.is_plain()
            && !caller.is_aborted
            && place.is_open_to(receiver.here)
            && self.scheduler.is_clear_for(receiver.priority);
        if !is_free {
            return Err(Refused::Other);
        }
        let changes = changes();
        let from = outgoing(caller, call.request, length, changes)?;
        if !caller.incoming.is_of(call.reply, capacity, changes)
            || !receiver.incoming.holds(changes)
        {
            return Err(Refused::Stale);
        }
        if length > receiver.incoming.room {
            return Err(Refused::Other);
        }
        copy(from, receiver.incoming.at, length);
        self.calls = self.calls.wrapping_add(1);
        caller.call = self.calls;
        caller.state = State::Blocked;
        caller.wait = Wait::Call {
            port: call.port,
            request: UserSlice::EMPTY,
            reply: caller.incoming.memory,
            stage: Stage::Taken,
        };
        receiver.go_on();
        door.close();
        let (current, next) = (self.scheduler.current(), port.receivers.head());
        let token = ReplyToken::new(Slot(current), Generation(caller.call));
        let results = [length, caller.here.raw(), token.raw()];
        let is_alone = port.receivers.is_only(next)
            && port.callers.is_empty()
            && call.timeout == Span::FOREVER
            && !receiver.deadline.is_taken();
        if !is_alone {
            // SAFETY: This is such a call.
            unsafe { call_among_others(call.port.raw(), length, call.timeout.0) }
        }
        port.receivers.end(&mut receiver.links[QUEUE]);
        port.callers.begin(current, &mut caller.links[QUEUE]);
        let frame = self.switch_to(caller, (next, receiver), place);
        Ok(Handed { frame, results })
    }

    #[inline(always)]
    fn hand_over_answer(&mut self, answer: Answer) -> Result<Handed, Refused> {
        let (token, timeout) = (answer.token, answer.timeout);
        let (length, capacity) = unpack_lengths(answer.lengths);
        let next = token.slot().0;
        let (door, record) = Door::of(answer.port).or_refused()?;
        let here = entry::current();
        let there = &raw mut *self.threads.at_mut(next).or_refused()?;
        // SAFETY: It is only looked at, and the other is not there yet.
        let is_waiting = matches!(
            unsafe { &(*there).wait },
            Wait::Call { port, stage: Stage::Taken, .. } if *port == answer.port
        );
        if !is_waiting {
            return Err(Refused::Other);
        }
        // SAFETY: The current thread, and one that waits: two records, which never move, as the
        // port's does not. None is reached in another way until the lists are.
        let (server, caller, port) = unsafe { (&mut *here, &mut *there, &mut *record) };
        let place = caller.home_place;
        let is_free = caller.call == token.generation().0
            && timeout != Span::ZERO
            && caller.is_plain()
            && server.is_plain()
            && !server.is_aborted
            && port.owner == server.here.slot()
            && port.messages.is_empty()
            && place.is_open_to(caller.here)
            && self.scheduler.is_clear_for(caller.priority);
        if !is_free {
            return Err(Refused::Other);
        }
        let changes = changes();
        let from = outgoing(server, answer.message, length, changes)?;
        if !server.incoming.is_of(answer.buffer, capacity, changes)
            || !caller.incoming.holds(changes)
        {
            return Err(Refused::Stale);
        }
        if length > caller.incoming.room {
            return Err(Refused::Other);
        }
        copy(from, caller.incoming.at, length);
        caller.go_on();
        server.state = State::Blocked;
        server.wait = Wait::Receive {
            port: answer.port.slot().0,
            buffer: server.incoming.memory,
        };
        let current = self.scheduler.current();
        let is_alone = port.callers.is_only(next)
            && port.receivers.is_empty()
            && timeout == Span::FOREVER
            && !caller.deadline.is_taken();
        if !is_alone {
            // SAFETY: This is such an answer.
            unsafe { answer_among_others(answer.port.raw(), next.into(), length, timeout.0) }
        }
        port.callers.end(&mut caller.links[QUEUE]);
        port.receivers.begin(current, &mut server.links[QUEUE]);
        door.open(server);
        let results = [length, 0, 0];
        let frame = self.switch_to(server, (next, caller), place);
        Ok(Handed { frame, results })
    }

    /// Tends the door of a port, and the deadlines of both threads; and goes on with the other one.
    ///
    /// # Safety
    /// The current thread waits, and the one in slot `next` has been handed something and is in no
    /// list.
    unsafe fn go_on_in_time(&mut self, port: u32, next: u32, timeout: u64, results: [u64; 3]) -> ! {
        self.tend_door(port);
        self.set_deadline(self.scheduler.current(), Span(timeout));
        self.clear_deadline(next);
        let here = entry::current();
        if let Some(record) = self.threads.at_mut(next) {
            let (place, there) = (record.home_place, &raw mut *record);
            // SAFETY: Two records, since the current thread waits and the other does not.
            let frame = unsafe { self.switch_to(&mut *here, (next, &mut *there), place) };
            // SAFETY: Nothing on the stack is needed again.
            unsafe { entry::go_on(Handed { frame, results }) }
        }
        unreachable!("both threads were just there")
    }

    /// Looks at all memory that a call needs.
    fn look_for_call(&self, call: Call) -> Option<()> {
        let (length, capacity) = unpack_lengths(call.lengths);
        let receiver = Door::of(call.port)?.0.receiver()?;
        // SAFETY: As in `hand_over_call`.
        let (caller, receiver) = unsafe { (&mut *entry::current(), &mut *receiver) };
        let Wait::Receive { buffer, .. } = receiver.wait else {
            return None;
        };
        is_in_one_page(buffer.address(), length).then_some(())?;
        self.look_out(caller, call.request, length)?;
        self.look_in(caller, UserSlice::new(call.reply, capacity).ok()?)?;
        self.look_in(receiver, buffer)
    }

    /// Looks at all memory that an answer needs.
    fn look_for_answer(&mut self, answer: Answer) -> Option<()> {
        let (length, capacity) = unpack_lengths(answer.lengths);
        let caller = &raw mut *self.threads.at_mut(answer.token.slot().0)?;
        // SAFETY: As in `hand_over_answer`, which has found out that the caller waits.
        let (server, caller) = unsafe { (&mut *entry::current(), &mut *caller) };
        let Wait::Call { reply, .. } = caller.wait else {
            return None;
        };
        is_in_one_page(reply.address(), length).then_some(())?;
        self.look_out(server, answer.message, length)?;
        self.look_in(server, UserSlice::new(answer.buffer, capacity).ok()?)?;
        self.look_in(caller, reply)
    }

    /// Looks at memory of a thread's own actor that a message is to go to.
    fn look_in(&self, thread: &mut Thread, memory: UserSlice) -> Option<()> {
        let space = self.actors.at(thread.here.slot().0)?.space.as_ref()?;
        thread.incoming.look(memory, Flags::WRITABLE, space)
    }

    /// Looks at the page of a thread's own actor that a message is in.
    fn look_out(&self, thread: &mut Thread, address: u64, length: u64) -> Option<()> {
        if length == 0 {
            return Some(());
        }
        let page = UserSlice::new(address - address % PAGE_BYTES, PAGE_BYTES).ok()?;
        let space = self.actors.at(thread.here.slot().0)?.space.as_ref()?;
        thread.outgoing.look(page, Flags::empty(), space)
    }

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
        if port.messages.is_empty()
            && let Some(first) = port.receivers.first()
            && let Some(receiver) = self.threads.at_mut(first)
            && receiver.is_plain()
        {
            door.open(receiver);
        }
    }
}

/// Whether so many bytes, of a length that was packed, from an address on are in one page.
#[inline(always)]
const fn is_in_one_page(address: u64, length: u64) -> bool {
    address % PAGE_BYTES + length <= PAGE_BYTES
}

/// Finds a message of a thread's own actor that lies in one page.
#[inline(always)]
fn outgoing(
    thread: &Thread,
    address: u64,
    length: u64,
    changes: u64,
) -> Result<*const u8, Refused> {
    let offset = address % PAGE_BYTES;
    if !is_in_one_page(address, length) {
        return Err(Refused::Other);
    }
    if thread.outgoing.is_of(address - offset, PAGE_BYTES, changes) {
        Ok(thread.outgoing.at.wrapping_add(offset as usize))
    } else if length == 0 {
        Ok(ptr::null())
    } else {
        Err(Refused::Stale)
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
            "and edx, 7",
            "jz 2f",
            "mov ecx, edx",
            "rep movsb",
            "2:",
            inout("rcx") length / 8 => _,
            inout("rsi") from => _,
            inout("rdi") to => _,
            inout("rdx") length => _,
            options(nostack),
        );
    }
}
