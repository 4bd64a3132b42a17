//! `cargo xtask bench`: what everything costs, in instructions.
//!
//! Sites with a `bench-meter` are booted with QEMU's instruction clock, under which one instruction
//! is one tick of the time-stamp counter: two runs give the same numbers, on any machine. The meter
//! prints samples; here they are summed up, held against budgets and against an earlier run, and
//! drawn. See docs/performance.md.
//!
//! | module | its one idea |
//! |---|---|
//! | `table` | what is measured, where, and what it may cost |
//! | `sites` | descriptions of sites with many actors alike |
//! | `runs` | booting the sites, and reading what they print |
//! | `statistics` | samples, summed up; lines through them |
//! | `results` | all numbers of a run, and what is kept of them |
//! | `report` | tables for people, and which budgets are missed |
//! | `compare` | this run and an earlier one |
//! | `chart` | drawings of what restarts cost |

mod chart;
mod compare;
mod report;
mod results;
mod runs;
mod sites;
mod statistics;
mod table;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::machine::Boot;
use crate::shell::{AlreadySaid, root, say};
use crate::{build, policy};

use results::Results;
pub(crate) use runs::read as read_samples;
pub(crate) use statistics::Summary;
use table::Form;
pub(crate) use table::{SCENARIOS, Scenario};

/// Measures what everything costs; exits with 0 only if all budgets are kept.
#[derive(clap::Args, Debug)]
pub(crate) struct Bench {
    /// Only measures whose name, or whose site's name, contains this
    filter: Option<String>,
    /// Write the results to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Compare with the results in a file; fails if a measure is more than 3 % worse
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Where to write the charts [default: target/refrain/bench]
    #[arg(long, value_name = "DIR")]
    charts: Option<PathBuf>,
    /// Keep the results: as tests/baseline.json, docs/measured.md, and the charts in docs/charts
    #[arg(long, conflicts_with_all = ["filter", "short", "charts"])]
    keep: bool,
    /// Leave out what takes long; this is what `test` runs
    #[arg(long)]
    short: bool,
    /// What brings the kernel up
    #[arg(long, value_enum, default_value_t = Boot::Direct)]
    firmware: Boot,
    /// The restart policy compiled into the kernel
    #[arg(long, value_name = "NAME", default_value = policy::DEFAULT)]
    policy: String,
}

impl Bench {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        // Found out now rather than after the run.
        let earlier = self.compare.as_deref().map(Results::read).transpose()?;
        let form = if self.short { Form::Short } else { Form::Long };
        let filter = self.filter.as_deref().unwrap_or_default();
        let results = measure(filter, form, self.firmware, &self.policy)?;
        if results.measures.is_empty() {
            bail!("no measure is called like \"{filter}\"");
        }
        report::print(&results);
        let charts = match &self.charts {
            Some(directory) => directory.clone(),
            None if self.keep => root().join("docs/charts"),
            None => build::artifacts().join("bench"),
        };
        chart::draw(&results, &charts)?;
        if self.keep {
            results.write(&baseline())?;
            report::keep(&results, &root().join("docs/measured.md"))?;
        }
        if let Some(file) = &self.json {
            results.write(file)?;
        }
        let missed = report::missed(&results);
        let worse = match &earlier {
            Some(earlier) => compare::print(&results, earlier),
            None => 0,
        };
        if missed == 0 && worse == 0 {
            say("all budgets are kept.");
            Ok(())
        } else {
            say(format!("{missed} budgets are missed."));
            Err(AlreadySaid.into())
        }
    }
}

/// The results that later ones are held against.
fn baseline() -> PathBuf {
    root().join("tests/baseline.json")
}

/// Runs the short form and holds it against the baseline, and times with interrupts off against their
/// budgets; returns how many measures are worse.
///
/// # Errors
/// When a site does not pass, or there is no baseline.
pub(crate) fn guard() -> Result<usize> {
    let earlier = Results::read(&baseline())?;
    let results = measure("", Form::Short, Boot::Direct, policy::DEFAULT)?;
    Ok(compare::print(&results, &earlier) + report::late(&results))
}

fn measure(filter: &str, form: Form, firmware: Boot, policy: &str) -> Result<Results> {
    let samples = runs::run(filter, form, firmware, policy)?;
    let mut results = Results::of(&samples, filter, firmware);
    if "kernel-image".contains(filter) {
        let kernel = build::kernel_path(policy);
        results.add_size("kernel-image", memory_of(&kernel)?);
    }
    Ok(results)
}

/// What a program takes in memory.
fn memory_of(path: &Path) -> Result<u64> {
    let segments = crate::strip::segments(&std::fs::read(path)?)?;
    let loaded = segments.iter().filter(|segment| segment.is_loaded);
    Ok(loaded.map(|segment| segment.memory as u64).sum())
}
