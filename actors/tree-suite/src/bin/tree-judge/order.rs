//! A group of several members, a dependent of it, and a dependent of that.

use alloc::vec::Vec;

use syscall::abi::{CauseKind, NoticePhase, Response};
use syscall::group::Subscription;
use syscall::prelude::*;
use syscall::site;

use crate::check::Must;
use crate::inbox::{Inbox, Item, course, notices};
use crate::peers::{await_all, incarnations, info, kill};

/// Nanoseconds, that is instructions, for which interrupts may be off while a tree is restarted and
/// subscribers are told.
const LONGEST_OFF: u64 = 4_000;

const ALL: [&str; 7] = [
    "base-1", "base-2", "middle-1", "middle-2", "leaf-1", "leaf-2", "aside",
];

/// Everything is frozen, from the leaves to the root, before anything is restarted; groups are
/// restarted and activated from the root to the leaves, members in the order of the description.
pub(crate) fn leaves_first_and_root_first(_: &Start) {
    use NoticePhase as N;
    await_all(&ALL);
    let before = ALL.map(|name| info(name).actor);
    // They come first in each list, so that what we are told takes the kernel a further step.
    let others = ["base", "middle", "leaf"].map(|name| Subscription::to(name, 1).must(name));
    let inbox = Inbox::of(&["base", "middle", "leaf", "aside"]);
    site::info().must("the site's counters");
    kill("base-2");
    let items = inbox.take_all();
    let longest = site::info().must("the site's counters").interrupts_off;
    check!(
        longest < LONGEST_OFF,
        "interrupts were off for {longest} ns"
    );
    let told = notices(&items);
    let expected = [
        (N::FAILED, "base-2"),
        (N::FROZEN, "leaf-1"),
        (N::FROZEN, "leaf-2"),
        (N::FROZEN, "middle-1"),
        (N::FROZEN, "middle-2"),
        (N::FROZEN, "base-1"),
        (N::FROZEN, "base-2"),
        (N::RESTARTED, "base-1"),
        (N::RESTARTED, "base-2"),
        (N::ACTIVATED, "base-1"),
        (N::ACTIVATED, "base-2"),
        (N::RESTARTED, "middle-1"),
        (N::RESTARTED, "middle-2"),
        (N::ACTIVATED, "middle-1"),
        (N::ACTIVATED, "middle-2"),
        (N::RESTARTED, "leaf-1"),
        (N::RESTARTED, "leaf-2"),
        (N::ACTIVATED, "leaf-1"),
        (N::ACTIVATED, "leaf-2"),
    ];
    check_eq!(course(&told), expected);
    check_eq!(incarnations(ALL), [2, 2, 2, 2, 2, 2, 1]);
    // None is left out, whichever group it is about.
    for pair in told.windows(2) {
        if let [first, second] = pair {
            check_eq!(second.sequence, first.sequence + 1);
            check!(second.time >= first.time, "time goes back");
        }
    }
    for (name, old) in ALL.into_iter().zip(before) {
        if name != "aside" {
            says_it_in_order(&items, name, old);
        }
    }
    drop(others);
}

/// What was said of an actor fits together and came before what it says itself.
fn says_it_in_order(items: &[Item], name: &str, old: ActorId) {
    let new = info(name).actor;
    let mut order = Vec::new();
    for item in items {
        match item {
            Item::Greeted(actor, greeting) if *actor == new => {
                check_eq!(greeting.incarnation, 2);
                order.push("greeting");
            }
            Item::Told(delivery)
                if delivery.notice.actor.as_str() == name
                    && delivery.subscription == delivery.notice.group =>
            {
                let notice = delivery.notice;
                check_eq!((delivery.missed, delivery.lost), (0, 0));
                let (from, to) = match notice.phase {
                    NoticePhase::FAILED => (old, ActorId::NONE),
                    NoticePhase::FROZEN => (old, new),
                    _ => (new, new),
                };
                check_eq!((notice.old, notice.new), (from, to), "{notice:?}");
                check_eq!(notice.response, Response::HOT_RESTART);
                let cause = if name == "base-2" {
                    CauseKind::FAULT
                } else {
                    CauseKind::GROUP
                };
                check_eq!(notice.cause, cause);
                let entry = syscall::ledger::entry(notice.ledger).must("the ledger");
                let entry = entry.must("the entry of a notice");
                check_eq!((entry.actor, entry.successor), (old, new));
                order.push(notice.phase.name());
            }
            _ => {}
        }
    }
    let mut expected: Vec<_> = ["frozen", "restarted", "activated", "greeting", "ready"].into();
    if name == "base-2" {
        expected.insert(0, "failed");
    }
    check_eq!(order, expected, "{name}");
}
