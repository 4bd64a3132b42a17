//! Messages from and to any memory, also such as a call should not be given.
//!
//! The kernel keeps in mind where a thread's messages were the last time. These calls name
//! whatever memory they are told to, so that tests can see that it looks where it must.

use abi::syscall::{number, pack_lengths};
use abi::{PortId, ReplyToken, Span, Status};

use crate::stub::syscall;

/// Memory by its first address and its length.
pub type Memory = (u64, usize);

/// How a call ended: the status, and how long the reply is.
pub type Ended = (Status, u64);

/// Calls a port with a request, and room for the reply, in any memory.
#[must_use]
pub fn call(port: PortId, request: Memory, reply: Memory, timeout: Span, flags: u64) -> Ended {
    let lengths = pack_lengths(request.1, reply.1);
    let arguments = [port.raw(), request.0, reply.0, lengths, timeout.0, flags];
    // SAFETY: whether the memory may be used like this is what the kernel has to find out.
    let answer = unsafe { syscall(number::call, arguments) };
    (answer.status, answer.values[0])
}

/// Answers a caller with a message, and receives into a buffer, in any memory. Returns the status,
/// and who calls.
#[must_use]
pub fn reply_receive(
    (token, message): (ReplyToken, Memory),
    (port, buffer): (PortId, Memory),
    timeout: Span,
) -> (Status, ReplyToken) {
    let lengths = pack_lengths(message.1, buffer.1);
    let arguments = [
        token.raw(),
        message.0,
        port.raw(),
        buffer.0,
        lengths,
        timeout.0,
    ];
    // SAFETY: as in `call`.
    let answer = unsafe { syscall(number::reply_receive, arguments) };
    (answer.status, ReplyToken::from_raw(answer.values[2]))
}
