//! What `run`, `debug` and `bench` share: a site on a machine of QEMU's, and its orderly end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use refrain_tests::outcome::Outcome;
use refrain_tests::process::Console;
use refrain_tests::qemu::{self, Firmware, Machine};
use serde::{Deserialize, Serialize};

use crate::build::{self, Actors, Profile};
use crate::shell::{Cmd, say};
use crate::{disk, image, packages, policy, sites};

/// What brings the kernel up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Boot {
    /// QEMU loads boot/direct (fast, the default)
    #[default]
    Direct,
    /// A disk image, through SeaBIOS
    Bios,
    /// A disk image, through OVMF
    Uefi,
}

/// Makes sure that QEMU is there.
///
/// # Errors
/// When it is not and cannot be installed.
pub(crate) fn ensure_emulator() -> Result<()> {
    if Cmd::new(qemu::PROGRAM).arg("--version").answer().is_none() {
        packages::install(packages::QEMU, "QEMU is not installed.")?;
    }
    Ok(())
}

/// Builds what is missing for a site and describes the machine that boots it.
pub(crate) fn prepare(site: &str, policy: &str, boot: Boot, profile: Profile) -> Result<Machine> {
    policy::check(policy)?;
    let images = sites::compile(site)?.images;
    ensure_emulator()?;
    build::programs(Actors::Named(&images), &[policy], profile)?;
    let disk = disk::make(site)?;
    Ok(Machine::new(firmware(boot, policy)?).disk(disk))
}

/// What brings up the kernel with a policy, which is built.
///
/// # Errors
/// When the firmware or the disk image cannot be had.
pub(crate) fn firmware(boot: Boot, policy: &str) -> Result<Firmware> {
    let kernel = build::kernel_path(policy);
    Ok(match boot {
        Boot::Direct => Firmware::Direct {
            loader: build::loader_path(),
            kernel,
        },
        Boot::Bios => Firmware::Bios {
            image: image::make(image::Kind::Bios, &kernel)?,
        },
        Boot::Uefi => {
            if !Path::new(qemu::OVMF).exists() {
                packages::install(packages::OVMF, "UEFI firmware for QEMU is not installed.")?;
            }
            Firmware::Uefi {
                image: image::make(image::Kind::Uefi, &kernel)?,
            }
        }
    })
}

/// Runs a machine with its serial port on our terminal until it ends or `patience` is over.
///
/// # Errors
/// Unless the guest judged itself correct, with both witnesses (see [`Outcome`]).
pub(crate) fn run(machine: &Machine, console: Console, patience: Option<Duration>) -> Result<()> {
    eprintln!("$ {}", machine.command_line());
    let running = machine.start(console)?;

    // Ctrl-C reaches QEMU as well (same terminal), which then puts the terminal back in order. We
    // outlive it, so that this is not cut short; a signal sent to us alone is passed on.
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    let id = running.id().to_string();
    ctrlc::set_handler(move || {
        flag.store(true, Ordering::SeqCst);
        let _ = Cmd::new("kill").args(["-TERM", &id]).answer();
    })
    .context("cannot handle Ctrl-C")?;

    let ended = match patience {
        Some(patience) => running.finish(Instant::now() + patience),
        None => running.finish_unhurried(),
    };
    if interrupted.load(Ordering::SeqCst) {
        bail!("stopped by a signal");
    }
    match Outcome::judge(ended.ending, &ended.serial) {
        Outcome::Passed => {
            say("passed.");
            Ok(())
        }
        other => bail!("the site did not pass: {other}"),
    }
}
