//! The kernel ends while a group is being restarted, in each phase of that.
//!
//! The judge is more urgent than the recovery thread: it runs as soon as it is told of a phase.

use site_suite::member::{NEW, Order};
use syscall::abi::site::{ActorInfo, ActorState, GroupState, Hook};
use syscall::abi::{Name, NoticePhase};
use syscall::group::Subscription;
use syscall::prelude::*;
use syscall::{group, site, thread};

use crate::check::{Must, wait_until};
use crate::peers::{PATIENCE, host};
use crate::steps::{Steps, have, inspect, tell};

const MEMBERS: &[&str] = &["first", "second"];
/// What they keep.
const KEPT: u64 = 9;

/// The phases, and whose.
const PHASES: [(NoticePhase, &str); 9] = [
    (NoticePhase::FAILED, "first"),
    (NoticePhase::FROZEN, "first"),
    (NoticePhase::FROZEN, "second"),
    (NoticePhase::RESTARTED, "first"),
    (NoticePhase::RESTARTED, "second"),
    (NoticePhase::ACTIVATED, "first"),
    (NoticePhase::ACTIVATED, "second"),
    (NoticePhase::READY, "first"),
    (NoticePhase::READY, "second"),
];

/// In each phase, then in a backoff.
pub(crate) fn in_every_phase(start: &Start) {
    let mut steps = Steps::go_on(start, MEMBERS);
    for name in MEMBERS {
        if steps.step() == 0 {
            have(name, Order::Keep(KEPT));
        } else {
            steps.must_be_back(name, KEPT);
        }
    }
    steps.nothing_may_be_read();
    steps.nothing_may_be_lost();
    let step = steps.step() as usize;
    if let Some((phase, name)) = PHASES.get(step) {
        let subscription = Subscription::to("pair", 32).must("a subscription");
        tell("first", Order::Die);
        while {
            let notice = subscription.next(PATIENCE).must("a notice").notice;
            (notice.phase, notice.actor.as_str()) != (*phase, *name)
        } {}
        steps.end()
    }
    if step == PHASES.len() {
        // The second failure is answered after a backoff.
        tell("first", Order::Die);
        let is_back = || {
            let first = site::actor("first").must("first").must("first");
            first.incarnation == steps.started("first") + 2
        };
        check!(wait_until(PATIENCE, is_back));
        tell("first", Order::Die);
        let is_delayed = || {
            let pair = group::find("pair").must("pair").must("pair");
            pair.state == GroupState::DELAYED
        };
        check!(wait_until(PATIENCE, is_delayed));
        steps.end()
    }
}

/// The kernel ends while an image is being read: of an actor that is reloaded, and of one that is
/// being spawned.
pub(crate) fn while_loading(start: &Start) {
    const MEMBERS: &[&str] = &["parent", "reloaded"];
    let mut steps = Steps::go_on(start, MEMBERS);
    match steps.step() {
        0 => {
            have("parent", Order::Keep(KEPT));
            have("reloaded", Order::Keep(KEPT));
            host("slow the disk down");
            steps.close();
            tell("reloaded", Order::Die);
            end_when_loading("reloaded")
        }
        1 => {
            steps.must_be_back("parent", KEPT);
            // What it had is gone: it was to be reloaded, and is.
            steps.must_be_back("reloaded", NEW);
            check!(steps.block_reads() > 0);
            let child = Name::truncated("child");
            let image = Name::truncated("site-worker");
            steps.close();
            tell("parent", Order::Spawn(child, image));
            end_when_loading("child")
        }
        2 => {
            steps.must_be_back("parent", KEPT);
            steps.must_be_back("reloaded", NEW);
            steps.nothing_may_be_read();
            let child = Name::truncated("child");
            let image = Name::truncated("site-member");
            have("parent", Order::Spawn(child, image));
            check_eq!(inspect("child").kept, NEW);
        }
        other => fail!("step {other}"),
    }
}

/// Waits until an actor's image is being read, and has the kernel end just then.
#[track_caller]
fn end_when_loading(name: &str) -> ! {
    let end = thread::now().after(PATIENCE);
    let is_loading = |info: &ActorInfo| info.state == ActorState::LOADING;
    while !site::actor(name)
        .must(name)
        .as_ref()
        .is_some_and(is_loading)
    {
        check!(thread::now() < end, "{name} is never being loaded");
        thread::sleep(Span::from_millis(1));
    }
    let refused = site::hook(Hook::KERNEL_PANIC, 0);
    fail!("the kernel goes on: {refused:?}")
}
