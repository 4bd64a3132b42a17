//! What spawning refuses, and that it loses nothing by it.

use group_suite::{Nonsense, Order, Reply, Request};
use syscall::abi::site::ActorState;
use syscall::abi::{FaultKind, Response, Text};
use syscall::prelude::*;
use syscall::site;

use crate::baseline;
use crate::check::{Must, must_be_refused, wait_until};
use crate::ledger::{self, Reader};
use crate::member::{Member, PATIENCE, name};
use crate::quiet;

const PARENT: Member = Member("parent");
/// The most spawned members of a group.
const SPAWNED_MAX: u32 = 64;

#[track_caller]
fn refused(order: Order, status: Status) {
    check_eq!(PARENT.status(Request::Spawn(order)), status, "{order:?}");
}

/// Whatever is asked for that cannot be had is a status, and leaves nothing behind.
pub(crate) fn of_spawning(_: &Start) {
    let mut reader = Reader::at_start();
    let priority = 20;
    PARENT.spawns(Order {
        priority,
        ..Order::member("child")
    });
    let settle = |reader: &mut Reader, others: &[&str]| {
        let again = PARENT.condition().incarnation + 1;
        PARENT.fails(reader, others);
        PARENT.must_come_back(again);
    };
    settle(&mut reader, &["child"]);
    let before = baseline::now();

    for taken in ["parent", "group-judge", "bystander"] {
        refused(Order::member(taken), Status::ALREADY_EXISTS);
    }
    PARENT.spawns(Order::member("child"));
    refused(Order::member("child"), Status::ALREADY_EXISTS);
    for (priority, status) in [(21, Status::BAD_ARGUMENT), (255, Status::BAD_ARGUMENT)] {
        let order = Order {
            priority,
            ..Order::member("proud")
        };
        refused(order, status);
    }
    for (nonsense, status) in [
        (Nonsense::TooLong, Status::TOO_LONG),
        (Nonsense::Empty, Status::BAD_ARGUMENT),
        (Nonsense::Cut, Status::BAD_ARGUMENT),
        (Nonsense::Longer, Status::BAD_ARGUMENT),
        (Nonsense::Ones, Status::BAD_ARGUMENT),
        (Nonsense::BadName, Status::BAD_ARGUMENT),
        (Nonsense::BadImage, Status::BAD_ARGUMENT),
        (Nonsense::BadArguments, Status::BAD_ARGUMENT),
    ] {
        check_eq!(
            PARENT.status(Request::SpawnBadly(nonsense)),
            status,
            "{nonsense:?}"
        );
    }
    // Images that cannot be had are in the ledger as well, as at the start of the site.
    for (image, status) in [
        ("missing", Status::NOT_FOUND),
        ("template", Status::BAD_IMAGE),
    ] {
        for attempt in 0..3 {
            let order = Order {
                image: name(image),
                ..Order::member("unlucky")
            };
            refused(order, status);
            let entry = reader.take();
            let fault = ledger::fault(&entry);
            check_eq!(
                (entry.name.as_str(), fault.kind),
                ("unlucky", FaultKind::BAD_IMAGE),
                "attempt {attempt}"
            );
            ledger::must_be_done(&entry, Response::TERMINATE);
        }
    }
    // The same name with a good image is as good as any.
    PARENT.spawns(Order::member("unlucky"));
    check_eq!(Member("unlucky").condition().incarnation, 1);
    settle(&mut reader, &["child", "unlucky"]);
    // Nothing but the record of a former member.
    baseline::must_come_back(&before, &["actors"]);

    hostile_memory(&mut reader);

    let (used, _) = used_actors();
    check_eq!(
        PARENT.ask(Request::SpawnMany(100)),
        Reply::Many(SPAWNED_MAX, Status::LIMIT_REACHED)
    );
    check_eq!(used_actors().0, used + SPAWNED_MAX as usize);
    let last = Member("parent-63");
    check_eq!(last.condition().incarnation, 1);
    let again = PARENT.condition().incarnation + 1;
    PARENT.ends(Request::Die(syscall::ways_to_die::Way::NullWrite));
    PARENT.must_come_back(again);
    last.must_become(ActorState::ABSENT);
    check_eq!(
        PARENT.ask(Request::SpawnMany(SPAWNED_MAX)),
        Reply::Many(SPAWNED_MAX, Status::OK)
    );
    check_eq!(last.condition().incarnation, 2);
    site::kill_group("parent").must("to kill the group");
    PARENT.must_become(ActorState::TERMINATED);
    // What is left are the records of the four that the site describes.
    wait_until(PATIENCE, || used_actors().0 == 4);
    check_eq!(used_actors().0, 4);
}

/// Memory that is not the caller's is a fault of the caller, or nothing at all.
fn hostile_memory(reader: &mut Reader) {
    let mut index = 0;
    loop {
        let before = PARENT.condition().incarnation;
        match PARENT.try_ask(Request::SpawnBadly(Nonsense::Hostile(index))) {
            Ok(Reply::Status(Status::NOT_FOUND)) => break,
            Ok(Reply::Status(status)) => check!(status != Status::OK, "case {index} succeeds"),
            Ok(other) => fail!("case {index}: {other:?}"),
            Err(_) => {
                let fault = ledger::fault(&reader.take());
                check_eq!(fault.kind, FaultKind::BAD_POINTER, "case {index}");
                PARENT.must_come_back(before + 1);
            }
        }
        index += 1;
    }
    check!(index > 10, "only {index} cases");
}

/// Who spawns under ever new names leaves no more behind than a group may.
pub(crate) fn names_that_are_never_used_again(_: &Start) {
    PARENT.condition();
    let mut most = 0;
    let mut preserved = 0;
    let mut old = alloc::vec::Vec::new();
    let order = |name| Order {
        name,
        arguments: Text::truncated("exits 0"),
        ..Order::member("")
    };
    for number in 0..300_u32 {
        let mut text = Text::<31>::EMPTY;
        // Writing to a `Text` cannot fail: what does not fit is cut.
        let _ = core::fmt::write(&mut text, format_args!("fly-{number}"));
        old.push(PARENT.spawns(order(text)));
        let is_over = || match site::actor(text.as_str()) {
            Ok(Some(info)) => info.state == ActorState::ABSENT,
            _ => false,
        };
        check!(wait_until(PATIENCE, is_over), "{text} does not end");
        let info = quiet::counters();
        most = most.max(used_actors().0);
        if number == 0 {
            preserved = info.preserved_frames;
        }
        check_eq!(info.preserved_frames, preserved, "after {number}");
    }
    // The judge, the parent, and those of whom the group is remembered for.
    check_eq!(most, 2 + SPAWNED_MAX as usize);
    check!(site::actor("fly-0").must("actor information").is_none());
    check_eq!(PARENT.condition().incarnation, 1);
    // Who is spawned again in the slot of somebody who is forgotten is not taken for that one.
    for number in 290..300 {
        let mut text = Text::<31>::EMPTY;
        // Writing to a `Text` cannot fail: what does not fit is cut.
        let _ = core::fmt::write(&mut text, format_args!("fly-{number}"));
        PARENT.spawns(Order {
            arguments: Text::EMPTY,
            ..order(text)
        });
    }
    let present = site::actors().filter_map(|actor| {
        let actor = actor.must("actor information");
        (actor.incarnation == 2).then_some(actor.actor.slot())
    });
    let present: alloc::vec::Vec<_> = present.collect();
    check_eq!(present.len(), 10);
    for actor in old
        .iter()
        .take(200)
        .filter(|actor| present.contains(&actor.slot()))
    {
        must_be_refused(site::restart(*actor), Status::DEAD, "one that is forgotten");
    }
    for actor in &old[290..] {
        must_be_refused(site::restart(*actor), Status::RESTARTED, "one that is back");
    }
}

/// How many records of actors there are, by count and by the counter.
#[track_caller]
fn used_actors() -> (usize, u32) {
    let info = quiet::counters();
    let listed = site::actors().count();
    check_eq!(listed, info.used_actors as usize);
    (listed, info.used_actors)
}
