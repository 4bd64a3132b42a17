//! Restarts of the site: the kernel comes back from memory, and everybody with it.

use std::time::Duration;

use refrain_tests::{Outcome, Report, Scenario};

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

#[test]
fn everybody_comes_back_from_every_place() {
    returning("site-places", "always-hot").run().assert_passed();
}

#[test]
fn kernel_ends_in_each_phase_of_a_groups_restart() {
    returning("site-phases", "chorus").run().assert_passed();
}

#[test]
fn kernel_ends_while_images_are_being_read() {
    let scenario = Scenario::new("site-loading").policy("escalating");
    let mut live = scenario.site_restarts().start();
    live.wait_for("host: slow the disk down");
    // Ten requests a second: reading an image takes long enough to be seen.
    let answer = live.monitor("block_set_io_throttle disk0 0 0 0 10 0 0");
    assert_eq!(answer, "");
    live.write("done\n");
    live.finish().assert_passed();
}

#[test]
fn who_has_ended_stays_that_way_and_who_is_absent_is_remembered() {
    returning("site-ended", "never").run().assert_passed();
}

#[test]
fn managers_activate_their_applications_again() {
    returning("site-managed", "always-hot")
        .run()
        .assert_passed();
}

#[test]
fn site_restart_needs_no_disk() {
    let scenario = Scenario::new("site-detached").policy("escalating");
    let mut live = scenario.site_restarts().start();
    live.wait_for("host: take the disk away");
    assert_eq!(live.monitor("drive_del disk0"), "");
    live.write("done\n");
    live.finish().assert_passed();
}

/// How often the kernel was entered: by the firmware's way, and from memory.
fn starts(report: &Report) -> (usize, usize) {
    let all = report.lines_with("preserved memory; policy").count();
    let again = report
        .lines_with("site restart ")
        .filter(|line| line.contains("WARN"));
    let again = again.count();
    (all - again, again)
}

#[test]
fn too_many_site_restarts_become_reboots_and_too_many_reboots_the_end() {
    let report = returning("site-reboots", "always-hot").reboots().run();
    report.assert_outcome(Outcome::KernelPanic);
    report.assert_printed("refrain: site reboot: too many site restarts");
    report.assert_printed("refrain: the site stays down: 2 reboots without a stable run");
    assert_eq!(starts(&report), (3, 9), "{}", report.evidence());
    // In each boot the judge has counted from one, and from the disk.
    for start in 1..=4 {
        let line = format!("start {start} of this boot");
        assert_eq!(report.lines_with(&line).count(), 3, "{}", report.evidence());
    }
}

#[test]
fn reboots_are_forgotten_after_a_stable_run() {
    let scenario = Scenario::new("site-stable").policy("always-hot");
    let mut live = scenario.site_restarts().reboots().start();
    // One reboot in a row is allowed.
    for _ in 0..4 {
        live.wait_for("host: are these enough?");
    }
    live.write("yes\n");
    let report = live.finish();
    report.assert_passed();
    assert_eq!(starts(&report), (4, 0), "{}", report.evidence());
}

#[test]
fn kernel_that_ends_while_its_site_comes_up_goes_through_the_firmware() {
    let report = returning("site-coming-up", "always-hot").reboots().run();
    report.assert_outcome(Outcome::KernelPanic);
    let failed = "the kernel failed while the site was being restarted";
    report.assert_printed(&format!("refrain: site reboot: {failed}"));
    report.assert_printed(&format!("and again: {failed}"));
    assert_eq!(starts(&report), (2, 2), "{}", report.evidence());
}

#[test]
fn reboot_is_done_on_request() {
    let report = returning("site-requested", "always-hot").reboots().run();
    report.assert_outcome(Outcome::KernelPanic);
    report.assert_printed("refrain: site reboot: an actor asked for it");
    report.assert_printed("refrain: the site stays down: 1 reboots without a stable run");
    assert_eq!(starts(&report), (2, 0), "{}", report.evidence());
}
