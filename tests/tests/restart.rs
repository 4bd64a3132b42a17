//! What a restart does, when it happens, and what those are told who were talking to the actor.

use refrain_tests::Scenario;

fn holds(site: &str, policy: &str) {
    Scenario::new(site).policy(policy).run().assert_passed();
}

#[test]
fn everything_that_is_not_persistent_is_reset() {
    holds("restart-reset", "always-hot");
}

#[test]
fn threads_end_wherever_they_wait() {
    holds("restart-everywhere", "always-hot");
}

#[test]
fn clean_exit_is_no_failure() {
    holds("restart-clean-exit", "always-hot");
}

#[test]
fn requested_restart_records_no_fault() {
    holds("restart-requested", "always-hot");
}

#[test]
fn image_that_changed_in_memory_is_not_used() {
    holds("restart-corrupt-image", "always-hot");
}

#[test]
fn stale_capabilities_answer_the_present_one_and_then_that_it_is_dead() {
    holds("callers-capabilities", "budget");
}

#[test]
fn waiting_callers_are_told_at_the_freeze() {
    holds("callers-waiting", "escalating");
}

#[test]
fn crowds_that_wait_for_the_same_let_interrupts_in() {
    let scenario = Scenario::new("callers-many").policy("always-hot");
    scenario.instruction_clock().run().assert_passed();
}

#[test]
fn callers_of_the_next_incarnation_wait_for_it() {
    holds("callers-next", "budget");
}

#[test]
fn policy_never_ends_an_actor_at_its_first_failure() {
    holds("policy-never", "never");
}

#[test]
fn policy_always_hot_never_reads_the_disk() {
    holds("policy-always-hot", "always-hot");
}

#[test]
fn policy_budget_forgets_what_left_the_window() {
    holds("policy-budget", "budget");
}

#[test]
fn policy_escalating_goes_from_memory_to_disk_to_the_end() {
    holds("policy-escalating", "escalating");
}

#[test]
fn restarting_a_large_actor_lets_interrupts_in() {
    let scenario = Scenario::new("restart-large").policy("always-hot");
    scenario.instruction_clock().run().assert_passed();
}
