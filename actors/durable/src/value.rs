//! Values as records.

use postcard::ser_flavors::{Flavor, Size};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::memory::Memory;
use crate::slots::{Draft, Slots, Trouble};

/// Writes a value as the next record; returns its number.
///
/// # Errors
/// [`Trouble::TooLong`] when it does not fit, or cannot be written as bytes at all (a sequence of
/// unknown length). Nothing has changed then.
pub fn append<T: Serialize + ?Sized>(
    slots: &mut Slots,
    memory: &(impl Memory + ?Sized),
    value: &T,
) -> Result<u64, Trouble> {
    let length = postcard::serialize_with_flavor(value, Size::default());
    match length {
        Ok(length) if length <= slots.record_max() => {}
        Ok(_) | Err(_) => return Err(Trouble::TooLong),
    }
    slots.append(memory, |draft| {
        postcard::serialize_with_flavor(value, Bytes(draft)).map_err(|_| Trouble::TooLong)
    })
}

/// Makes a value of a record's bytes, all of which must belong to it.
///
/// # Errors
/// [`Trouble::OtherKind`] when they are no such value.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Trouble> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) | Err(_) => Err(Trouble::OtherKind),
    }
}

/// Gives bytes to a draft one by one: there need be no memory for all of them at once.
struct Bytes<'d, 'm, M: Memory + ?Sized>(&'d mut Draft<'m, M>);

impl<M: Memory + ?Sized> Flavor for Bytes<'_, '_, M> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        let pushed = self.0.push(byte);
        pushed.map_err(|_| postcard::Error::SerializeBufferFull)
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
