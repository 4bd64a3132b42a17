//! The rest of a hand-over where others wait at the port, too, or where there are deadlines.

use abi::{Generation, PortId, ReplyToken, Slot, Span};

use crate::arch::entry::{self, Handed};
use crate::kernel::{self, Kernel};
use crate::slot;

/// Goes on after a call at a port with further receivers or callers, or with deadlines.
///
/// # Safety
/// All else is done.
#[cold]
#[inline(never)]
pub(super) unsafe extern "C" fn call_among_others(port: u64, length: u64, timeout: u64) -> ! {
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
pub(super) unsafe extern "C" fn answer_among_others(
    port: u64,
    next: u64,
    length: u64,
    timeout: u64,
) -> ! {
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
}
