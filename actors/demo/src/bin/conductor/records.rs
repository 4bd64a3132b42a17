//! What the ledger says about the counter, and whoever else failed or was killed.
//!
//! The ledger is a ring, and an actor that fails in a loop may push out the entries we want. So we
//! read along, and keep what the table needs of the first failures of each actor.

use demo::counter::EXPECTED;
use syscall::abi::LedgerEntry;
use syscall::abi::{Advice, Cause, FaultKind, Name, Outcome, Phases, Response, Text};
use syscall::ledger;
use syscall::prelude::*;
use syscall::ways_to_die::Way;

use crate::kept::Kept;
use crate::personalities::INIT;

/// Failures that are kept. The demonstration has thirty.
const KEPT: usize = 80;

/// Failures that are kept of one actor.
const KEPT_OF_ONE: usize = 16;

/// Name of the actor that counts.
pub(crate) const COUNTER: &str = "counter";
/// Name of the actor that others' threads are in when it fails.
const VAULT: &str = "vault";

/// What is kept of a ledger entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) sequence: u64,
    pub(crate) time: Instant,
    pub(crate) actor: ActorId,
    pub(crate) name: Name,
    pub(crate) group: Name,
    pub(crate) incarnation: u32,
    /// The entry this one follows from, of another actor or of the same; 0 if none.
    pub(crate) because: u64,
    pub(crate) kind: Option<FaultKind>,
    pub(crate) cause: Text<32>,
    pub(crate) response: Response,
    pub(crate) outcome: Outcome,
    pub(crate) scope: Name,
    pub(crate) advice: Advice,
    pub(crate) phases: Phases,
    /// When the next incarnation was activated.
    pub(crate) activated_at: Instant,
    pub(crate) block_reads: u64,
}

impl Record {
    /// What is kept of this entry.
    pub(crate) fn of(entry: &LedgerEntry) -> Self {
        let (kind, cause) = describe(&entry.cause);
        Self {
            sequence: entry.sequence,
            time: entry.time,
            actor: entry.actor,
            name: entry.name,
            group: entry.group,
            incarnation: entry.incarnation,
            because: match entry.cause {
                Cause::Group { because } => because,
                _ => 0,
            },
            kind,
            cause,
            response: entry.response,
            outcome: entry.outcome,
            scope: entry.scope,
            advice: entry.advice,
            phases: entry.phases,
            activated_at: entry.activated_at(),
            block_reads: entry.block_reads,
        }
    }

    pub(crate) fn is_of(&self, name: &str) -> bool {
        self.name.as_str() == name
    }

    /// Whether it is about the site itself.
    pub(crate) fn is_of_site(&self) -> bool {
        self.is_of("kernel") && self.actor.is_none()
    }

    fn is_end(&self) -> bool {
        self.response == Response::TERMINATE && self.outcome == Outcome::DONE
    }

    pub(crate) fn is_recovery(&self) -> bool {
        matches!(self.response, Response::HOT_RESTART | Response::RELOAD)
            && self.outcome == Outcome::DONE
    }
}

/// What is kept of the ledger.
pub(crate) struct Records {
    kept: Kept<Record, KEPT>,
    next: u64,
    /// Failures that were not kept.
    pub(crate) left_out: u64,
    /// Programs that ran to their end in the group of `init`, each a process.
    pub(crate) processes: u64,
}

impl Records {
    pub(crate) fn new() -> Self {
        Self {
            kept: Kept::new(),
            next: 0,
            left_out: 0,
            processes: 0,
        }
    }

    /// Reads the entries that have come, and looks again at those that were not finished.
    pub(crate) fn read_on(&mut self) {
        self.refresh();
        for entry in ledger::entries_from(self.next) {
            let Ok(entry) = entry else { break };
            self.next = entry.sequence + 1;
            if entry.cause == Cause::CleanExit {
                self.processes += u64::from(entry.group.as_str() == INIT);
            } else {
                self.keep(Record::of(&entry));
            }
        }
    }

    /// Reads the kept entries again, as far as the ledger has them: phases come in late.
    pub(crate) fn refresh(&mut self) {
        for record in self.kept.iter_mut() {
            if let Ok(Some(entry)) = ledger::entry(record.sequence) {
                *record = Record::of(&entry);
            }
        }
    }

    fn keep(&mut self, record: Record) {
        let of_this_one = self.all().filter(|kept| kept.name == record.name).count();
        // The end of an actor is always worth a row.
        let is_wanted = of_this_one < KEPT_OF_ONE || record.response == Response::TERMINATE;
        if !is_wanted || !self.kept.push(record) {
            self.left_out += 1;
        }
    }

    /// The records kept, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Record> + Clone {
        self.kept.iter()
    }

    fn of_counter(&self) -> impl Iterator<Item = &Record> {
        self.all().filter(|record| record.is_of(COUNTER))
    }

    /// How often the counter came back.
    pub(crate) fn recoveries(&self) -> u32 {
        self.of_counter()
            .filter(|record| record.is_recovery())
            .count() as u32
    }

    /// Whether the counter has nothing more to show.
    pub(crate) fn counter_is_through(&self) -> bool {
        self.recoveries() as usize >= Way::DEMONSTRATED.len() || self.is_counter_ended()
    }

    /// Whether the policy ended the counter.
    pub(crate) fn is_counter_ended(&self) -> bool {
        self.of_counter().any(Record::is_end)
    }

    /// Whether the policy ended the vault.
    pub(crate) fn is_vault_ended(&self) -> bool {
        self.all()
            .any(|record| record.is_of(VAULT) && record.is_end())
    }

    /// Whether the counter died of something else than it chose.
    pub(crate) fn is_any_cause_wrong(&self) -> bool {
        let mut deaths = self.of_counter();
        deaths.any(|record| {
            let index = (record.incarnation as usize).wrapping_sub(1);
            record.kind.is_none() || record.kind != EXPECTED.get(index).copied()
        })
    }

    /// Blocks read during hot restarts, of actors and of the site, as far as they were kept.
    pub(crate) fn block_reads(&self) -> u64 {
        let is_hot = |response| matches!(response, Response::HOT_RESTART | Response::SITE_RESTART);
        self.all()
            .filter(|record| is_hot(record.response))
            .map(|record| record.block_reads)
            .sum()
    }
}

/// Says in few words why an incarnation ended.
fn describe(cause: &Cause) -> (Option<FaultKind>, Text<32>) {
    let mut text = Text::EMPTY;
    // Writing to a `Text` cannot fail: what does not fit is cut.
    let kind = match cause {
        Cause::Fault(fault) => {
            let _ = match fault.kind {
                FaultKind::MEMORY_ACCESS | FaultKind::STACK_OVERFLOW => core::fmt::write(
                    &mut text,
                    format_args!("{}, {:#x}", fault.kind, fault.address),
                ),
                _ => core::fmt::write(&mut text, format_args!("{}", fault.kind)),
            };
            Some(fault.kind)
        }
        Cause::CleanExit => {
            text = Text::truncated("clean exit");
            None
        }
        Cause::Requested { .. } => {
            text = Text::truncated("requested");
            None
        }
        Cause::Killed { .. } => {
            text = Text::truncated("killed");
            None
        }
        Cause::Group { .. } => {
            text = Text::truncated("with its group");
            None
        }
    };
    (kind, text)
}
