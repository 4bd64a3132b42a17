//! Runs one scenario about the POSIX-like subsystem, and ends the site with what came of it.
//!
//! It is an application itself, so that it sees what applications see, and its group does not
//! depend on the manager's, so that it is there when the manager dies. What is asserted is what it
//! reads from files, what calls return, and what the kernel keeps on record.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

// The same assertions as those of the test-suite's judge.
#[macro_use]
#[path = "../../../../test-suite/src/bin/judge/check.rs"]
#[allow(dead_code, reason = "shared with another judge, who uses all of it")]
mod check;
#[path = "../../../../test-suite/src/bin/judge/ledger.rs"]
#[allow(dead_code, reason = "shared with another judge, who uses all of it")]
mod ledger;

mod calls;
mod hostile;
mod neighbours;
mod peers;
mod processes;
mod storm;

use syscall::prelude::*;
use syscall::site;

/// A scenario: returns if it holds.
type Scenario = fn(&Start);

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
    check!(
        start.incarnation() == 1,
        "the judge failed: {:?}",
        start.previous()
    );
    let name = start.argument(0).unwrap_or(start.name());
    let Some((_, scenario)) = SCENARIOS.iter().find(|(known, _)| *known == name) else {
        fail!("there is no scenario `{name}`")
    };
    if let Err(errno) = posix::process::attach(start) {
        fail!("the judge is no process: {errno}")
    }
    scenario(&start);
    info!("{name}: all assertions hold");
    check::end(site::shutdown(0))
}

entry!(start);
