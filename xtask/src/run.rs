//! `cargo xtask run`: boots a site, with its serial port on the terminal.

use std::time::Duration;

use anyhow::Result;
use refrain_tests::process::Console;
use refrain_tests::qemu::{Accelerator, Clock};

use crate::build::Profile;
use crate::machine::{self, Boot};
use crate::policy;

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
        machine::run(&machine, console, patience)
    }
}
