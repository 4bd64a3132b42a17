//! The syscalls about groups and subsystems, one thin function each. [`crate::group`] and
//! [`crate::activation`] own what these take.

use abi::syscall::number;
use abi::{ActorId, PortId, Span};

use super::{actor_done, address, buffer_address, done};
use crate::Result;
use crate::stub::syscall;

/// Has a port of the caller's told of every change of a group.
///
/// # Errors
/// When there is no such group, the right is missing, the port is subscribed already, or there are
/// too many subscriptions.
pub fn sys_group_subscribe(group: &str, port: PortId) -> Result<()> {
    let arguments = [address(group), group.len() as u64, port.raw(), 0, 0, 0];
    // SAFETY: the kernel only reads the name.
    done(unsafe { syscall(number::group_subscribe, arguments) })
}

/// Ends a subscription.
///
/// # Errors
/// When there is none.
pub fn sys_group_unsubscribe(group: &str, port: PortId) -> Result<()> {
    let arguments = [address(group), group.len() as u64, port.raw(), 0, 0, 0];
    // SAFETY: the kernel only reads the name.
    done(unsafe { syscall(number::group_unsubscribe, arguments) })
}

/// Allows that a group that was given up is started again.
///
/// # Errors
/// When it was not given up, or the right is missing.
pub fn sys_group_clear(group: &str) -> Result<()> {
    let arguments = [address(group), group.len() as u64, 0, 0, 0, 0];
    // SAFETY: the kernel only reads the name.
    done(unsafe { syscall(number::group_clear, arguments) })
}

/// Reads about the first group from `slot` on: the length, and the slot to ask for next.
///
/// # Errors
/// When the buffer is too small.
pub fn sys_group_info(slot: u64, buffer: &mut [u8]) -> Result<(usize, u64)> {
    let arguments = [slot, buffer_address(buffer), buffer.len() as u64, 0, 0, 0];
    // SAFETY: the kernel writes at most the buffer, which is borrowed exclusively.
    let answer = unsafe { syscall(number::group_info, arguments) };
    done(answer).map(|()| (answer.values[0] as usize, answer.values[1]))
}

/// Waits for an actor that the caller is to activate.
///
/// # Errors
/// When there was none in time, or another thread of the caller waits already.
pub fn sys_activation_wait(timeout: Span) -> Result<ActorId> {
    // SAFETY: touches no memory.
    let answer = unsafe { syscall(number::activation_wait, [timeout.0, 0, 0, 0, 0, 0]) };
    done(answer).map(|()| ActorId::from_raw(answer.values[0]))
}

/// Gives an actor of the caller's subsystem that waits for it its first thread.
///
/// # Errors
/// When the caller is not its manager, or it does not wait.
pub fn sys_actor_activate(actor: ActorId) -> Result<()> {
    // SAFETY: touches no memory of the caller's.
    actor_done(unsafe { syscall(number::actor_activate, [actor.raw(), 0, 0, 0, 0, 0]) })
}
