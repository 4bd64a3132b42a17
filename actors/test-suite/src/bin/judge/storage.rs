//! What is read from the disk, and when.
//!
//! In two of these scenarios the host has a hand: the judge prints a line, the host does something
//! to the disk and then types a line.

use syscall::abi::{FaultKind, Outcome, Response};
use syscall::prelude::*;
use syscall::site;
use syscall::ways_to_die::Way;
use test_suite::{NOT_WHOLE, Request};

use crate::check::{Must, must_be_refused};
use crate::ledger::{self, Reader};
use crate::restart::must_be_fresh;
use crate::victim::Victim;

/// How long the host may take.
const HOST_PATIENCE: Span = Span::from_secs(60);

/// Says that it is the host's turn, and waits for the line that says that it is done.
#[track_caller]
fn host(turn: &str) {
    info!("host: {turn}");
    let mut typed = [0; 16];
    // A line comes in as many pieces as the serial port likes; the rest of one must not be taken
    // for the next.
    loop {
        let piece = site::console_read(&mut typed, HOST_PATIENCE).must("a line from the host");
        if piece.ends_with(b"\n") {
            return;
        }
    }
}

/// A reload resets what a hot restart resets, and persistent regions as well, and reads the disk.
pub(crate) fn reload_resets_like_a_hot_restart(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    let mut reads = site::info().must("the site's counters").block_reads;
    for incarnation in 2..6 {
        victim.make(Request::Keep(5));
        victim.make(Request::Dirty);
        victim.make(Request::MakeThreads(2));
        // By this site's parameters every failure is answered with a reload.
        let entry = victim.die(&mut reader, Request::Die(Way::IllegalInstruction));
        ledger::must_be_done(&entry, Response::RELOAD);
        check!(entry.block_reads > 0, "a reload read nothing");
        let counters = site::info().must("the site's counters");
        check_eq!(counters.block_reads, reads + entry.block_reads);
        check_eq!(counters.reloads, u64::from(incarnation) - 1);
        reads = counters.block_reads;

        let condition = victim.inspect();
        must_be_fresh(&condition);
        check_eq!(condition.incarnation, incarnation);
        let kept = victim.kept();
        check!(
            kept.is_new && kept.number == NOT_WHOLE,
            "a persistent region was kept: {kept:?}"
        );
        check_eq!(
            site::info().must("the site's counters").persistent_regions,
            1
        );
        check_eq!(victim.info().threads, 1);
    }
}

/// A reload brings the version that is on the disk by then; a hot restart does not.
pub(crate) fn reload_brings_what_is_on_the_disk(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    check_eq!(victim.number(Request::Version), 1);
    host("put version 2 on the disk");

    // By this site's parameters the first failure is answered hot, and the others with a reload.
    victim.restart_hot(&mut reader);
    check_eq!(victim.number(Request::Version), 1);
    let entry = victim.die(&mut reader, Request::Die(Way::NullWrite));
    ledger::must_be_done(&entry, Response::RELOAD);
    check_eq!(victim.number(Request::Version), 2);

    // From now on, version 2 is what a hot restart brings back.
    site::restart(victim.actor()).must("the right to restart");
    let entry = reader.take();
    ledger::must_be_done(&entry, Response::HOT_RESTART);
    check_eq!(entry.block_reads, 0);
    let mut victim = Victim::find("victim");
    check_eq!(victim.number(Request::Version), 2);

    // What is on the disk now is no program: the reload fails, and the victim ends.
    host("damage the disk");
    must_fail_to_reload(&mut victim, &mut reader);
}

/// Hot restarts work without a disk; a reload then fails, and the site goes on.
pub(crate) fn hot_restart_needs_no_disk(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut other = Victim::find("other");
    let mut reader = Reader::at_start();
    victim.make(Request::Keep(6));
    let reads = site::info().must("the site's counters").block_reads;
    host("take the disk away");

    for way in Way::DEMONSTRATED {
        victim.make(Request::Dirty);
        let entry = victim.die(&mut reader, Request::Die(way));
        ledger::must_be_done(&entry, Response::HOT_RESTART);
        check_eq!(entry.block_reads, 0, "{way}");
        must_be_fresh(&victim.inspect());
        check_eq!(victim.kept().number, 6);
    }
    check_eq!(site::info().must("the site's counters").block_reads, reads);

    // By this site's parameters the other's failures are answered with a reload.
    must_fail_to_reload(&mut other, &mut reader);
    // The site goes on.
    victim.restart_hot(&mut reader);
    check_eq!(victim.kept().number, 6);
}

/// Lets a victim die that is to be reloaded, but cannot be. Its callers are told at the freeze that
/// it comes back; then the reload is entered as failed, the next entry says why, and it is dead.
#[track_caller]
fn must_fail_to_reload(victim: &mut Victim, reader: &mut Reader) {
    let old = victim.actor();
    victim.fell(Request::Die(Way::NullWrite));
    let entry = reader.take();
    check_eq!(entry.actor, old);
    check_eq!(entry.response, Response::RELOAD);
    check!(
        matches!(entry.outcome, Outcome::FAILED | Outcome::SUPERSEDED),
        "the reload is {}",
        entry.outcome
    );
    let next = reader.take();
    let fault = ledger::fault(&next);
    info!("{}: {fault}", next.name);
    check_eq!(next.name, entry.name);
    check_eq!(fault.kind, FaultKind::BAD_IMAGE);
    check!(!fault.message.is_empty(), "no reason given");
    ledger::must_be_done(&next, Response::TERMINATE);
    reader.must_be_at_end();
    must_be_refused(victim.try_ask(Request::Ping), Status::DEAD, "calling it");
    victim.must_be_gone();
}
