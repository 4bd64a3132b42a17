//! Restarts and reboots of the whole site, from the end of the kernel to the first answer.
//!
//! The meter comes back with the site. What it knows of earlier turns is in persistent memory; after
//! a reboot only the ledger says what it took, and the kernel how many there were.

use alloc::format;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use bench_suite::samples::{self, UNTIL_PRINTED, interrupts_off};
use bench_suite::subject::Request;
use judging::ledger;
use syscall::abi::site::{Hook, SiteRestart};
use syscall::abi::start::PreviousEnd;
use syscall::abi::{LedgerEntry, Response};
use syscall::prelude::*;
use syscall::{PersistentRegion, site, thread, ticks};

use crate::check::Must;
use crate::memory;
use crate::subject::{Parts, Subject};

/// Restarts that do not count, and those that do: each takes a million instructions or more, and all
/// are alike.
const WARM_UP: usize = 2;
const COUNT: usize = 16;

/// Reboots: their loader's time is not the same each time.
const REBOOTS: u32 = 10;

/// What a sample is: the parts, until the last actor had answered, and the longest time with
/// interrupts off.
const SAMPLE: usize = Parts::NAMED.len() + 2;

/// What outlives the site: how many restarts there were, when the latest began, and the samples.
struct Kept(&'static [AtomicU64]);

impl Kept {
    fn open() -> Self {
        let bytes = (2 + SAMPLE * COUNT) * size_of::<u64>();
        let region = PersistentRegion::open("samples", bytes).must("memory for samples");
        Self(region.into_words())
    }

    fn number(&self) -> usize {
        self.word(0).load(Ordering::SeqCst) as usize
    }

    fn start(&self) -> u64 {
        self.word(1).load(Ordering::SeqCst)
    }

    /// Notes that a restart begins, as the last thing before it.
    fn begin(&self) {
        self.word(0).fetch_add(1, Ordering::SeqCst);
        self.word(1).store(ticks::now(), Ordering::SeqCst);
    }

    fn put(&self, sample: usize, values: impl Iterator<Item = u64>) {
        for (index, value) in values.enumerate() {
            let place = self.word(2 + sample * SAMPLE + index);
            place.store(value, Ordering::SeqCst);
        }
    }

    fn series(&self, index: usize) -> Vec<u64> {
        let places = (0..COUNT).map(|sample| self.word(2 + sample * SAMPLE + index));
        places.map(|place| place.load(Ordering::SeqCst)).collect()
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        self.0.get(index).must("a word of what is kept")
    }
}

/// Panics in the kernel, over and over. Arguments: the measure's name, how many members there are and
/// how many keepers.
pub(crate) fn restarts(start: &Start) {
    // First of all what is measured.
    Subject::find("member-0").ask(Request::Touch(0));
    let first = ticks::now();
    let off = interrupts_off().must("the site's counters");
    let name = start.argument(1).must("the measure's name");
    let [members, keepers] = [2, 3].map(|index| {
        let number = start.argument(index).and_then(|word| word.parse().ok());
        let number: usize = number.must("a number");
        number
    });
    for number in 0..keepers {
        Subject::find(&format!("keeper-{number}")).ask(Request::Touch(0));
    }
    Subject::find(&format!("member-{}", members - 1)).ask(Request::Touch(0));
    let last = ticks::now();

    let kept = Kept::open();
    let number = kept.number();
    match start.previous() {
        PreviousEnd::None => check_eq!(number, 0),
        PreviousEnd::Site { ledger, .. } => {
            let entry = ledger::finished(ledger);
            ledger::must_be_done(&entry, Response::SITE_RESTART);
            let parts = Parts::of(&entry, kept.start(), first);
            if samples::profiled().is_some() && number > WARM_UP {
                samples::end_profile(parts.total);
            }
            if let Some(sample) = number.checked_sub(WARM_UP + 1) {
                let values = Parts::NAMED.map(|(_, value)| value(&parts));
                let others = [last - kept.start(), off];
                kept.put(sample, values.into_iter().chain(others));
            }
        }
        other => fail!("the meter starts after {other:?}"),
    }
    if number == 0 {
        memory::print(&format!("memory-{name}"));
    }
    if number == WARM_UP + COUNT {
        return print(name, &kept);
    }
    // Until the log is written: it would be written by the kernel that ends.
    thread::sleep(UNTIL_PRINTED);
    if samples::profiled().is_some() && number == WARM_UP {
        samples::await_profile();
    }
    kept.begin();
    let hook = site::hook(Hook::KERNEL_PANIC, 0);
    fail!("the kernel does not panic: {hook:?}")
}

fn print(name: &str, kept: &Kept) {
    for (index, (part, _)) in Parts::NAMED.iter().enumerate() {
        samples::print(&format!("{name}{part}"), &kept.series(index));
    }
    samples::print(&format!("{name}-all"), &kept.series(SAMPLE - 2));
    samples::print(&format!("{name}.off"), &kept.series(SAMPLE - 1));
}

/// Resets the machine, over and over.
pub(crate) fn reboots(_: &Start) {
    Subject::find("member-0").ask(Request::Touch(0));
    let entries = syscall::ledger::entries_from(0);
    let entries: Vec<LedgerEntry> = entries.map(|entry| entry.must("an entry")).collect();
    let count = match entries.as_slice() {
        [] => 0,
        [entry] => {
            ledger::must_be_done(entry, Response::SITE_REBOOT);
            let phases = entry.phases;
            check!(phases.freeze.0 > 0, "nobody knows how long the reset took");
            let parts = Parts {
                total: phases.freeze.0
                    + phases.restart.0
                    + phases.activate.0
                    + phases.first_reply.0,
                freeze: phases.freeze.0,
                restart: phases.restart.0,
                activate: phases.activate.0,
                reply: phases.first_reply.0,
                ..Parts::default()
            };
            for (part, value) in Parts::NAMED {
                samples::print(&format!("site-reboot{part}"), &[value(&parts)]);
            }
            entry.incarnation
        }
        others => fail!("the ledger of a site that was just booted: {others:?}"),
    };
    if count < REBOOTS {
        thread::sleep(UNTIL_PRINTED);
        let refused = site::restart_site(SiteRestart::Reboot);
        fail!("the site is not rebooted: {refused:?}");
    }
}
