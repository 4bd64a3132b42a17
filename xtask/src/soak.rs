//! `cargo xtask soak`: very many restarts, of an actor and of the whole site.
//!
//! Two sites run at the same time, by QEMU's instruction clock. Each judges itself (`soak` in
//! `bench-meter`): as much of everything must be in use at the end as at the start, and the last
//! restarts must take as long as the first. Here they are told how many restarts to make, and what
//! came of them is shown, whether they pass or not.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use refrain_tests::outcome::{self, Outcome};
use refrain_tests::process::{Console, Running};
use refrain_tests::qemu::{Clock, Firmware, Machine};
use refrain_tests::{Transcript, artifacts};
use site_personality_manager::Site;

use crate::bench::{Summary, read_samples};
use crate::build::{self, Actors, Profile};
use crate::machine::{self, Boot};
use crate::shell::{AlreadySaid, say};
use crate::{disk, policy, sites};

/// How long each of them may take: far more than the default numbers need on any machine.
const PATIENCE: Duration = Duration::from_secs(6 * 3600);

/// What a line of the meter contains in front of what it says of the soak.
const MARK: &str = "soak: ";

/// Restarts an actor and the site very often; exits with 0 only if nothing was lost and nothing became
/// slower.
#[derive(clap::Args, Debug)]
pub(crate) struct Soak {
    /// Restarts of an actor; 0 leaves them out
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    actors: u64,
    /// Restarts of the site; 0 leaves them out
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    sites: u64,
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
    ends: Ends,
}

/// Whether the kernel ends meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ends {
    /// As often as there are restarts, and once for each of those before they count.
    Each,
    Never,
}

/// What came of it.
struct Report {
    run: Run,
    outcome: Outcome,
    took: Duration,
    serial: String,
    /// Where all that was printed is kept.
    saved: String,
}

impl Soak {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let runs = [
            Run {
                site: "soak-actors",
                what: "restarts of an actor",
                count: self.actors,
                ends: Ends::Never,
            },
            Run {
                site: "soak-sites",
                what: "restarts of the site",
                count: self.sites,
                ends: Ends::Each,
            },
        ];
        let runs: Vec<Run> = runs.into_iter().filter(|run| run.count > 0).collect();
        ensure!(
            runs.iter().all(|run| run.count > 1),
            "one restart cannot be compared with another"
        );
        machine::ensure_emulator()?;
        let mut images = Vec::new();
        for run in &runs {
            images.extend(sites::compile(run.site)?.images);
        }
        build::programs(Actors::Named(&images), &[&self.policy], Profile::Release)?;
        let firmware = machine::firmware(Boot::Direct, &self.policy)?;
        let reports = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for run in &runs {
                scope.spawn(|| {
                    let report = run.boot(&firmware);
                    let mut reports = reports.lock().unwrap_or_else(|error| error.into_inner());
                    reports.push(report);
                });
            }
        });
        let reports = reports.into_inner();
        let mut has_failed = false;
        for report in reports.unwrap_or_else(|error| error.into_inner()) {
            let report = report?;
            report.print()?;
            has_failed |= report.outcome != Outcome::Passed;
        }
        if has_failed {
            return Err(AlreadySaid.into());
        }
        say("nothing was lost, and nothing has become slower.");
        Ok(())
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
        let disk = disk::make_of(self.site, sites::compiled(&self.described()?))?;
        let machine = Machine::new(firmware.clone())
            .disk(disk)
            .clock(Clock::Instructions);
        let begun = Instant::now();
        let deadline = begun + PATIENCE;
        let mut running = machine.start(Console::Collected)?;
        self.follow(&mut running, begun);
        let ended = running.finish(deadline);
        let outcome = match outcome::kernel_ends(&ended.serial).next() {
            Some(_) if self.ends == Ends::Never => Outcome::KernelPanic,
            _ => Outcome::judge(ended.ending, &ended.serial),
        };
        let transcript = Transcript {
            command: machine.command_line(),
            serial: ended.serial,
            complaints: ended.complaints,
            verdict: outcome.to_string(),
        };
        let saved = transcript.save(&artifacts::transcript(self.site))?;
        Ok(Report {
            run: self,
            outcome,
            took: begun.elapsed(),
            serial: transcript.serial,
            saved: build::relative(&saved).display().to_string(),
        })
    }

    /// Says how far it is, at each tenth of its way.
    fn follow(self, running: &mut Running, begun: Instant) {
        let Self { what, count, .. } = self;
        say(format!("{count} {what}."));
        // The meter tells each hundredth part.
        let part = (count / 100).max(1);
        let tenth = part * (count / part).div_ceil(10);
        for number in (tenth..=count).step_by(tenth as usize) {
            let progress = format!("{MARK}progress {number}\n");
            // A site that fails says so when it is judged.
            if running.wait_for(&progress, begun + PATIENCE).is_err() {
                return;
            }
            let seconds = begun.elapsed().as_secs();
            say(format!("{number} of {count} {what}, {seconds} s."));
        }
    }
}

impl Report {
    /// Prints what is known.
    fn print(&self) -> Result<()> {
        let Run { count, what, .. } = self.run;
        let seconds = self.took.as_secs();
        println!("\n{count} {what}: {}, {seconds} s", self.outcome);
        let used = used(&self.serial);
        if !used.is_empty() {
            println!("{:>12} {:>12}  in use", "before", "after");
        }
        for (name, before, after) in used {
            println!("{before:>12} {after:>12}  {name}");
        }
        let samples = read_samples(&self.serial)?;
        let summary = |name: &str| samples.get(name).and_then(|values| Summary::of(values));
        if let (Some(first), Some(last)) = (summary("first"), summary("last")) {
            let each = first.samples;
            println!(
                "{:>12} {:>12}  {each} each, in instructions",
                "first", "last"
            );
            for (name, first, last) in [
                ("min", first.min, last.min),
                ("median", first.median, last.median),
                ("p95", first.p95, last.p95),
                ("max", first.max, last.max),
            ] {
                println!("{first:>12} {last:>12}  {name}");
            }
        }
        if self.outcome != Outcome::Passed {
            for line in self.serial.lines().filter(|line| line.contains(" ERROR ")) {
                println!("{line}");
            }
            println!("all that was printed: {}", self.saved);
        }
        Ok(())
    }
}

/// What was in use before and after, by name.
fn used(serial: &str) -> Vec<(&str, u64, u64)> {
    let at = |moment: &str| -> Vec<(&str, u64)> {
        let mark = format!("{MARK}{moment} ");
        let lines = serial.lines().filter_map(|line| {
            let (_, rest) = line.split_once(&mark)?;
            let (number, name) = rest.trim().split_once(' ')?;
            Some((name, number.parse().ok()?))
        });
        lines.collect()
    };
    let after = at("after");
    let rows = at("before").into_iter().filter_map(|(name, before)| {
        let (_, after) = after.iter().find(|(other, _)| *other == name)?;
        Some((name, before, *after))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_is_read_by_name() {
        let serial = "x: soak: before 5 free frames\r\ny: soak: before 2 heap\r\n\
            z: soak: after 2 heap\r\nsoak: after 4 free frames\r\nsoak: holds 7 free frames\r\n";
        assert_eq!(used(serial), [("free frames", 5, 4), ("heap", 2, 2)]);
    }
}
