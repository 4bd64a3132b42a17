//! What threads of applications do here: they carry their calls to our thread, and the answers back.
//!
//! Everything that an application says is a number to us. Its memory is reached through the kernel
//! only, which says `bad argument` for what is not the application's; so a bad pointer is `EFAULT`.
//! A thread that dies or is stopped here leaves nothing behind but an answer that nobody takes.

use core::sync::atomic::{AtomicU64, Ordering};

use posix::call::{Operation, TRAP, WAIT_TRAP};
use posix::limits::{DECLARED_MAX, NAME_MAX, PROCESSES_MAX, TRANSFER_MAX};
use posix::process::{Status, signal};
use posix::{Errno, Result};
use syscall::abi::{ActorId, FaultKind, FaultRecord, PortId, Span};
use syscall::handler::{Trap, Verdict};
use syscall::{Handler, RemotePort, Stacks};

use crate::message::{self, BYTES_MAX, FAULT, Request};

/// Threads that can make calls at the same time; one more gets `EAGAIN`. They do not wait here for
/// each other, so there are never many.
const CALLERS: Stacks = Stacks::of_count(32);
/// Threads that can wait for children at the same time: one of each process may.
const WAITERS: Stacks = Stacks::of_count((PROCESSES_MAX + DECLARED_MAX) as u32);
/// Threads of one process that can have an exception at the same time. One is enough to end it.
const FAULTERS: Stacks = Stacks::of_count(4);
/// Longest name, with a `/` in front.
const PATH_MAX: usize = NAME_MAX + 1;

/// Our thread's port: none before it is there.
static SERVICE: AtomicU64 = AtomicU64::new(0);

/// Serves traps from now on, with the help of the service behind a port.
pub(crate) fn connect(service: RemotePort) -> syscall::Result<()> {
    SERVICE.store(service.id().raw(), Ordering::SeqCst);
    Handler::trap(TRAP, CALLERS, 0, trapped)?.keep();
    Handler::trap(WAIT_TRAP, WAITERS, 0, trapped)?.keep();
    Ok(())
}

/// Handles the exceptions of an actor that was spawned.
pub(crate) fn handle_exceptions(actor: ActorId) -> syscall::Result<Handler> {
    Handler::exception(actor, FAULTERS, 0, excepted)
}

fn trapped(trap: &Trap) -> (u64, u64) {
    match carry(trap) {
        Ok(value) => (value, 0),
        Err(errno) => (0, u64::from(errno.0)),
    }
}

fn carry(trap: &Trap) -> Result<u64> {
    let [packed, first, second] = trap.arguments;
    let (operation, small) = posix::call::unpack(packed);
    let is_wait = u64::from(WAIT_TRAP) == trap.number;
    if is_wait != (operation == Operation::WAIT) || operation == FAULT {
        return Err(Errno::ENOSYS);
    }
    let mut own = [0; TRANSFER_MAX];
    let mut request = Request {
        operation,
        small,
        caller: trap.caller(),
        numbers: [first, second],
        bytes: &[],
    };
    match operation {
        Operation::OPEN | Operation::UNLINK => {
            let length = length(second)?;
            let path = own.get_mut(..length).filter(|_| length <= PATH_MAX);
            let path = path.ok_or(Errno::ENAMETOOLONG)?;
            take(trap, first, path)?;
            request.bytes = path;
        }
        Operation::WRITE => {
            let length = length(second)?.min(TRANSFER_MAX);
            let bytes = own.get_mut(..length).ok_or(Errno::EINVAL)?;
            take(trap, first, bytes)?;
            request.bytes = bytes;
        }
        Operation::READ => {
            let length = length(second)?.min(TRANSFER_MAX);
            // First of all we see whether it can be written to: what has been read is read.
            give(trap, own.get(..length).ok_or(Errno::EINVAL)?, first)?;
            request.numbers = [length as u64, 0];
        }
        _ => {}
    }
    let mut buffer = [0; BYTES_MAX];
    let (value, bytes) = ask(&request, &mut buffer)?;
    give(trap, bytes, first)?;
    Ok(value)
}

/// Puts a request to our thread and waits for its answer.
fn ask<'b>(request: &Request<'_>, buffer: &'b mut [u8; BYTES_MAX]) -> Result<(u64, &'b [u8])> {
    let service = RemotePort::from(PortId::from_raw(SERVICE.load(Ordering::SeqCst)));
    let mut encoded = [0; BYTES_MAX];
    let request = request.encode(&mut encoded);
    message::decode_answer(service.call(request, buffer, Span::FOREVER)?)
}

/// A length that can be one: POSIX leaves open what becomes of those that cannot.
fn length(number: u64) -> Result<usize> {
    if number > isize::MAX as u64 {
        return Err(Errno::EINVAL);
    }
    Ok(number as usize)
}

fn take(trap: &Trap, theirs: u64, own: &mut [u8]) -> Result<()> {
    if own.is_empty() {
        return Ok(());
    }
    trap.copy_from_caller(theirs, own)
        .map_err(|_| Errno::EFAULT)
}

fn give(trap: &Trap, own: &[u8], theirs: u64) -> Result<()> {
    if own.is_empty() {
        return Ok(());
    }
    trap.copy_to_caller(own, theirs).map_err(|_| Errno::EFAULT)
}

/// A spawned process had an exception: that is its end, and its parent is told.
fn excepted(fault: &FaultRecord) -> Verdict {
    let status = Status::signalled(signal_of(fault.kind));
    let request = Request {
        operation: FAULT,
        small: status.0,
        caller: fault.actor,
        numbers: [0; 2],
        bytes: &[],
    };
    // If it is no process any more, it ends all the same.
    let _ = ask(&request, &mut [0; BYTES_MAX]);
    Verdict::End
}

fn signal_of(kind: FaultKind) -> u8 {
    match kind {
        FaultKind::MEMORY_ACCESS | FaultKind::STACK_OVERFLOW | FaultKind::PROTECTION => {
            signal::SEGV
        }
        FaultKind::ARITHMETIC => signal::FPE,
        FaultKind::ILLEGAL_INSTRUCTION => signal::ILL,
        FaultKind::BREAKPOINT => signal::TRAP,
        _ => signal::BUS,
    }
}
