//! Indirect members: when they end, and how they come back.

use group_suite::{Deed, NEW, Order, Request};
use syscall::abi::site::ActorState;
use syscall::abi::start::PreviousEnd;
use syscall::abi::{Response, Text};
use syscall::prelude::*;
use syscall::site;
use syscall::ways_to_die::Way;

use crate::baseline;
use crate::check::{Must, must_be_refused, must_fail};
use crate::ledger::{self, Reader};
use crate::member::{Member, must_follow};
use crate::quiet;

const PARENT: Member = Member("parent");
const SIBLING: Member = Member("sibling");
const CHILD: Member = Member("child");

fn block_reads() -> u64 {
    quiet::counters().block_reads
}

/// Whoever of a group fails, spawner or spawned: all are restarted, the spawned one comes back
/// because it is spawned again, as the same actor, with its persistent region, and nobody reads
/// the disk.
pub(crate) fn members_come_back_when_spawned(_: &Start) {
    quiet::listen();
    let mut reader = Reader::at_start();
    let all = [PARENT, SIBLING, CHILD];
    let condition = CHILD.condition();
    check_eq!(
        (condition.incarnation, condition.previous),
        (1, PreviousEnd::None)
    );
    SIBLING.condition();
    CHILD.make(Request::Keep(17));
    CHILD.fails(&mut reader, &["parent", "sibling"]);
    for member in all {
        member.must_come_back(2);
    }
    let (before, reads) = (baseline::now(), block_reads());

    for incarnation in (3..30).step_by(3) {
        let old = CHILD.actor();
        for (failing, others) in [
            (CHILD, ["parent", "sibling"]),
            (PARENT, ["sibling", "child"]),
            (SIBLING, ["parent", "child"]),
        ] {
            failing.fails(&mut reader, &others);
            let again = failing.condition().incarnation;
            for member in all {
                member.must_come_back(again);
            }
        }
        check_eq!(CHILD.condition().incarnation, incarnation + 2);
        check_eq!(CHILD.condition().previous, PreviousEnd::WithGroup);
        check_eq!(CHILD.number(Request::Kept), 17, "what it keeps");
        // An old capability is told the present one.
        let told = Error::ActorRestarted { new: CHILD.actor() };
        check_eq!(must_fail(site::kill(old), "a stale capability"), told);
        reader.must_be_at_end();
    }
    CHILD.fails(&mut reader, &["parent", "sibling"]);
    for member in all {
        member.must_come_back(30);
    }
    check!(matches!(
        CHILD.condition().previous,
        PreviousEnd::Failed { .. }
    ));
    check_eq!(block_reads(), reads, "block reads");
    baseline::must_come_back(&before, &[]);

    // One that is done leaves nothing but its image. Its group goes on without it.
    let old = CHILD.actor();
    CHILD.ends(Request::Exit(0));
    let entry = reader.take();
    check_eq!(entry.name.as_str(), "child");
    ledger::must_be_done(&entry, Response::NONE);
    CHILD.must_become(ActorState::ABSENT);
    must_be_refused(site::find("child"), Status::DEAD, "finding who is done");
    must_be_refused(site::kill(old), Status::DEAD, "killing who is done");
    check_eq!(PARENT.condition().incarnation, 30);
    // Other arguments make it no other actor.
    let actor = PARENT.spawns(Order {
        arguments: Text::truncated("says something"),
        ..Order::member("child")
    });
    let condition = CHILD.condition();
    check_eq!((condition.actor, condition.incarnation), (actor, 31));
    check_eq!(condition.previous, PreviousEnd::Exited);
    check_eq!(condition.arguments.as_str(), "says something");
    check_eq!(CHILD.number(Request::Kept), NEW, "what it keeps");
    let told = Error::ActorRestarted { new: actor };
    check_eq!(must_fail(site::kill(old), "a stale capability"), told);
    check_eq!(block_reads(), reads, "block reads");
    reader.must_be_at_end();
    quiet::must_have_been_kept();
}

/// A reload of the group takes the spawned members' images from the disk as well.
pub(crate) fn reload_reads_them_again(_: &Start) {
    let mut reader = Reader::at_start();
    CHILD.make(Request::Keep(17));
    let reads = block_reads();
    // By this site's parameters the second failure is answered with a reload.
    CHILD.fails(&mut reader, &["parent", "sibling"]);
    CHILD.must_come_back(2);
    check_eq!(block_reads(), reads, "block reads");
    check_eq!(CHILD.number(Request::Kept), 17, "what it keeps");

    CHILD.ends(Request::Die(Way::NullWrite));
    let entry = reader.take();
    check_eq!(entry.name.as_str(), "child");
    ledger::must_be_done(&entry, Response::RELOAD);
    let mut of_direct = 0;
    for _ in 0..2 {
        let entry = reader.take();
        check_eq!(entry.response, Response::RELOAD);
        check!(entry.block_reads > 0);
        of_direct += entry.block_reads;
    }
    CHILD.must_come_back(3);
    // All three run the same image, and each of them reads it.
    check_eq!(block_reads() - reads, of_direct / 2 * 3, "block reads");
    check_eq!(CHILD.number(Request::Kept), NEW, "what it keeps");
    reader.must_be_at_end();
}

/// What the site describes as indirect is there when it is spawned, as described, and belongs to
/// its group only.
pub(crate) fn described_actors(_: &Start) {
    let mut reader = Reader::at_start();
    check_eq!(PARENT.condition().incarnation, 1);
    // `eager` is spawned at each start, `lazy` is not.
    let (eager, lazy) = (Member("eager"), Member("lazy"));
    check_eq!(eager.condition().arguments.as_str(), "as described");
    check_eq!(lazy.state(), ActorState::ABSENT);
    must_be_refused(site::find("lazy"), Status::DEAD, "finding who is absent");
    let stranger = Member("stranger");
    let known = |name| Order {
        image: crate::member::name(""),
        ..Order::member(name)
    };
    check_eq!(
        stranger.status(Request::Spawn(known("lazy"))),
        Status::ALREADY_EXISTS
    );
    check_eq!(
        PARENT.status(Request::Spawn(Order::member("lazy"))),
        Status::BAD_ARGUMENT,
        "with another image than described"
    );
    check_eq!(
        PARENT.status(Request::Spawn(known("nobody"))),
        Status::NOT_FOUND
    );
    PARENT.spawns(known("lazy"));
    check_eq!(lazy.condition().incarnation, 1);
    check_eq!(
        PARENT.status(Request::Spawn(known("lazy"))),
        Status::ALREADY_EXISTS
    );
    // It has one thread and its port, as described: no room for another thread.
    must_fail(lazy.try_ask(Request::Count), "a further thread");

    // Nor has it anything that its spawner lacks.
    let proud = Order {
        priority: 17,
        ..Order::member("proud")
    };
    check_eq!(
        lazy.status(Request::Spawn(proud)),
        Status::BAD_ARGUMENT,
        "a priority above its spawner's"
    );
    check_eq!(
        lazy.does(Deed::Kill, stranger.actor()),
        Status::NOT_PERMITTED
    );

    lazy.fails(&mut reader, &["parent", "eager"]);
    eager.must_come_back(2);
    check_eq!(lazy.state(), ActorState::ABSENT);
    PARENT.spawns(known("lazy"));
    check_eq!(lazy.condition().incarnation, 2);
    site::kill_group("parent").must("the end of the group");
    must_follow(&mut reader, &["parent", "eager", "lazy"]);
    lazy.must_become(ActorState::TERMINATED);
}
