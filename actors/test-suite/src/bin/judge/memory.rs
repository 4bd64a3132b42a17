//! When there is no memory left.

use syscall::abi::site::Hook;
use syscall::abi::{FaultKind, Outcome, Response};
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{Region, site};
use test_suite::Request;

use crate::check::{Must, must_be_refused, must_fail, wait_until};
use crate::ledger::{self, Reader};
use crate::victim::{PATIENCE, Victim};

/// An actor gets as much as its description says, and no more.
pub(crate) fn limits(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    let before = site::info().must("the site's counters");

    // Nonsense.
    for bytes in [usize::MAX, usize::MAX - 4095, 1 << 47, 1 << 40] {
        let error = must_fail(Region::allocate(bytes), "more than there can be");
        check!(
            matches!(
                error.status(),
                Status::NO_MEMORY | Status::LIMIT_REACHED | Status::BAD_ARGUMENT
            ),
            "{bytes:#x} bytes: {error:?}"
        );
    }
    must_be_refused(
        Region::allocate(0),
        Status::BAD_ARGUMENT,
        "a region of no bytes",
    );

    // The judge's own memory comes back.
    for _ in 0..3 {
        let mut region = Region::allocate(1 << 20).must("a region");
        check!(region.iter().all(|byte| *byte == 0), "not zeroed");
        region.fill(1);
        let used = site::info().must("the site's counters");
        check!(
            used.free_frames + 256 <= before.free_frames,
            "{used:?} was {before:?}"
        );
        region.free().must("the end of a region");
    }
    check_eq!(
        site::info().must("the site's counters").free_frames,
        before.free_frames
    );

    // The victim has 512 frames: a region that it cannot fill is refused, or is its end.
    match victim.try_ask(Request::Allocate(600 * 4096)) {
        Err(Error::Declined(status)) => {
            check!(
                matches!(status, Status::LIMIT_REACHED | Status::NO_MEMORY),
                "{status}"
            );
        }
        Err(Error::Restarted { .. }) => {
            let fault = ledger::fault(&reader.take());
            check_eq!(fault.kind, FaultKind::OUT_OF_MEMORY);
            victim = Victim::find("victim");
        }
        other => fail!("more than the budget: {other:?}"),
    }
    victim.number(Request::Allocate(300 * 4096));
    victim.restart_hot(&mut reader);
    victim.number(Request::Allocate(300 * 4096));

    victim.restart_hot(&mut reader);

    // Page tables count as well: 400 pages fit, but not when each takes a table of its own.
    let before = site::info().must("the site's counters");
    victim.fell(Request::AllocateSparse(400 * (2 << 20)));
    check_eq!(ledger::fault(&reader.take()).kind, FaultKind::OUT_OF_MEMORY);
    victim.find_again();
    let after = site::info().must("the site's counters");
    let taken = before.free_frames.saturating_sub(after.free_frames);
    check!(taken <= 512, "{taken} frames are still taken");
    // What an incarnation took, the next one has.
    for _ in 0..3 {
        victim.number(Request::Allocate(200 * 4096));
        victim.restart_hot(&mut reader);
    }
}

/// When the site has no frame left, whoever needs one fails, with a clear record; and when there
/// are some again, everything goes on.
pub(crate) fn exhausted(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    victim.restart_hot(&mut reader);
    victim.make(Request::Keep(8));
    let before = victim.settled();

    let held = site::hook(Hook::HOLD_FRAMES, 8).must("the hook");
    check!(held > 1000, "only {held} frames held");
    // The victim writes to new pages until there are none.
    match victim.try_ask(Request::Dirty) {
        Err(Error::Restarted { .. } | Error::Dead { .. }) => {
            let fault = ledger::fault(&reader.take_unfinished());
            check_eq!(fault.kind, FaultKind::OUT_OF_MEMORY);
        }
        Err(Error::Declined(status)) => check_eq!(status, Status::NO_MEMORY),
        other => fail!("dirtying without memory ends with {other:?}"),
    }
    site::hook(Hook::HOLD_FRAMES, 0).must("the hook");

    // It is there again, or a restart makes it so: its failures left it with one more.
    let is_there = || {
        RemotePort::find("victim", Span::ZERO).is_ok_and(|port| {
            port.request::<test_suite::Reply>(&Request::Ping, PATIENCE)
                .is_ok()
        })
    };
    check!(
        wait_until(PATIENCE, is_there),
        "the victim does not come back: {:?}",
        victim.info()
    );
    reader.skip();
    let mut victim = Victim::find("victim");
    check_eq!(victim.kept().number, 8);
    victim.restart_hot(&mut reader);
    check_eq!(victim.kept().number, 8);
    let is_back = || victim.settled().free_frames == before.free_frames;
    check!(
        wait_until(PATIENCE, is_back),
        "{:?} was {before:?}",
        victim.settled()
    );

    // No frame at all, while the victim dies: it is restarted with what it gives back.
    site::hook(Hook::HOLD_FRAMES, 1).must("the hook");
    victim.fell(Request::Die(Way::Panic));
    let entry = reader.take();
    site::hook(Hook::HOLD_FRAMES, 0).must("the hook");
    check_eq!(entry.response, Response::HOT_RESTART);
    check_eq!(entry.outcome, Outcome::DONE);
    check!(
        wait_until(PATIENCE, is_there),
        "the victim does not come back: {:?}",
        victim.info()
    );
    check_eq!(Victim::find("victim").kept().number, 8);
}
