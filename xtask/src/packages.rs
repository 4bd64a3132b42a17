//! Debian packages: installed when we are root, otherwise named with the exact commands.

use std::path::Path;

use anyhow::{Result, bail};

use crate::shell::{Cmd, say};

/// Debian's Rust toolchain that follows the browsers: recent, and with the library's source.
pub(crate) const TOOLCHAIN: &[&str] = &[
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-llvm",
    "rust-web-clippy",
    "rustfmt-web",
];
/// What runs the sites.
pub(crate) const QEMU: &[&str] = &["qemu-system-x86"];
/// UEFI firmware for QEMU.
pub(crate) const OVMF: &[&str] = &["ovmf"];
/// The C compiler driver that links host programs, and the programs it needs.
pub(crate) const LINKER: &[&str] = &["gcc", "libc6-dev"];

/// Installs packages, or says how to.
///
/// # Errors
/// When apt-get fails, or when we are not root: the message holds the commands to type.
pub(crate) fn install(packages: &[&str], why: &str) -> Result<()> {
    if !can_install() {
        bail!("{why} Install it with:\n    {}", commands(packages));
    }
    say(format!(
        "{why} Installing {} with apt-get.",
        packages.join(" ")
    ));
    let apt = || {
        Cmd::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            // Another apt-get may be running: wait for it rather than fail.
            .args([
                "-o",
                "DPkg::Lock::Timeout=300",
                "-o",
                "Dpkg::Use-Pty=0",
                "-q",
            ])
    };
    // A failed update of one of several lists need not concern our packages: install decides.
    if !apt().arg("update").succeeds()? {
        say("apt-get update failed; trying to install from the lists that are there.");
    }
    apt()
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages.iter().copied())
        .run()
}

/// Returns the commands a person would type.
pub(crate) fn commands(packages: &[&str]) -> String {
    let sudo = if is_root() { "" } else { "sudo " };
    format!(
        "{sudo}apt-get update && {sudo}apt-get install -y {}",
        packages.join(" ")
    )
}

/// Tells whether this process may install packages.
pub(crate) fn can_install() -> bool {
    is_root() && Path::new("/usr/bin/apt-get").exists()
}

fn is_root() -> bool {
    let effective = |status: String| {
        let line = status.lines().find(|line| line.starts_with("Uid:"))?;
        Some(line.split_whitespace().nth(2)? == "0")
    };
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(effective)
        .unwrap_or(false)
}
