//! How groups end, and that nothing is left of them then.

use group_suite::{Order, Request};
use syscall::abi::site::{ActorState, Rights};
use syscall::abi::{Cause, LedgerEntry, Response};
use syscall::prelude::*;
use syscall::site;

use crate::baseline;
use crate::check::{Must, must_be_refused, wait_until};
use crate::counters::Counters;
use crate::ledger::{self, Reader};
use crate::member::{Member, PATIENCE, must_follow};
use crate::quiet;

const LEFT: Member = Member("left");
const RIGHT: Member = Member("right");
const OTHER: Member = Member("left-other");
const RIGHT_OTHER: Member = Member("right-other");
const HOLDER: Member = Member("holder");
const CHILD: Member = Member("child");
const GRANDCHILD: Member = Member("grandchild");
const GONE: Member = Member("gone");

/// What the counters fell by.
fn fall(before: &Counters, after: &Counters) -> alloc::vec::Vec<(&'static str, i64)> {
    let pairs = before.iter().zip(after);
    pairs
        .map(|((name, before), (_, after))| (*name, before.cast_signed() - after.cast_signed()))
        .collect()
}

/// Fills the left group: a child, a child of that, and one that is not spawned again after the
/// restart that follows, each with something that it keeps.
#[track_caller]
fn fill(reader: &mut Reader) {
    let spawner = Order {
        rights: Rights::SPAWN,
        ..Order::member("child")
    };
    let fill = |number| {
        LEFT.spawns(spawner);
        CHILD.spawns(Order::member("grandchild"));
        CHILD.make(Request::Keep(number));
        GRANDCHILD.make(Request::Keep(number));
    };
    let empty = quiet::counters();
    fill(1);
    LEFT.spawns(Order::member("gone"));
    GONE.make(Request::Keep(1));
    LEFT.fails(reader, &["left-other", "child", "grandchild", "gone"]);
    GONE.must_become(ActorState::ABSENT);
    fill(2);
    OTHER.condition();
    let full = quiet::counters();
    check_eq!(full.persistent_regions, empty.persistent_regions + 3);
    check_eq!(full.used_actors, empty.used_actors + 3);
    reader.must_be_at_end();
}

/// Checks that nothing is left of the left group but the records of its direct members, by ending
/// the right group, in which nothing ever happened: both give the same back.
#[track_caller]
fn must_leave_nothing(
    before: &Counters,
    mut reader: Reader,
    end_right: impl FnOnce(),
    others: &[&str],
) {
    for member in [CHILD, GRANDCHILD, GONE] {
        check_eq!(member.info(), None, "{}", member.0);
        must_be_refused(site::find(member.0), Status::NOT_FOUND, member.0);
    }
    check_eq!(LEFT.state(), ActorState::TERMINATED);
    check_eq!(quiet::counters().persistent_regions, 0);
    let between = baseline::now();
    end_right();
    must_follow(&mut reader, others);
    for member in [RIGHT, RIGHT_OTHER] {
        member.must_become(ActorState::TERMINATED);
    }
    let after = baseline::now();
    check_eq!(fall(before, &between), fall(&between, &after));
}

/// When the last direct member exits cleanly, its group ends, whoever was spawned in it.
pub(crate) fn last_direct_member_exits(_: &Start) {
    let mut reader = Reader::at_start();
    for member in [LEFT, OTHER, RIGHT, RIGHT_OTHER, HOLDER] {
        member.condition();
    }
    let before = baseline::now();
    fill(&mut reader);

    let children = [CHILD.actor(), GRANDCHILD.actor()];
    OTHER.ends(Request::Exit(0));
    ledger::must_be_done(&reader.take(), Response::NONE);
    OTHER.must_become(ActorState::TERMINATED);
    check_eq!(GRANDCHILD.condition().incarnation, 2);
    reader.must_be_at_end();

    LEFT.ends(Request::Exit(0));
    let exit = reader.take();
    check_eq!(
        (exit.name.as_str(), exit.response),
        ("left", Response::NONE)
    );
    for _ in children {
        let entry = reader.take();
        check!(children.contains(&entry.actor), "{entry:?}");
        ledger::must_be_done(&entry, Response::TERMINATE);
        let because = exit.sequence;
        check_eq!(entry.cause, Cause::Group { because });
    }
    let is_forgotten = || GONE.info().is_none();
    check!(wait_until(PATIENCE, is_forgotten));
    reader.must_be_at_end();
    let end_right = || {
        RIGHT_OTHER.ends(Request::Exit(0));
        RIGHT.ends(Request::Exit(0));
    };
    must_leave_nothing(&before, reader, end_right, &["right-other", "right"]);
}

/// A plain kill of any member restarts its group; only a group kill ends it.
pub(crate) fn group_is_killed(start: &Start) {
    let mut reader = Reader::at_start();
    for member in [LEFT, OTHER, RIGHT, RIGHT_OTHER, HOLDER] {
        member.condition();
    }
    let before = baseline::now();
    fill(&mut reader);

    let by = start.actor();
    let was_killed = |entry: &LedgerEntry| entry.cause == Cause::Killed { by };
    for (round, member) in (3..).zip([CHILD, LEFT]) {
        let killed = member.actor();
        site::kill(killed).must("to kill a member");
        let entry = reader.take();
        check!(entry.actor == killed && was_killed(&entry), "{entry:?}");
        ledger::must_be_done(&entry, Response::HOT_RESTART);
        let mut others = alloc::vec!["left", "left-other", "child", "grandchild"];
        others.retain(|name| *name != member.0);
        must_follow(&mut reader, &others);
        LEFT.must_come_back(round);
        OTHER.must_come_back(round);
        LEFT.spawns(Order {
            rights: Rights::SPAWN,
            ..Order::member("child")
        });
        CHILD.spawns(Order::member("grandchild"));
        check_eq!(GRANDCHILD.number(Request::Kept), 2);
    }

    let old = [LEFT, CHILD].map(Member::actor);
    site::kill_group("left").must("to kill a group");
    for _ in 0..4 {
        let entry = reader.take();
        check!(
            entry.group.as_str() == "left" && was_killed(&entry),
            "{entry:?}"
        );
        ledger::must_be_done(&entry, Response::TERMINATE);
    }
    let is_forgotten = || GONE.info().is_none();
    check!(wait_until(PATIENCE, is_forgotten));
    for actor in old {
        must_be_refused(site::kill(actor), Status::DEAD, "killing the dead");
    }
    for name in ["left", "nowhere", "child"] {
        must_be_refused(site::kill_group(name), Status::NOT_FOUND, name);
    }
    reader.must_be_at_end();
    let end_right = || site::kill_group("right").must("to kill a group");
    must_leave_nothing(&before, reader, end_right, &["right-other", "right"]);
}

/// A member that is not spawned again keeps nobody from anything: its group runs without it, and
/// ends with its last direct member.
pub(crate) fn member_is_not_spawned_again(_: &Start) {
    let mut reader = Reader::at_start();
    let (parent, child) = (Member("parent"), Member("child"));
    child.make(Request::Keep(5));
    let old = child.actor();
    child.fails(&mut reader, &["parent"]);
    parent.must_come_back(2);
    check_eq!(child.state(), ActorState::ABSENT);
    must_be_refused(site::find("child"), Status::DEAD, "finding who is absent");
    must_be_refused(site::kill(old), Status::DEAD, "killing who is absent");
    // Over further restarts, too.
    parent.fails(&mut reader, &[]);
    parent.must_come_back(3);
    check_eq!(child.state(), ActorState::ABSENT);
    let info = quiet::counters();
    check_eq!(info.persistent_regions, 1);

    parent.ends(Request::Exit(0));
    ledger::must_be_done(&reader.take(), Response::NONE);
    parent.must_become(ActorState::TERMINATED);
    let is_forgotten = || child.info().is_none();
    check!(wait_until(PATIENCE, is_forgotten));
    let info = quiet::counters();
    check_eq!(info.persistent_regions, 0);
    must_be_refused(
        site::kill_group("parent"),
        Status::NOT_FOUND,
        "killing a group that has ended",
    );
    reader.must_be_at_end();
}
