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

mod among;
mod door;
mod sight;
mod ways;

use abi::syscall::{CALL_REFUSE_FROZEN, unpack_lengths};
use abi::{Generation, ReplyToken, Slot, Span};

pub use self::door::Door;
pub use self::sight::Sight;
pub use self::ways::{call, reply_receive};

use self::among::{answer_among_others, call_among_others};
use self::sight::outgoing;
use self::ways::{Answer, Call};
use crate::arch::entry::{self, Handed};
use crate::kernel::Kernel;
use crate::mm::address_space::changes;
use crate::thread::{QUEUE, Stage, State, Wait};
use crate::user::UserSlice;

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
        // Its call has been taken if nothing is queued, which is seen below.
        // SAFETY: It is only looked at, and the other is not there yet.
        let is_waiting = matches!(
            unsafe { &(*there).wait },
            Wait::Call { port, .. } if *port == answer.port
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
