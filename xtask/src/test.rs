//! `cargo xtask test`: everything that can fail, ending with `N passed, N failed`.
//!
//! Two halves. *Host*: the pure crates, and the libraries of the bare crates as far as they
//! compile on the host. *QEMU*: package refrain-tests, after all images and disks are built.
//! cargo's own output is passed through as it comes; only the closing line is ours.

use anyhow::Result;

use crate::build::{self, Actors, Profile};
use crate::shell::{AlreadySaid, Cmd, say};
use crate::tally::Tally;
use crate::workspace::{self, Package};
use crate::{bench, disk, machine, policy, sites};

/// The package of tests that boot sites.
const QEMU_TESTS: &str = "refrain-tests";

/// The name of the test that nothing has become more costly.
const GUARD: &str = "nothing_costs_more_than_the_baseline";

/// Runs the tests on the host and in QEMU.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Test {
    /// Only tests that run on the host
    #[arg(long)]
    host: bool,
    /// Only tests that boot QEMU
    #[arg(long, conflicts_with = "host")]
    qemu: bool,
    /// Only tests whose name contains this
    filter: Option<String>,
}

impl Test {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let mut tally = Tally::default();
        let mut troubles = Vec::new();
        if !self.qemu {
            self.host_tests(&mut tally, &mut troubles)?;
        }
        if !self.host {
            match build_all() {
                Ok(()) => {
                    self.qemu_tests(&mut tally, &mut troubles)?;
                    self.guard(&mut tally, &mut troubles);
                }
                Err(error) => {
                    troubles.push(format!("{error:#}"));
                    tally.failed += 1;
                }
            }
        }
        for trouble in &troubles {
            say(format!("error: {trouble}"));
        }
        println!("{tally}");
        if tally.failed == 0 {
            Ok(())
        } else {
            Err(AlreadySaid.into())
        }
    }

    fn host_tests(&self, tally: &mut Tally, troubles: &mut Vec<String>) -> Result<()> {
        let packages = workspace::packages()?;
        let host = names(&packages, |one| {
            !one.is_bare() && one.is_default && one.name != QEMU_TESTS
        });
        say("testing the host crates.");
        self.cargo_test(cargo_test().args(in_packages(&host)), tally, troubles)?;

        // Not the actors' own libraries: they ask for the heap, and its allocator belongs to a
        // kernel of ours, not to the host's test runner.
        let bare = names(&packages, |one| {
            one.is_bare() && !one.is_actor() && one.library.is_some()
        });
        say("testing the bare crates' libraries on the host.");
        self.cargo_test(
            cargo_test().args(in_packages(&bare)).arg("--lib"),
            tally,
            troubles,
        )
    }

    fn qemu_tests(&self, tally: &mut Tally, troubles: &mut Vec<String>) -> Result<()> {
        say("testing in QEMU; transcripts are kept in target/refrain/transcripts.");
        let command = cargo_test()
            .env("REFRAIN_ARTIFACTS", build::artifacts())
            .args(["-p", QEMU_TESTS]);
        self.cargo_test(command, tally, troubles)
    }

    /// Holds what things cost against the baseline, as one more test.
    fn guard(&self, tally: &mut Tally, troubles: &mut Vec<String>) {
        if !GUARD.contains(self.filter.as_deref().unwrap_or_default()) {
            return;
        }
        say("measuring, in the short form, and comparing with tests/baseline.json.");
        match bench::guard() {
            Ok(0) => tally.passed += 1,
            Ok(worse) => {
                troubles.push(format!(
                    "{worse} measures are worse than tests/baseline.json says"
                ));
                tally.failed += 1;
            }
            Err(error) => {
                troubles.push(format!("{error:#}"));
                tally.failed += 1;
            }
        }
    }

    fn cargo_test(
        &self,
        command: Cmd,
        tally: &mut Tally,
        troubles: &mut Vec<String>,
    ) -> Result<()> {
        let command = command.args(&self.filter);
        let mut here = Tally::default();
        let succeeded = command.lines(|line| {
            println!("{line}");
            here += Tally::of_line(line);
        })?;
        if !succeeded {
            troubles.push(command.failure());
            // What did not build, or crashed, has failed as surely as an assertion.
            here.failed = here.failed.max(1);
        }
        *tally += here;
        Ok(())
    }
}

/// Builds what the QEMU tests boot: the kernel with every policy, and the disk of every site.
fn build_all() -> Result<()> {
    machine::ensure_emulator()?;
    build::programs(Actors::All, policy::NAMES, Profile::Release)?;
    for site in sites::names()? {
        disk::make(&site)?;
    }
    Ok(())
}

/// One failure must not hide the others.
fn cargo_test() -> Cmd {
    Cmd::new("cargo")
        // The evidence of a failure is the message or the guest's transcript; stacks bury it.
        .env("RUST_BACKTRACE", "0")
        .args(["test", "--no-fail-fast"])
}

fn names(packages: &[Package], wanted: impl Fn(&Package) -> bool) -> Vec<&str> {
    packages
        .iter()
        .filter(|one| wanted(one))
        .map(|one| one.name.as_str())
        .collect()
}

fn in_packages<'a>(names: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    names.iter().flat_map(|name| ["-p", name])
}
