//! What each way of recovering has cost, side by side: from the ledger.

use syscall::abi::{LedgerEntry, Response};
use syscall::prelude::*;
use syscall::{ledger, site, thread};

use crate::personalities::MANAGER;
use crate::records::{COUNTER, Record, Records};
use crate::table::micros;

/// How long the first reply after a reboot may take.
const LONGEST: Span = Span::from_secs(5);

/// Prints a row for each but the reboot, which is yet to come.
pub(crate) fn print(records: &Records) {
    info!(
        "What it costs (microseconds of the site's clock, without backoff; a reply is a client's):"
    );
    head();
    let own = |response, name: Option<&str>| {
        let is_it = |record: &&Record| {
            (record.response, record.because) == (response, 0)
                && record.is_recovery()
                && name.is_none_or(|name| record.is_of(name))
        };
        records.all().filter(is_it).last()
    };
    row(
        "actor, hot restart",
        own(Response::HOT_RESTART, Some(COUNTER)),
    );
    row("actor, reload", own(Response::RELOAD, None));
    row_of_group(own(Response::HOT_RESTART, Some(MANAGER)), records);
    let crash = records
        .all()
        .filter(|record| record.is_of_site() && record.because == 0);
    row("site, hot restart after a panic", crash.last());
}

fn head() {
    info!(
        "{:<32} {:>6} {:>9} {:>9} {:>9} {:>9} {:>10}  blocks read",
        "", "actors", "stop", "put back", "start", "1st reply", "all"
    );
}

fn row(what: &str, record: Option<&Record>) {
    let Some(record) = record else {
        return info!("{what:<32} this policy has not done it");
    };
    let phases = &record.phases;
    let all = [
        phases.freeze,
        phases.restart,
        phases.activate,
        phases.first_reply,
    ];
    let actors = if record.is_of_site() { running() } else { 1 };
    line(
        what,
        record,
        actors,
        Span(all.iter().map(|span| span.0).sum()),
    );
}

/// A group and the one that stands on it: until the last of them runs.
fn row_of_group(killed: Option<&Record>, records: &Records) {
    let what = "two groups, hot restart";
    let Some(killed) = killed else {
        return row(what, None);
    };
    let with_it = || {
        let all = records.all();
        all.filter(|record| record.because == killed.sequence && record.is_recovery())
    };
    let last = with_it().map(|record| record.activated_at);
    let last = last.fold(killed.activated_at, Ord::max);
    line(
        what,
        killed,
        with_it().count() + 1,
        last.since(killed.time.after(killed.phases.delay)),
    );
}

fn line(what: &str, record: &Record, actors: usize, all: Span) {
    let phases = &record.phases;
    info!(
        "{what:<32} {actors:>6} {:>9} {:>9} {:>9} {:>9} {:>10}  {:>11}",
        micros(phases.freeze),
        micros(phases.restart),
        micros(phases.activate),
        micros(phases.first_reply),
        micros(all),
        record.block_reads
    );
}

/// Actors that there are.
fn running() -> usize {
    site::info().map_or(0, |info| info.used_actors as usize)
}

/// The entry of a reboot that brought the site up, if one did.
pub(crate) fn reboot() -> Option<LedgerEntry> {
    let first = ledger::entries_from(0).next()?.ok()?;
    (first.response == Response::SITE_REBOOT).then_some(first)
}

/// Waits for the first reply after it, and prints the row.
pub(crate) fn print_reboot(entry: &LedgerEntry) {
    let end = thread::now().after(LONGEST);
    let mut entry = *entry;
    while entry.phases.first_reply == Span::ZERO && thread::now() < end {
        thread::sleep(Span::from_millis(10));
        if let Ok(Some(later)) = ledger::entry(entry.sequence) {
            entry = later;
        }
    }
    info!("And the last row, after the reboot (all but the disk was lost):");
    head();
    row("site, reboot", Some(&Record::of(&entry)));
    if entry.phases.freeze == Span::ZERO {
        info!("what came before the kernel is not measured by this run: its clock was set back");
    }
}
