//! Commits whose owner is killed.

use syscall::RingLog;
use syscall::prelude::*;
use syscall::thread;
use test_suite::checkpoint::{Account, CommitPlan, Found, Told, VALUE_BYTES, What};

/// Name of the checkpoint, and of the log.
const CHECKPOINT: &str = "account";
const LOG: &str = "log";
/// Records in the log.
const RECORDS: usize = 5;
/// Nanoseconds before the chosen time from which on turns of a loop are counted.
const NEAR: u64 = 20_000;
/// Nanoseconds of a turn of that loop, where an instruction is one.
const A_TURN: u64 = 4;

/// What is committed to, once it is open.
#[derive(Default)]
pub(crate) struct Kept {
    open: Option<(Checkpoint<Account>, RingLog)>,
}

impl Kept {
    fn open(&mut self) -> Result<&mut (Checkpoint<Account>, RingLog)> {
        if self.open.is_none() {
            let initial = Account::of(0);
            let checkpoint = Checkpoint::open(CHECKPOINT, VALUE_BYTES, initial)?;
            let log = RingLog::open(LOG, RECORDS, VALUE_BYTES)?;
            self.open = Some((checkpoint, log));
        }
        self.open.as_mut().ok_or(Error::Malformed)
    }

    /// Says what the checkpoint and the log are like.
    pub(crate) fn look(&mut self) -> Result<Found> {
        let (checkpoint, log) = self.open()?;
        let mut is_log_whole =
            log.oldest() == (log.last() + 1).saturating_sub(RECORDS as u64).max(1);
        for number in log.oldest()..=log.last() {
            let mut buffer = [0; VALUE_BYTES];
            let record = log.read(number, &mut buffer)?;
            is_log_whole &= record == record_of(number);
        }
        Ok(Found {
            account: *checkpoint.get(),
            sequence: checkpoint.sequence(),
            was_interrupted: checkpoint.was_interrupted(),
            log: log.last(),
            is_log_whole,
            was_log_interrupted: log.was_interrupted(),
        })
    }

    /// Commits one value, or appends one record, at a chosen moment, and says so before and after.
    pub(crate) fn commit(&mut self, plan: CommitPlan) -> Result<()> {
        let port = RemotePort::from(plan.port);
        let (checkpoint, log) = self.open()?;
        // So that what is said of the last commit is not taken for what is said of the next.
        if checkpoint.was_interrupted() {
            checkpoint.commit(Account::of(checkpoint.sequence() + 1))?;
        }
        if log.was_interrupted() {
            log.append(&record_of(log.last() + 1))?;
        }
        let number = match plan.what {
            What::Append => log.last() + 1,
            What::Commit => checkpoint.sequence() + 1,
        };
        let (value, record) = (Account::of(number), record_of(number));
        // What the clock leaves over, by a loop whose turns are shorter than a look at the clock.
        let left = loop {
            let left = plan.due.0.saturating_sub(thread::now().0);
            if left < NEAR {
                break left;
            }
        };
        // The long turns come first: by the rest of their division the moment is shifted by one
        // instruction.
        for step in 0..plan.long_turns {
            core::hint::black_box(step);
            core::hint::spin_loop();
        }
        let ahead = plan.ahead + plan.long_turns * (A_TURN + 1);
        for step in 0..left.saturating_sub(ahead) / A_TURN {
            core::hint::black_box(step);
        }
        tell(port, Told::Begun(thread::now()))?;
        match plan.what {
            What::Append => drop(log.append(&record)?),
            What::Commit => checkpoint.commit(value)?,
        }
        tell(port, Told::Done(thread::now()))
    }
}

/// What is in the log under a number.
fn record_of(number: u64) -> [u8; 40] {
    core::array::from_fn(|index| (number as u8).wrapping_mul(31).wrapping_add(index as u8))
}

fn tell(port: RemotePort, told: Told) -> Result<()> {
    port.send(syscall::encode(&told, &mut [0; 16])?, Span::ZERO)
}
