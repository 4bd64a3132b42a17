//! Sights: where in the kernel's map memory of an actor is, without looking every time.

use core::ptr;

use abi::layout::{MESSAGE_MAX, PAGE_BYTES};
use abi::syscall::unpack_lengths;

use super::ways::{Answer, Call};
use super::{Door, Refused};
use crate::arch::entry;
use crate::kernel::Kernel;
use crate::mm::address_space::{AddressSpace, changes};
use crate::mm::direct;
use crate::mm::page_table::Flags;
use crate::thread::{Thread, Wait};
use crate::user::UserSlice;

/// Where in the kernel's map some memory of a thread's own actor was when it was last used. That
/// holds for as long as nothing is mapped elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// The memory.
    pub(super) memory: UserSlice,
    /// The kernel's pointer to its first byte.
    pub(super) at: *mut u8,
    /// How much of it is in the first page.
    pub(super) room: u64,
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
    pub(super) fn is_of(&self, address: u64, length: u64, changes: u64) -> bool {
        let is_it = self.memory.address() == address && self.memory.length() == length;
        is_it && self.holds(changes)
    }

    /// Whether it is still true.
    #[inline]
    pub(super) fn holds(&self, changes: u64) -> bool {
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

impl Kernel {
    /// Looks at all memory that a call needs.
    pub(super) fn look_for_call(&self, call: Call) -> Option<()> {
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
    pub(super) fn look_for_answer(&mut self, answer: Answer) -> Option<()> {
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
}

/// Whether so many bytes, of a length that was packed, from an address on are in one page.
#[inline(always)]
const fn is_in_one_page(address: u64, length: u64) -> bool {
    address % PAGE_BYTES + length <= PAGE_BYTES
}

/// Finds a message of a thread's own actor that lies in one page.
#[inline(always)]
pub(super) fn outgoing(
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
