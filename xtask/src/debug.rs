//! `cargo xtask debug`: boots a site stopped at its first instruction, for gdb.

use anyhow::Result;
use refrain_tests::process::Console;
use refrain_tests::qemu::Debugger;

use crate::build::{self, Profile};
use crate::machine::{self, Boot};
use crate::policy;
use crate::shell::say;

/// Boots a site in QEMU, stopped until gdb connects, and says how to start gdb.
#[derive(clap::Args, Debug)]
pub(crate) struct Debug {
    /// The site, from site-personality-manager/sites
    #[arg(default_value = "demo")]
    site: String,
    /// The restart policy compiled into the kernel
    #[arg(long, value_name = "NAME", default_value = policy::DEFAULT)]
    policy: String,
    /// Build without optimizations
    #[arg(long)]
    debug: bool,
}

impl Debug {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let profile = if self.debug {
            Profile::Debug
        } else {
            Profile::Release
        };
        let machine = machine::prepare(&self.site, &self.policy, Boot::Direct, profile)?
            .debugger(Debugger::Awaited);
        let kernel = build::relative(&build::kernel_path(&self.policy));
        let symbols = build::relative(&build::symbols_directory(profile));
        say("QEMU waits for a debugger. In another terminal, from the root of the workspace:");
        eprintln!(
            "    gdb {} -ex 'target remote :1234' -ex 'hbreak kernel_main'",
            kernel.display()
        );
        eprintln!(
            "    (actors with symbols: add-symbol-file {}/NAME)",
            symbols.display()
        );
        machine::run(&machine, Console::Shown, None)
    }
}
