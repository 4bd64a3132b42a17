//! The course of an escalation: what was done each time that `front` failed.
//!
//! From the ledger, and from the notices about the group: when it ran again, and when it was given
//! up.

use core::fmt::Write as _;

use syscall::abi::{Advice, FaultKind, Notice, NoticePhase, Outcome, Response, Text};
use syscall::prelude::*;

use crate::kept::Kept;
use crate::promise::Promise;
use crate::records::{Record, Records};

/// The groups of the chain, from the root to the leaf.
pub(crate) const CHAIN: [&str; 3] = ["disk-service", "store", FRONT];
/// The one whose actor, of the same name, fails.
pub(crate) const FRONT: &str = "front";

/// Failures that are looked at, where the policy goes on for ever.
const MANY: usize = 6;
/// Returns that are kept: a restart is one for each of its members.
const KEPT: usize = 64;

/// What the notices said.
pub(crate) struct Escalation {
    /// When `front` ran again, with the entry of the ledger that it was restarted for.
    returns: Kept<(u64, Instant), KEPT>,
    given_up: Option<Instant>,
}

impl Escalation {
    pub(crate) fn new() -> Self {
        Self {
            returns: Kept::new(),
            given_up: None,
        }
    }

    /// Takes note of a notice.
    pub(crate) fn note(&mut self, notice: &Notice) {
        match notice.phase {
            NoticePhase::ACTIVATED if notice.actor.as_str() == FRONT && notice.ledger != 0 => {
                self.returns.push((notice.ledger, notice.time));
            }
            NoticePhase::GIVEN_UP if notice.group.as_str() == FRONT => {
                self.given_up = Some(notice.time);
            }
            _ => {}
        }
    }

    /// Whether it was said that `front` was given up.
    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.is_some()
    }

    /// Whether there is nothing more to be seen.
    pub(crate) fn is_through(&self, records: &Records, promise: Option<&Promise>) -> bool {
        let is_to_end = promise.is_some_and(Promise::is_given_up);
        self.is_given_up() || (!is_to_end && failures(records).count() >= MANY)
    }

    /// Whether it went as the policy promises.
    pub(crate) fn keeps(&self, promise: &Promise, records: &Records) -> bool {
        let answers =
            failures(records).map(|record| (record.response, record.scope.as_str(), record.advice));
        let count = failures(records).count();
        self.is_given_up() == promise.is_given_up()
            && promise.is_kept(count, answers)
            && failures(records).all(|failure| takes_along(failure, records))
    }

    /// Prints a line for each failure of `front`.
    pub(crate) fn print(&self, records: &Records, policy: &str) {
        info!("The layer `{FRONT}` is broken. What the policy `{policy}` has done about it:");
        info!(
            "{:>8}  {:<8} {:<13} {:<13} {:<26} {:>10}  advice",
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
                self.after(failure),
            );
            let all = restarted(failure, records);
            info!(
                "{time:>8}  {number:<8} {response:<13} {scope:<13} {all:<26} {after:>10}  {advice}"
            );
        }
        match self.given_up {
            Some(time) => {
                let time = millis(time.since(Instant::default()));
                info!("{time:>8}  `{FRONT}` is given up: it is ended, and not started again");
            }
            None => info!("          `{FRONT}` is not given up: it goes on failing"),
        }
    }

    /// How long after a failure `front` ran again.
    fn after(&self, failure: &Record) -> Text<16> {
        let mut returns = self.returns.iter();
        let found = returns.find(|(entry, _)| *entry == failure.sequence);
        found.map_or(Text::truncated("-"), |(_, time)| {
            millis(time.since(failure.time))
        })
    }
}

/// The failures of `front`. That it ends when it is given up is none.
fn failures(records: &Records) -> impl Iterator<Item = &Record> {
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
