//! `boot-image --kernel KERNEL.elf (--bios OUT | --uefi OUT)...`: writes disk images.
//!
//! Called by `cargo xtask image`, which prepares the toolchain that this crate needs.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use boot_image::Firmware;

const USAGE: &str = "usage: boot-image --kernel KERNEL.elf (--bios OUT | --uefi OUT)...";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("boot-image: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the arguments, which are few enough to be read by hand, and writes what they ask for.
fn run() -> Result<()> {
    let mut kernel = None;
    let mut images = Vec::new();
    let mut arguments = std::env::args_os().skip(1);
    while let Some(option) = arguments.next() {
        let file = PathBuf::from(arguments.next().context(USAGE)?);
        match option.to_str() {
            Some("--kernel") => kernel = Some(file),
            Some("--bios") => images.push((Firmware::Bios, file)),
            Some("--uefi") => images.push((Firmware::Uefi, file)),
            Some(_) | None => bail!(USAGE),
        }
    }
    let kernel = kernel.context(USAGE)?;
    if images.is_empty() {
        bail!(USAGE);
    }
    images
        .iter()
        .try_for_each(|(firmware, out)| boot_image::write(*firmware, &kernel, out))
}
