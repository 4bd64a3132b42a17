//! The six kinds of handlers, and none of them in a later incarnation.
//!
//! All of these count instructions instead of time, so that a loaded host changes nothing.

use std::time::Duration;

use refrain_tests::Scenario;

fn holds(site: &str) {
    let scenario = Scenario::new(site).policy("always-hot").instruction_clock();
    let scenario = scenario.timeout(Duration::from_secs(300));
    scenario.run().assert_passed();
}

#[test]
fn timeouts_run_once_in_time() {
    holds("handler-timeouts");
}

#[test]
fn timers_run_every_period_and_are_told_what_they_missed() {
    holds("handler-timers");
}

#[test]
fn virtual_timers_count_the_time_of_one_thread() {
    holds("handler-virtual-timers");
}

#[test]
fn many_handlers_come_and_go_and_nothing_is_lost() {
    holds("handler-many");
}

#[test]
fn actors_skip_and_resume_their_own_exceptions() {
    holds("handler-exceptions");
}

#[test]
fn declined_exceptions_and_those_in_handlers_are_failures() {
    holds("handler-exceptions-declined");
}

#[test]
fn exceptions_of_another_actor_take_a_right_and_come_second() {
    holds("handler-exceptions-others");
}

#[test]
fn traps_run_in_their_server_and_keep_their_number() {
    holds("handler-traps");
}

#[test]
fn interrupts_are_masked_until_acknowledged() {
    holds("handler-interrupts");
}

#[test]
fn aborted_threads_wait_no_longer_once() {
    holds("handler-abort-waits");
}

#[test]
fn abort_handlers_run_in_the_thread_concerned() {
    holds("handler-aborts");
}

#[test]
fn no_handler_outlives_its_incarnation() {
    holds("handler-freezes");
}

#[test]
fn no_handler_outlives_the_failure_of_another_member_of_its_group() {
    holds("handler-group");
}
