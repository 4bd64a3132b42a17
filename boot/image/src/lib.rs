//! Disk images for real machines: a kernel together with the stages of the bootloader crate.
//!
//! The firmware stages are compiled while this crate is compiled (by the build script of
//! `bootloader`) and are part of it, so making an image is only laying out a disk: a second or
//! so. They hand the kernel the same `BootInfo` that boot/direct does.

use std::path::Path;

use anyhow::{Context, Result};
use bootloader::{BootConfig, DiskImageBuilder};
use bootloader_boot_config::LevelFilter;

/// What starts the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    /// A BIOS, which reads a master boot record.
    Bios,
    /// UEFI, which reads a GPT and starts a file from the EFI system partition.
    Uefi,
}

/// Writes the disk image `out`, from which `firmware` boots the kernel file `kernel`.
///
/// The image is complete before it bears its name: an interrupted run leaves no half image that
/// a later one would take for a whole.
///
/// # Errors
/// When the kernel cannot be read or the image cannot be written.
pub fn write(firmware: Firmware, kernel: &Path, out: &Path) -> Result<()> {
    let mut builder = DiskImageBuilder::new(kernel.to_path_buf());
    builder.set_boot_config(&quiet());
    let unfinished = out.with_extension("unfinished");
    match firmware {
        Firmware::Bios => builder.create_bios_image(&unfinished),
        Firmware::Uefi => builder.create_uefi_image(&unfinished),
    }
    .with_context(|| format!("cannot make an image of {}", kernel.display()))?;
    std::fs::rename(&unfinished, out).with_context(|| format!("cannot write {}", out.display()))
}

/// The stages' settings: the serial port belongs to the kernel, so only failures are printed.
fn quiet() -> BootConfig {
    let mut config = BootConfig::default();
    config.log_level = LevelFilter::Error;
    config
}
