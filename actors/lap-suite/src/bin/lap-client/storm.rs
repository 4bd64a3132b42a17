//! The client's part in the randomized test: it asks, and holds every outcome against the notes.
//!
//! What it finds is kept in a persistent region, because clients are restarted as well.

use core::sync::atomic::{AtomicU64, Ordering};

use lap_suite::client::Tally;
use lap_suite::random::Random;
use lap_suite::storm::{LAP, LOOK, Manner, PORT, ROWS, Request};
use syscall::abi::status::Progress;
use syscall::prelude::*;
use syscall::{PersistentRegion, Published, RemoteLap, Thread, thread};

/// Name of the persistent region.
const REGION: &str = "tally";
/// Threads of one incarnation.
const THREADS: u64 = 6;
/// Incarnations whose rows are apart: a guest of an earlier one may be in the server still.
const APART: u64 = 16;
/// How long anything may take.
const PATIENCE: Span = Span::from_secs(10);

/// What has been found, and whether to go on.
struct Findings {
    words: &'static [AtomicU64],
    incarnation: u64,
}

/// Words of the region.
mod word {
    /// The seed; 0 when it is over.
    pub(super) const SEED: usize = 0;
    /// Which client this is.
    pub(super) const CLIENT: usize = 1;
    /// Invocations that returned, and that were told each of three things.
    pub(super) const INVOKED: usize = 2;
    /// The same for calls.
    pub(super) const CALLED: usize = 6;
    /// The number of a request whose outcome was a lie.
    pub(super) const LIE: usize = 10;
    /// What is known about that.
    pub(super) const EVIDENCE: usize = 11;
    /// How many there are.
    pub(super) const COUNT: usize = 15;
}

static FINDINGS: Published<Findings> = Published::new();
/// Threads that are at it.
static BUSY: AtomicU64 = AtomicU64::new(0);

impl Findings {
    fn load(&self, index: usize) -> u64 {
        self.words
            .get(index)
            .map_or(0, |word| word.load(Ordering::SeqCst))
    }

    fn store(&self, index: usize, value: u64) {
        if let Some(word) = self.words.get(index) {
            word.store(value, Ordering::SeqCst);
        }
    }

    fn count(&self, index: usize) {
        if let Some(word) = self.words.get(index) {
            word.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// An outcome was not the truth.
    fn lie(&self, number: u64, evidence: [u64; 4]) {
        if self.load(word::LIE) == 0 {
            for (index, value) in evidence.into_iter().enumerate() {
                self.store(word::EVIDENCE + index, value);
            }
            self.store(word::LIE, number);
        }
    }
}

/// Goes on, if an earlier incarnation was told to.
pub(crate) fn start(incarnation: u32) -> Result<()> {
    let region = PersistentRegion::open(REGION, word::COUNT * 8)?;
    let findings = alloc::boxed::Box::leak(alloc::boxed::Box::new(Findings {
        words: region.into_words(),
        incarnation: u64::from(incarnation),
    }));
    FINDINGS.publish(findings);
    if findings.load(word::SEED) != 0 {
        go(findings)?;
    }
    Ok(())
}

/// Begins. Each client has another number.
pub(crate) fn begin(seed: u64, client: u64) -> Result<()> {
    let Some(findings) = FINDINGS.get() else {
        return Ok(());
    };
    findings.store(word::CLIENT, client);
    findings.store(word::SEED, seed);
    go(findings)
}

fn go(findings: &'static Findings) -> Result<()> {
    for number in 0..THREADS {
        BUSY.fetch_add(1, Ordering::SeqCst);
        Thread::spawn(ask, number, 16 * 1024, 16)?;
    }
    let _ = findings;
    Ok(())
}

/// Ends it, and tells what was found.
pub(crate) fn end() -> Tally {
    let Some(findings) = FINDINGS.get() else {
        return Tally::default();
    };
    findings.store(word::SEED, 0);
    while BUSY.load(Ordering::SeqCst) != 0 {
        thread::sleep(Span::from_millis(1));
    }
    let four = |start| core::array::from_fn(|index| findings.load(start + index));
    Tally {
        invoked: four(word::INVOKED),
        called: four(word::CALLED),
        lie: findings.load(word::LIE),
        evidence: four(word::EVIDENCE),
    }
}

/// One thread: asks, looks, and asks again.
fn ask(thread: u64) {
    if let Some(findings) = FINDINGS.get() {
        Asker::new(findings, thread).run();
    }
    BUSY.fetch_sub(1, Ordering::SeqCst);
}

struct Asker {
    findings: &'static Findings,
    random: Random,
    row: usize,
    number: u64,
    lap: Option<RemoteLap>,
    look: Option<RemoteLap>,
    port: Option<RemotePort>,
}

/// How a request ended, as far as it is to be checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Answered,
    Told(Progress),
    /// It never got in.
    TurnedAway(Status),
}

impl Asker {
    fn new(findings: &'static Findings, thread: u64) -> Self {
        let client = findings.load(word::CLIENT);
        let place = findings.incarnation % APART;
        let row = ((client % 2) * APART + place) * THREADS + thread;
        Self {
            findings,
            random: Random::new(
                findings.load(word::SEED),
                findings.incarnation << 16 | client << 8 | thread,
            ),
            row: row as usize % ROWS,
            number: findings.incarnation << 32,
            lap: None,
            look: None,
            port: None,
        }
    }

    fn run(&mut self) {
        while self.findings.load(word::SEED) != 0 {
            self.number += 1;
            let request = Request {
                row: self.row,
                number: self.number,
                manner: Manner::random(&mut self.random),
            };
            let (outcome, start) = if self.random.below(3) == 0 {
                (self.call(request), word::CALLED)
            } else {
                (self.invoke(request), word::INVOKED)
            };
            match outcome {
                Outcome::Answered => self.findings.count(start),
                Outcome::Told(progress) => {
                    self.findings.count(start + 1 + progress.0.min(2) as usize);
                }
                Outcome::TurnedAway(_) => {}
            }
            if let Some((begun, effect)) = self.look() {
                self.judge(outcome, begun, effect, start as u64);
            }
        }
    }

    fn invoke(&mut self, request: Request) -> Outcome {
        let timeout = match self.random.below(4) {
            0 => Span::ZERO,
            _ => PATIENCE,
        };
        let resolved = self
            .lap
            .map_or_else(|| RemoteLap::resolve(LAP, PATIENCE), Ok);
        let result = resolved.and_then(|lap| {
            self.lap = Some(lap);
            lap.invoke(request.pack(), timeout)
        });
        match result {
            Ok((number, _)) if number == request.number => Outcome::Answered,
            Ok(other) => {
                self.findings.lie(request.number, [1, other.0, other.1, 0]);
                Outcome::Answered
            }
            Err(Error::LapRestarted { new, progress }) => {
                self.lap = Some(new.into());
                Outcome::Told(progress)
            }
            Err(Error::Dead { progress }) => {
                self.lap = None;
                Outcome::Told(progress)
            }
            Err(error) => Outcome::TurnedAway(error.status()),
        }
    }

    fn call(&mut self, request: Request) -> Outcome {
        let mut reply = [0; 8];
        let [first, second] = request.pack();
        let message = [first.to_le_bytes(), second.to_le_bytes()];
        let found = self
            .port
            .map_or_else(|| RemotePort::find(PORT, PATIENCE), Ok);
        let result = found.and_then(|port| {
            self.port = Some(port);
            port.call(message.as_flattened(), &mut reply, PATIENCE)
                .map(|_| ())
        });
        match result {
            Ok(()) => {
                let number = u64::from_le_bytes(reply);
                if number != request.number {
                    self.findings.lie(request.number, [2, number, 0, 0]);
                }
                Outcome::Answered
            }
            Err(Error::Restarted { new, progress }) => {
                self.port = Some(new.into());
                Outcome::Told(progress)
            }
            Err(Error::Dead { progress }) => {
                self.port = None;
                Outcome::Told(progress)
            }
            Err(error) => Outcome::TurnedAway(error.status()),
        }
    }

    /// Reads this thread's row, however often it takes. `None` when it is all over.
    fn look(&mut self) -> Option<(u64, u64)> {
        loop {
            let resolved = self
                .look
                .map_or_else(|| RemoteLap::resolve(LOOK, PATIENCE), Ok);
            let result = resolved.and_then(|lap| {
                self.look = Some(lap);
                lap.invoke([self.row as u64, 0], PATIENCE)
            });
            match result {
                Ok(row) => return Some(row),
                Err(Error::LapRestarted { new, .. }) => self.look = Some(new.into()),
                Err(error) if error.is_timeout() => {
                    self.findings.lie(self.number, [3, 0, 0, 0]);
                    return None;
                }
                Err(_) => self.look = None,
            }
        }
    }

    /// Holds an outcome against what has happened.
    fn judge(&self, outcome: Outcome, begun: u64, effect: u64, start: u64) {
        let number = self.number;
        let (is_true, told) = match outcome {
            Outcome::Answered => (effect == number, 100),
            Outcome::Told(Progress::COMPLETED) => (effect == number, Progress::COMPLETED.0),
            Outcome::Told(Progress::NOT_ENTERED) => (begun != number, Progress::NOT_ENTERED.0),
            Outcome::Told(progress) => (progress == Progress::MAYBE_EXECUTED, progress.0),
            Outcome::TurnedAway(status) => {
                let is_known = matches!(status, Status::FROZEN | Status::LIMIT_REACHED);
                (is_known && begun != number, 200 + status.0)
            }
        };
        if !is_true {
            self.findings.lie(number, [told, begun, effect, start]);
        }
    }
}
