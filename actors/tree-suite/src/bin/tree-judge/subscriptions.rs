//! Who is told, for how long, and what is said when there was no room.

use alloc::vec::Vec;

use syscall::abi::NoticePhase;
use syscall::group::Subscription;
use syscall::prelude::*;
use syscall::{site, thread};
use tree_suite::{Reply, Request, WATCHED};

use crate::check::{Must, must_be_refused};
use crate::ledger::Reader;
use crate::peers::{ask, await_all, await_group, complain, group_info, kill_and_read};

/// A subscription with room for four notices misses the fifth and those after it, holds up nobody,
/// and says how many it missed as soon as there is room.
pub(crate) fn gaps_are_said(_: &Start) {
    await_all(&["watched"]);
    let mut reader = Reader::at_end();
    let subscription = Subscription::to(WATCHED, 4).must("a subscription");
    // Five notices each: failed, frozen, restarted, activated, ready.
    for _ in 0..3 {
        kill_and_read("watched", &mut reader);
        await_all(&["watched"]);
    }
    let take = || subscription.next(Span::ZERO);
    let first: Vec<_> = core::iter::from_fn(|| take().ok()).collect();
    check_eq!(first.len(), 4);
    let last = first.last().must("a notice").notice;
    check_eq!(last.phase, NoticePhase::ACTIVATED);
    check!(first.iter().all(|delivery| delivery.missed == 0));
    kill_and_read("watched", &mut reader);
    await_all(&["watched"]);
    let next = take().must("a notice after the gap");
    check_eq!((next.missed, next.lost), (11, 0));
    check_eq!(next.notice.sequence, last.sequence + 12);
    check_eq!(next.notice.phase, NoticePhase::FAILED);
    // The rest of that restart found room again, but for the last.
    let rest: Vec<_> = core::iter::from_fn(|| take().ok()).collect();
    check_eq!(rest.len(), 3);
    check!(rest.iter().all(|delivery| delivery.missed == 0));
}

/// A subscription belongs to a port: it goes with it, and at the freeze of the port's owner; the
/// next incarnation has to subscribe again.
pub(crate) fn they_go_with_the_port(_: &Start) {
    await_all(&["listener", "stranger", "watched"]);
    let subscribers = || group_info(WATCHED).subscribers;
    check_eq!(subscribers(), 1);
    let counters = || {
        let info = site::info().must("the site's counters");
        (info.used_ports, info.used_messages, info.free_frames)
    };
    // Its own restart.
    let mut reader = Reader::at_end();
    kill_and_read("listener", &mut reader);
    await_all(&["listener"]);
    check_eq!(subscribers(), 1);
    let before = counters();
    for _ in 0..40 {
        kill_and_read("listener", &mut reader);
        await_all(&["listener"]);
        check_eq!(subscribers(), 1);
        // What is in its queue when it fails goes with it.
        kill_and_read("watched", &mut reader);
        await_all(&["watched"]);
    }
    kill_and_read("listener", &mut reader);
    await_all(&["listener"]);
    check_eq!(counters(), before);
    // Its own wish.
    check_eq!(ask("listener", Request::Unsubscribe), Reply::Done);
    check_eq!(subscribers(), 0);

    // Without the right.
    let refused = Reply::Status(Status::NOT_PERMITTED.0);
    check_eq!(ask("stranger", Request::Subscribe), refused);
    check_eq!(ask("stranger", Request::Clear), refused);
    check_eq!(subscribers(), 0);

    // Up to sixteen of a group; each port once.
    let mut many: Vec<_> = (0..16)
        .map(|_| Subscription::to(WATCHED, 4).must("a subscription"))
        .collect();
    let again = many.first().must("a subscription").add(WATCHED);
    must_be_refused(again, Status::ALREADY_EXISTS, "subscribing twice");
    must_be_refused(
        Subscription::to(WATCHED, 4),
        Status::LIMIT_REACHED,
        "a seventeenth subscriber",
    );
    must_be_refused(
        Subscription::to("nobody", 4),
        Status::NOT_FOUND,
        "subscribing to nobody",
    );
    check_eq!(subscribers(), 16);
    // All are told, and those who unsubscribe are not.
    let silent = many.pop().must("a subscription");
    silent.remove(WATCHED).must("unsubscribing");
    must_be_refused(
        silent.remove(WATCHED),
        Status::NOT_FOUND,
        "unsubscribing twice",
    );
    complain("watched");
    for subscription in &many {
        let told = subscription.next(Span::from_secs(1)).must("a notice");
        check_eq!(told.notice.phase, NoticePhase::FAILED);
    }
    thread::sleep(Span::from_millis(20));
    must_be_refused(silent.next(Span::ZERO), Status::TIMED_OUT, "a notice");
    drop(many);
    await_group(WATCHED, |group| group.subscribers == 0);
}
