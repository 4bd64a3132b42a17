//! Names of files: any bytes but NUL and `/`, for there are no directories.

use crate::Trouble;
use crate::limits::NAME_MAX;

/// The name of a file, padded with NUL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileName([u8; NAME_MAX]);

impl FileName {
    /// Makes a name of bytes.
    ///
    /// # Errors
    /// [`Trouble::BadName`] when they are none, and [`Trouble::LongName`].
    pub fn new(bytes: &[u8]) -> Result<Self, Trouble> {
        let mut name = [0; NAME_MAX];
        let place = name.get_mut(..bytes.len()).ok_or(Trouble::LongName)?;
        place.copy_from_slice(bytes);
        if bytes.is_empty() || bytes.iter().any(|byte| matches!(byte, 0 | b'/')) {
            return Err(Trouble::BadName);
        }
        Ok(Self(name))
    }

    pub(crate) fn padded(self) -> [u8; NAME_MAX] {
        self.0
    }

    pub(crate) const fn from_padded(bytes: [u8; NAME_MAX]) -> Self {
        Self(bytes)
    }
}
