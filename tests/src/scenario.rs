//! A scenario: one site, booted once, and the report about it.
//!
//! ```no_run
//! use refrain_tests::Scenario;
//!
//! // From start to end without us:
//! Scenario::new("demo").policy("never").run().assert_passed();
//!
//! // With a hand in it:
//! let mut live = Scenario::new("reload").start();
//! live.wait_for("ready for a new version");
//! live.rewrite_disk(|disk| disk[512] = 0);
//! live.write("go\n");
//! live.finish().assert_passed();
//! ```
//!
//! This is code for tests, so what goes wrong outside the guest (no image, no QEMU) panics with a
//! sentence and fails the test.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::artifacts;
use crate::outcome::{self, Outcome};
use crate::process::{Console, Ended, Running};
use crate::qemu::{Clock, Firmware, Machine, Reset, Watchdog};
use crate::transcript::Transcript;

/// How long a run may take: a boot is tenths of a second, but two cores may be shared by eight
/// compilers, and a wrong "timeout" costs more trust than a slow failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much of a failed run a test prints.
const TAIL: usize = 40;

/// One site to be booted, and how.
#[derive(Clone, Debug)]
pub struct Scenario {
    site: String,
    policy: String,
    timeout: Duration,
    boot: Boot,
    memory_mib: u32,
    clock: Clock,
    watchdog: Watchdog,
    is_recorded: bool,
    may_return: bool,
    reset: Reset,
    extra: Vec<String>,
    change: Option<fn(&mut [u8])>,
}

/// What boots the site.
#[derive(Clone, Debug)]
enum Boot {
    Direct,
    Given(Firmware),
}

impl Scenario {
    /// Names the site; it is booted directly, with the default policy, under a generous timeout.
    #[must_use]
    pub fn new(site: &str) -> Self {
        Self {
            site: site.to_owned(),
            policy: policies::DEFAULT.to_owned(),
            timeout: PATIENCE,
            boot: Boot::Direct,
            memory_mib: 512,
            clock: Clock::Host,
            watchdog: Watchdog::Present,
            is_recorded: false,
            may_return: false,
            reset: Reset::Ends,
            extra: Vec::new(),
            change: None,
        }
    }

    /// Chooses the kernel's policy.
    #[must_use]
    pub fn policy(mut self, name: &str) -> Self {
        name.clone_into(&mut self.policy);
        self
    }

    /// Sets how long the whole run may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Boots through a firmware instead of directly.
    #[must_use]
    pub fn firmware(mut self, firmware: Firmware) -> Self {
        self.boot = Boot::Given(firmware);
        self
    }

    /// Sets the size of memory.
    #[must_use]
    pub fn memory_mib(mut self, size: u32) -> Self {
        self.memory_mib = size;
        self
    }

    /// Changes the run's own disk before it boots.
    #[must_use]
    pub fn disk(mut self, change: fn(&mut [u8])) -> Self {
        self.change = Some(change);
        self
    }

    /// Counts instructions instead of time, so that the run can be repeated exactly.
    #[must_use]
    pub fn instruction_clock(mut self) -> Self {
        self.clock = Clock::Instructions;
        self
    }

    /// Leaves out the watchdog.
    #[must_use]
    pub fn without_watchdog(mut self) -> Self {
        self.watchdog = Watchdog::Absent;
        self
    }

    /// Records the ledger: see [`Report::recording`].
    #[must_use]
    pub fn recorded(mut self) -> Self {
        self.is_recorded = true;
        self
    }

    /// Says that the kernel may end, and the site be restarted. Without, that is no pass.
    #[must_use]
    pub fn site_restarts(mut self) -> Self {
        self.may_return = true;
        self
    }

    /// Lets the machine be reset. Without, that ends the run.
    #[must_use]
    pub fn reboots(mut self) -> Self {
        self.reset = Reset::Reboots;
        self
    }

    /// Adds an argument for QEMU.
    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.extra.push(argument.to_owned());
        self
    }

    /// Boots the site and waits for its end.
    #[must_use = "a run proves nothing until its report is looked at"]
    #[track_caller]
    pub fn run(self) -> Report {
        self.start().finish()
    }

    /// Boots the site and returns while it runs.
    #[must_use = "the site is stopped when this is dropped"]
    #[track_caller]
    pub fn start(self) -> Live {
        let name = run_name(&self.site);
        let disk = own_disk(&self.site, &name);
        if let Some(change) = self.change {
            let mut bytes = fs::read(&disk).expect("the run's own disk can be read");
            change(&mut bytes);
            fs::write(&disk, bytes).expect("the run's own disk can be written");
        }
        let monitor = monitor_socket(&name);
        let firmware = match self.boot {
            Boot::Direct => Firmware::Direct {
                loader: built(artifacts::loader()),
                kernel: built(artifacts::kernel(&self.policy)),
            },
            Boot::Given(firmware) => firmware,
        };
        let machine = Machine::new(firmware)
            .disk(&disk)
            .memory_mib(self.memory_mib)
            .clock(self.clock)
            .reset(self.reset)
            .watchdog(self.watchdog)
            .monitor(monitor);
        let machine = self.extra.into_iter().fold(machine, Machine::arg);
        let recording = self.is_recorded.then(|| artifacts::recording(&name));
        let machine = match &recording {
            Some(file) => machine.debug_console(file),
            None => machine,
        };
        Live {
            recording,
            may_return: self.may_return,
            ..Live::start(&machine, name, Some(disk), self.timeout)
        }
    }
}

/// A site that is running.
#[derive(Debug)]
pub struct Live {
    name: String,
    command: String,
    running: Running,
    disk: Option<PathBuf>,
    recording: Option<PathBuf>,
    may_return: bool,
    started: Instant,
    deadline: Instant,
}

impl Live {
    /// Starts a machine that is not made by a [`Scenario`].
    ///
    /// # Panics
    /// When QEMU cannot be started.
    #[must_use = "the machine is stopped when this is dropped"]
    #[track_caller]
    pub fn start(
        machine: &Machine,
        name: String,
        disk: Option<PathBuf>,
        timeout: Duration,
    ) -> Self {
        let command = machine.command_line();
        let running = machine
            .start(Console::Collected)
            .unwrap_or_else(|error| panic!("{error}"));
        let started = Instant::now();
        Self {
            name,
            command,
            running,
            disk,
            recording: None,
            may_return: false,
            started,
            deadline: started + timeout,
        }
    }

    /// Waits until the guest prints `text`, behind what earlier waits have matched.
    ///
    /// # Panics
    /// When the run ends or its time is up before that; the test then shows the transcript's tail.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        if let Err(error) = self.running.wait_for(text, self.deadline) {
            let transcript = Transcript {
                command: self.command.clone(),
                serial: self.running.printed(),
                complaints: String::new(),
                verdict: format!("given up: {error}"),
            };
            let saved = transcript.save(&artifacts::transcript(&self.name));
            let tail = transcript.tail(TAIL);
            panic!("{error}\n$ {}\n{tail}{}", self.command, whereabouts(saved));
        }
    }

    /// Types on the guest's serial port.
    ///
    /// # Panics
    /// When the run has ended.
    #[track_caller]
    pub fn write(&mut self, text: &str) {
        self.running
            .write(text)
            .unwrap_or_else(|error| panic!("cannot write to the guest's serial port: {error}"));
    }

    /// Gives QEMU's monitor a command and returns the answer; `drive_del disk0` takes the disk away.
    ///
    /// # Panics
    /// When the monitor does not answer.
    #[track_caller]
    pub fn monitor(&self, command: &str) -> String {
        self.running
            .monitor(command)
            .unwrap_or_else(|error| panic!("QEMU's monitor did not answer {command:?}: {error}"))
    }

    /// Changes what is on the disk while the site runs. The length stays the same.
    ///
    /// # Panics
    /// When there is no disk or it cannot be written.
    #[track_caller]
    pub fn rewrite_disk(&mut self, change: impl FnOnce(&mut [u8])) {
        let Some(disk) = &self.disk else {
            panic!("this machine has no disk of its own")
        };
        // In place, not through a new file: QEMU has this one open.
        let rewritten = fs::read(disk).and_then(|mut content| {
            change(&mut content);
            fs::OpenOptions::new()
                .write(true)
                .open(disk)?
                .write_all_at(&content, 0)
        });
        rewritten.unwrap_or_else(|error| panic!("cannot rewrite {}: {error}", disk.display()));
    }

    /// The disk of this run.
    #[must_use]
    pub fn disk(&self) -> Option<&Path> {
        self.disk.as_deref()
    }

    /// Everything the guest has printed so far.
    #[must_use]
    pub fn printed(&self) -> String {
        self.running.printed()
    }

    /// Waits for the end of the run (kills it when its time is up), and judges it.
    #[must_use = "a run proves nothing until its report is looked at"]
    pub fn finish(self) -> Report {
        let Self {
            name,
            command,
            running,
            disk,
            recording,
            may_return,
            started,
            deadline,
        } = self;
        let Ended {
            ending,
            serial,
            complaints,
        } = running.finish(deadline);
        let outcome = match outcome::kernel_ends(&serial).next() {
            Some(_) if !may_return => Outcome::KernelPanic,
            _ => Outcome::judge(ending, &serial),
        };
        let transcript = Transcript {
            command,
            serial,
            complaints,
            verdict: outcome.to_string(),
        };
        let saved = transcript.save(&artifacts::transcript(&name));
        if let (Outcome::Passed, Some(disk)) = (outcome, disk) {
            // A failed run keeps its disk, so that the command in its transcript still works.
            let _ = fs::remove_file(disk);
        }
        let recording = recording.map(|file| {
            let bytes = fs::read(&file);
            let bytes =
                bytes.unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
            let _ = fs::remove_file(file);
            bytes
        });
        Report {
            outcome,
            recording: recording.unwrap_or_default(),
            transcript,
            saved: whereabouts(saved),
            elapsed: started.elapsed(),
        }
    }
}

/// What is known about a run that has ended.
#[derive(Clone, Debug)]
pub struct Report {
    outcome: Outcome,
    recording: Vec<u8>,
    transcript: Transcript,
    saved: String,
    elapsed: Duration,
}

impl Report {
    /// How the run ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The record of the run.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// What the kernel told the debug console, if the scenario was recorded, for
    /// [`Trace::of`](crate::Trace::of).
    #[must_use]
    pub fn recording(&self) -> &[u8] {
        &self.recording
    }

    /// How long it took on the host.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The lines that the guest printed.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.transcript.serial.lines().map(str::trim_end)
    }

    /// The lines that contain `text`.
    pub fn lines_with<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines().filter(move |line| line.contains(text))
    }

    /// Fails the test unless the run passed.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn assert_passed(&self) -> &Self {
        self.assert_outcome(Outcome::Passed)
    }

    /// Fails the test unless the run ended in just this way.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn assert_outcome(&self, expected: Outcome) -> &Self {
        assert!(
            self.outcome() == expected,
            "expected: {expected}; but: {}\n{}",
            self.outcome(),
            self.evidence()
        );
        self
    }

    /// Fails the test unless some line contains `text`.
    ///
    /// # Panics
    /// When none does.
    #[track_caller]
    pub fn assert_printed(&self, text: &str) -> &Self {
        assert!(
            self.lines_with(text).next().is_some(),
            "no line contains {text:?}\n{}",
            self.evidence()
        );
        self
    }

    /// The command, the end of what was printed, and where the rest is.
    #[must_use]
    pub fn evidence(&self) -> String {
        let command = &self.transcript.command;
        format!("$ {command}\n{}{}", self.transcript.tail(TAIL), self.saved)
    }
}

fn whereabouts(saved: std::io::Result<PathBuf>) -> String {
    match saved {
        Ok(path) => format!("the whole transcript: {}", path.display()),
        Err(error) => format!("the transcript could not be saved: {error}"),
    }
}

/// Names a run after its test (libtest names the thread), and its site where there is no name;
/// further runs of one test are numbered.
fn run_name(site: &str) -> String {
    static USED: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
    let name = match thread::current().name() {
        None | Some("main") => site.to_owned(),
        Some(test) => test.replace("::", "."),
    };
    let mut used = USED.lock().unwrap_or_else(PoisonError::into_inner);
    let count = used.entry(name.clone()).or_insert(0);
    *count += 1;
    if *count == 1 {
        name
    } else {
        format!("{name}-{count}")
    }
}

/// Copies the site's disk, so that a run may change it.
#[track_caller]
fn own_disk(site: &str, name: &str) -> PathBuf {
    let master = built(artifacts::disk(site));
    let own = artifacts::scratch(&format!("{name}.img"));
    let copied = own
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::copy(&master, &own).map(|_| ()));
    copied.unwrap_or_else(|error| panic!("cannot copy {}: {error}", master.display()));
    own
}

/// A short path, whatever the path of the workspace is: sockets allow 107 bytes.
fn monitor_socket(name: &str) -> PathBuf {
    let mut hash = std::hash::DefaultHasher::new();
    std::hash::Hash::hash(name, &mut hash);
    let hash = std::hash::Hasher::finish(&hash);
    std::env::temp_dir().join(format!("refrain-{}-{hash:016x}", std::process::id()))
}

#[track_caller]
fn built(path: PathBuf) -> PathBuf {
    assert!(
        path.exists(),
        "{} is not built; `cargo xtask test` builds it before it runs this test",
        path.display()
    );
    path
}
