//! Runs one scenario about restarts of the site, and ends the site with what came of it.
//!
//! The judge comes back with the site. What it has seen so far is in persistent regions of its own,
//! and its scenario goes on from there: each start of the judge is a step of it.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;
#[macro_use]
extern crate judging;

mod capabilities;
mod detached;
mod ended;
mod load;
mod managed;
mod peers;
mod places;
mod reboots;
mod recovering;
mod steps;

use judging::{Scenario, check, counters, ledger, quiet, random};
use syscall::prelude::*;

/// Every scenario, by the name of its site.
const SCENARIOS: &[(&str, Scenario)] = &[
    ("site-coming-up", reboots::while_coming_up),
    ("site-detached", detached::restarts_need_no_disk),
    ("site-ended", ended::ended_and_absent),
    ("site-load", load::a_thousand_restarts),
    ("site-loading", recovering::while_loading),
    ("site-managed", managed::managers_activate_again),
    ("site-phases", recovering::in_every_phase),
    ("site-places", places::everywhere),
    ("site-reboots", reboots::again_and_again),
    ("site-requested", reboots::on_request),
    ("site-stable", reboots::now_and_then),
];

fn start(start: Start) {
    judging::run(&start, SCENARIOS)
}

entry!(start);
