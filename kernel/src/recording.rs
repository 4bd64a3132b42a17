//! The ledger on its way to a host that records it.
//!
//! Each entry of the ledger is kept in the site record when it is made and whenever it has changed;
//! and where a machine has a debug console it is written there too, in the form that [`abi::trace`]
//! describes. The log writer does it, so that no recovery waits for it.

use core::sync::atomic::{AtomicBool, Ordering};

use abi::trace::{RECORD_MAX, Record, VERSION};
use abi::{Epitaph, LedgerEntry, Name};
use alloc::vec;
use restart_manager::RestartManager;
use restart_manager::ledger::MARKS;

use crate::arch::debug_console;
use crate::kernel::Kernel;

/// Whether somebody listens.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// Finds out whether somebody listens, and says what follows if so, after so many restarts of the
/// site.
pub fn initialise(policy: &str, restarts: u64) {
    IS_ON.store(debug_console::is_there(), Ordering::Relaxed);
    write(&Record::Start {
        version: VERSION,
        policy: Name::truncated(policy),
        restarts,
    });
}

/// Has the manager mark what changes from now on in its ledger of so many entries.
pub fn follow(manager: &mut RestartManager<'static>, entries: usize) {
    manager.lend_marks(vec![0; entries.div_ceil(MARKS)].leak());
}

/// Writes an entry.
pub fn tell(entry: LedgerEntry) {
    write(&Record::Entry(entry));
}

/// Writes the last words of the kernel before.
pub fn tell_epitaph(epitaph: Epitaph) {
    write(&Record::Epitaph(epitaph));
}

/// The same where there is no kernel: none of its data is used. What it was writing is ended first.
pub fn tell_epitaph_of_the_dead(epitaph: Epitaph) {
    if debug_console::is_there() {
        debug_console::write(&[0]);
        write_out(&Record::Epitaph(epitaph));
    }
}

fn write(record: &Record) {
    if IS_ON.load(Ordering::Relaxed) {
        write_out(record);
    }
}

fn write_out(record: &Record) {
    let mut buffer = [0; RECORD_MAX];
    // No record is longer than that: held by a test of the host's side.
    if let Ok(frame) = postcard::to_slice_cobs(record, &mut buffer) {
        debug_console::write(frame);
    }
}

impl Kernel {
    /// The next ledger entry to be recorded, which is kept. Until the one after it is asked for, or for ever,
    /// it is not sure that it was.
    pub fn take_unrecorded(&mut self) -> Option<LedgerEntry> {
        self.recovery.recorded = self.recovery.manager.take_changed();
        if let Some(entry) = &self.recovery.recorded {
            self.book.keep_entry(entry);
        }
        self.recovery.recorded
    }

    /// Whether there is a ledger entry to be recorded.
    #[must_use]
    pub fn has_unrecorded(&self) -> bool {
        self.recovery.manager.ledger().has_marked()
    }

    /// Records all there is, for whoever ends the site. What the log writer was about may have
    /// been cut short: it is written again, after the end of what was cut.
    pub fn record_rest(&mut self) {
        if IS_ON.load(Ordering::Relaxed) {
            debug_console::write(&[0]);
        }
        if let Some(entry) = self.recovery.recorded.take() {
            tell(entry);
        }
        while let Some(entry) = self.take_unrecorded() {
            tell(entry);
        }
    }
}
