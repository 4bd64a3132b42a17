//! What threads of applications ask our thread, and what it answers.
//!
//! Both go through the kernel as bytes: a head of words, and what was read or is to be written.

use posix::call::Operation;
use posix::limits::TRANSFER_MAX;
use posix::{Errno, Result};
use syscall::abi::ActorId;

/// Not a call, but what the handler of exceptions says: the caller is to end with this status.
pub(crate) const FAULT: Operation = Operation(u32::MAX);

const REQUEST_WORDS: usize = 4;
const ANSWER_WORDS: usize = 2;
const WORD: usize = size_of::<u64>();

/// Longest request or answer.
pub(crate) const BYTES_MAX: usize = REQUEST_WORDS * WORD + TRANSFER_MAX;

/// A request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) operation: Operation,
    pub(crate) small: u32,
    /// Whose thread asks.
    pub(crate) caller: ActorId,
    /// Numbers: an offset and so on, or how much is wanted.
    pub(crate) numbers: [u64; 2],
    /// Bytes: a name, or what is to be written.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Request<'a> {
    /// Writes it to a buffer. Nothing is longer than that.
    pub(crate) fn encode<'b>(&self, buffer: &'b mut [u8; BYTES_MAX]) -> &'b [u8] {
        let head = [
            posix::call::pack(self.operation, self.small),
            self.caller.raw(),
            self.numbers[0],
            self.numbers[1],
        ];
        encode(&head, self.bytes, buffer)
    }

    pub(crate) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let ([packed, caller, first, second], bytes) = decode::<REQUEST_WORDS>(bytes)?;
        let (operation, small) = posix::call::unpack(packed);
        Some(Self {
            operation,
            small,
            caller: ActorId::from_raw(caller),
            numbers: [first, second],
            bytes,
        })
    }
}

/// Writes an answer to a buffer: a value, and the first `length` bytes that are there already,
/// where [`answer_bytes`] says.
pub(crate) fn encode_answer(
    result: Result<u64>,
    length: usize,
    buffer: &mut [u8; BYTES_MAX],
) -> &[u8] {
    let head = match result {
        Ok(value) => [value, 0],
        Err(errno) => [0, u64::from(errno.0)],
    };
    for (place, word) in buffer.as_chunks_mut::<WORD>().0.iter_mut().zip(head) {
        *place = word.to_le_bytes();
    }
    buffer
        .get(..ANSWER_WORDS * WORD + length)
        .unwrap_or_default()
}

/// Where the bytes of an answer go.
pub(crate) fn answer_bytes(buffer: &mut [u8; BYTES_MAX]) -> &mut [u8] {
    let bytes = ANSWER_WORDS * WORD..ANSWER_WORDS * WORD + TRANSFER_MAX;
    buffer.get_mut(bytes).unwrap_or_default()
}

/// Reads an answer.
pub(crate) fn decode_answer(bytes: &[u8]) -> Result<(u64, &[u8])> {
    match decode::<ANSWER_WORDS>(bytes) {
        Some(([value, 0], bytes)) => Ok((value, bytes)),
        Some(([_, errno], _)) => Err(Errno(errno as u32)),
        None => Err(Errno::EIO),
    }
}

fn encode<'b>(head: &[u64], bytes: &[u8], buffer: &'b mut [u8; BYTES_MAX]) -> &'b [u8] {
    for (place, word) in buffer.as_chunks_mut::<WORD>().0.iter_mut().zip(head) {
        *place = word.to_le_bytes();
    }
    let start = head.len() * WORD;
    let end = start + bytes.len();
    if let Some(place) = buffer.get_mut(start..end) {
        place.copy_from_slice(bytes);
    }
    buffer.get(..end).unwrap_or_default()
}

fn decode<const N: usize>(bytes: &[u8]) -> Option<([u64; N], &[u8])> {
    let (head, rest) = bytes.split_at_checked(N * WORD)?;
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(head.as_chunks::<WORD>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    Some((words, rest))
}
