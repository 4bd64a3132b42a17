//! Who has ended stays that way, and who waits to be spawned again is remembered.

use site_suite::member::{NEW, Order};
use syscall::abi::Name;
use syscall::abi::site::ActorState;
use syscall::abi::start::PreviousEnd;
use syscall::prelude::*;
use syscall::{group, site};

use crate::check::{Must, must_be_refused, wait_until};
use crate::peers::PATIENCE;
use crate::quiet;
use crate::steps::{Steps, have, inspect, tell};

const MEMBERS: &[&str] = &["parent", "child", "described"];

/// Those that are spawned: one that the site describes, and one of which it knows nothing.
const SPAWNED: [&str; 2] = ["child", "described"];

/// What these keep.
const KEPT: u64 = 77;

/// Those that end: cleanly, given up, killed.
const LEAVER: &str = "leaver";
const CRASHER: &str = "crasher";
const VICTIM: &str = "victim";

/// Two restarts of the site with all of them gone, then some are brought back, and two more.
pub(crate) fn ended_and_absent(start: &Start) {
    let mut steps = Steps::go_on(start, MEMBERS);
    match steps.step() {
        0 => {
            for name in [LEAVER, CRASHER, VICTIM] {
                have(name, Order::Keep(5));
            }
            for (name, image) in SPAWNED.iter().zip(["site-member", ""]) {
                let (child, image) = (Name::truncated(name), Name::truncated(image));
                have("parent", Order::Spawn(child, image));
                have(name, Order::Keep(KEPT));
            }
            tell(LEAVER, Order::Exit);
            tell(CRASHER, Order::Die);
            site::kill_group(VICTIM).must("the kill");
            let are_gone = || [LEAVER, CRASHER, VICTIM].iter().all(|name| is_gone(name));
            check!(wait_until(PATIENCE, are_gone));
            steps.end()
        }
        1 | 2 => {
            steps.must_be_back("parent", NEW);
            all_are_gone();
            SPAWNED.iter().for_each(|name| is_absent(name));
            steps.nothing_may_be_read();
            steps.nothing_may_be_lost();
            if steps.step() == 1 {
                steps.end()
            }
            for name in SPAWNED {
                let known = Order::Spawn(Name::truncated(name), Name::EMPTY);
                have("parent", known);
                let child = inspect(name);
                check_eq!((child.incarnation, child.kept), (2, KEPT), "{name}");
                check!(child.previous != PreviousEnd::None, "{name}");
            }
            steps.nothing_may_be_read();
            group::clear(CRASHER).must("clearing");
            // It is another actor of that name, from the disk.
            let crasher = inspect(CRASHER);
            check_eq!((crasher.incarnation, crasher.kept), (1, NEW));
            check_eq!(crasher.previous, PreviousEnd::None);
            have(CRASHER, Order::Keep(6));
            steps.end()
        }
        3 => {
            steps.must_be_back("parent", NEW);
            SPAWNED.iter().for_each(|name| is_absent(name));
            let crasher = inspect(CRASHER);
            check_eq!((crasher.incarnation, crasher.kept), (2, 6));
            steps.nothing_may_be_read();
            for name in [LEAVER, VICTIM] {
                check!(is_gone(name), "{name} is back");
            }
            tell(CRASHER, Order::Die);
            check!(wait_until(PATIENCE, || is_gone(CRASHER)));
            steps.end()
        }
        _ => {
            all_are_gone();
            // The regions of those that ended went with them. What is left is the judge's, the parent's
            // checkpoint, and the same with what they keep of those that may be spawned again.
            check_eq!(quiet::counters().persistent_regions, 1 + 1 + 2 * 4);
        }
    }
}

fn is_gone(name: &str) -> bool {
    let info = site::actor(name).must(name);
    info.is_none_or(|info| info.state == ActorState::TERMINATED)
}

/// Nobody has come back, nobody can be found, and who was given up still is.
#[track_caller]
fn all_are_gone() {
    for name in [LEAVER, CRASHER, VICTIM] {
        check!(is_gone(name), "{name} is back");
        let found = RemotePort::find(name, Span::ZERO);
        check!(found.is_err(), "{name} has a port");
    }
    must_be_refused(group::clear(LEAVER), Status::NOT_FOUND, "clearing who left");
    must_be_refused(
        group::clear(VICTIM),
        Status::NOT_FOUND,
        "clearing who was killed",
    );
    let crasher = group::find(CRASHER).must(CRASHER).must(CRASHER);
    check!(crasher.is_given_up && crasher.members == 0, "{crasher:?}");
}

#[track_caller]
fn is_absent(name: &str) {
    let info = site::actor(name).must(name);
    check!(
        info.is_none_or(|info| info.state == ActorState::ABSENT),
        "{info:?}"
    );
}
