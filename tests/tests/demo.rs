//! The demonstration does what the README says, with every policy.

use std::time::Duration;

use refrain_tests::{Report, Scenario};

/// The site promises to end within 20 s of the guest's time; the host may be slower than that.
const PATIENCE: Duration = Duration::from_secs(120);

fn demo(policy: &str) -> Report {
    let report = Scenario::new("demo").policy(policy).timeout(PATIENCE).run();
    report
        .assert_passed()
        .assert_printed("block reads during hot restarts: 0");
    report
}

/// Rows of the table that are about the counter, and say that its count was right.
fn right_counts(report: &Report) -> usize {
    report
        .lines_with("conductor: counter")
        .filter(|row| row.ends_with("right"))
        .count()
}

#[test]
fn counter_recovers_from_all_eight_ways_to_die() {
    let report = demo("chorus");
    assert_eq!(right_counts(&report), 8, "{}", report.evidence());
    let looper: Vec<_> = report.lines_with("conductor: looper").collect();
    assert!(
        looper.iter().any(|row| row.contains("reload")),
        "{}",
        report.evidence()
    );
    assert!(
        looper.iter().any(|row| row.contains("site restart")),
        "{}",
        report.evidence()
    );
    assert!(
        looper.last().is_some_and(|row| row.contains("terminate")),
        "{}",
        report.evidence()
    );
    report
        .assert_printed("looper: site restart of kernel")
        .assert_printed("looper: site restart; site action refused");
}

#[test]
fn demonstration_ends_well_when_everything_is_restarted_hot() {
    assert_eq!(right_counts(&demo("always-hot")), 8);
}

#[test]
fn demonstration_ends_well_when_nothing_is_restarted() {
    let report = demo("never");
    report.assert_printed("the policy ended the counter");
    assert_eq!(right_counts(&report), 0, "{}", report.evidence());
}

#[test]
fn demonstration_ends_well_with_every_other_policy() {
    let shown = ["escalating", "always-hot", "never"];
    for policy in policies::NAMES.iter().filter(|name| !shown.contains(name)) {
        demo(policy);
    }
}

#[test]
fn console_shows_crashes_and_restarts() {
    let mut live = Scenario::new("interactive").start();
    live.wait_for("type `help`");
    live.write("ps\n");
    live.wait_for("console: > ps");
    live.wait_for("counter");
    live.write("crash counter null-write\r");
    live.wait_for("counter is back");
    live.write("restart counter\r");
    live.wait_for("counter restarts");
    live.write("crash counter old-age\nnonsense\n");
    live.wait_for("no way to die called `old-age`");
    live.wait_for("not understood");
    live.write("lex\x7f\x08\x7fledger 5\n");
    live.wait_for("console: > ledger 5");
    live.wait_for("memory access at 0x8");
    live.wait_for("restart requested by");
    live.write("help\n");
    live.wait_for("write-text");
}
