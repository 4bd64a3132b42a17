//! The meter: runs the measures of its site, prints their samples, and ends the site.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;
#[macro_use]
extern crate judging;

mod calls;
mod groups;
mod interrupts;
mod memory;
mod reload;
mod restarts;
mod site_restarts;
mod soak;
mod subject;
mod threads;
mod watch;

use bench_suite::samples;
use judging::{Scenario, check};
use syscall::prelude::*;

/// Every scenario, by the name of its site.
const SCENARIOS: &[(&str, Scenario)] = &[
    ("bench-calls", calls::calls),
    ("bench-group", groups::restarts),
    ("bench-interrupts", interrupts::handler),
    ("bench-reload", reload::reloads),
    ("bench-restart-16k", restarts::small),
    ("bench-restart-1m", restarts::medium),
    ("bench-restart-8m", restarts::large),
    ("bench-restart-64m", restarts::huge),
    ("bench-site", site_restarts::restarts),
    ("bench-site-reboot", site_restarts::reboots),
    ("bench-switch", threads::switches_between_actors),
    ("bench-threads", threads::switches),
    ("soak-actors", soak::actors),
    ("soak-sites", soak::sites),
];

fn start(start: Start) {
    samples::prepare(&start);
    judging::run(&start, SCENARIOS)
}

entry!(start);
