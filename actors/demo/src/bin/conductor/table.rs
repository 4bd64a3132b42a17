//! The table at the end of the demonstration: a row a failure.

use core::fmt::Write as _;

use syscall::abi::{Outcome, Response, Text};
use syscall::prelude::*;

use crate::counts::{Counts, Verdict};
use crate::escalation::CHAIN;
use crate::records::{COUNTER, Record, Records};

/// Prints the table and what belongs under it.
pub(crate) fn print(records: &Records, counts: &Counts) {
    info!("Failures and what was done about them (times in microseconds):");
    info!(
        "{:<13} {:>4} {:<29} {:<13} {:>8} {:>8} {:>8} {:>9}  count",
        "actor", "inc.", "cause", "action", "freeze", "restart", "activate", "1st reply"
    );
    // Those of the chain have a table of their own.
    let is_here = |record: &&Record| !CHAIN.contains(&record.group.as_str());
    for record in records.all().filter(is_here) {
        row(record, counts);
    }
    if records.left_out > 0 {
        info!("... and {} more", records.left_out);
    }
    if records.is_counter_ended() {
        info!("the policy ended the counter: there is nothing more to count");
    }
    info!("block reads during hot restarts: {}", records.block_reads());
}

fn row(record: &Record, counts: &Counts) {
    let phases = &record.phases;
    info!(
        "{:<13} {:>4} {:<29} {:<13} {:>8} {:>8} {:>8} {:>9}  {}",
        record.name,
        record.incarnation,
        record.cause,
        action(record),
        micros(phases.freeze),
        micros(phases.restart),
        micros(phases.activate),
        micros(phases.first_reply),
        count(record, counts),
    );
}

/// What was done, and whether it worked.
fn action(record: &Record) -> Text<24> {
    let mut text = Text::EMPTY;
    // Writing to a `Text` cannot fail: what does not fit is cut.
    let _ = match record.outcome {
        Outcome::DONE => write!(text, "{}", record.response),
        outcome => write!(text, "{} {outcome}", record.response),
    };
    text
}

/// A time with one decimal place, or a dash where nothing was measured.
pub(crate) fn micros(span: Span) -> Text<16> {
    let mut text = Text::EMPTY;
    // Writing to a `Text` cannot fail: what does not fit is cut.
    let _ = match span {
        Span::ZERO => write!(text, "-"),
        Span(nanos) => write!(text, "{}.{}", nanos / 1_000, nanos / 100 % 10),
    };
    text
}

/// Whether the successor's count was right.
fn count(record: &Record, counts: &Counts) -> Text<40> {
    let mut text = Text::EMPTY;
    let is_counted = record.name.as_str() == COUNTER && record.response != Response::TERMINATE;
    let verdict = if is_counted {
        counts.of(record.incarnation + 1)
    } else {
        Verdict::Unknown
    };
    // Writing to a `Text` cannot fail: what does not fit is cut.
    let _ = match verdict {
        Verdict::Unknown => write!(text, "-"),
        Verdict::Right => write!(text, "right"),
        Verdict::Wrong { expected, counted } => write!(text, "WRONG: {counted}, not {expected}"),
    };
    text
}
