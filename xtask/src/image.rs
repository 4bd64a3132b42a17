//! `cargo xtask image`: disk images for real machines. Not written yet.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// Which firmware an image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A BIOS.
    Bios,
    /// UEFI.
    Uefi,
}

/// Makes the image that boots a kernel, and returns where it is.
pub(crate) fn make(kind: Kind, kernel: &Path) -> Result<PathBuf> {
    bail!("{kind:?} images of {} cannot be made yet", kernel.display())
}
