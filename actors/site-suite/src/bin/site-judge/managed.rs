//! A manager activates its applications again when the site comes back.

use site_suite::member::Order;
use syscall::prelude::*;
use syscall::site;

use crate::check::{Must, wait_until};
use crate::peers::PATIENCE;
use crate::steps::{Steps, have, tell};

const MEMBERS: &[&str] = &["manager", "one", "two"];
const KEPT: u64 = 12;

/// While all run; while an application waits to be activated; while that is all it ever did.
pub(crate) fn managers_activate_again(start: &Start) {
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
    match steps.step() {
        0 => steps.end(),
        1 => {
            have("manager", Order::Hold);
            tell("one", Order::Die);
            let waits = || {
                let one = site::actor("one").must("one").must("one");
                one.threads == 0 && one.incarnation == steps.started("one") + 1
            };
            check!(wait_until(PATIENCE, waits));
            syscall::thread::sleep(Span::from_millis(20));
            check!(waits());
            steps.end()
        }
        _ => {}
    }
}
