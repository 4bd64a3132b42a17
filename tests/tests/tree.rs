//! The tree of groups: who is restarted with whom, who is told, and what is done in the end.

use refrain_tests::Scenario;

fn holds(site: &str, policy: &str) {
    Scenario::new(site).policy(policy).run().assert_passed();
}

/// By the instruction clock, for what is about times.
fn holds_in_time(site: &str, policy: &str) {
    let scenario = Scenario::new(site).policy(policy);
    scenario.instruction_clock().run().assert_passed();
}

#[test]
fn leaves_are_frozen_first_and_the_root_is_restarted_first() {
    holds_in_time("tree-order", "chorus");
}

#[test]
fn each_edge_says_what_happens_at_both_ends() {
    holds("tree-edges", "chorus");
}

#[test]
fn crash_loop_climbs_from_its_actor_to_the_kernel_group_and_the_site_is_restarted() {
    let scenario = Scenario::new("tree-escalation").policy("chorus");
    let report = scenario.instruction_clock().site_restarts().run();
    report.assert_passed();
}

#[test]
fn groups_that_fail_at_once_recover_side_by_side() {
    holds("tree-at-once", "chorus");
}

#[test]
fn member_fails_in_each_phase_of_its_groups_restart() {
    holds("tree-phases", "chorus");
}

#[test]
fn urgent_crash_loop_leaves_time_to_others() {
    holds_in_time("tree-starving", "chorus");
}

#[test]
fn subscriber_without_room_is_told_how_many_notices_it_missed() {
    holds("tree-gap", "chorus");
}

#[test]
fn subscriptions_go_with_their_port() {
    holds_in_time("tree-subscribers", "chorus");
}

#[test]
fn policy_that_keeps_no_contract_is_replaced() {
    holds_in_time("tree-advice", "erratic");
}

#[test]
fn applications_are_activated_by_the_manager_of_their_subsystem() {
    holds_in_time("tree-managed", "always-hot");
}

#[test]
fn group_that_was_given_up_starts_again_when_that_is_cleared() {
    holds_in_time("tree-cleared", "never");
}
