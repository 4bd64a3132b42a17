//! Runs one scenario about groups, and ends the site with what came of it.
//!
//! The judge's first argument names the scenario; the site of the same name says which groups and
//! members it has to deal with. What is asserted is what subscribers are told, what the members
//! say, and what the kernel keeps on record; never what is printed.
//!
//! The judge is more urgent than the recovery thread, so that it can do things in the middle of a
//! restart: it runs as soon as a notice is in its queue.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;
#[macro_use]
extern crate judging;

mod advice;
mod cleared;
mod edges;
mod escalation;
mod inbox;
mod managed;
mod order;
mod overlap;
mod peers;
mod subscriptions;

use judging::{Scenario, check, ledger};
use syscall::prelude::*;

/// Every scenario, by the name of its site.
const SCENARIOS: &[(&str, Scenario)] = &[
    ("tree-advice", advice::bad_advice_is_replaced),
    ("tree-at-once", overlap::two_groups_at_once),
    ("tree-cleared", cleared::groups_start_again),
    ("tree-edges", edges::each_edge_says_what_happens),
    ("tree-escalation", escalation::to_the_kernel_group),
    ("tree-gap", subscriptions::gaps_are_said),
    ("tree-managed", managed::managers_activate),
    ("tree-order", order::leaves_first_and_root_first),
    ("tree-phases", overlap::failures_in_every_phase),
    ("tree-starving", escalation::crash_loop_beside_work),
    ("tree-subscribers", subscriptions::they_go_with_the_port),
];

fn start(start: Start) {
    judging::run(&start, SCENARIOS)
}

entry!(start);
