//! Restarts of the site: the kernel comes back from memory, and everybody with it.

use std::time::Duration;

use refrain_tests::Scenario;

/// By the instruction clock, with the kernel's end as part of it.
fn returning(site: &str, policy: &str) -> Scenario {
    let scenario = Scenario::new(site).policy(policy);
    scenario.instruction_clock().site_restarts()
}

#[test]
fn thousand_site_restarts_under_load_lose_nothing() {
    let load = returning("site-load", "always-hot").timeout(Duration::from_secs(900));
    load.run().assert_passed();
}
