//! Runs one scenario about LAPs or handlers, and ends the site with what came of it.
//!
//! The judge's first argument names the scenario; the site of the same name says which servers and
//! clients it has to deal with. What is asserted is what callers were told, what the servers'
//! journals say, and what the kernel keeps on record; never what is printed.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;
#[macro_use]
extern crate judging;

mod aborts;
mod baseline;
mod basics;
mod budget;
mod exceptions;
mod faults;
mod freezes;
mod interrupts;
mod matrix;
mod memory;
mod nested;
mod next;
mod peers;
mod place;
mod random;
mod stopped;
mod strike;
mod sweep;
mod times;
mod traps;
mod watch;
mod wave;

use judging::{Scenario, check, ledger, quiet};
use syscall::prelude::*;

/// Every scenario, by the name of its site.
const SCENARIOS: &[(&str, Scenario)] = &[
    ("handler-abort-waits", aborts::waits_end),
    ("handler-aborts", aborts::handlers_run),
    ("handler-exceptions", exceptions::own),
    ("handler-exceptions-declined", exceptions::declined),
    ("handler-exceptions-others", exceptions::of_another),
    (
        "handler-freezes",
        freezes::no_handler_outlives_its_incarnation,
    ),
    ("handler-group", freezes::no_handler_outlives_its_group),
    ("handler-interrupts", interrupts::interrupts),
    ("handler-many", times::many),
    ("handler-timeouts", times::timeouts),
    ("handler-timers", times::timers),
    ("handler-traps", traps::traps),
    ("handler-virtual-timers", times::virtual_timers),
    ("lap-basics", basics::arguments_and_results_pass),
    ("lap-bounds", faults::limits_are_statuses),
    ("lap-budget", budget::round_trip),
    ("lap-callee", matrix::callee_fails),
    ("lap-caller", matrix::caller_fails),
    ("lap-chains", nested::chains),
    ("lap-come-home", stopped::threads_come_home_to_nobody),
    ("lap-copies", memory::copies),
    ("lap-copies-only", memory::nothing_else_is_given),
    ("lap-destroyed", basics::guests_of_a_destroyed_lap_finish),
    ("lap-faults", faults::faults_are_the_callees),
    ("lap-frames", faults::stacks_count_for_the_callees_budget),
    ("lap-group", matrix::both_fail_as_a_group),
    ("lap-hostile", faults::hostile_callers_hurt_themselves),
    ("lap-lending", memory::lending),
    ("lap-loops", nested::loops),
    ("lap-names", basics::names_are_found_and_taken),
    ("lap-next", next::the_next_incarnation_is_waited_for),
    ("lap-next-fails", next::who_waits_is_bound),
    ("lap-random-1", random::every_outcome_is_true),
    ("lap-random-2", random::every_outcome_is_true),
    ("lap-random-3", random::every_outcome_is_true),
    ("lap-revoked", memory::lent_memory_is_revoked),
    ("lap-shut", stopped::failed_actors_are_shut_at_once),
    ("lap-stacks", basics::stacks_are_waited_for),
    ("lap-sweep", sweep::every_moment_of_an_invocation),
    ("lap-sweep-port", sweep::every_moment_of_a_call),
    ("lap-told-first", next::callers_are_told_before_the_backoff),
    ("watch-complaints", watch::complaints),
    ("watch-heartbeat", watch::heartbeat),
    ("watch-start", watch::start_deadline),
];

fn start(start: Start) {
    judging::run(&start, SCENARIOS)
}

entry!(start);
