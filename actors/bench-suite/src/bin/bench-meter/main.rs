//! The meter: runs the measures of its site, prints their samples, and ends the site.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;
#[macro_use]
extern crate judging;

mod calls;
mod pages;
mod restarts;
mod subject;
mod threads;

use bench_suite::samples;
use judging::{Scenario, check};
use syscall::prelude::*;
use syscall::ticks;

/// Every scenario, by the name of its site.
const SCENARIOS: &[(&str, Scenario)] = &[
    ("bench-boot", boot),
    ("bench-calls", calls::calls),
    ("bench-pages", pages::faults),
    ("bench-restart-16k", restarts::small),
    ("bench-restart-1m", restarts::medium),
    ("bench-restart-8m", restarts::large),
    ("bench-restart-64m", restarts::huge),
    ("bench-threads", threads::switches),
];

/// When the first actor's first instruction was executed, or rather the first of its own.
fn boot(_: &Start) {
    // Nothing is measured; the site ends.
}

fn start(start: Start) {
    let started = ticks::now();
    samples::calibrate();
    samples::print(start.argument(0).unwrap_or(start.name()), &[started]);
    judging::run(&start, SCENARIOS)
}

entry!(start);
