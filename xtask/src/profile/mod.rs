//! `cargo xtask profile MEASURE`: where the instructions of one operation go, by function.
//!
//! The measure's site is booted as `bench` boots it, but its meter takes one sample only, after it
//! was told to. From there on QEMU logs the address of every instruction it executes. What was
//! measured lies between two readings of the time-stamp counter that are as far apart as the meter
//! says; nothing else is counted. So the sum is what `bench` measures, but for the readings.
//!
//! | module | its one idea |
//! |---|---|
//! | `log` | QEMU's log, through a pipe, to addresses |
//! | `programs` | from addresses to functions |

mod log;
mod programs;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use refrain_tests::artifacts;
use refrain_tests::outcome::Outcome;
use refrain_tests::process::Console;
use refrain_tests::qemu::Machine;
use site_personality_manager::Site;

use self::log::Log;
use self::programs::{Depth, Programs};
use crate::bench::{SCENARIOS, Scenario};
use crate::build::{self, Actors};
use crate::machine::Boot;
use crate::shell::say;
use crate::{disk, machine, policy, sites};

/// How long the whole of it may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// How far apart the readings may be from what the meter says, at least: it has taken off what a
/// reading costs.
const SLACK: usize = 16;

/// And how much of the whole that may be, as one part of so many: an instruction that faults is logged
/// twice, and counted once.
const SLACK_PART: usize = 100;

/// The images of meters.
const METERS: [&str; 2] = ["bench-meter", "bench-pages"];

/// Functions that are counted by who uses them.
const MEMORY: [&str; 4] = [": memcpy", ": memcmp", ": memset", ": memmove"];

/// The image of the probe, which reads the counter whenever nothing else is done.
const PROBE: &str = "bench-probe";

/// Prints how many instructions one operation of a measure takes in each function.
#[derive(clap::Args, Debug)]
pub(crate) struct Profile {
    /// A measure of `cargo xtask bench`
    measure: String,
    /// Count for the function that was written, not for the one that it was inlined into
    #[arg(long)]
    inlined: bool,
    /// Print the functions in the order in which they ran, instead
    #[arg(long)]
    course: bool,
    /// Print so many functions at most
    #[arg(long, value_name = "COUNT", default_value_t = 40)]
    top: usize,
    /// The restart policy compiled into the kernel
    #[arg(long, value_name = "NAME", default_value = policy::DEFAULT)]
    policy: String,
}

impl Profile {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let name = self.measure.as_str();
        let scenario = SCENARIOS
            .iter()
            .find(|scenario| scenario.measures.iter().any(|one| one.name == name));
        let Some(scenario) = scenario else {
            let measures = SCENARIOS.iter().flat_map(|scenario| scenario.measures);
            let known: Vec<_> = measures.map(|one| one.name).collect();
            bail!(
                "there is no measure \"{name}\"; the known ones are: {}",
                known.join(", ")
            );
        };
        let site = profiled(scenario.described()?, name)?;
        let compiled = sites::compiled(&site);
        let images = compiled.images.clone();
        machine::ensure_emulator()?;
        build::programs(
            Actors::Named(&images),
            &[&self.policy],
            build::Profile::Release,
        )?;
        let programs = Programs::load(&images, &self.policy)?;
        let machine = scenario.machine(
            machine::firmware(Boot::Direct, &self.policy)?,
            disk::make_of("bench-profile", compiled)?,
        );
        let (addresses, ticks) = record(machine, scenario)?;
        let operation = operation(&addresses, ticks, &programs)?;
        if self.course {
            self.print_course(operation, &programs);
        } else {
            self.print(operation, &programs);
        }
        Ok(())
    }

    const fn depth(&self) -> Depth {
        if self.inlined {
            Depth::Inlined
        } else {
            Depth::Compiled
        }
    }

    /// Prints a line for each stretch within one function: how many instructions had been executed
    /// before, and how many there are.
    fn print_course(&self, operation: &[u64], programs: &Programs) {
        let mut names = HashMap::new();
        let mut name_of = |address: u64| {
            let name = || Rc::<str>::from(programs.function(address, self.depth()));
            Rc::clone(names.entry(address).or_insert_with(name))
        };
        let functions: Vec<Rc<str>> = operation.iter().map(|one| name_of(*one)).collect();
        let mut before = 0;
        for stretch in functions.chunk_by(|one, next| one == next) {
            if let Some(function) = stretch.first() {
                println!("{before:>12} {:>8}  {function}", stretch.len());
            }
            before += stretch.len();
        }
    }

    fn print(&self, operation: &[u64], programs: &Programs) {
        let depth = self.depth();
        let mut names = HashMap::new();
        let mut caller: Option<Rc<str>> = None;
        let mut by_function = BTreeMap::new();
        for address in operation {
            let function = names
                .entry(*address)
                .or_insert_with(|| Rc::<str>::from(programs.function(*address, depth)));
            let is_memory = MEMORY.iter().any(|name| function.ends_with(name));
            // Of a copy one wants to know whose it is.
            let user = if is_memory { caller.clone() } else { None };
            *by_function.entry((Rc::clone(function), user)).or_insert(0) += 1;
            if !is_memory {
                caller = Some(Rc::clone(function));
            }
        }
        let named = by_function.into_iter().map(|((function, user), count)| {
            let name = match user {
                Some(user) => format!("{function}, for {user}"),
                None => function.to_string(),
            };
            (name, count)
        });
        let mut rows: Vec<(String, u64)> = named.collect();
        rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let total = operation.len() as u64;
        println!("{:>12} {:>6}  function", "instructions", "");
        let percent = |count: u64| count as f64 * 100.0 / total.max(1) as f64;
        for (function, count) in rows.iter().take(self.top) {
            println!("{count:>12} {:>5.1}%  {function}", percent(*count));
        }
        let rest: u64 = rows.iter().skip(self.top).map(|(_, count)| count).sum();
        if rest > 0 {
            println!("{rest:>12} {:>5.1}%  in further functions", percent(rest));
        }
        println!("{total:>12} {:>5.1}%  {}", 100.0, self.measure);
    }
}

/// The site in which only one sample of one measure is taken.
fn profiled(mut site: Site, measure: &str) -> Result<Site> {
    let meter = site
        .actors
        .iter_mut()
        .find(|actor| METERS.contains(&actor.image.as_str()))
        .context("this measure is not taken by a meter that can be profiled")?;
    let arguments = format!("{} profile={measure}", meter.arguments);
    meter.arguments = abi::Text::new(&arguments).context("the meter's arguments are too long")?;
    meter.rights = meter.rights.union(abi::site::Rights::CONSOLE);
    Ok(site)
}

/// Runs the machine, and returns the addresses of the instructions around the operation, and how many
/// the meter says it took.
fn record(machine: Machine, scenario: &Scenario) -> Result<(Vec<u64>, u64)> {
    let log = Log::start()?;
    let socket = std::env::temp_dir().join(format!("refrain-profile-{}", std::process::id()));
    let machine = machine.monitor(&socket).arg("-D").arg(log.path());
    let deadline = Instant::now() + PATIENCE;
    let mut running = machine.start(Console::Collected)?;
    let ready = running.wait_for("profile: ready", deadline);
    ready.with_context(|| {
        format!(
            "this measure cannot be profiled; the site said:\n{}",
            running.printed()
        )
    })?;
    say("counting instructions.");
    running.monitor("singlestep on")?;
    running.monitor("log exec,nochain")?;
    running.write("go\n")?;
    running.wait_for("profile: ", deadline)?;
    running.wait_for("\n", deadline)?;
    // It goes on being logged until it ends, which is soon.
    let ended = running.finish(deadline);
    let outcome = scenario.judge(ended.ending, &ended.serial);
    ensure!(
        outcome == Outcome::Passed,
        "the site did not pass: {outcome}"
    );
    let ticks = ended
        .serial
        .lines()
        .filter_map(|line| line.split_once("profile: ")?.1.trim().parse().ok())
        .next_back();
    let ticks = ticks.context("the meter did not say how long it took")?;
    Ok((log.finish()?, ticks))
}

/// What lies between the two readings of the counter that are as far apart as the meter says. The last
/// one is the meter's; the first may be of the actor that died. Those of the actor's that does nothing
/// else would fit anywhere.
fn operation<'a>(addresses: &'a [u64], ticks: u64, programs: &Programs) -> Result<&'a [u64]> {
    let readings: Vec<(usize, &str)> = addresses
        .iter()
        .enumerate()
        .filter_map(|(index, address)| Some((index, programs.reader_of_counter(*address)?)))
        .filter(|(_, program)| *program != PROBE)
        .collect();
    let slack = SLACK + ticks as usize / SLACK_PART;
    let is_meter = |program: &str| METERS.contains(&program);
    let pairs = readings.iter().flat_map(|(start, first)| {
        let nearest = start + ticks as usize;
        let from = readings.partition_point(|(end, _)| end + slack < nearest);
        let ends = readings.iter().skip(from);
        ends.take_while(move |(end, _)| *end <= nearest + slack)
            .filter(move |(_, last)| is_meter(last))
            .map(move |(end, _)| (is_meter(first), end.abs_diff(nearest), *start, *end))
    });
    let (_, _, start, end) = pairs.min().with_context(|| {
        format!("no two readings of the counter are {ticks} instructions apart")
    })?;
    Ok(&addresses[start..end])
}

/// Where QEMU writes its log.
fn pipe() -> std::path::PathBuf {
    artifacts::scratch(&format!("profile-{}.pipe", std::process::id()))
}
