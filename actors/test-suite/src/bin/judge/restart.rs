//! A restart puts everything back, and is not always a failure.

use syscall::abi::site::Hook;
use syscall::abi::start::PreviousEnd;
use syscall::abi::{Cause, FaultKind, Outcome, Response};
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{site, thread};
use test_suite::{Condition, DATA, Request};

use crate::check::{Must, must_be_refused, must_fail};
use crate::counters;
use crate::ledger::{self, Reader};
use crate::quiet;
use crate::victim::{PATIENCE, Victim};

/// Data, zeroed data, stack, heap, private regions, threads, ports and vector registers are as at
/// the first start.
pub(crate) fn everything_else_is_reset(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    let fresh = victim.inspect();
    must_be_fresh(&fresh);
    // Named ports keep their names, so that they are only made once: that comes before we count.
    dirty_all(&victim);
    victim.restart_hot(&mut reader);
    must_be_fresh(&victim.inspect());
    let first = victim.info();
    let before = counters::now();

    for incarnation in 2..8 {
        let condition = victim.inspect();
        check_eq!(condition.incarnation, incarnation);
        must_be_fresh(&condition);
        let info = victim.info();
        check_eq!(info.threads, 1, "incarnation {incarnation}");
        check_eq!(
            info.private_frames,
            first.private_frames,
            "incarnation {incarnation}"
        );
        for name in ["victim-0", "victim-2"] {
            must_be_refused(RemotePort::find(name, Span::ZERO), Status::NOT_FOUND, name);
        }

        dirty_all(&victim);
        victim.restart_hot(&mut reader);
    }
    must_be_fresh(&victim.inspect());

    // Nothing of it is left anywhere.
    counters::must_come_back(&before);
}

/// Uses everything there is to use, and makes sure that it is used.
#[track_caller]
fn dirty_all(victim: &Victim) {
    let clean = victim.info();
    victim.make(Request::Dirty);
    victim.make(Request::MakeThreads(3));
    victim.make(Request::MakePorts(3));
    victim.number(Request::Allocate(100_000));
    victim.make(Request::TouchData(5));
    let dirty = victim.inspect();
    check!(
        dirty.data != DATA && dirty.far_data != DATA,
        "not dirty: {dirty:?}"
    );
    check!(
        dirty.zeroed != 0 && dirty.far_zeroed != 0 && dirty.heap != 0,
        "not dirty: {dirty:?}"
    );
    let info = victim.info();
    check_eq!((info.threads, info.ports), (4, 4));
    check!(
        info.private_frames >= clean.private_frames + 50,
        "{info:?} was {clean:?}"
    );
}

#[track_caller]
pub(crate) fn must_be_fresh(condition: &Condition) {
    let Condition {
        data,
        far_data,
        zeroed,
        far_zeroed,
        heap,
        ..
    } = *condition;
    check_eq!((data, far_data), (DATA, DATA), "initialised data");
    check_eq!((zeroed, far_zeroed), (0, 0), "zeroed data");
    check_eq!(heap, 0, "the heap");
    check!(!condition.is_stack_marked, "the stack is not clean");
    check!(condition.is_region_zeroed, "a private region is not clean");
    check!(
        condition.is_vector_clear,
        "the vector registers are not clear"
    );
}

/// Threads that wait in every syscall there is to wait in, compute, and give way, end with their
/// incarnation, whatever they do just then.
pub(crate) fn threads_end_wherever_they_are(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    // Once for the pages of our own stack that this takes.
    die_busy(&mut victim, &mut reader, Way::IllegalInstruction);
    let before = counters::now();
    for way in [
        Way::NullWrite,
        Way::Panic,
        Way::UncleanExit,
        Way::BadPointer,
    ] {
        die_busy(&mut victim, &mut reader, way);
    }
    counters::must_come_back(&before);
}

/// Lets a victim die whose threads wait everywhere.
#[track_caller]
fn die_busy(victim: &mut Victim, reader: &mut Reader, way: Way) {
    victim.make(Request::MakeBusyThreads);
    check_eq!(victim.info().threads, 9);
    let entry = victim.die(reader, Request::Die(way));
    ledger::must_be_done(&entry, Response::HOT_RESTART);
    victim.make(Request::Ping);
    check_eq!(victim.info().threads, 1);
}

/// An actor that says that it is done ends, and that is no failure.
pub(crate) fn clean_exit_is_no_failure(_: &Start) {
    let victim = Victim::find("victim");
    let mut reader = Reader::at_start();

    // One that was done at once.
    let entry = reader.take();
    check_eq!(
        (entry.name.as_str(), entry.cause),
        ("done", Cause::CleanExit)
    );
    ledger::must_be_done(&entry, Response::NONE);
    check!(entry.successor.is_none());

    // One that is done in the middle of a request.
    let old = victim.actor();
    let stale = victim.port();
    let before = site::info().must("the site's counters");
    let error = must_fail(victim.try_ask(Request::Exit(0)), "a request to exit");
    check_eq!(error.status(), Status::DEAD);
    let entry = reader.take();
    check_eq!((entry.actor, entry.cause), (old, Cause::CleanExit));
    ledger::must_be_done(&entry, Response::NONE);
    victim.must_be_gone();
    must_be_refused(
        stale.call(&[], &mut [0; 64], PATIENCE),
        Status::DEAD,
        "calling it",
    );
    must_be_refused(site::restart(old), Status::DEAD, "restarting it");
    let after = site::info().must("the site's counters");
    check_eq!(after.used_ports, before.used_ports - 1);
    check!(
        after.free_frames > before.free_frames,
        "{after:?} was {before:?}"
    );
    reader.must_be_at_end();
}

/// A restart that somebody asked for records no fault, and does what a hot restart does.
pub(crate) fn requested_restart_is_no_failure(start: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    victim.make(Request::Keep(3));

    // The actor itself asks.
    victim.make(Request::Dirty);
    let old = victim.actor();
    let entry = victim.die(&mut reader, Request::Restart(ActorId::NONE));
    check_eq!(entry.cause, Cause::Requested { by: old });
    ledger::must_be_done(&entry, Response::HOT_RESTART);
    let condition = victim.inspect();
    must_be_fresh(&condition);
    check_eq!(
        (condition.incarnation, condition.previous),
        (2, PreviousEnd::Requested)
    );
    check_eq!(victim.kept().number, 3);

    // The holder of the right asks.
    victim.make(Request::Dirty);
    let old = victim.actor();
    site::restart(old).must("the right to restart");
    let entry = reader.take();
    check_eq!(entry.actor, old);
    check_eq!(entry.cause, Cause::Requested { by: start.actor() });
    ledger::must_be_done(&entry, Response::HOT_RESTART);
    victim = Victim::find("victim");
    let condition = victim.inspect();
    must_be_fresh(&condition);
    check_eq!(
        (condition.incarnation, condition.previous),
        (3, PreviousEnd::Requested)
    );
    check_eq!(victim.kept().number, 3);

    // With the old capability, it is told the new one.
    match must_fail(site::restart(old), "restarting a stale capability") {
        Error::ActorRestarted { new } => check_eq!(new, victim.actor()),
        other => fail!("restarting a stale capability ends with {other:?}"),
    }
    reader.must_be_at_end();
}

/// A pristine image that has changed in memory is noticed, and not used: the disk's is.
pub(crate) fn corrupt_image_is_not_used(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    victim.restart_hot(&mut reader);

    // Data, which a restart puts back: that is when they are looked at.
    victim.make(Request::Dirty);
    site::hook(Hook::CORRUPT_IMAGE, victim.actor().raw()).must("the hook");
    must_be_reloaded(&mut victim, &mut reader);

    // Text, which a restart does not touch: it is looked at when there is nothing else to do.
    site::hook(Hook::CORRUPT_TEXT, victim.actor().raw()).must("the hook");
    thread::sleep(IDLE);
    must_be_reloaded(&mut victim, &mut reader);
    victim.restart_hot(&mut reader);
    reader.must_be_at_end();
}

/// Time for the kernel to look at every page of every image, one a tick of a millisecond: the
/// images here have some two hundred.
const IDLE: Span = Span::from_millis(600);

/// Lets a victim die whose image is damaged, and come back from the disk.
#[track_caller]
fn must_be_reloaded(victim: &mut Victim, reader: &mut Reader) {
    victim.fell(Request::Die(Way::NullWrite));
    let failed = reader.take();
    check_eq!(failed.response, Response::HOT_RESTART);
    check!(failed.outcome != Outcome::DONE, "a damaged image was used");
    let entry = reader.take();
    check_eq!(ledger::fault(&entry).kind, FaultKind::BAD_IMAGE);
    ledger::must_be_done(&entry, Response::RELOAD);
    check!(entry.block_reads > 0, "a reload read nothing");
    victim.find_again();
    must_be_fresh(&victim.inspect());
    reader.must_be_at_end();
}

/// Bytes of the large actor: 2048 pages, all dirtied.
const LARGE: u64 = 8 * 1024 * 1024;

/// Restarting a large actor takes long, but never long with interrupts off.
pub(crate) fn large_restart_lets_interrupts_in(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    victim.number(Request::Allocate(LARGE));
    quiet::listen();
    victim.fell(Request::Die(Way::NullWrite));
    victim.find_again();
    victim.make(Request::Ping);
    let entry = reader.take();
    quiet::must_have_been_kept();
    check!(
        entry.phases.restart.0 > 10 * quiet::OFF_MAX,
        "the restart took only {}",
        entry.phases.restart
    );
}
