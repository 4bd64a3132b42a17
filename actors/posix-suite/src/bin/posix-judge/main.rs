//! Runs one scenario about the POSIX-like subsystem, and ends the site with what came of it.
//!
//! It is an application itself, so that it sees what applications see, and its group does not
//! depend on the manager's, so that it is there when the manager dies. What is asserted is what it
//! reads from files, what calls return, and what the kernel keeps on record.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

#[macro_use]
extern crate judging;

mod calls;
mod hostile;
mod neighbours;
mod peers;
mod processes;
mod storm;

use judging::{Scenario, check, ledger};
use syscall::prelude::*;

/// Every scenario, by the name of its site.
const SCENARIOS: &[(&str, Scenario)] = &[
    ("posix-crashes", storm::nothing_is_lost_or_invented),
    (
        "posix-dependents",
        neighbours::applications_restart_with_the_manager,
    ),
    ("posix-files", calls::files_survive_the_manager),
    ("posix-hostile", hostile::nothing_hurts_the_manager),
    ("posix-limits", calls::limits_are_errors),
    (
        "posix-neighbours",
        neighbours::one_dies_and_the_other_goes_on,
    ),
    ("posix-processes", processes::ends_are_told),
];

fn start(start: Start) {
    if let Err(errno) = posix::process::attach(start) {
        fail!("the judge is no process: {errno}")
    }
    judging::run(&start, SCENARIOS)
}

entry!(start);
