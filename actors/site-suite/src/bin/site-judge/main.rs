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
mod load;
mod peers;

use judging::{Scenario, check, counters, ledger, quiet, random};
use syscall::prelude::*;

/// Every scenario, by the name of its site.
const SCENARIOS: &[(&str, Scenario)] = &[("site-load", load::a_thousand_restarts)];

fn start(start: Start) {
    judging::run(&start, SCENARIOS)
}

entry!(start);
