//! One thin function a syscall.
//!
//! Each turns Rust values into registers, makes the call, and turns the status into a `Result`;
//! none does more. [`abi::syscall`] documents what the calls mean. Those that could break the
//! actor's own memory (freeing it, running code in it) are `unsafe`; the handles of the sibling
//! modules own what these take, and are safe.

pub mod actor;
pub mod group;
pub mod lap;

use abi::site::SiteRestart;
use abi::status::Progress;
use abi::syscall::{CALL_REFUSE_FROZEN, PERSISTENT_EXISTING, number, pack_lengths};
use abi::{ActorId, PortId, ReplyToken, Span, Status, ThreadId};

use crate::log::Level;
use crate::stub::{Answer, syscall};
use crate::{Error, Result};

/// What `receive` took from a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// Bytes of the message, at the start of the buffer.
    pub length: usize,
    /// Who sent it.
    pub sender: ActorId,
    /// Names the caller who waits for an answer; none for a plain message.
    pub token: ReplyToken,
}

/// What to do when the callee is between two incarnations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenFrozen {
    /// Wait for the next incarnation.
    Wait,
    /// Be refused with [`Status::FROZEN`].
    Refuse,
}

/// What to do when there is no persistent region of the name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenMissing {
    /// Make it.
    Make,
    /// Be refused with [`Status::NOT_FOUND`].
    Refuse,
}

/// A persistent region as the kernel describes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Where it is.
    pub address: u64,
    /// How long it is.
    pub bytes: u64,
    /// Whether this call made it; its memory is then zero.
    pub is_new: bool,
}

/// Does nothing.
#[inline]
pub fn sys_nop() {
    // SAFETY: touches nothing.
    unsafe { syscall(number::nop, [0; 6]) };
}

/// Writes a line to the site's log.
///
/// # Errors
/// When the level is not one of the five.
pub fn sys_log(level: Level, text: &str) -> Result<()> {
    // SAFETY: the kernel only reads the text.
    let answer = unsafe {
        syscall(
            number::log,
            [level.0, address(text), text.len() as u64, 0, 0, 0],
        )
    };
    done(answer)
}

/// Ends the actor: cleanly with code 0, as failed with any other.
pub fn sys_exit(code: u64) -> ! {
    loop {
        // SAFETY: touches no memory.
        unsafe { syscall(number::exit, [code, 0, 0, 0, 0, 0]) };
    }
}

/// Ends the actor as failed, with a message.
pub fn sys_panic(message: &str) -> ! {
    loop {
        // SAFETY: the kernel only reads the message.
        unsafe {
            syscall(
                number::panic,
                [address(message), message.len() as u64, 0, 0, 0, 0],
            )
        };
    }
}

/// Reads the clock, in nanoseconds since the site first started.
#[must_use]
pub fn sys_clock() -> u64 {
    // SAFETY: touches no memory.
    unsafe { syscall(number::clock, [0; 6]) }.values[0]
}

/// Sleeps for at least `span`.
///
/// # Errors
/// When the thread is told to give up before that.
pub fn sys_sleep(span: Span) -> Result<()> {
    // SAFETY: touches no memory.
    done(unsafe { syscall(number::sleep, [span.0, 0, 0, 0, 0, 0]) })
}

/// Lets other threads of the same priority run.
pub fn sys_thread_yield() {
    // SAFETY: touches no memory.
    unsafe { syscall(number::thread_yield, [0; 6]) };
}

/// Makes a thread that starts at `entry` with `argument` in RDI.
///
/// # Safety
/// `entry` is the address of code that may be entered with an aligned, empty stack and this
/// argument, runs concurrently with the rest of the actor, and never returns.
///
/// # Errors
/// When there is no memory, the tables are full, or the priority is above the actor's.
pub unsafe fn sys_thread_create(
    entry: u64,
    argument: u64,
    stack_bytes: u64,
    priority: u8,
) -> Result<ThreadId> {
    let arguments = [entry, argument, stack_bytes, u64::from(priority), 0, 0];
    // SAFETY: the caller vouches for the code.
    let answer = unsafe { syscall(number::thread_create, arguments) };
    done(answer).map(|()| ThreadId::from_raw(answer.values[0]))
}

/// Ends the calling thread.
pub fn sys_thread_exit() -> ! {
    loop {
        // SAFETY: the stack goes, but nothing on it is used again: what others were lent of it
        // must live for the static lifetime (see `Thread::spawn`).
        unsafe { syscall(number::thread_exit, [0; 6]) };
    }
}

/// Sets a thread's priority (the calling thread's for [`ThreadId::NONE`]); returns what it was.
///
/// # Errors
/// When the thread is not of this actor or the priority is above the actor's.
pub fn sys_thread_priority(thread: ThreadId, priority: u8) -> Result<u8> {
    let arguments = [thread.raw(), u64::from(priority), 0, 0, 0, 0];
    // SAFETY: touches no memory.
    let answer = unsafe { syscall(number::thread_priority, arguments) };
    done(answer).map(|()| answer.values[0] as u8)
}

/// Makes a port.
///
/// # Errors
/// When the name is taken or too long, the depth is not 1 to 256, or the tables are full.
pub fn sys_port_create(name: &str, depth: u64) -> Result<PortId> {
    let arguments = [address(name), name.len() as u64, depth, 0, 0, 0];
    // SAFETY: the kernel only reads the name.
    let answer = unsafe { syscall(number::port_create, arguments) };
    done(answer).map(|()| PortId::from_raw(answer.values[0]))
}

/// Destroys a port of the caller's.
///
/// # Errors
/// When it is not the caller's, or no more.
pub fn sys_port_destroy(port: PortId) -> Result<()> {
    // SAFETY: touches no memory.
    done(unsafe { syscall(number::port_destroy, [port.raw(), 0, 0, 0, 0, 0]) })
}

/// Finds a port by name, waiting until somebody makes it.
///
/// # Errors
/// When nobody did in time.
pub fn sys_port_find(name: &str, timeout: Span) -> Result<PortId> {
    let arguments = [address(name), name.len() as u64, timeout.0, 0, 0, 0];
    // SAFETY: the kernel only reads the name.
    let answer = unsafe { syscall(number::port_find, arguments) };
    done(answer).map(|()| PortId::from_raw(answer.values[0]))
}

/// Queues a message.
///
/// # Errors
/// When the port is gone, or its queue stayed full.
pub fn sys_send(port: PortId, message: &[u8], timeout: Span) -> Result<()> {
    let arguments = [
        port.raw(),
        bytes_address(message),
        message.len() as u64,
        timeout.0,
        0,
        0,
    ];
    // SAFETY: the kernel only reads the message.
    done(unsafe { syscall(number::send, arguments) })
}

/// Takes the next message of a port of the caller's.
///
/// # Errors
/// When none came in time, or the next one is longer than the buffer.
#[inline]
pub fn sys_receive(port: PortId, buffer: &mut [u8], timeout: Span) -> Result<Received> {
    // SAFETY: the buffer is borrowed exclusively.
    unsafe { receive_into(port, (buffer.as_mut_ptr(), buffer.len()), timeout) }
}

/// [`sys_receive`] into memory that need not be initialised.
///
/// # Safety
/// The kernel may write to the buffer.
#[inline]
pub(crate) unsafe fn receive_into(
    port: PortId,
    (buffer, capacity): (*mut u8, usize),
    timeout: Span,
) -> Result<Received> {
    let buffer = buffer.expose_provenance() as u64;
    let arguments = [port.raw(), buffer, capacity as u64, timeout.0, 0, 0];
    // SAFETY: the kernel writes at most the buffer, for which the caller vouches.
    received(unsafe { syscall(number::receive, arguments) })
}

/// Sends a request and waits for the reply; returns the reply's length.
///
/// # Errors
/// [`Error::Restarted`] and [`Error::Dead`] as soon as the callee fails.
#[inline]
pub fn sys_call(
    port: PortId,
    request: &[u8],
    reply: &mut [u8],
    timeout: Span,
    when_frozen: WhenFrozen,
) -> Result<usize> {
    let request = (request.as_ptr(), request.len());
    let reply = (reply.as_mut_ptr(), reply.len());
    // SAFETY: both are borrowed, the reply's buffer exclusively.
    unsafe { call_into(port, request, reply, timeout, when_frozen) }
}

/// [`sys_call`] with the reply in memory that need not be initialised, and that may be the request's:
/// the kernel has read that before it writes.
///
/// # Safety
/// The kernel may read the request, and write to the reply's buffer.
#[inline]
pub(crate) unsafe fn call_into(
    port: PortId,
    (request, request_length): (*const u8, usize),
    (reply, capacity): (*mut u8, usize),
    timeout: Span,
    when_frozen: WhenFrozen,
) -> Result<usize> {
    let flags = match when_frozen {
        WhenFrozen::Wait => 0,
        WhenFrozen::Refuse => CALL_REFUSE_FROZEN,
    };
    let arguments = [
        port.raw(),
        request.expose_provenance() as u64,
        reply.expose_provenance() as u64,
        pack_lengths(request_length, capacity),
        timeout.0,
        flags,
    ];
    // SAFETY: the kernel reads the request and writes at most the reply's buffer, for which the
    // caller vouches.
    let answer = unsafe { syscall(number::call, arguments) };
    done(answer).map(|()| answer.values[0] as usize)
}

/// Answers a call.
///
/// # Errors
/// When the caller waits no longer, or its buffer is too small.
#[inline]
pub fn sys_reply(token: ReplyToken, message: &[u8]) -> Result<()> {
    let arguments = [
        token.raw(),
        bytes_address(message),
        message.len() as u64,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel only reads the message.
    done(unsafe { syscall(number::reply, arguments) })
}

/// Answers a call and takes the next message in one step.
///
/// # Errors
/// When no message came in time, or the next one is longer than the buffer.
#[inline]
pub fn sys_reply_receive(
    token: ReplyToken,
    message: &[u8],
    port: PortId,
    buffer: &mut [u8],
    timeout: Span,
) -> Result<Received> {
    let message = (message.as_ptr(), message.len());
    let buffer = (buffer.as_mut_ptr(), buffer.len());
    // SAFETY: both are borrowed, the buffer exclusively.
    unsafe { reply_receive_into(token, message, port, buffer, timeout) }
}

/// [`sys_reply_receive`] into memory that need not be initialised, and that may be the answer's: the
/// kernel has read that before it writes.
///
/// # Safety
/// The kernel may read the message, and write to the buffer.
#[inline]
pub(crate) unsafe fn reply_receive_into(
    token: ReplyToken,
    (message, length): (*const u8, usize),
    port: PortId,
    (buffer, capacity): (*mut u8, usize),
    timeout: Span,
) -> Result<Received> {
    let arguments = [
        token.raw(),
        message.expose_provenance() as u64,
        port.raw(),
        buffer.expose_provenance() as u64,
        pack_lengths(length, capacity),
        timeout.0,
    ];
    // SAFETY: the kernel reads the message and writes at most the buffer, for which the caller
    // vouches.
    received(unsafe { syscall(number::reply_receive, arguments) })
}

/// Allocates a private region of zeroed memory; returns its address.
///
/// # Errors
/// When there is no memory left, or none for this actor.
pub fn sys_region_allocate(bytes: u64) -> Result<u64> {
    // SAFETY: the new memory is nobody's yet.
    let answer = unsafe { syscall(number::region_allocate, [bytes, 0, 0, 0, 0, 0]) };
    done(answer).map(|()| answer.values[0])
}

/// Frees a private region.
///
/// # Safety
/// Nothing uses the memory any more.
///
/// # Errors
/// When no region starts at the address.
pub unsafe fn sys_region_free(address: u64) -> Result<()> {
    // SAFETY: the caller vouches for the memory.
    done(unsafe { syscall(number::region_free, [address, 0, 0, 0, 0, 0]) })
}

/// Opens a persistent region by name, or makes it.
///
/// # Errors
/// When it is smaller than asked for, belongs to another actor, or there is no memory.
pub fn sys_persistent_open(name: &str, bytes: u64, when_missing: WhenMissing) -> Result<Opened> {
    let flags = match when_missing {
        WhenMissing::Make => 0,
        WhenMissing::Refuse => PERSISTENT_EXISTING,
    };
    let arguments = [address(name), name.len() as u64, bytes, flags, 0, 0];
    // SAFETY: the kernel reads the name, and maps memory where nothing else is.
    let answer = unsafe { syscall(number::persistent_open, arguments) };
    let [address, bytes, created] = answer.values;
    done(answer).map(|()| Opened {
        address,
        bytes,
        is_new: created != 0,
    })
}

/// Frees a persistent region. Its content is lost.
///
/// # Safety
/// Nothing uses the memory any more.
///
/// # Errors
/// When no persistent region of the caller's starts at the address.
pub unsafe fn sys_persistent_free(address: u64) -> Result<()> {
    // SAFETY: the caller vouches for the memory.
    done(unsafe { syscall(number::persistent_free, [address, 0, 0, 0, 0, 0]) })
}

/// Restarts an actor hot (the caller itself for [`ActorId::NONE`]) without recording a fault.
///
/// # Errors
/// When the caller does not hold the right, or the actor is no more.
pub fn sys_restart(actor: ActorId) -> Result<()> {
    // SAFETY: touches no memory that anybody sees again.
    actor_done(unsafe { syscall(number::restart, [actor.raw(), 0, 0, 0, 0, 0]) })
}

/// Reads the first ledger entry from `sequence` on: its length, and what to ask for next.
///
/// # Errors
/// When the buffer is too small.
pub fn sys_ledger_read(sequence: u64, buffer: &mut [u8]) -> Result<(usize, u64)> {
    let arguments = [
        sequence,
        buffer_address(buffer),
        buffer.len() as u64,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes at most the buffer, which is borrowed exclusively.
    let answer = unsafe { syscall(number::ledger_read, arguments) };
    done(answer).map(|()| (answer.values[0] as usize, answer.values[1]))
}

/// Reads the caller's start record; returns its length.
///
/// # Errors
/// When the buffer is too small.
pub fn sys_start_read(buffer: &mut [u8]) -> Result<usize> {
    let arguments = [buffer_address(buffer), buffer.len() as u64, 0, 0, 0, 0];
    // SAFETY: the kernel writes at most the buffer, which is borrowed exclusively.
    let answer = unsafe { syscall(number::start_read, arguments) };
    done(answer).map(|()| answer.values[0] as usize)
}

/// Tells the kernel that the actor is ready to serve.
pub fn sys_ready() {
    // SAFETY: touches no memory.
    unsafe { syscall(number::ready, [0; 6]) };
}

/// Reads the site's counters; returns their length.
///
/// # Errors
/// When the buffer is too small.
pub fn sys_site_info(buffer: &mut [u8]) -> Result<usize> {
    let arguments = [buffer_address(buffer), buffer.len() as u64, 0, 0, 0, 0];
    // SAFETY: the kernel writes at most the buffer, which is borrowed exclusively.
    let answer = unsafe { syscall(number::site_info, arguments) };
    done(answer).map(|()| answer.values[0] as usize)
}

/// Reads about the first actor from `slot` on: the length, and the slot to ask for next.
///
/// # Errors
/// When the buffer is too small.
pub fn sys_actor_info(slot: u64, buffer: &mut [u8]) -> Result<(usize, u64)> {
    let arguments = [slot, buffer_address(buffer), buffer.len() as u64, 0, 0, 0];
    // SAFETY: the kernel writes at most the buffer, which is borrowed exclusively.
    let answer = unsafe { syscall(number::actor_info, arguments) };
    done(answer).map(|()| (answer.values[0] as usize, answer.values[1]))
}

/// Reads what was typed at the console; returns the number of bytes.
///
/// # Errors
/// When nothing was typed in time, or the caller does not hold the right.
pub fn sys_console_read(buffer: &mut [u8], timeout: Span) -> Result<usize> {
    let arguments = [
        buffer_address(buffer),
        buffer.len() as u64,
        timeout.0,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes at most the buffer, which is borrowed exclusively.
    let answer = unsafe { syscall(number::console_read, arguments) };
    done(answer).map(|()| answer.values[0] as usize)
}

/// Ends the site: code 0 says that all went well. Returns only when that is refused.
///
/// # Errors
/// When the caller does not hold the right.
pub fn sys_shutdown(code: u64) -> Result<()> {
    // SAFETY: touches no memory.
    done(unsafe { syscall(number::shutdown, [code, 0, 0, 0, 0, 0]) })
}

/// Restarts the whole site. Needs the right `site`.
///
/// # Errors
/// When the caller does not hold the right.
pub fn sys_site_restart(how: SiteRestart) -> Result<()> {
    // SAFETY: touches no memory.
    done(unsafe { syscall(number::site_restart, [how as u64, 0, 0, 0, 0, 0]) })
}

/// Finds an actor's present capability by its name.
///
/// # Errors
/// When there is no such actor.
pub fn sys_actor_find(name: &str) -> Result<ActorId> {
    let arguments = [address(name), name.len() as u64, 0, 0, 0, 0];
    // SAFETY: the kernel only reads the name.
    let answer = unsafe { syscall(number::actor_find, arguments) };
    done(answer).map(|()| ActorId::from_raw(answer.values[0]))
}

/// Makes the kernel fail in a chosen way, for its tests.
///
/// # Errors
/// When the caller does not hold the right, or the hook is not known.
pub fn sys_hook(kind: abi::site::Hook, argument: u64) -> Result<u64> {
    // SAFETY: touches no memory of ours.
    let answer = unsafe { syscall(number::hook, [kind.0, argument, 0, 0, 0, 0]) };
    done(answer).map(|()| answer.values[0])
}

/// The address of text that the kernel is going to read.
fn address(text: &str) -> u64 {
    bytes_address(text.as_bytes())
}

/// The address of bytes that the kernel is going to read.
#[inline]
fn bytes_address(bytes: &[u8]) -> u64 {
    bytes.as_ptr().expose_provenance() as u64
}

/// The address of bytes that the kernel is going to write.
#[inline]
fn buffer_address(bytes: &mut [u8]) -> u64 {
    bytes.as_mut_ptr().expose_provenance() as u64
}

/// Turns an answer that brings a message into a result.
#[inline]
fn received(answer: Answer) -> Result<Received> {
    let [length, sender, token] = answer.values;
    done(answer).map(|()| Received {
        length: length as usize,
        sender: ActorId::from_raw(sender),
        token: ReplyToken::from_raw(token),
    })
}

/// Turns an answer about an actor into a result.
fn actor_done(answer: Answer) -> Result<()> {
    match answer.status {
        Status::RESTARTED => Err(Error::ActorRestarted {
            new: ActorId::from_raw(answer.values[1]),
        }),
        _ => done(answer),
    }
}

/// Turns an answer's status into a result.
#[inline]
fn done(answer: Answer) -> Result<()> {
    let [first, second, third] = answer.values;
    match answer.status {
        Status::OK => Ok(()),
        Status::RESTARTED => Err(Error::Restarted {
            new: PortId::from_raw(second),
            progress: Progress(third),
        }),
        Status::DEAD => Err(Error::Dead {
            progress: Progress(third),
        }),
        Status::BUFFER_TOO_SMALL => Err(Error::BufferTooSmall {
            needed: first as usize,
        }),
        status => Err(Error::Refused(status)),
    }
}
