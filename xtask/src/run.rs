//! `cargo xtask run`: boots a site, with its serial port on the terminal.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use refrain_tests::process::Console;
use refrain_tests::qemu::{Accelerator, Clock, Machine, Reset};
use refrain_tests::{Trace, artifacts};

use crate::build::Profile;
use crate::machine::{self, Boot};
use crate::shell::say;
use crate::{epitaph, policy, sites};

/// Builds what is missing and boots a site in QEMU; exits with 0 only if the site passed.
#[derive(clap::Args, Debug)]
pub(crate) struct Run {
    /// The site, from site-personality-manager/sites [default: demo]
    site: Option<String>,
    /// The restart policy compiled into the kernel
    #[arg(long, value_name = "NAME", default_value = policy::DEFAULT)]
    policy: String,
    /// What brings the kernel up
    #[arg(long, value_enum, default_value_t = Boot::Direct)]
    firmware: Boot,
    /// Pass what is typed to the site, and boot the site "interactive" unless one is named
    #[arg(long)]
    interactive: bool,
    /// What executes the guest: tcg is the same everywhere, kvm is fast where it is allowed
    #[arg(long, value_enum, default_value_t = Accel::Tcg)]
    accel: Accel,
    /// Size of memory in MiB
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    memory: u32,
    /// Count instructions instead of time: two runs are then the same
    #[arg(long)]
    icount: bool,
    /// Give up after so many seconds [default: 300, or never with --interactive]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// End at the first reset of the machine instead of going through the firmware
    #[arg(long)]
    no_reboot: bool,
    /// Record what fails and what is done about it, as JSON, for `cargo xtask rehearse`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Further arguments for QEMU
    #[arg(last = true, value_name = "QEMU ARGUMENTS")]
    extra: Vec<String>,
}

/// What executes the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Accel {
    Tcg,
    Kvm,
}

impl Run {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let usual = if self.interactive {
            "interactive"
        } else {
            "demo"
        };
        let site = self.site.as_deref().unwrap_or(usual);
        let machine = machine::prepare(site, &self.policy, self.firmware, Profile::Release)?
            .memory_mib(self.memory)
            .clock(if self.icount {
                Clock::Instructions
            } else {
                Clock::Host
            })
            .reset(if self.no_reboot {
                Reset::Ends
            } else {
                Reset::Reboots
            })
            .accelerator(match self.accel {
                Accel::Tcg => Accelerator::Tcg,
                Accel::Kvm => Accelerator::Kvm,
            });
        let machine = self
            .extra
            .iter()
            .fold(machine, |machine, word| machine.arg(word));

        let console = if self.interactive {
            Console::Interactive
        } else {
            Console::Shown
        };
        let patience = match (self.timeout, console) {
            (Some(seconds), _) => Some(Duration::from_secs(seconds)),
            (None, Console::Interactive) => None,
            (None, Console::Shown | Console::Collected) => Some(Duration::from_secs(300)),
        };
        let mut files = vec![epitaph::last_run()];
        files.extend(self.record.clone());
        record(machine, site, &files, |machine| {
            machine::run(machine, console, patience)
        })
    }
}

/// Runs a site and records it, however the run ends: a failure is what one wants to look at.
fn record(
    machine: Machine,
    site: &str,
    files: &[PathBuf],
    run: impl FnOnce(&Machine) -> Result<()>,
) -> Result<()> {
    let write = |text: &str| {
        files.iter().try_for_each(|file| {
            fs::write(file, text)
                .with_context(|| format!("cannot write the trace to {}", file.display()))
        })
    };
    // Found out now rather than after the run.
    write("")?;
    let description = sites::read(site)?;
    let recording = artifacts::recording(&format!("run-{}", std::process::id()));
    if let Some(directory) = recording.parent() {
        fs::create_dir_all(directory)?;
    }
    let result = run(&machine.debug_console(&recording));
    let ended = match &result {
        Ok(()) => "passed".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    let saved = fs::read(&recording)
        .context("QEMU recorded nothing")
        .and_then(|bytes| Ok(Trace::of(&description, &bytes, &ended)?))
        .and_then(|trace| {
            write(&trace.to_json())?;
            Ok(trace)
        });
    let _ = fs::remove_file(recording);
    match saved {
        Ok(trace) => told(&trace, files),
        // What went wrong with the run explains it.
        Err(error) if result.is_err() => say(format!("error: no trace: {error:#}")),
        Err(error) => return Err(error),
    }
    result
}

/// Says what was recorded: nothing, if nobody asked for it and no kernel ended.
fn told(trace: &Trace, files: &[PathBuf]) {
    for file in files.iter().skip(1) {
        let entries = trace.entries.len();
        say(format!(
            "recorded {entries} entries of the ledger in {}.",
            file.display()
        ));
    }
    let ends = trace.epitaphs.len();
    if ends > 0 {
        say(format!(
            "kernels that ended: {ends}; `cargo xtask epitaph` says where they were."
        ));
    }
}
