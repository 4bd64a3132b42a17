//! Room for a message, not cleared: a message may be a page, and to clear that takes longer than most
//! calls.

use core::mem::MaybeUninit;

use abi::Status;
use abi::layout::MESSAGE_MAX;
use postcard::ser_flavors::Flavor;
use serde::Serialize;

use crate::{Error, Result};

/// Room for one message of up to `N` bytes.
pub(crate) struct Buffer<const N: usize = MESSAGE_MAX>([MaybeUninit<u8>; N]);

impl<const N: usize> Buffer<N> {
    /// Room with nothing in it.
    pub(crate) const fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; N])
    }

    /// Where the kernel is to write, and how much.
    pub(crate) fn room(&mut self) -> (*mut u8, usize) {
        (self.0.as_mut_ptr().cast(), N)
    }

    /// The message that the kernel wrote, or what [`encode`](Self::encode) did.
    ///
    /// # Safety
    /// So many bytes have been written since the buffer was made.
    pub(crate) unsafe fn filled(&self, length: usize) -> &[u8] {
        let length = length.min(N);
        // SAFETY: The caller vouches for the bytes; the length is within the buffer.
        unsafe { core::slice::from_raw_parts(self.0.as_ptr().cast(), length) }
    }

    /// Writes a value, and returns how long it is.
    ///
    /// # Errors
    /// [`Status::TOO_LONG`] when it does not fit.
    pub(crate) fn encode<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<usize> {
        let room = Room {
            room: &mut self.0,
            used: 0,
        };
        match postcard::serialize_with_flavor(value, room) {
            Ok(length) => Ok(length),
            Err(_) => Err(Error::Refused(Status::TOO_LONG)),
        }
    }
}

/// What is written, byte by byte.
struct Room<'b> {
    room: &'b mut [MaybeUninit<u8>],
    used: usize,
}

impl Flavor for Room<'_> {
    type Output = usize;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        let place = self.room.get_mut(self.used);
        place
            .ok_or(postcard::Error::SerializeBufferFull)?
            .write(byte);
        self.used += 1;
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        let places = self.room.get_mut(self.used..self.used + bytes.len());
        let places = places.ok_or(postcard::Error::SerializeBufferFull)?;
        for (place, byte) in places.iter_mut().zip(bytes) {
            place.write(*byte);
        }
        self.used += bytes.len();
        Ok(())
    }

    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_as_long_as_it_says_and_no_longer_than_the_room() {
        let mut buffer = <Buffer>::new();
        let length = buffer.encode(&(7_u64, "text")).unwrap();
        // SAFETY: So many bytes were written.
        assert_eq!(unsafe { buffer.filled(length) }, b"\x07\x04text");
        let longest = [0xff_u8; MESSAGE_MAX - 2];
        assert_eq!(buffer.encode(&longest[..]), Ok(MESSAGE_MAX));
        let longer = [0_u8; MESSAGE_MAX - 1];
        assert_eq!(
            buffer.encode(&longer[..]),
            Err(Error::Refused(Status::TOO_LONG))
        );
    }
}
