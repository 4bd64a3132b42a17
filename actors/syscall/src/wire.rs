//! Values as bytes: [postcard](https://docs.rs/postcard), as everywhere in the system.

use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};

use crate::{Error, Result};
use abi::Status;
use abi::layout::RECORD_MAX;
use abi::syscall::NO_MORE;

/// Writes `value` into `buffer` and returns the bytes used.
///
/// # Errors
/// [`Status::TOO_LONG`] when it does not fit.
pub fn encode<'b, T: Serialize + ?Sized>(value: &T, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
    match postcard::to_slice(value, buffer) {
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(Error::Refused(Status::TOO_LONG)),
    }
}

/// Reads a value from `bytes`, all of which must belong to it.
///
/// # Errors
/// [`Error::Malformed`] when they are not such a value.
pub fn decode<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) | Err(_) => Err(Error::Malformed),
    }
}

/// Fills the buffer with the first record from a number on; returns its length, 0 if there is none,
/// and what to ask for next.
type Read = fn(u64, &mut [u8]) -> Result<(usize, u64)>;

/// Takes a step of a walk over records that the kernel numbers. After an error the walk is over.
pub(crate) fn next_record<T: DeserializeOwned>(next: &mut u64, read: Read) -> Option<Result<T>> {
    if *next == NO_MORE {
        return None;
    }
    let mut buffer = [0; RECORD_MAX];
    let (length, following) = match read(*next, &mut buffer) {
        Ok(read) => read,
        Err(error) => {
            *next = NO_MORE;
            return Some(Err(error));
        }
    };
    if length == 0 {
        return None;
    }
    // Whatever the kernel says, we go forward: the walk ends.
    *next = following.max(next.saturating_add(1));
    Some(
        buffer
            .get(..length)
            .ok_or(Error::Malformed)
            .and_then(decode),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_leftovers_are_noticed() {
        let mut buffer = [0; 16];
        let length = encode(&(7_u64, -1_i32), &mut buffer).unwrap().len();
        assert_eq!(decode(&buffer[..length]), Ok((7_u64, -1_i32)));
        assert_eq!(
            decode::<(u64, i32)>(&buffer[..=length]),
            Err(Error::Malformed)
        );
        assert_eq!(decode::<(u64, i32)>(&buffer[..1]), Err(Error::Malformed));
        assert!(encode(&[u64::MAX; 4], &mut buffer).is_err());
    }
}
