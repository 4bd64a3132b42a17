//! Who may do what to whom.

use group_suite::{Deed, Order, Reply, Request};
use syscall::abi::site::Rights;
use syscall::prelude::*;

use crate::ledger::Reader;
use crate::member::{Member, must_follow, name};

const STORE: Member = Member("store");
const SHOP: Member = Member("shop-front");
const NO: Status = Status::NOT_PERMITTED;
const OK: Status = Status::OK;

/// Has a holder of rights do everything to an actor; `statuses` are what must come of it, in the
/// order of [`Deed::ALL`]. After each deed that restarts the actor, it comes back.
#[track_caller]
fn does_all(holder: Member, target: Member, statuses: [Status; 5], reader: &mut Reader) {
    for (deed, expected) in Deed::ALL.into_iter().zip(statuses) {
        let again = target.condition().incarnation + 1;
        check_eq!(
            holder.does(deed, target.actor()),
            expected,
            "{}: {deed:?} of {}",
            holder.0,
            target.0
        );
        let restarts = matches!(deed, Deed::Kill | Deed::Restart | Deed::Complain);
        match (deed, expected == OK) {
            (Deed::Freeze, true) => {
                check_eq!(holder.does(Deed::Thaw, target.actor()), OK);
            }
            _ if restarts && expected == OK => {
                check_eq!(reader.take().name.as_str(), target.0);
                if target.0 == SHOP.0 {
                    must_follow(reader, &["shop-back"]);
                }
                target.must_come_back(again);
            }
            _ => {}
        }
    }
    reader.must_be_at_end();
}

/// Each right does what it says, where it is held, and nothing else.
pub(crate) fn of_each_kind(_: &Start) {
    let mut reader = Reader::at_start();
    let [nothing, everything, some, groupwise] =
        ["nothing", "everything", "some", "groupwise"].map(Member);
    let reader = &mut reader;

    does_all(nothing, STORE, [NO; 5], reader);
    does_all(everything, STORE, [OK; 5], reader);
    // A grant on an actor covers that one: FREEZE and RESTART on the store.
    does_all(some, STORE, [OK, OK, NO, OK, NO], reader);
    does_all(some, SHOP, [NO; 5], reader);
    // A grant on a group covers its members: KILL and COMPLAIN on the shop.
    does_all(groupwise, SHOP, [NO, NO, OK, NO, OK], reader);
    does_all(groupwise, STORE, [NO; 5], reader);

    // To spawn is a right over one's own group.
    let child = Request::Spawn(Order::member("child"));
    for (member, status) in [(nothing, NO), (some, NO), (groupwise, NO)] {
        check_eq!(member.status(child), status, "{} spawns", member.0);
    }
    check!(matches!(everything.ask(child), Reply::Actor(_)));

    // To kill a group takes the right on the group, not on its member.
    let groups = |group| Request::KillGroup(name(group));
    for (member, group, status) in [
        (nothing, "store", NO),
        (some, "store", NO),
        (groupwise, "store", NO),
        (nothing, "shop", NO),
        (some, "nothing", NO),
        (groupwise, "nowhere", Status::NOT_FOUND),
        (groupwise, "shop", OK),
        (everything, "store", OK),
    ] {
        check_eq!(
            member.status(groups(group)),
            status,
            "{} kills {group}",
            member.0
        );
    }
    must_follow(reader, &["shop-front", "shop-back", "store"]);
    reader.must_be_at_end();
}

/// A spawned actor has what it was given of its spawner's rights, where the spawner has them; and
/// its spawner may do everything to it.
pub(crate) fn of_spawned_actors(_: &Start) {
    let mut reader = Reader::at_start();
    let reader = &mut reader;
    let (parent, child, grandchild) = (Member("parent"), Member("child"), Member("grandchild"));
    let with = |name, rights| Order {
        rights,
        ..Order::member(name)
    };
    // RESTART it does not have itself, anywhere.
    check_eq!(
        parent.status(Request::Spawn(with("child", Rights::RESTART))),
        NO
    );
    // It has FREEZE on everything, and KILL on the store only. COMPLAIN it keeps to itself.
    let given = Rights::FREEZE.union(Rights::KILL).union(Rights::SPAWN);
    parent.spawns(with("child", given));
    does_all(child, STORE, [OK, OK, OK, NO, NO], reader);
    does_all(child, SHOP, [OK, OK, NO, NO, NO], reader);
    does_all(parent, STORE, [OK, OK, OK, NO, OK], reader);

    // A spawner may freeze what it has spawned itself, and that one only; nobody his spawner.
    let plain = Member("plain");
    plain.spawns(with("plain-child", Rights::SPAWN));
    let plain_child = Member("plain-child");
    plain_child.spawns(Order::member("plain-grandchild"));
    let plain_grandchild = Member("plain-grandchild");
    let frozen = |holder: Member, target: Member| {
        let status = holder.does(Deed::Freeze, target.actor());
        if status == OK {
            check_eq!(holder.does(Deed::Thaw, target.actor()), OK);
        }
        status
    };
    check_eq!(frozen(plain, plain_child), OK);
    check_eq!(frozen(plain_child, plain_grandchild), OK);
    check_eq!(frozen(plain, plain_grandchild), NO);
    check_eq!(frozen(plain_child, plain), NO);
    check_eq!(frozen(plain, STORE), NO);
    check_eq!(frozen(plain_child, child), NO);

    // What a spawned one has, it can pass on, and no more.
    check_eq!(
        child.status(Request::Spawn(with("grandchild", Rights::COMPLAIN))),
        NO
    );
    child.spawns(with("grandchild", Rights::KILL));
    does_all(grandchild, STORE, [NO, NO, OK, NO, NO], reader);
    does_all(grandchild, SHOP, [NO; 5], reader);
    // It may kill it as well, which restarts them both.
    let restarted = plain.condition().incarnation + 1;
    plain.ends(Request::Do(Deed::Kill, plain_child.actor()));
    must_follow(reader, &["plain-child", "plain", "plain-grandchild"]);
    plain.must_come_back(restarted);
    reader.must_be_at_end();
}
