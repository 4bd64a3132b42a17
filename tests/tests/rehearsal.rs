//! Runs that are recorded, and put to a policy again.

mod disk;

use std::fs;

use abi::{Outcome, Response, SiteCause};
use refrain_tests::outcome::Outcome as Ending;
use refrain_tests::rehearsal::Pair;
use refrain_tests::{Rehearsal, Report, Scenario, Trace, artifacts};
use site_personality_manager::load;

fn record(site: &str, policy: &str) -> Report {
    Scenario::new(site).policy(policy).recorded().run()
}

/// The trace of a run, by way of its text.
fn trace(site: &str, report: &Report) -> Trace {
    let disk = fs::read(artifacts::disk(site)).expect("the disk of the site");
    let content = disk::find(&disk, "site.postcard").content;
    let site = load(&disk[content]).expect("the description of the site");
    let trace = Trace::of(&site, report.recording(), &report.outcome().to_string());
    let trace = trace.expect("a trace");
    let text = trace.to_json();
    assert_eq!(Trace::from_json(&text).expect("what was written"), trace);
    trace
}

fn rehearse(trace: &Trace, policy: &str) -> Rehearsal {
    let policy = policies::named(policy).expect("a policy");
    Rehearsal::of(trace, policy).expect("a site that can be")
}

#[test]
fn recorded_run_is_decided_the_same_by_the_same_policy_and_otherwise_by_another() {
    let report = record("policy-escalating", "escalating");
    report.assert_passed();
    let trace = trace("policy-escalating", &report);
    assert_eq!((trace.policy.as_str(), trace.damaged), ("escalating", 0));
    assert!(trace.lost.is_empty());
    // Each entry as it was in the end.
    assert!(
        trace
            .entries
            .iter()
            .all(|entry| entry.outcome != Outcome::PENDING),
        "{trace:?}"
    );
    let same = rehearse(&trace, "escalating");
    assert!(same.decisions.len() >= 6, "{same:?}");
    assert_eq!(same.differences, 0, "{same:?}");
    let responses: Vec<_> = same
        .decisions
        .iter()
        .map(|pair| pair.rehearsed.response)
        .collect();
    for expected in [Response::HOT_RESTART, Response::RELOAD, Response::TERMINATE] {
        assert!(responses.contains(&expected), "{responses:?}");
    }
    let never = rehearse(&trace, "never");
    assert_eq!(never.decisions.len(), same.decisions.len());
    assert!(never.differences > 0, "{never:?}");
    for pair in &never.decisions {
        assert_eq!(pair.rehearsed.response, Response::TERMINATE);
        assert_eq!(pair.agree, pair.recorded.response == Response::TERMINATE);
    }
}

#[test]
fn failures_that_were_overwritten_are_said_to_be_lost() {
    let report = record("recording-end", "always-hot");
    report.assert_passed();
    let trace = trace("recording-end", &report);
    // The ledger has room for 256.
    assert_eq!(trace.lost, [1..=44]);
    let numbers: Vec<_> = trace.entries.iter().map(|entry| entry.sequence).collect();
    assert_eq!(numbers, (45..=300).collect::<Vec<_>>());
    let rehearsal = rehearse(&trace, "always-hot");
    assert_eq!((rehearsal.lost, rehearsal.decisions.len()), (44, 256));
    assert_eq!(rehearsal.differences, 0);
}

#[test]
fn failures_before_a_kernel_panic_are_recorded() {
    let report = record("recording-panic", "always-hot");
    report.assert_outcome(Ending::KernelPanic);
    let trace = trace("recording-panic", &report);
    assert_eq!((trace.entries.len(), trace.lost.len()), (3, 0), "{trace:?}");
    assert!(trace.ended.contains("the kernel ended"), "{}", trace.ended);
    // Although no other kernel came after it.
    let [epitaph] = &trace.epitaphs[..] else {
        panic!("{trace:?}");
    };
    assert_eq!(epitaph.cause, SiteCause::PANIC);
    assert_eq!(epitaph.actor.as_str(), "judge");
    assert_ne!(epitaph.backtrace[0], 0);
}

#[test]
fn recordings_go_on_over_restarts_of_the_site_and_end_with_a_reboot() {
    let scenario = Scenario::new("demo").policy("chorus").recorded();
    let report = scenario.site_restarts().reboots().run();
    report.assert_passed();
    let trace = trace("demo", &report);
    assert_eq!((trace.reboots, trace.damaged, trace.lost.len()), (1, 0, 0));
    let causes: Vec<_> = trace.epitaphs.iter().map(|it| it.cause).collect();
    assert_eq!(causes, [SiteCause::POLICY, SiteCause::PANIC]);
    let same = rehearse(&trace, "chorus");
    assert_eq!(same.differences, 0, "{same:?}");
    let site = |pair: &&Pair| pair.rehearsed.response == Response::SITE_RESTART;
    assert_eq!(same.decisions.iter().filter(site).count(), 1, "{same:?}");
}
