//! Thousands of restarts, and nothing is lost.

use std::time::Duration;

use refrain_tests::Scenario;

#[test]
fn ten_thousand_restarts_leak_nothing() {
    let soak = Scenario::new("soak")
        .policy("always-hot")
        .timeout(Duration::from_secs(900));
    soak.run().assert_passed();
}

#[test]
fn restarts_of_the_site_leak_nothing() {
    let soak = Scenario::new("soak-sites").site_restarts();
    soak.timeout(Duration::from_secs(900)).run().assert_passed();
}
