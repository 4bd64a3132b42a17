//! Thousands of restarts, and nothing is lost. `cargo xtask soak` makes many more.

use std::time::Duration;

use refrain_tests::Scenario;

fn soak(site: &str) -> Scenario {
    Scenario::new(site).timeout(Duration::from_secs(900))
}

#[test]
fn ten_thousand_restarts_leak_nothing() {
    soak("soak").policy("always-hot").run().assert_passed();
}

#[test]
fn actor_with_something_of_everything_leaks_nothing_and_is_restarted_as_fast_as_ever() {
    soak("soak-actors")
        .instruction_clock()
        .run()
        .assert_passed();
}

#[test]
fn restarts_of_the_site_leak_nothing_and_are_as_fast_as_ever() {
    let soak = soak("soak-sites").instruction_clock().site_restarts();
    soak.run().assert_passed();
}
