//! Runs one scenario, and ends the site with what came of it.
//!
//! The judge's first argument names the scenario; the site of the same name says which actors it
//! has to deal with. What is asserted is what the kernel keeps on record (ledger entries, start
//! records, counters), read through syscalls, never what is printed. The first assertion that
//! does not hold ends the site as failed.
//!
//! Needs the rights SHUTDOWN and HOOK; some scenarios need CONSOLE and RESTART too.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;
#[macro_use]
extern crate judging;

mod boot;
mod callers;
mod checkpoint;
mod corruption;
mod crowd;
mod death;
mod faults;
mod handoff;
mod harness;
mod ipc;
mod isolation;
mod memory;
mod persistence;
mod policies;
mod recording;
mod restart;
mod soak;
mod storage;
mod threads;
mod victim;

use judging::{Scenario, check, counters, ledger, quiet};
use syscall::prelude::*;

/// Every scenario, by the name of its site.
const SCENARIOS: &[(&str, Scenario)] = &[
    ("boot", boot::everything_is_as_described),
    (
        "boot-bad-images",
        boot::bad_images_are_entered_in_the_ledger,
    ),
    (
        "callers-capabilities",
        callers::stale_capabilities_are_told_the_new_one,
    ),
    (
        "callers-next",
        callers::callers_of_the_next_incarnation_wait_for_it,
    ),
    ("callers-waiting", callers::waiting_callers_are_told_at_once),
    ("callers-many", crowd::crowds_let_interrupts_in),
    ("checkpoint-append", checkpoint::killed_in_every_append),
    ("checkpoint-commit", checkpoint::killed_in_every_commit),
    ("damage-kernel", corruption::what_the_host_says),
    ("damage-notes", corruption::what_is_damaged_is_not_used),
    ("death", death::as_the_host_says),
    ("faults-exits", faults::exits),
    ("faults-instructions", faults::instructions),
    ("faults-memory", faults::memory),
    ("faults-stack", faults::stack),
    ("faults-threads", faults::threads),
    ("handoff-aborts", handoff::stops::aborts),
    (
        "handoff-callees",
        handoff::ends::callees_end_while_they_serve,
    ),
    (
        "handoff-callers",
        handoff::ends::callers_end_while_they_are_served,
    ),
    ("handoff-cost", handoff::cost::calls_are_handed_over),
    ("handoff-deadlines", handoff::stops::deadlines),
    (
        "handoff-faults",
        handoff::memory::whatever_is_not_is_a_fault,
    ),
    ("handoff-freezes", handoff::stops::freezes),
    ("handoff-memory", handoff::memory::whatever_is_there_will_do),
    (
        "handoff-order",
        handoff::order::whoever_is_ready_comes_first,
    ),
    ("handoff-stale", handoff::stale::memory_is_another),
    ("harness-assert", harness::fail_an_assertion),
    ("harness-early-exit", harness::exit_early),
    ("harness-hang", harness::hang),
    ("harness-panic", harness::panic_in_the_kernel),
    ("harness-triple-fault", harness::triple_fault),
    ("ipc-late-replies", ipc::late_replies),
    ("ipc-limits", ipc::limits),
    ("ipc-messages", ipc::messages),
    ("ipc-names", ipc::names),
    ("ipc-replies", ipc::replies),
    ("ipc-timeouts", ipc::timeouts),
    ("isolation-actors", isolation::other_actors_memory),
    ("isolation-freed", isolation::memory_freed_under_a_syscall),
    ("isolation-kernel", isolation::kernel_memory),
    ("isolation-rights", isolation::rights),
    ("isolation-syscalls", isolation::hostile_syscalls),
    ("memory-exhausted", memory::exhausted),
    ("memory-limits", memory::limits),
    (
        "persistence-ended",
        persistence::regions_go_with_their_owner,
    ),
    (
        "persistence-freed",
        persistence::a_freed_region_is_made_anew,
    ),
    ("persistence-kept", persistence::regions_are_kept),
    ("policy-always-hot", policies::always_hot),
    ("policy-budget", policies::budget),
    ("policy-escalating", policies::escalating),
    ("policy-never", policies::never),
    ("recording-end", recording::failures_at_the_end),
    ("recording-panic", recording::failures_before_a_panic),
    ("restart-clean-exit", restart::clean_exit_is_no_failure),
    ("restart-corrupt-image", restart::corrupt_image_is_not_used),
    ("restart-large", restart::large_restart_lets_interrupts_in),
    ("restart-everywhere", restart::threads_end_wherever_they_are),
    (
        "restart-requested",
        restart::requested_restart_is_no_failure,
    ),
    ("restart-reset", restart::everything_else_is_reset),
    ("soak", soak::nothing_leaks),
    ("storage-detached", storage::hot_restart_needs_no_disk),
    (
        "storage-new-version",
        storage::reload_brings_what_is_on_the_disk,
    ),
    ("storage-reload", storage::reload_resets_like_a_hot_restart),
    ("threads-ends", threads::ends),
    ("threads-priorities", threads::priorities),
    ("threads-sharing", threads::sharing),
    ("threads-vectors", threads::vector_registers),
];

fn start(start: Start) {
    judging::run(&start, SCENARIOS)
}

entry!(start);
