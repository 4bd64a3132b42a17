//! Persistent regions: kept through every failure, gone when they are freed.

use std::time::Duration;

use refrain_tests::Scenario;

fn holds(site: &str, policy: &str) {
    Scenario::new(site).policy(policy).run().assert_passed();
}

#[test]
fn persistent_regions_are_intact_after_every_way_to_die() {
    holds("persistence-kept", "always-hot");
}

#[test]
fn freed_region_is_made_anew() {
    holds("persistence-freed", "always-hot");
}

#[test]
fn regions_are_freed_when_their_owner_ends_for_good() {
    holds("persistence-ended", "budget");
}

/// Some thousands of kills, at moments that are chosen by counting instructions.
fn holds_for_every_instruction(site: &str) {
    let scenario = Scenario::new(site).policy("always-hot").instruction_clock();
    let scenario = scenario.timeout(Duration::from_secs(600));
    scenario.run().assert_passed();
}

#[test]
fn checkpoint_is_whole_wherever_its_owner_is_killed_in_a_commit() {
    holds_for_every_instruction("checkpoint-commit");
}

#[test]
fn log_is_whole_wherever_its_owner_is_killed_in_an_append() {
    holds_for_every_instruction("checkpoint-append");
}
