//! The quick way of a call and its answer: it is taken, and nobody can tell.
//!
//! All of these count instructions instead of time, so that a loaded host changes nothing.

use refrain_tests::Scenario;

fn holds(site: &str) {
    let scenario = Scenario::new(site).policy("always-hot");
    scenario.instruction_clock().run().assert_passed();
}

#[test]
fn a_call_is_handed_over_within_its_budget() {
    holds("handoff-cost");
}

#[test]
fn whoever_is_ready_comes_before_whom_a_call_is_handed_to() {
    holds("handoff-order");
}

#[test]
fn messages_may_be_in_memory_of_every_kind() {
    holds("handoff-memory");
}

#[test]
fn messages_find_memory_that_is_another_by_then() {
    holds("handoff-stale");
}

#[test]
fn bad_memory_is_a_fault_of_who_named_it() {
    holds("handoff-faults");
}

#[test]
fn callees_may_end_while_they_serve() {
    holds("handoff-callees");
}

#[test]
fn callers_may_end_while_they_are_served() {
    holds("handoff-callers");
}

#[test]
fn deadlines_pass_or_are_forgotten_in_the_middle_of_a_call() {
    holds("handoff-deadlines");
}

#[test]
fn threads_may_give_up_before_during_and_after_a_call() {
    holds("handoff-aborts");
}

#[test]
fn either_side_of_a_call_may_be_frozen() {
    holds("handoff-freezes");
}
