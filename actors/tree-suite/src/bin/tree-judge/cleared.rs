//! Groups that were given up, and are started again.

use syscall::prelude::*;
use syscall::{call, group, site};

use crate::check::{Must, must_be_refused, must_fail, wait_until};
use crate::inbox::PATIENCE;
use crate::peers::{await_all, await_group, group_info, incarnations, kill};

const PAIR: [&str; 2] = ["first", "second"];
/// More often than a leak would go unnoticed.
const ROUNDS: usize = 20;

/// All of the group is there again, new, and whoever depends on it was left alone. Nothing is lost
/// however often that happens.
pub(crate) fn groups_start_again(_: &Start) {
    await_all(&["first", "second", "top"]);
    must_be_refused(group::clear("pair"), Status::NOT_FOUND, "nothing to clear");
    let mut before = None;
    for _ in 0..ROUNDS {
        let old = site::find("first").must("the first");
        kill("first");
        await_group("pair", |pair| pair.is_given_up && pair.members == 0);
        must_fail(site::find("second"), "the second");
        group::clear("pair").must("clearing");
        let is_there = || group_info("pair").members == 2 && !group_info("pair").is_given_up;
        check!(wait_until(PATIENCE, is_there), "{:?}", group_info("pair"));
        await_all(&["first", "second", "top"]);
        check_eq!(incarnations(PAIR), [1, 1]);
        check_eq!(incarnations(["top"]), [1]);
        // It is another actor than the one of that name before.
        let complaint = call::lap::sys_complain(old, "it is no more");
        must_be_refused(complaint, Status::DEAD, "the actor before");
        let info = site::info().must("the site's counters");
        let now = (info.used_actors, info.used_ports, info.free_frames);
        check_eq!(*before.get_or_insert(now), now);
    }
}
