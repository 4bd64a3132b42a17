//! Local Access Points: what passes, who is told what when somebody fails, and that nothing is lost.
//!
//! All of these count instructions instead of time, so that a loaded host changes nothing.

use std::time::Duration;

use refrain_tests::Scenario;

fn holds(site: &str) {
    holds_with(site, "always-hot");
}

fn holds_with(site: &str, policy: &str) {
    let scenario = Scenario::new(site).policy(policy).instruction_clock();
    scenario.run().assert_passed();
}

/// Some thousands of restarts.
fn holds_for_long(site: &str) {
    let scenario = Scenario::new(site).policy("always-hot").instruction_clock();
    let scenario = scenario.timeout(Duration::from_secs(600));
    scenario.run().assert_passed();
}

#[test]
fn arguments_results_and_the_caller_pass_through_a_lap() {
    holds("lap-basics");
}

#[test]
fn an_invocation_takes_no_more_instructions_than_its_budget() {
    holds("lap-budget");
}

#[test]
fn laps_are_found_by_name_in_time() {
    holds("lap-names");
}

#[test]
fn guests_of_a_destroyed_lap_finish() {
    holds("lap-destroyed");
}

#[test]
fn stacks_are_waited_for_and_guests_bring_their_priority() {
    holds("lap-stacks");
}

#[test]
fn copied_memory_comes_back_only_if_asked_for() {
    holds("lap-copies");
}

#[test]
fn callees_get_at_nothing_they_were_not_given() {
    holds("lap-copies-only");
}

#[test]
fn lent_pages_are_the_callers_own() {
    holds("lap-lending");
}

#[test]
fn lent_pages_are_out_of_sight_after_return_and_restart() {
    holds("lap-revoked");
}

#[test]
fn faults_of_guests_are_the_callees() {
    holds("lap-faults");
}

#[test]
fn stacks_of_guests_are_paid_by_the_callee() {
    holds("lap-frames");
}

#[test]
fn depth_is_limited_and_guests_cannot_exit() {
    holds("lap-bounds");
}

#[test]
fn hostile_memory_arguments_are_the_callers_failure() {
    holds("lap-hostile");
}

#[test]
fn callee_fails_wherever_its_guests_are() {
    holds("lap-callee");
}

#[test]
fn caller_fails_wherever_its_threads_are_guests() {
    holds("lap-caller");
}

#[test]
fn caller_and_callee_fail_as_one_group() {
    holds("lap-group");
}

#[test]
fn threads_further_in_than_the_failure_finish_there() {
    holds("lap-chains");
}

#[test]
fn threads_that_are_in_an_actor_twice_unwind_exactly() {
    holds("lap-loops");
}

#[test]
fn threads_come_home_to_nobody_while_the_restart_is_delayed() {
    holds_with("lap-come-home", "escalating");
}

#[test]
fn failed_actors_are_shut_before_they_are_frozen() {
    holds("lap-shut");
}

#[test]
fn next_incarnation_can_be_waited_for() {
    holds("lap-next");
}

#[test]
fn those_who_wait_for_an_incarnation_are_bound_to_it() {
    holds("lap-next-fails");
}

#[test]
fn callers_are_told_at_the_freeze_and_not_after_the_backoff() {
    holds_with("lap-told-first", "escalating");
}

#[test]
fn outcomes_are_true_at_every_moment_of_an_invocation() {
    holds("lap-sweep");
}

#[test]
fn outcomes_are_true_at_every_moment_of_a_call() {
    holds("lap-sweep-port");
}

#[test]
fn outcomes_are_true_over_two_thousand_random_restarts_first_seed() {
    holds_for_long("lap-random-1");
}

#[test]
fn outcomes_are_true_over_two_thousand_random_restarts_second_seed() {
    holds_for_long("lap-random-2");
}

#[test]
fn outcomes_are_true_over_two_thousand_random_restarts_third_seed() {
    holds_for_long("lap-random-3");
}

#[test]
fn demonstration_shows_what_threads_inside_were_told() {
    for (policy, rows) in [("escalating", 12), ("never", 4)] {
        let scenario = Scenario::new("demo").policy(policy);
        let report = scenario.site_restarts().reboots().run();
        report.assert_passed();
        let told = |what: &'static str| {
            let visits = report.lines_with("conductor: v");
            visits.filter(move |row| row.contains(what)).count()
        };
        assert_eq!(told("true"), rows, "{}", report.evidence());
        assert_eq!(told("not entered"), rows / 4, "{}", report.evidence());
        assert_eq!(told("maybe executed"), rows / 2, "{}", report.evidence());
        assert_eq!(told("completed"), rows / 4, "{}", report.evidence());
    }
}
