//! `cargo xtask check`: format, clippy for host and bare crates, tidy, and the ABI page.

use anyhow::{Result, bail};

use crate::abi_page::Abi;
use crate::shell::{Cmd, say};
use crate::tidy::Tidy;
use crate::workspace::{self, Package};
use crate::{policy, toolchain};

/// Checks everything about the source that needs no run: all checks run, then it fails if one did.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Check {
    /// Let cargo fmt correct the format first
    #[arg(long)]
    fix: bool,
}

impl Check {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let packages = workspace::packages()?;
        let checks: [(&str, &dyn Fn() -> Result<()>); 6] = [
            ("format", &|| format(self.fix)),
            ("clippy, host crates", &|| clippy_host(&packages)),
            ("clippy, bare crates", &|| clippy_bare(&packages)),
            ("clippy, the bare crates' host tests", &|| {
                clippy_bare_tests(&packages)
            }),
            ("tidy", &|| Tidy {}.run()),
            ("the ABI page", &|| Abi::checking().run()),
        ];
        let mut failed = Vec::new();
        for (index, (name, check)) in checks.iter().enumerate() {
            say(format!("check {}/{}: {name}.", index + 1, checks.len()));
            if let Err(error) = check() {
                say(format!("error: {error:#}"));
                failed.push(*name);
            }
        }
        if failed.is_empty() {
            say("all checks passed.");
            Ok(())
        } else {
            bail!("these checks failed: {}", failed.join("; "))
        }
    }
}

fn format(fix: bool) -> Result<()> {
    let command = toolchain::checker("fmt")?.arg("--all");
    if fix {
        command.run()
    } else {
        command.arg("--check").run()
    }
}

fn clippy_host(packages: &[Package]) -> Result<()> {
    let host = packages.iter().filter(|one| one.is_default);
    deny_warnings(
        toolchain::checker("clippy")?
            .args(named(host))
            .arg("--all-targets"),
    )
}

fn clippy_bare(packages: &[Package]) -> Result<()> {
    let bare = packages.iter().filter(|one| one.is_bare());
    let command = toolchain::ensure()?
        .cargo("clippy")
        .env("REFRAIN_POLICY", policy::DEFAULT);
    deny_warnings(command.arg("--release").args(named(bare)))
}

fn clippy_bare_tests(packages: &[Package]) -> Result<()> {
    let libraries = packages
        .iter()
        .filter(|one| one.is_bare() && one.library.is_some());
    deny_warnings(
        toolchain::checker("clippy")?
            .args(named(libraries))
            .args(["--lib", "--tests"]),
    )
}

fn deny_warnings(command: Cmd) -> Result<()> {
    command.args(["--keep-going", "--", "-D", "warnings"]).run()
}

fn named<'a>(packages: impl Iterator<Item = &'a Package>) -> impl Iterator<Item = &'a str> {
    packages.flat_map(|one| ["-p", one.name.as_str()])
}
