//! Each way to die gives the right fault record, and a new incarnation.

use refrain_tests::Scenario;

fn holds(site: &str) {
    Scenario::new(site)
        .policy("always-hot")
        .run()
        .assert_passed();
}

#[test]
fn bad_accesses_to_memory_are_recorded_with_their_address() {
    holds("faults-memory");
}

#[test]
fn faulting_instructions_are_recorded_with_their_vector() {
    holds("faults-instructions");
}

#[test]
fn panics_and_unclean_exits_are_recorded_with_message_and_code() {
    holds("faults-exits");
}

#[test]
fn stacks_end_in_a_guard_page_and_not_before() {
    holds("faults-stack");
}

#[test]
fn fault_in_any_thread_is_the_actors() {
    holds("faults-threads");
}
