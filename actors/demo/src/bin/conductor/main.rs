//! Watches the demonstration, prints what came of it, and ends the site.
//!
//! The demonstration is over when the counter has died and come back in all eight ways, the vault
//! has died with visitors inside as often as it was to (unless the policy ended them), and the
//! looper was ended or goes on for ever; in any case after [`LONGEST`]. What counts is the ledger,
//! which the kernel keeps, what the client says about the counts, and what the visitors were told.
//!
//! Needs the right SHUTDOWN.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod counts;
mod records;
mod table;
mod visits;

use demo::conductor::{Notice, PORT};
use syscall::prelude::*;
use syscall::{decode, site, thread};

use crate::counts::Counts;
use crate::records::Records;
use crate::visits::Visits;

/// How often we look at the ledger. It keeps 256 entries, and a looper without backoff fills fifty
/// in this time.
const PERIOD: Span = Span::from_millis(10);

/// When the demonstration is over in any case. It takes two seconds when all is well; this leaves
/// room for a slow machine, and for the rest of the twenty seconds that were promised.
const LONGEST: Span = Span::from_secs(15);

/// How long we wait for the end of the looper when the counter is through. A policy that ends it
/// at all has done so long before.
const GRACE: Span = Span::from_secs(2);

/// Time for the last incarnation to have its first reply entered in the ledger.
const SETTLING: Span = Span::from_millis(200);

/// Messages that the client may have waiting: one an incarnation, and we look often.
const DEPTH: usize = 32;

fn start(start: Start) -> Result<()> {
    let port = Port::create(PORT, DEPTH)?;
    let mut records = Records::new();
    let mut counts = Counts::new();
    let mut visits = Visits::new();
    if start.incarnation() > 1 {
        // The client's reports went down with our predecessor.
        error!("the conductor itself failed: {:?}", start.previous());
        counts.give_up();
    }

    let mut end = thread::now().after(LONGEST);
    let is_through = |records: &Records, visits: &Visits| {
        records.counter_is_through() && (visits.are_complete() || records.is_vault_ended())
    };
    while thread::now() < end && !(is_through(&records, &visits) && records.looper_is_through()) {
        let was_through = is_through(&records, &visits);
        listen(&port, &mut counts, &mut visits, PERIOD);
        records.read_on();
        if is_through(&records, &visits) && !was_through {
            end = end.min(thread::now().after(GRACE));
        }
    }
    listen(&port, &mut counts, &mut visits, SETTLING);
    records.read_on();
    records.refresh();

    table::print(&records, &counts);
    visits.print();
    let verdict = verdict(&records, &counts, &visits);
    match verdict {
        Ok(()) => info!("everything is right"),
        Err(reason) => error!("not right: {reason}"),
    }
    site::shutdown(u64::from(verdict.is_err()))
}

/// Takes what the client and the visitors say, for as long as `span`.
fn listen(port: &Port, counts: &mut Counts, visits: &mut Visits, span: Span) {
    let mut buffer = [0; 64];
    let end = thread::now().after(span);
    loop {
        let left = end.since(thread::now());
        match port.receive(&mut buffer, left) {
            Ok(message) => match decode::<Notice>(message.bytes) {
                Ok(Notice::Count(count)) => counts.note(count),
                Ok(Notice::Visit(visit)) => visits.note(visit),
                Err(_) => {}
            },
            Err(_) => return,
        }
    }
}

/// Says what was wrong, if anything.
fn verdict(records: &Records, counts: &Counts, visits: &Visits) -> Result<(), &'static str> {
    if counts.is_any_wrong() {
        Err("a count is wrong")
    } else if !counts.is_complete_up_to(records.recoveries()) {
        Err("the client did not hear from every incarnation of the counter")
    } else if records.is_any_cause_wrong() {
        Err("the counter did not die as it was meant to")
    } else if !records.counter_is_through() {
        Err("the counter neither died in all eight ways nor was ended")
    } else if !visits.are_true() {
        Err("a visitor of the vault was told something that is not so")
    } else if !visits.are_complete() && !records.is_vault_ended() {
        Err("a visitor of the vault was not told what became of its visit")
    } else if records.block_reads() != 0 {
        Err("a hot restart read from the disk")
    } else {
        Ok(())
    }
}

entry!(start);
