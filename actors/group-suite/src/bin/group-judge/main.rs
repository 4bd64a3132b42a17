//! Runs one scenario about groups, and ends the site with what came of it.
//!
//! The judge's first argument names the scenario; the site of the same name says which groups and
//! members it has to deal with. What is asserted is what the kernel keeps on record and what
//! members find themselves in; never what is printed.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;
#[macro_use]
extern crate judging;

mod baseline;
mod ends;
mod freezes;
mod guests;
mod limits;
mod member;
mod rights;
mod spawned;

use judging::{Scenario, check, counters, ledger, quiet};
use syscall::prelude::*;

/// Every scenario, by the name of its site.
const SCENARIOS: &[(&str, Scenario)] = &[
    ("group-described", spawned::described_actors),
    ("group-exits", ends::last_direct_member_exits),
    ("group-freeze", freezes::threads_stop_and_go_on),
    ("group-freeze-guests", guests::guests_wait),
    ("group-freeze-restart", freezes::restarts_end_a_freeze),
    ("group-kill", ends::group_is_killed),
    ("group-limits", limits::of_spawning),
    ("group-many", limits::names_that_are_never_used_again),
    ("group-reload", spawned::reload_reads_them_again),
    ("group-rights", rights::of_each_kind),
    ("group-rights-spawned", rights::of_spawned_actors),
    ("group-spawn", spawned::members_come_back_when_spawned),
    ("group-spawn-once", ends::member_is_not_spawned_again),
];

fn start(start: Start) {
    judging::run(&start, SCENARIOS)
}

entry!(start);
