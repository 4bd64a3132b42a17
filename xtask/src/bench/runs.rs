//! Boots the sites that measure, and reads the samples that they print.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use refrain_tests::outcome::{self, Ending, Outcome};
use refrain_tests::process::Console;
use refrain_tests::qemu::{Clock, Firmware, Machine, Reset};
use refrain_tests::{Transcript, artifacts};
use site_personality_manager::Site;

use super::table::{Description, Form, Life, SCENARIOS, Scenario};
use crate::build::{self, Actors, Profile};
use crate::machine::{self, Boot};
use crate::shell::say;
use crate::{disk, sites};

/// All samples, by the name under which they were printed.
pub(crate) type Samples = BTreeMap<String, Vec<u64>>;

/// How long a site may take. The long ones take half a minute on a machine with nothing else to do.
const PATIENCE: Duration = Duration::from_secs(900);

/// Sites that are booted at the same time. What they measure does not depend on it.
const AT_ONCE: usize = 2;

/// What a line with samples contains, in front of the name.
const MARK: &str = "bench: ";

impl Scenario {
    /// Whether it has anything that this filter lets through.
    fn is_wanted(&self, filter: &str, form: Form) -> bool {
        let is_long = self.form == Form::Long && form == Form::Short;
        let is_named = |name: &str| name.contains(filter);
        !is_long && (is_named(self.site) || self.measures.iter().any(|one| is_named(one.name)))
    }

    /// Its site.
    ///
    /// # Errors
    /// When the description has problems: they have been printed.
    pub(crate) fn described(&self) -> Result<Site> {
        match self.description {
            Description::Kept => sites::read(self.site),
            Description::Made(make) => self.made(&make()),
            Description::MadeFor(make) => {
                let first = self.measures.first().context("a site without measures")?;
                self.made(&make(first.name))
            }
        }
    }

    fn made(&self, text: &str) -> Result<Site> {
        sites::parse(text, &format!("{}.toml", self.site))
    }

    /// The machine that boots it, with this disk.
    pub(crate) fn machine(&self, firmware: Firmware, disk: PathBuf) -> Machine {
        let reset = match self.life {
            Life::Stays | Life::Restarts => Reset::Ends,
            Life::Reboots => Reset::Reboots,
        };
        Machine::new(firmware)
            .disk(disk)
            .memory_mib(self.memory_mib)
            .reset(reset)
            .clock(Clock::Instructions)
    }

    /// Judges a run: a kernel may only end where that is measured.
    pub(crate) fn judge(&self, ending: Ending, serial: &str) -> Outcome {
        match outcome::kernel_ends(serial).next() {
            Some(_) if self.life != Life::Restarts => Outcome::KernelPanic,
            _ => Outcome::judge(ending, serial),
        }
    }
}

/// Boots what the filter lets through, and returns all samples that were printed.
///
/// # Errors
/// When something cannot be built, or a site does not pass.
pub(crate) fn run(filter: &str, form: Form, boot: Boot, policy: &str) -> Result<Samples> {
    let scenarios: Vec<&Scenario> = SCENARIOS
        .iter()
        .filter(|scenario| scenario.is_wanted(filter, form))
        .collect();
    machine::ensure_emulator()?;
    let mut images = Vec::new();
    for scenario in &scenarios {
        images.extend(sites::compiled(&scenario.described()?).images);
    }
    build::programs(Actors::Named(&images), &[policy], Profile::Release)?;
    let firmware = machine::firmware(boot, policy)?;

    let begun = AtomicUsize::new(0);
    let all = Mutex::new(Ok(Samples::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(scenarios.len()) {
            scope.spawn(|| {
                loop {
                    let index = begun.fetch_add(1, Ordering::SeqCst);
                    let Some(scenario) = scenarios.get(index) else {
                        return;
                    };
                    let (number, count) = (index + 1, scenarios.len());
                    say(format!("{number}/{count}: {}.", scenario.site));
                    let result = run_one(scenario, &firmware);
                    let mut all = all.lock().unwrap_or_else(|error| error.into_inner());
                    match (&mut *all, result) {
                        (Ok(all), Ok(samples)) => all.extend(samples),
                        (Ok(_), Err(error)) => *all = Err(error),
                        // The first error is as good as any other.
                        (Err(_), _) => {}
                    }
                    if all.is_err() {
                        begun.store(scenarios.len(), Ordering::SeqCst);
                    }
                }
            });
        }
    });
    all.into_inner().unwrap_or_else(|error| error.into_inner())
}

fn run_one(scenario: &Scenario, firmware: &Firmware) -> Result<Samples> {
    let mut all = Samples::new();
    for _ in 0..scenario.boots {
        for (name, samples) in boot_one(scenario, firmware)? {
            all.entry(name).or_default().extend(samples);
        }
    }
    Ok(all)
}

fn boot_one(scenario: &Scenario, firmware: &Firmware) -> Result<Samples> {
    let disk = disk::make_of(scenario.site, sites::compiled(&scenario.described()?))?;
    let machine = scenario.machine(firmware.clone(), disk);
    let begun = Instant::now();
    let ended = machine.start(Console::Collected)?.finish(begun + PATIENCE);
    let outcome = scenario.judge(ended.ending, &ended.serial);
    let samples = read(&ended.serial);
    let transcript = Transcript {
        command: machine.command_line(),
        serial: ended.serial,
        complaints: ended.complaints,
        verdict: outcome.to_string(),
    };
    let saved = transcript.save(&artifacts::transcript(scenario.site))?;
    if outcome != Outcome::Passed {
        bail!(
            "the site {} did not pass: {outcome}; see {}",
            scenario.site,
            build::relative(&saved).display()
        );
    }
    let samples = samples.with_context(|| format!("the site {}", scenario.site))?;
    let missing = |name: &str| !samples.contains_key(name);
    if let Some(measure) = scenario.measures.iter().find(|one| missing(one.name)) {
        bail!("the site {} printed no {}", scenario.site, measure.name);
    }
    Ok(samples)
}

/// Reads the samples in what a site printed.
///
/// # Errors
/// When one of them is no number.
pub(crate) fn read(serial: &str) -> Result<Samples> {
    let mut samples = Samples::new();
    for line in serial.lines() {
        let Some((_, line)) = line.split_once(MARK) else {
            continue;
        };
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        let values = samples.entry(name.to_owned()).or_default();
        for word in words {
            let value = word.parse();
            values.push(value.map_err(|_| anyhow!("{name}: \"{word}\" is not a number"))?);
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_from_the_lines_that_have_some() {
        let serial = "[0.1s] INFO  meter: bench: lap 1 22\r\nbooting\r\n\
            [0.2s] INFO  meter: bench: lap 333\r\n[0.2s] INFO  meter: bench: port 4\r\n";
        let samples = read(serial).unwrap();
        assert_eq!(samples["lap"], [1, 22, 333]);
        assert_eq!(samples["port"], [4]);
        assert_eq!(samples.len(), 2);
        assert!(read("bench: lap 1 two\n").is_err());
    }

    #[test]
    fn filters_choose_by_the_names_of_measures_and_sites() {
        let chosen = |filter| {
            let wanted = SCENARIOS
                .iter()
                .filter(|one| one.is_wanted(filter, Form::Long));
            wanted.map(|one| one.site).collect::<Vec<_>>()
        };
        assert_eq!(chosen("lap-lent"), ["bench-calls"]);
        assert_eq!(chosen("bench-threads"), ["bench-threads"]);
        assert_eq!(chosen("").len(), SCENARIOS.len());
        assert!(chosen("no such thing").is_empty());
    }
}
