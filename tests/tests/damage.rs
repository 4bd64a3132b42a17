//! What is damaged in memory when the site is restarted is not used.

use refrain_tests::{Outcome, Scenario};

/// What must be right for the kernel to be entered again: how it is damaged, and what is said.
const KERNEL: &[(&str, &str)] = &[
    ("damage magic", "the site record is damaged"),
    ("damage version", "the site record is damaged"),
    ("damage header", "the site record is damaged"),
    ("damage generations", "the site record is damaged"),
    ("damage stage", "the site record is damaged"),
    ("damage boot", "the site record is damaged"),
    ("damage constants", "the kernel's text is damaged"),
    ("damage text", "the kernel's text is damaged"),
    ("damage data", "the kernel's pristine data are damaged"),
];

#[test]
fn what_is_damaged_is_not_used_and_the_rest_goes_on() {
    let report = Scenario::new("damage-notes")
        .policy("always-hot")
        .site_restarts()
        .run();
    report.assert_passed();
    // Listed, by name.
    let quarantined = |what: &str, why: &str| {
        report.assert_printed(&format!(
            "persistent region {what} frames, is quarantined: {why}"
        ));
    };
    quarantined("spare of judge, 1", "what is noted of it is damaged");
    quarantined("kept of first, 5", "what is noted of it is damaged");
    quarantined(
        "written of first, 1",
        "another is noted to be in the same place",
    );
}

#[test]
fn kernel_that_is_not_what_it_was_is_not_entered_again() {
    for (damage, said) in KERNEL {
        let mut live = Scenario::new("damage-kernel")
            .policy("always-hot")
            .site_restarts()
            .start();
        live.wait_for("host: what is to be damaged?");
        live.write(&format!("{damage}\n"));
        let report = live.finish();
        report.assert_outcome(Outcome::ResetOrTripleFault);
        report.assert_printed(&format!("refrain: site reboot: {said}"));
    }
    // It is the damage: without, it is entered again.
    let mut live = Scenario::new("damage-kernel")
        .policy("always-hot")
        .site_restarts()
        .start();
    live.wait_for("host: what is to be damaged?");
    live.write("kernel panic\n");
    live.wait_for("host: what is to be damaged?");
    live.write("nothing\n");
    live.finish().assert_passed();
}

/// A site that is reset goes on from the disk, and says what that has cost: unless what was there is
/// damaged.
#[test]
fn reboot_says_what_was_lost() {
    const REGION: &str = "lost: persistent region kept of victim, 20 KiB";
    const NOTHING: &str = "lost: what there was cannot be told";
    for (damage, said, not_said) in [
        ("damage stage", REGION, NOTHING),
        ("damage header", NOTHING, REGION),
    ] {
        let mut live = Scenario::new("damage-kernel")
            .policy("always-hot")
            .site_restarts()
            .reboots()
            .start();
        live.wait_for("host: what is to be damaged?");
        live.write(&format!("{damage}\n"));
        live.wait_for("refrain: site reboot: the site record is damaged");
        live.wait_for("host: what is to be damaged?");
        live.write("nothing\n");
        let report = live.finish();
        report.assert_passed();
        report.assert_printed(
            "lost: all that was in memory, by a site reboot: the site record is damaged",
        );
        report.assert_printed(said);
        assert_eq!(report.lines_with(not_said).count(), 0);
        let last_words =
            report.lines_with("the kernel's last words were: kernel panic: a test asked for it");
        assert_eq!(last_words.count(), usize::from(said == REGION));
    }
}
