//! `cargo xtask doc`: the documentation of every crate, as one set of pages.

use anyhow::Result;

use crate::shell::Cmd;
use crate::workspace;

/// Builds the documentation of all crates, private items included.
#[derive(clap::Args, Debug)]
pub(crate) struct Doc {
    /// Open it in a browser
    #[arg(long)]
    open: bool,
}

impl Doc {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        // Libraries compile on the host, the kernel's too, so no bare toolchain is needed here.
        // boot-image is left out: it takes minutes of building firmware to say little.
        let packages = workspace::packages()?;
        let documented = packages
            .iter()
            .filter(|one| one.is_default || one.is_bare());
        let documented = documented.filter(|one| one.library.is_some());
        let command = Cmd::new("cargo")
            .args(["doc", "--no-deps", "--document-private-items", "--lib"])
            .args(documented.flat_map(|one| ["-p", one.name.as_str()]));
        if self.open {
            command.arg("--open").run()
        } else {
            command.run()
        }
    }
}
