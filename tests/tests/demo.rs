//! The demonstration does what the README says, with every policy.

use std::time::Duration;

use refrain_tests::{Report, Scenario};

/// The site takes some five seconds of the guest's time; the host may be slower than that.
const PATIENCE: Duration = Duration::from_secs(120);

fn demo(policy: &str) -> Report {
    let scenario = Scenario::new("demo").policy(policy).timeout(PATIENCE);
    let report = scenario.site_restarts().reboots().run();
    report
        .assert_passed()
        .assert_printed("block reads during hot restarts: 0")
        .assert_printed("everything is right")
        .assert_printed("site reboot 1: an actor asked for it");
    report
}

/// The row of the comparison that begins with `what`: its figures, or nothing where there is a dash.
fn cost(report: &Report, what: &str) -> Vec<Option<f64>> {
    let said = said(report);
    let row = said.iter().find_map(|line| line.strip_prefix(what));
    let row = row.unwrap_or_else(|| panic!("no row {what}\n{}", report.evidence()));
    row.split_whitespace()
        .map(|figure| figure.parse().ok())
        .collect()
}

/// Rows of the table that are about the counter, and say that its count was right.
fn right_counts(report: &Report) -> usize {
    report
        .lines_with("conductor: counter")
        .filter(|row| row.ends_with("right"))
        .count()
}

/// What the conductor says, without what the log puts before it.
fn said(report: &Report) -> Vec<String> {
    let said = report.lines_with("conductor: ");
    let text = said.filter_map(|line| Some(line.split_once("conductor: ")?.1.to_owned()));
    text.collect()
}

/// The rows of a table of the conductor's, from the one under its `heading` on.
fn table(report: &Report, heading: &str) -> Vec<String> {
    let lines = said(report).into_iter();
    let rows = lines.skip_while(|line| !line.starts_with(heading)).skip(2);
    rows.collect()
}

/// How the failures of the broken layer were answered: number, answer, group, who was restarted,
/// and what became of the advice. Runs of blanks are one; times are left out.
fn answers(report: &Report) -> Vec<String> {
    let rows = table(report, "The layer `front` is broken.").into_iter();
    let rows = rows.take_while(|row| !row.contains("`front` is"));
    let in_words = |row: String| {
        let mut words: Vec<_> = row.split_whitespace().collect();
        words.drain(..2);
        if let Some(unit) = words.iter().position(|word| *word == "ms") {
            words.drain(unit - 1..=unit);
        }
        words.join(" ")
    };
    rows.map(in_words).collect()
}

#[test]
fn counter_recovers_from_all_eight_ways_to_die() {
    let report = demo("chorus");
    assert_eq!(right_counts(&report), 8, "{}", report.evidence());
}

#[test]
fn demonstration_shows_the_tree_of_groups() {
    let report = demo("chorus");
    let rows = table(&report, "The tree of groups.");
    let expected = [
        "kernel",
        "  disk-service           native     at rest    disk-service (3)",
        "    store                native     at rest    store (4)",
        "      front              native     at rest    front (7)",
        "  counter                native     at rest    counter (10)",
        "  client                 native     at rest    client (2)",
        "  vault                  native     at rest    vault (5)",
        "  visitors               native     at rest    visitors (2)",
        "  conductor              native     at rest    conductor (2)",
        "  posix                  posix      at rest    posix-manager (3)",
        "    init                 posix      at rest    init (4)",
    ];
    // Under `init` there may be a process that just runs.
    for (row, expected) in rows.iter().zip(expected) {
        assert!(row.starts_with(expected), "{row}\n{}", report.evidence());
    }
}

#[test]
fn demonstration_shows_an_escalation_and_a_propagation_to_the_kernel_group() {
    let report = demo("chorus");
    let expected = [
        "1 hot restart front front followed",
        "2 hot restart front front followed",
        "3 reload front front followed",
        "4 hot restart store store, front followed",
        "5 hot restart disk-service disk-service, store, front followed",
        "6 site restart kernel everything followed",
    ];
    assert_eq!(answers(&report), expected, "{}", report.evidence());
    report
        .assert_printed("`front` is well since the site was restarted")
        .assert_printed("site restart 1: policy: on account of front");
}

#[test]
fn demonstration_loses_nothing_in_a_kernel_panic() {
    let report = demo("chorus");
    report
        .assert_printed("site restart 2: kernel panic: a test asked for it")
        .assert_printed("counter 10 > 11, client 2 > 3, vault 5 > 6");
    let counted = said(&report)
        .iter()
        .find_map(|line| Some(line.split_once("requests counted: ")?.1.to_owned()));
    let counted = counted.unwrap_or_default();
    let numbers: Vec<u64> = counted
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect();
    assert!(
        numbers.len() == 2 && numbers[0] > 76 && numbers[1] >= numbers[0] + 10,
        "{counted}\n{}",
        report.evidence()
    );
}

#[test]
fn demonstration_compares_what_recoveries_cost() {
    let report = demo("chorus");
    let evidence = report.evidence();
    let rows = [
        "actor, hot restart",
        "actor, reload",
        "two groups, hot restart",
        "site, hot restart after a panic",
        "site, reboot",
    ];
    for (what, reads_blocks) in rows.into_iter().zip([false, true, false, false, true]) {
        let row = cost(&report, what);
        let [actors, stop, back, start, reply, all, blocks] = row[..] else {
            panic!("{what}: {row:?}\n{evidence}");
        };
        // A broken layer answers nobody, and for the groups it is until the last of them runs.
        let parts = [stop, back, start, reply];
        let sum: f64 = parts.into_iter().flatten().sum();
        let (actors, all) = (actors.unwrap_or(0.0), all.unwrap_or(0.0));
        assert!(actors >= 1.0 && all > 0.0, "{what}\n{evidence}");
        assert!(
            actors == 2.0 || (sum - all).abs() < 1.0,
            "{what}\n{evidence}"
        );
        let read = blocks.is_some_and(|blocks| blocks > 0.0);
        assert_eq!(read, reads_blocks, "{what}\n{evidence}");
    }
    // The firmware took its time, and the counter of the CPU went on.
    assert!(cost(&report, "site, reboot")[1].is_some(), "{evidence}");
}

#[test]
fn demonstration_shows_two_personalities_apart() {
    for policy in ["chorus", "never"] {
        let report = demo(policy);
        let rows = table(&report, "Two personalities");
        // Two lines are the heading of this one.
        let scenes: Vec<Vec<_>> = rows
            .iter()
            .skip(1)
            .take(3)
            .map(|row| row.split('|').map(str::trim).collect())
            .collect();
        let untouched = |scene: usize, column: usize| scenes[scene][column];
        let evidence = report.evidence();
        assert_eq!(untouched(0, 3), "posix", "{evidence}");
        assert!(scenes[0][0].starts_with("counter"), "{evidence}");
        assert!(
            scenes[0][2].starts_with("1 > 1         1 > 1"),
            "{evidence}"
        );
        assert_eq!(scenes[1][0], "init (killed)", "{evidence}");
        assert!(
            scenes[1][2].starts_with("1 > 1         1 > 2"),
            "{evidence}"
        );
        assert_eq!(untouched(1, 3), "native", "{evidence}");
        let both = "posix-manager (killed), init (with its group)";
        assert_eq!(scenes[2][0], both, "{evidence}");
        assert!(
            scenes[2][2].starts_with("1 > 2         2 > 3"),
            "{evidence}"
        );
        assert_eq!(untouched(2, 3), "native", "{evidence}");
        let client = |scene: usize| scenes[scene][1].contains("1 > 1");
        assert!((0..3).all(client), "{evidence}");
    }
}

#[test]
fn demonstration_ends_well_when_everything_is_restarted_hot() {
    let report = demo("always-hot");
    assert_eq!(right_counts(&report), 8, "{}", report.evidence());
    report.assert_printed("`front` is not given up");
}

#[test]
fn demonstration_ends_well_when_nothing_is_restarted() {
    let report = demo("never");
    report.assert_printed("the policy ended the counter");
    assert_eq!(right_counts(&report), 0, "{}", report.evidence());
    assert_eq!(answers(&report), ["1 terminate front - - followed"]);
}

#[test]
fn demonstration_ends_well_with_every_other_policy() {
    let shown = ["chorus", "always-hot", "never"];
    for policy in policies::NAMES.iter().filter(|name| !shown.contains(name)) {
        let report = demo(policy);
        let expected: &[&str] = match *policy {
            "budget" => &[
                "1 hot restart front front followed",
                "2 hot restart front front followed",
                "3 terminate front - - followed",
            ],
            "escalating" => &[
                "1 hot restart front front followed",
                "2 hot restart front front followed",
                "3 reload front front followed",
                "4 terminate front - - followed",
            ],
            "backoff" => &[
                "1 hot restart front front followed",
                "2 hot restart front front followed",
                "3 reload front front followed",
                "4 reload front front followed",
            ],
            "otp" => &[
                "1 hot restart front front followed",
                "2 hot restart store store, front followed",
                "3 hot restart front front followed",
                "4 hot restart disk-service disk-service, store, front followed",
                "5 hot restart front front followed",
                "6 hot restart store store, front followed",
                "7 hot restart front front followed",
                "8 site restart kernel everything followed",
            ],
            _ => &[],
        };
        let answers = answers(&report);
        let first = answers.iter().take(expected.len());
        assert!(first.eq(expected), "{}", report.evidence());
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
