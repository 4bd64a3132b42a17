//! The kernel notices its own death, whatever it dies of, says what it was, and comes back.

use abi::SiteCause;
use abi::site::Hook;
use refrain_tests::{Live, Report, Scenario};

/// A site that is about to be told how to die.
fn site() -> Scenario {
    Scenario::new("death").policy("always-hot").site_restarts()
}

/// Has the kernel of a site die.
#[track_caller]
fn pull(scenario: Scenario, hook: Hook, argument: u64) -> Live {
    let mut live = scenario.start();
    again(&mut live, hook, argument);
    live
}

/// Has it die when it asks.
#[track_caller]
fn again(live: &mut Live, hook: Hook, argument: u64) {
    live.wait_for("host: which hook");
    live.write(&format!("{} {argument}\n", hook.0));
}

/// Waits for the next kernel, in which everything works again, and lets that end well.
#[track_caller]
fn finish(mut live: Live) -> Report {
    live.wait_for("back from");
    again(&mut live, Hook(0), 0);
    live.finish()
}

/// What there must be after the kernel's last words: another kernel, whose judge knows of it.
#[track_caller]
fn is_back(report: &Report, cause: SiteCause) {
    report
        .assert_passed()
        .assert_printed(&format!("judge: back from: {cause}"));
}

#[track_caller]
fn said(report: &Report, cause: SiteCause, detail: &str) {
    is_back(report, cause);
    let words = format!("refrain: {cause}: ");
    let mut lines = report.lines_with(&words);
    assert!(
        lines.any(|line| line.contains(detail)),
        "no line has {words:?} and {detail:?}\n{}",
        report.evidence()
    );
}

#[track_caller]
fn dies_of(hook: Hook, argument: u64, cause: SiteCause, detail: &str) {
    said(&finish(pull(site(), hook, argument)), cause, detail);
}

#[test]
fn hang_with_interrupts_off_is_the_watchdogs() {
    dies_of(Hook::HANG, 0, SiteCause::WATCHDOG, "exception 2");
}

#[test]
fn hang_with_interrupts_off_is_found_when_instructions_are_counted() {
    let report = finish(pull(site().instruction_clock(), Hook::HANG, 0));
    said(&report, SiteCause::WATCHDOG, "exception 2");
}

#[test]
fn watchdog_works_in_a_kernel_that_comes_from_its_nmi() {
    let mut live = pull(site(), Hook::HANG, 0);
    live.wait_for("back from: watchdog");
    again(&mut live, Hook::HANG, 0);
    said(&finish(live), SiteCause::WATCHDOG, "exception 2");
}

#[test]
fn tick_that_comes_no_more_is_the_watchdogs() {
    let report = finish(pull(site(), Hook::MASK_TICK, 0));
    // In ring 3, where the judge's image is.
    said(&report, SiteCause::WATCHDOG, "ip 0x2");
}

#[test]
fn watchdog_that_is_stopped_is_silent() {
    let detail = "with the watchdog stopped";
    dies_of(Hook::WATCHDOG_HANDED_ON, 0, SiteCause::PANIC, detail);
}

#[test]
fn watchdog_that_a_former_kernel_left_half_way_is_started_anew() {
    let report = finish(pull(site(), Hook::WATCHDOG_HANDED_ON, 1));
    report.assert_printed("the watchdog was started anew");
    said(&report, SiteCause::WATCHDOG, "exception 2");
}

#[test]
fn watchdog_has_to_run_out_twice() {
    let mut live = pull(site(), Hook::WATCHDOG_TOO_SOON, 0);
    live.wait_for("watchdog: the kernel was kept from running");
    live.wait_for("recovery: victim");
    assert_eq!(live.monitor("nmi"), "");
    said(&finish(live), SiteCause::NMI, "exception 2");
}

#[test]
fn nmi_that_is_not_the_watchdogs_is_told_from_it() {
    let mut live = pull(site(), Hook(0), 0);
    live.wait_for("pulled");
    assert_eq!(live.monitor("nmi"), "");
    said(&finish(live), SiteCause::NMI, "exception 2");
}

#[test]
fn machine_without_a_watchdog_is_told_of_and_works() {
    Scenario::new("boot")
        .policy("always-hot")
        .without_watchdog()
        .run()
        .assert_passed()
        .assert_printed("no watchdog");
}

#[test]
fn kernel_thread_that_spins_is_found_and_named() {
    dies_of(Hook::HANG_IN_THREAD, 0, SiteCause::HANG, "recovery");
}

#[test]
fn overrun_of_the_cpus_stack_is_named() {
    let hook = Hook::OVERFLOW_CPU_STACK;
    dies_of(hook, 0, SiteCause::STACK_OVERFLOW, "stack of the CPU");
}

#[test]
fn overrun_of_a_kernel_threads_stack_is_named() {
    let hook = Hook::OVERFLOW_THREAD_STACK;
    dies_of(hook, 0, SiteCause::STACK_OVERFLOW, "stack of recovery");
}

#[test]
fn double_fault_that_is_no_overrun_is_told_from_one() {
    dies_of(Hook::EXCEPTION, 8, SiteCause::DOUBLE_FAULT, "exception 8");
}

#[test]
fn exceptions_in_the_kernel_are_told_with_their_vector() {
    for (vector, name) in [
        (0, "exception 0,"),
        (6, "exception 6,"),
        (13, "exception 13,"),
        (14, "exception 14,"),
    ] {
        dies_of(Hook::EXCEPTION, vector, SiteCause::EXCEPTION, name);
    }
}

#[test]
fn damage_around_memory_of_the_heap_is_found_when_it_is_freed() {
    for (hook, detail) in [
        (Hook::HEAP_OVERRUN, "64 bytes"),
        (Hook::HEAP_OVERRUN, "overwritten behind its end"),
        (Hook::HEAP_UNDERRUN, "overwritten before its start"),
        (Hook::HEAP_FREED_TWICE, "freed twice"),
    ] {
        dies_of(hook, 0, SiteCause::HEAP, detail);
    }
}

#[test]
fn hole_of_the_heap_that_leads_nowhere_is_damage_to_the_heap() {
    dies_of(Hook::HEAP_HOLE, 0, SiteCause::HEAP, "exception 13");
}

#[test]
fn memory_that_is_not_the_heaps_is_not_given_out() {
    let detail = "no memory to be given out";
    dies_of(Hook::HEAP_HOLE, 1, SiteCause::HEAP, detail);
}

#[test]
fn ring_of_holes_is_the_watchdogs() {
    dies_of(Hook::HEAP_HOLE, 2, SiteCause::WATCHDOG, "exception 2");
}

#[test]
fn panics_are_told_wherever_they_are() {
    for (hook, detail) in [
        (Hook::PANIC_IN_PAGE_TABLES, "in the middle of a page table"),
        (Hook::PANIC_IN_SCHEDULER, "Scheduler"),
        (Hook::PANIC_IN_RESTART_MANAGER, "RestartManager"),
        (Hook::PANIC_IN_ALLOCATOR, "with the heap locked"),
        (Hook::PANIC_IN_LOG_WRITER, "LogWriter"),
    ] {
        dies_of(hook, 0, SiteCause::PANIC, detail);
    }
}
