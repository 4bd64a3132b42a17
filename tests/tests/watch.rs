//! Actors that are broken without a fault: no sign of life, no start in time, complaints.
//!
//! All of these count instructions instead of time, so that a loaded host changes nothing.

use refrain_tests::Scenario;

fn holds(site: &str) {
    let scenario = Scenario::new(site).policy("always-hot").instruction_clock();
    scenario.run().assert_passed();
}

#[test]
fn actors_without_a_heartbeat_are_hung_even_if_they_spin_above_everybody() {
    holds("watch-heartbeat");
}

#[test]
fn actors_that_are_not_ready_in_time_have_failed() {
    holds("watch-start");
}

#[test]
fn complaints_are_failures_with_their_reason_on_record() {
    holds("watch-complaints");
}
