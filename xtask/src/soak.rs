//! `cargo xtask soak`: very many restarts, of an actor and of the whole site.
//!
//! Two sites run at the same time, by QEMU's instruction clock. Each checks that as much of everything
//! is in use at the end as at the start, and prints what the first and the last restarts took; here
//! those are held against each other, and all of it is shown.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use refrain_tests::outcome::{self, Outcome};
use refrain_tests::process::Console;
use refrain_tests::qemu::{Clock, Firmware, Machine};
use refrain_tests::{Transcript, artifacts};
use site_personality_manager::Site;

use crate::bench::{Summary, read_samples};
use crate::build::{self, Actors, Profile};
use crate::machine::{self, Boot};
use crate::shell::{AlreadySaid, say};
use crate::{disk, policy, sites};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);

/// How much longer the last restarts may take than the first, in per mille, or shorter.
const DRIFT: u64 = 10;

/// Restarts an actor and the site very often; exits with 0 only if nothing was lost and nothing became
/// slower.
#[derive(clap::Args, Debug)]
pub(crate) struct Soak {
    /// Restarts of an actor; 0 leaves them out
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    restarts: u64,
    /// Restarts of the site; 0 leaves them out
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    site_restarts: u64,
    /// The restart policy compiled into the kernel
    #[arg(long, value_name = "NAME", default_value = policy::DEFAULT)]
    policy: String,
}

/// One of the two runs.
#[derive(Clone, Copy, Debug)]
struct Run {
    site: &'static str,
    what: &'static str,
    count: u64,
}

/// What came of it.
struct Report {
    run: Run,
    /// Name, before, after.
    used: Vec<(String, u64, u64)>,
    first: Summary,
    last: Summary,
    took: Duration,
}

impl Soak {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let runs = [
            Run {
                site: "soak-actors",
                what: "restarts of an actor",
                count: self.restarts,
            },
            Run {
                site: "soak-sites",
                what: "restarts of the site",
                count: self.site_restarts,
            },
        ];
        let runs: Vec<Run> = runs.into_iter().filter(|run| run.count > 0).collect();
        ensure!(
            runs.iter().all(|run| run.count > 1),
            "one restart cannot be compared with anything"
        );
        machine::ensure_emulator()?;
        let mut images = Vec::new();
        for run in &runs {
            images.extend(sites::compile(run.site)?.images);
        }
        build::programs(Actors::Named(&images), &[&self.policy], Profile::Release)?;
        let firmware = machine::firmware(Boot::Direct, &self.policy)?;
        let reports = Mutex::new(Vec::new());
        let failed = AtomicUsize::new(0);
        thread::scope(|scope| {
            for run in &runs {
                scope.spawn(|| match run.boot(&firmware) {
                    Ok(report) => {
                        let mut reports = reports.lock().unwrap_or_else(|error| error.into_inner());
                        reports.push(report);
                    }
                    Err(error) => {
                        say(format!("error: {error:#}"));
                        failed.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        let mut failed = failed.into_inner();
        for report in reports
            .into_inner()
            .unwrap_or_else(|error| error.into_inner())
        {
            failed += usize::from(!report.print());
        }
        if failed == 0 {
            say("nothing was lost, and nothing has become slower.");
            Ok(())
        } else {
            Err(AlreadySaid.into())
        }
    }
}

impl Run {
    /// Its site, with the number of restarts.
    fn described(&self) -> Result<Site> {
        let mut site = sites::read(self.site)?;
        let arguments = format!("{} {}", self.site, self.count);
        let meter = site
            .actors
            .iter_mut()
            .find(|actor| actor.image.as_str() == "bench-meter");
        meter.context("a site without a meter")?.arguments =
            abi::Text::new(&arguments).context("the arguments are too long")?;
        Ok(site)
    }

    fn boot(self, firmware: &Firmware) -> Result<Report> {
        let Self { site, what, count } = self;
        let disk = disk::make_of(site, sites::compiled(&self.described()?))?;
        let machine = Machine::new(firmware.clone())
            .disk(disk)
            .clock(Clock::Instructions);
        let begun = Instant::now();
        let deadline = begun + PATIENCE;
        let mut running = machine.start(Console::Collected)?;
        say(format!("{count} {what}."));
        for tenth in 1..=10 {
            // A site that fails says so when it is judged.
            let number = count / 100 * 10 * tenth;
            if count < 100
                || running
                    .wait_for(&format!("progress {number}\r"), deadline)
                    .is_err()
            {
                break;
            }
            let seconds = begun.elapsed().as_secs();
            say(format!("{number} of {count} {what}, {seconds} s."));
        }
        let ended = running.finish(deadline);
        let outcome = Outcome::judge(ended.ending, &ended.serial);
        let ends = outcome::kernel_ends(&ended.serial).count() as u64;
        let transcript = Transcript {
            command: machine.command_line(),
            serial: ended.serial,
            complaints: ended.complaints,
            verdict: outcome.to_string(),
        };
        let saved = transcript.save(&artifacts::transcript(site))?;
        let shown = build::relative(&saved).display().to_string();
        if outcome != Outcome::Passed || (site == "soak-actors" && ends > 0) {
            bail!("the site {site} did not pass: {outcome}; see {shown}");
        }
        let samples = read_samples(&transcript.serial)?;
        let summary = |name: &str| {
            let values = samples.get(name);
            let summary = values.and_then(|values| Summary::of(values));
            summary.with_context(|| format!("the site {site} printed no {name}; see {shown}"))
        };
        Ok(Report {
            run: self,
            used: used(&transcript.serial),
            first: summary("first")?,
            last: summary("last")?,
            took: begun.elapsed(),
        })
    }
}

/// What was in use before and after, by name.
fn used(serial: &str) -> Vec<(String, u64, u64)> {
    let at = |moment: &str| {
        let mark = format!("soak: {moment} ");
        let lines = serial.lines().filter_map(move |line| {
            let (_, rest) = line.split_once(&mark)?;
            let (value, name) = rest.trim().split_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        lines.collect::<Vec<(String, u64)>>()
    };
    let after = at("after");
    let rows = at("before").into_iter().filter_map(|(name, before)| {
        let (_, after) = after.iter().find(|(other, _)| *other == name)?;
        Some((name, before, *after))
    });
    rows.collect()
}

impl Report {
    /// Prints it, and says whether all is well.
    fn print(&self) -> bool {
        let Self {
            run, first, last, ..
        } = self;
        println!(
            "\n{} {}, {} s\n{:>14} {:>14}  in use",
            run.count,
            run.what,
            self.took.as_secs(),
            "before",
            "after"
        );
        let mut is_well = !self.used.is_empty();
        for (name, before, after) in &self.used {
            let mark = mark(before == after);
            is_well &= before == after;
            println!("{before:>14} {after:>14}{mark} {name}");
        }
        println!(
            "{:>14} {:>14}  of {} each, in instructions",
            "the first", "the last", first.samples
        );
        for (name, before, after) in [
            ("median", first.median, last.median),
            ("maximum", first.max, last.max),
        ] {
            let is_steady = is_steady(before, after);
            is_well &= is_steady;
            println!("{before:>14} {after:>14}{} {name}", mark(is_steady));
        }
        is_well
    }
}

fn mark(is_well: bool) -> char {
    if is_well { ' ' } else { '!' }
}

/// Whether two times are as good as the same.
fn is_steady(before: u64, after: u64) -> bool {
    before.abs_diff(after) * 1000 <= before * DRIFT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_per_cent_is_no_drift_and_more_is() {
        assert!(is_steady(1000, 1010) && is_steady(1000, 990));
        assert!(!is_steady(1000, 1011) && !is_steady(1000, 989));
    }

    #[test]
    fn what_is_in_use_is_read_by_name() {
        let serial = "x: soak: before 5 free frames\r\ny: soak: before 2 heap\r\n\
            z: soak: after 2 heap\r\nsoak: after 4 free frames\r\n";
        let expected = [("free frames".to_owned(), 5, 4), ("heap".to_owned(), 2, 2)];
        assert_eq!(used(serial), expected);
    }
}
