//! A restart of the site needs no disk.

use site_suite::member::Order;
use syscall::abi::{FaultKind, Outcome, Response};
use syscall::prelude::*;

use crate::ledger::{self, Reader};
use crate::peers::host;
use crate::steps::{Steps, have, tell};

const MEMBERS: &[&str] = &["member", "reloaded"];
const KEPT: u64 = 3;

/// Twice; then an actor is to be reloaded, and cannot be.
pub(crate) fn restarts_need_no_disk(start: &Start) {
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
        0 => {
            host("take the disk away");
            steps.end()
        }
        1 => steps.end(),
        _ => {}
    }
    let mut reader = Reader::at_end();
    tell("reloaded", Order::Die);
    let entry = reader.take();
    check_eq!(
        (entry.name.as_str(), entry.response),
        ("reloaded", Response::RELOAD)
    );
    check!(matches!(
        entry.outcome,
        Outcome::FAILED | Outcome::SUPERSEDED
    ));
    let next = reader.take();
    check_eq!(ledger::fault(&next).kind, FaultKind::BAD_IMAGE);
    ledger::must_be_done(&next, Response::TERMINATE);
    // The site goes on.
    tell("member", Order::Die);
    ledger::must_be_done(&reader.take(), Response::HOT_RESTART);
    check_eq!(crate::steps::inspect("member").kept, KEPT);
}
