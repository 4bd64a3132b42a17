//! The course of an escalation: what was done each time that `front` failed.
//!
//! From the ledger, which goes on over a restart of the site.

use core::fmt::Write as _;

use syscall::abi::{Advice, FaultKind, Outcome, Response, Text};
use syscall::prelude::*;

use crate::promise::Promise;
use crate::records::{Record, Records};

/// The groups of the chain, from the root to the leaf.
pub(crate) const CHAIN: [&str; 3] = ["disk-service", "store", FRONT];
/// The one whose actor, of the same name, fails.
pub(crate) const FRONT: &str = "front";

/// Failures that are looked at, where the policy goes on for ever.
const MANY: usize = 6;

/// Whether there is nothing more to be seen. (That the site is restarted is seen afterwards.)
pub(crate) fn is_through(records: &Records, promise: Option<&Promise>, is_given_up: bool) -> bool {
    let is_to_end = promise.is_some_and(Promise::has_end);
    is_given_up || (!is_to_end && failures(records).count() >= MANY)
}

/// Whether it went as the policy promises.
pub(crate) fn keeps(promise: &Promise, records: &Records) -> bool {
    let answers =
        failures(records).map(|record| (record.response, record.scope.as_str(), record.advice));
    promise.is_kept(answers) && failures(records).all(|failure| takes_along(failure, records))
}

/// Prints a line for each failure of `front`.
pub(crate) fn print(records: &Records, policy: &str, is_given_up: bool) {
    info!("The layer `{FRONT}` is broken. What the policy `{policy}` has done about it:");
    info!(
        "{:>9}  {:<8} {:<13} {:<13} {:<26} {:>10}  advice",
        "time", "failure", "answer", "of the group", "restarted", "runs after"
    );
    for (failure, number) in failures(records).zip(1..) {
        let Record {
            response,
            scope,
            advice,
            ..
        } = failure;
        let (time, after) = (
            millis(failure.time.since(Instant::default())),
            after(failure, records),
        );
        let all = restarted(failure, records);
        info!("{time:>9}  {number:<8} {response:<13} {scope:<13} {all:<26} {after:>10}  {advice}");
    }
    let is_cured = failures(records)
        .last()
        .is_some_and(|failure| of_site(failure, records).is_some());
    if is_given_up {
        info!("           `{FRONT}` is given up: it is ended, and not started again");
    } else if is_cured {
        info!("           `{FRONT}` is well since the site was restarted, the kernel included");
    } else {
        info!("           `{FRONT}` is not given up: it goes on failing");
    }
}

/// How long after a failure `front` ran again.
fn after(failure: &Record, records: &Records) -> Text<16> {
    let restart = match failure.response {
        Response::SITE_RESTART => of_site(failure, records),
        _ => Some(failure).filter(|failure| failure.is_recovery()),
    };
    restart.map_or(Text::truncated("-"), |restart| {
        millis(restart.activated_at.since(failure.time))
    })
}

/// The restart of the site that a failure led to.
fn of_site<'a>(failure: &Record, records: &'a Records) -> Option<&'a Record> {
    let mut all = records.all();
    all.find(|record| record.is_of_site() && record.because == failure.sequence)
}

/// The failures of `front`. That it ends when it is given up is none.
fn failures(records: &Records) -> impl Iterator<Item = &Record> + Clone {
    let all = records.all();
    all.filter(|record| record.is_of(FRONT) && record.kind == Some(FaultKind::PANIC))
}

/// The layers other than `front` that were restarted because of a failure.
fn others<'a>(failure: &'a Record, records: &'a Records) -> impl Iterator<Item = &'a Record> {
    let is_other = |record: &&Record| {
        record.because == failure.sequence
            && record.response == Response::HOT_RESTART
            && record.outcome == Outcome::DONE
    };
    records.all().filter(is_other)
}

/// Whether a restart took those along that stand on the restarted group, and nobody else.
fn takes_along(failure: &Record, records: &Records) -> bool {
    let scope = CHAIN
        .iter()
        .position(|group| *group == failure.scope.as_str());
    let expected = match scope {
        Some(scope) if failure.advice == Advice::FOLLOWED => CHAIN.get(scope..CHAIN.len() - 1),
        _ => None,
    };
    let expected = expected.unwrap_or_default();
    let is_there = |name: &&str| others(failure, records).any(|record| record.is_of(name));
    expected.iter().all(is_there) && others(failure, records).count() == expected.len()
}

/// The names of all that were restarted because of a failure, from the root to the leaf.
fn restarted(failure: &Record, records: &Records) -> Text<40> {
    if of_site(failure, records).is_some() {
        return Text::truncated("everything");
    }
    let mut text = Text::EMPTY;
    for name in CHAIN {
        let is_own = failure.is_recovery() && failure.is_of(name);
        if !is_own && !others(failure, records).any(|record| record.is_of(name)) {
            continue;
        }
        let gap = if text.is_empty() { "" } else { ", " };
        // Writing to a `Text` cannot fail: what does not fit is cut.
        let _ = write!(text, "{gap}{name}");
    }
    if text.is_empty() {
        Text::truncated("-")
    } else {
        text
    }
}

/// A time in milliseconds, with one decimal place.
fn millis(span: Span) -> Text<16> {
    let mut text = Text::EMPTY;
    // Writing to a `Text` cannot fail: what does not fit is cut.
    let _ = write!(text, "{}.{} ms", span.0 / 1_000_000, span.0 / 100_000 % 10);
    text
}
