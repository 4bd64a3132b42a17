//! A site as it comes up.

use syscall::abi::site::ActorState;
use syscall::abi::start::PreviousEnd;
use syscall::abi::{FaultKind, Response};
use syscall::prelude::*;
use syscall::{site, thread};

use crate::check::{Must, must_be_refused, wait_until};
use crate::ledger::{self, Reader};
use crate::victim::{PATIENCE, Victim};

/// Every actor is told what the description says; the clock runs; nothing has failed.
pub(crate) fn everything_is_as_described(start: &Start) {
    let record = start.record();
    check_eq!(record.actor, start.actor());
    check_eq!(record.incarnation, 1);
    check_eq!(record.name.as_str(), "judge");
    check_eq!(record.arguments.as_str(), "boot and further words");
    check_eq!(record.previous, PreviousEnd::None);
    check_eq!(start.argument(2), Some("further"));

    let victim = Victim::find("victim");
    let condition = victim.inspect();
    check_eq!(condition.actor, victim.actor());
    check_eq!(condition.incarnation, 1);
    check_eq!(condition.previous, PreviousEnd::None);
    check!(condition.is_vector_clear && condition.is_region_zeroed);

    let judge = site::actor("judge")
        .must("actor information")
        .must("the judge");
    check_eq!(judge.actor, start.actor());
    check_eq!(site::find("judge"), Ok(start.actor()));
    let info = victim.info();
    check_eq!(
        (info.state, info.incarnation, info.threads),
        (ActorState::RUNNING, 1, 1)
    );
    check_eq!(info.ports, 1);
    check!(info.private_frames > 0);
    // The third one may still be loading.
    check!(
        wait_until(PATIENCE, || site::actors().count() == 3),
        "not three actors"
    );
    must_be_refused(site::find("nobody"), Status::NOT_FOUND, "finding nobody");

    let counters = site::info().must("the site's counters");
    check_eq!(counters.used_actors, 3);
    check!(counters.free_frames > 1000, "few frames: {counters:?}");
    check!(
        counters.used_threads >= 3 && counters.used_ports == 1,
        "tables: {counters:?}"
    );
    check!(
        counters.block_reads > 0,
        "the actors came from nowhere: {counters:?}"
    );
    check_eq!((counters.hot_restarts, counters.reloads), (0, 0));

    let before = thread::now();
    thread::sleep(Span::from_millis(30));
    let slept = thread::now().since(before);
    check!(slept >= Span::from_millis(30), "woken after {slept}");
    check!(slept < Span::from_secs(2), "slept for {slept}");

    Reader::at_start().must_be_at_end();
}

/// The host has damaged the images of some actors, each in another way. Each damage is entered in
/// the ledger, and the others run.
pub(crate) fn bad_images_are_entered_in_the_ledger(_: &Start) {
    const DAMAGED: usize = 6;
    let victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    let mut seen = alloc::vec::Vec::new();
    for _ in 0..DAMAGED {
        let entry = reader.take();
        let fault = ledger::fault(&entry);
        info!("{}: {fault}", entry.name);
        check_eq!(fault.kind, FaultKind::BAD_IMAGE, "{}", entry.name);
        check_eq!(entry.response, Response::TERMINATE, "{}", entry.name);
        check!(!fault.message.is_empty(), "{}: no reason given", entry.name);
        check!(entry.name.as_str() != "victim" && entry.name.as_str() != "judge");
        check!(
            !seen.contains(&entry.name),
            "{} has two entries",
            entry.name
        );
        seen.push(entry.name);
    }
    reader.must_be_at_end();
    for name in seen {
        let actor = site::actor(name.as_str()).must("actor information");
        check!(
            actor.is_none_or(|actor| actor.state == ActorState::TERMINATED),
            "{actor:?}"
        );
    }
    // Those that are not damaged serve, and are restarted as ever.
    let mut victim = victim;
    victim.restart_hot(&mut reader);
    check_eq!(victim.inspect().incarnation, 2);
}
