//! The POSIX-like subsystem: its files, its processes, and what its death means for others.
//!
//! All of these but the last count instructions instead of time, so that a loaded host changes
//! nothing.

use std::time::Duration;

use refrain_tests::Scenario;

fn holds(site: &str, policy: &str) {
    let scenario = Scenario::new(site).policy(policy).instruction_clock();
    let scenario = scenario.timeout(Duration::from_secs(400));
    scenario.run().assert_passed();
}

#[test]
fn files_are_there_after_their_manager_died() {
    holds("posix-files", "always-hot");
}

#[test]
fn limits_of_files_and_descriptors_are_errors() {
    holds("posix-limits", "always-hot");
}

#[test]
fn no_file_is_lost_or_invented_over_four_hundred_crashes() {
    holds("posix-crashes", "always-hot");
}

#[test]
fn ends_of_children_are_told_to_their_parents_only() {
    holds("posix-processes", "always-hot");
}

#[test]
fn hostile_applications_do_not_hurt_their_manager() {
    holds("posix-hostile", "escalating");
}

#[test]
fn applications_restart_with_their_manager_and_not_the_other_way_round() {
    holds("posix-dependents", "always-hot");
}

#[test]
fn one_personality_dies_and_the_other_goes_on() {
    holds("posix-neighbours", "always-hot");
}

#[test]
fn demonstration_tells_what_survives() {
    let mut live = Scenario::new("posix").start();
    live.wait_for("type `help`");
    live.wait_for("the log says: incarnation 1 of init");
    live.wait_for("posix-reader /notes): process 3 ended, exit 3");
    live.write("restart posix-manager\n");
    live.wait_for("the log says: incarnation 1 of init");
    live.wait_for("the log says: incarnation 2 of init");
    live.write("crash counter null-write\n");
    live.wait_for("counter is back");
    live.write("restart init\n");
    live.wait_for("the log says: incarnation 3 of init");
    live.wait_for("signal 6");
}
