//! The syscalls about other actors as a whole: to start, stop, and end them.

use abi::ActorId;
use abi::syscall::number;

use super::{actor_done, address, bytes_address, done};
use crate::Result;
use crate::stub::{Answer, syscall};

/// Starts an indirect actor, from the bytes of a request.
///
/// # Errors
/// When the caller does not hold the right, the request asks for too much, or its image cannot be
/// had.
pub fn sys_spawn(request: &[u8]) -> Result<ActorId> {
    let arguments = [bytes_address(request), request.len() as u64, 0, 0, 0, 0];
    // SAFETY: the kernel only reads the request.
    let answer = unsafe { syscall(number::spawn, arguments) };
    done(answer).map(|()| ActorId::from_raw(answer.values[0]))
}

/// Kills an actor, which restarts its group.
///
/// # Errors
/// When the caller does not hold the right, or the actor is no more.
pub fn sys_actor_kill(actor: ActorId) -> Result<()> {
    actor_done(about(number::actor_kill, actor))
}

/// Ends a group for good.
///
/// # Errors
/// When the caller does not hold the right, or there is no such group.
pub fn sys_group_kill(name: &str) -> Result<()> {
    let arguments = [address(name), name.len() as u64, 0, 0, 0, 0];
    // SAFETY: the kernel only reads the name.
    done(unsafe { syscall(number::group_kill, arguments) })
}

/// Stops an actor until it is thawed (the caller for [`ActorId::NONE`]).
///
/// # Errors
/// When the caller does not hold the right, or the actor is no more, or is being restarted.
pub fn sys_actor_freeze(actor: ActorId) -> Result<()> {
    actor_done(about(number::actor_freeze, actor))
}

/// Lets a frozen actor go on.
///
/// # Errors
/// As for [`sys_actor_freeze`].
pub fn sys_actor_thaw(actor: ActorId) -> Result<()> {
    actor_done(about(number::actor_thaw, actor))
}

/// Makes a syscall with an actor as its one argument.
fn about(number: u64, actor: ActorId) -> Answer {
    // SAFETY: none of these touches the caller's memory.
    unsafe { syscall(number, [actor.raw(), 0, 0, 0, 0, 0]) }
}
