//! Persistent regions: kept through every failure, gone when they are freed.

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
