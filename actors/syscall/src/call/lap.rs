//! The syscalls about Local Access Points and handlers, one thin function each.
//!
//! [`crate::lap`] and [`crate::handler`] own what these take, and are safe.

use abi::status::Progress;
use abi::syscall::number;
use abi::{ActorId, HandlerId, HandlerKind, LapId, Span, Status, ThreadId};

use super::{address, done};
use crate::stub::{Answer, syscall};
use crate::{Error, Result};

/// Makes a LAP whose guests start at `entry`, each on one of `stack_count` stacks.
///
/// # Safety
/// `entry` is the address of code that may be entered as the kernel enters a LAP (see
/// [`Call::LapCreate`](abi::syscall::Call::LapCreate)), by several threads at once, and never
/// returns but with `lap_return`.
///
/// # Errors
/// When the name is taken, a number is not allowed, or a table or budget is used up.
pub unsafe fn sys_lap_create(
    entry: u64,
    cookie: u64,
    name: &str,
    stack_bytes: u64,
    stack_count: u64,
) -> Result<LapId> {
    let (name, length) = (address(name), name.len() as u64);
    let arguments = [entry, cookie, name, length, stack_bytes, stack_count];
    // SAFETY: the kernel reads the name; the caller vouches for the code.
    let answer = unsafe { syscall(number::lap_create, arguments) };
    lap_done(answer).map(|()| LapId::from_raw(answer.values[0]))
}

/// Destroys a LAP of the caller's.
///
/// # Errors
/// When it is not the caller's, or no more.
pub fn sys_lap_destroy(lap: LapId) -> Result<()> {
    // SAFETY: its stacks go when nobody is on them.
    lap_done(unsafe { syscall(number::lap_destroy, [lap.raw(), 0, 0, 0, 0, 0]) })
}

/// Finds a LAP by name, waiting until somebody makes it.
///
/// # Errors
/// When nobody did in time.
pub fn sys_lap_resolve(name: &str, timeout: Span) -> Result<LapId> {
    let arguments = [address(name), name.len() as u64, timeout.0, 0, 0, 0];
    // SAFETY: the kernel only reads the name.
    let answer = unsafe { syscall(number::lap_resolve, arguments) };
    lap_done(answer).map(|()| LapId::from_raw(answer.values[0]))
}

/// Invokes a LAP. `mode` holds the length of the memory argument and how it is given.
///
/// # Safety
/// The memory argument is valid for reading, and for writing if `mode` says so, for as long as
/// the call lasts.
///
/// # Errors
/// [`Error::LapRestarted`] and [`Error::Dead`] as soon as the callee fails.
#[inline]
pub unsafe fn sys_lap_invoke(
    lap: LapId,
    arguments: [u64; 2],
    memory: u64,
    mode: u64,
    timeout: Span,
) -> Result<(u64, u64)> {
    let [first, second] = arguments;
    let arguments = [lap.raw(), first, second, memory, mode, timeout.0];
    // SAFETY: the caller vouches for the memory.
    let answer = unsafe { syscall(number::lap_invoke, arguments) };
    lap_done(answer).map(|()| (answer.values[0], answer.values[1]))
}

/// Ends the invocation the calling thread is in.
pub fn sys_lap_return(first: u64, second: u64) -> ! {
    loop {
        // SAFETY: the stack goes to the next guest, but nothing on it is used again: what others
        // were lent of it must live for the static lifetime.
        unsafe { syscall(number::lap_return, [first, second, 0, 0, 0, 0]) };
    }
}

/// Says that the invocation the calling thread is in has had its effect.
///
/// # Errors
/// Outside any invocation.
pub fn sys_lap_done() -> Result<()> {
    // SAFETY: touches no memory.
    lap_done(unsafe { syscall(number::lap_done, [0; 6]) })
}

/// Copies between the caller's memory, which serves a trap, and that of the thread that trapped.
///
/// # Safety
/// `own` is valid for as many bytes: for writing to copy from the thread's caller, for reading to
/// copy to it. If the thread's caller is this actor too, so is `theirs`.
///
/// # Errors
/// When `theirs` is not the other's memory, the other is no more, or no trap is being served.
pub unsafe fn sys_lap_copy(direction: u64, own: u64, theirs: u64, length: u64) -> Result<()> {
    let arguments = [direction, own, theirs, length, 0, 0];
    // SAFETY: the caller vouches for the memory.
    lap_done(unsafe { syscall(number::lap_copy, arguments) })
}

/// Connects a LAP of the caller's to something that happens.
///
/// # Safety
/// The code behind the LAP expects the registers that this kind of handler gets.
///
/// # Errors
/// When a right is missing, the subject is taken or not allowed, or a table is full.
pub unsafe fn sys_handler_connect(
    kind: HandlerKind,
    lap: LapId,
    subject: u64,
    parameter: u64,
) -> Result<HandlerId> {
    let arguments = [kind.0, lap.raw(), subject, parameter, 0, 0];
    // SAFETY: the caller vouches for the code.
    let answer = unsafe { syscall(number::handler_connect, arguments) };
    done(answer).map(|()| HandlerId::from_raw(answer.values[0]))
}

/// Disconnects a handler of the caller's.
///
/// # Errors
/// When it is not the caller's, or no more.
pub fn sys_handler_disconnect(handler: HandlerId) -> Result<()> {
    // SAFETY: touches no memory.
    done(unsafe { syscall(number::handler_disconnect, [handler.raw(), 0, 0, 0, 0, 0]) })
}

/// Unmasks the line of an interrupt handler of the caller's.
///
/// # Errors
/// When it is not the caller's, no more, or of another kind.
pub fn sys_interrupt_acknowledge(handler: HandlerId) -> Result<()> {
    // SAFETY: touches no memory.
    done(unsafe {
        syscall(
            number::interrupt_acknowledge,
            [handler.raw(), 0, 0, 0, 0, 0],
        )
    })
}

/// Tells a thread to give up what it does.
///
/// # Errors
/// When it is neither the caller's nor inside the caller.
pub fn sys_thread_abort(thread: ThreadId) -> Result<()> {
    // SAFETY: touches no memory.
    done(unsafe { syscall(number::thread_abort, [thread.raw(), 0, 0, 0, 0, 0]) })
}

/// Says that the actor is alive.
pub fn sys_kick() {
    // SAFETY: touches no memory.
    unsafe { syscall(number::kick, [0; 6]) };
}

/// Reports another actor as broken.
///
/// # Errors
/// When the caller does not hold the right, or the actor is no more.
pub fn sys_complain(actor: ActorId, reason: &str) -> Result<()> {
    let (text, length) = (address(reason), reason.len() as u64);
    // SAFETY: the kernel only reads the reason.
    super::actor_done(unsafe { syscall(number::complain, [actor.raw(), text, length, 0, 0, 0]) })
}

/// Tells the calling thread who it is, and to which actor it belongs.
#[must_use]
pub fn sys_thread_self() -> (ThreadId, ActorId) {
    // SAFETY: touches no memory.
    let [thread, home, _] = unsafe { syscall(number::thread_self, [0; 6]) }.values;
    (ThreadId::from_raw(thread), ActorId::from_raw(home))
}

/// Turns an answer about a LAP into a result.
#[inline]
pub(crate) fn lap_done(answer: Answer) -> Result<()> {
    let [_, second, third] = answer.values;
    match answer.status {
        Status::RESTARTED => Err(Error::LapRestarted {
            new: LapId::from_raw(second),
            progress: Progress(third),
        }),
        _ => done(answer),
    }
}
