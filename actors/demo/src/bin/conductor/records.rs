//! What the ledger says about the counter, the looper, and whoever else failed.
//!
//! The ledger is a ring, and an actor that fails in a loop may push out the entries we want. So we
//! read along, and keep what the table needs of the first failures of each actor.

use demo::counter::EXPECTED;
use syscall::abi::LedgerEntry;
use syscall::abi::{Cause, FaultKind, Name, Outcome, Phases, Response, Text};
use syscall::ledger;
use syscall::ways_to_die::Way;

/// Failures that are kept. The demonstration has seventeen.
const KEPT: usize = 48;

/// Failures that are kept of one actor.
const KEPT_OF_ONE: usize = 16;

/// Name of the actor that counts.
pub(crate) const COUNTER: &str = "counter";
/// Name of the actor that others' threads are in when it fails.
const VAULT: &str = "vault";
/// Name of the actor that fails at once.
const LOOPER: &str = "looper";

/// What is kept of a ledger entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) sequence: u64,
    pub(crate) name: Name,
    pub(crate) incarnation: u32,
    pub(crate) kind: Option<FaultKind>,
    pub(crate) cause: Text<32>,
    pub(crate) response: Response,
    pub(crate) outcome: Outcome,
    pub(crate) phases: Phases,
    block_reads: u64,
}

impl Record {
    fn of(entry: &LedgerEntry) -> Self {
        let (kind, cause) = describe(&entry.cause);
        Self {
            sequence: entry.sequence,
            name: entry.name,
            incarnation: entry.incarnation,
            kind,
            cause,
            response: entry.response,
            outcome: entry.outcome,
            phases: entry.phases,
            block_reads: entry.block_reads,
        }
    }

    fn is_of(&self, name: &str) -> bool {
        self.name.as_str() == name
    }

    fn is_end(&self) -> bool {
        self.response == Response::TERMINATE && self.outcome == Outcome::DONE
    }

    fn is_recovery(&self) -> bool {
        matches!(self.response, Response::HOT_RESTART | Response::RELOAD)
            && self.outcome == Outcome::DONE
    }
}

/// What is kept of the ledger.
pub(crate) struct Records {
    kept: [Option<Record>; KEPT],
    length: usize,
    next: u64,
    /// Failures that were not kept.
    pub(crate) left_out: u64,
    /// Whether the looper was ended, be its last entry kept or not.
    is_looper_ended: bool,
}

impl Records {
    pub(crate) fn new() -> Self {
        Self {
            kept: [None; KEPT],
            length: 0,
            next: 0,
            left_out: 0,
            is_looper_ended: false,
        }
    }

    /// Reads the entries that have come, and looks again at those that were not finished.
    pub(crate) fn read_on(&mut self) {
        self.refresh();
        for entry in ledger::entries_from(self.next) {
            let Ok(entry) = entry else { break };
            self.next = entry.sequence + 1;
            self.keep(Record::of(&entry));
        }
    }

    /// Reads the kept entries again, as far as the ledger has them: phases come in late.
    pub(crate) fn refresh(&mut self) {
        for record in self.kept.iter_mut().flatten() {
            if let Ok(Some(entry)) = ledger::entry(record.sequence) {
                *record = Record::of(&entry);
            }
        }
    }

    fn keep(&mut self, record: Record) {
        self.is_looper_ended |= record.is_of(LOOPER) && record.response == Response::TERMINATE;
        let of_this_one = self.all().filter(|kept| kept.name == record.name).count();
        // The end of an actor is always worth a row.
        let is_wanted = of_this_one < KEPT_OF_ONE || record.response == Response::TERMINATE;
        match self.kept.get_mut(self.length) {
            Some(place) if is_wanted => {
                *place = Some(record);
                self.length += 1;
            }
            _ => self.left_out += 1,
        }
    }

    /// The records kept, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Record> {
        self.kept.iter().flatten()
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

    /// Whether the looper was ended.
    pub(crate) fn looper_is_through(&self) -> bool {
        self.is_looper_ended
    }

    /// Whether the counter died of something else than it chose. (An entry without a failure that
    /// ends it says what became of the failure before: a restart of the site was refused.)
    pub(crate) fn is_any_cause_wrong(&self) -> bool {
        let mut deaths = self
            .of_counter()
            .filter(|record| record.kind.is_some() || !record.is_end());
        deaths.any(|record| {
            let index = (record.incarnation as usize).wrapping_sub(1);
            record.kind.is_none() || record.kind != EXPECTED.get(index).copied()
        })
    }

    /// Blocks read during hot restarts, as far as they were kept.
    pub(crate) fn block_reads(&self) -> u64 {
        self.all()
            .filter(|record| record.response == Response::HOT_RESTART)
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
