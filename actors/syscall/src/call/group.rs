//! The syscalls about groups, one thin function each. [`crate::group`] owns what these take.

use abi::PortId;
use abi::syscall::number;

use super::{address, buffer_address, done};
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
