//! Indirect actors, kills, freezes on request, and rights over particular actors and groups.

mod disk;

use refrain_tests::Scenario;

fn holds(site: &str, policy: &str) {
    Scenario::new(site).policy(policy).run().assert_passed();
}

/// Counts instructions instead of time, so that a loaded host changes nothing.
fn holds_in_instructions(site: &str) {
    let scenario = Scenario::new(site).policy("always-hot");
    scenario.instruction_clock().run().assert_passed();
}

#[test]
fn spawned_members_end_with_their_group_and_come_back_when_spawned_again() {
    holds_in_instructions("group-spawn");
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
    holds_in_instructions("group-freeze");
}

#[test]
fn restart_ends_a_freeze() {
    holds_in_instructions("group-freeze-restart");
}

#[test]
fn guests_of_a_frozen_actor_wait_and_are_sent_back_by_a_restart() {
    holds_in_instructions("group-freeze-guests");
}

#[test]
fn rights_are_held_on_everything_or_on_particular_targets() {
    let scenario = Scenario::new("group-rights").policy("always-hot");
    let report = scenario.run();
    report.assert_passed();
    // Who, which right, on whom.
    for refusal in [
        "nothing: refused, it does not hold the right FREEZE on store",
        "nothing: refused, it does not hold the right SPAWN on nothing",
        "some: refused, it does not hold the right KILL on store",
        "some: refused, it does not hold the right RESTART on shop-front",
        "groupwise: refused, it does not hold the right COMPLAIN on store",
        "nothing: refused, it does not hold the right KILL on shop",
    ] {
        report.assert_printed(refusal);
    }
}

#[test]
fn spawned_actors_have_no_more_rights_than_their_spawners() {
    let scenario = Scenario::new("group-rights-spawned").policy("always-hot");
    let report = scenario.run();
    report.assert_passed();
    report.assert_printed("parent: refused, child is to have a right it lacks: RESTART");
}

#[test]
fn what_cannot_be_spawned_is_a_status_and_leaves_nothing() {
    let scenario = Scenario::new("group-limits").policy("always-hot");
    let scenario = scenario.disk(|disk| disk::image(disk, "template")[0] = b'X');
    scenario.run().assert_passed();
}

#[test]
fn names_that_are_never_used_again_are_forgotten() {
    holds("group-many", "always-hot");
}
