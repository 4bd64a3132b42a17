//! Indirect actors, kills, freezes on request, and rights over particular actors and groups.

use refrain_tests::Scenario;

fn holds(site: &str, policy: &str) {
    let scenario = Scenario::new(site).policy(policy).instruction_clock();
    scenario.run().assert_passed();
}

#[test]
fn spawned_members_end_with_their_group_and_come_back_when_spawned_again() {
    holds("group-spawn", "always-hot");
}

#[test]
fn reload_reads_the_images_of_spawned_members_again() {
    holds("group-reload", "escalating");
}

#[test]
fn actors_described_as_indirect_are_there_when_spawned() {
    holds("group-described", "always-hot");
}

#[test]
fn member_that_is_not_spawned_again_does_not_keep_its_group() {
    holds("group-spawn-once", "always-hot");
}

#[test]
fn last_direct_member_that_exits_ends_its_group_and_leaves_nothing() {
    holds("group-exits", "always-hot");
}

#[test]
fn kill_restarts_a_group_and_group_kill_ends_it_and_leaves_nothing() {
    holds("group-kill", "always-hot");
}

#[test]
fn frozen_actor_stops_and_goes_on_when_thawed() {
    holds("group-freeze", "always-hot");
}

#[test]
fn restart_ends_a_freeze() {
    holds("group-freeze-restart", "always-hot");
}

#[test]
fn guests_of_a_frozen_actor_wait_and_are_sent_back_by_a_restart() {
    holds("group-freeze-guests", "always-hot");
}

#[test]
fn names_that_are_never_used_again_are_forgotten() {
    holds("group-many", "always-hot");
}
