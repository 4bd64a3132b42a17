//! The ways in from the entry code: what comes in registers, and on to the quick or the long way.

use abi::{PortId, ReplyToken, Span};

use super::Refused;
use crate::arch::entry;
use crate::kernel;

/// A call, as it comes in registers.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) port: PortId,
    pub(super) request: u64,
    pub(super) reply: u64,
    pub(super) lengths: u64,
    pub(super) timeout: Span,
    pub(super) flags: u64,
}

/// An answer, as it comes in registers.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) token: ReplyToken,
    pub(super) message: u64,
    pub(super) port: PortId,
    pub(super) buffer: u64,
    pub(super) lengths: u64,
    pub(super) timeout: Span,
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
