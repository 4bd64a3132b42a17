//! `cargo xtask rehearse`: what another policy would have decided in a recorded run.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use abi::{Advice, Response, Span};
use anyhow::{Context, Result};
use refrain_tests::rehearsal::{Decided, Pair};
use refrain_tests::{Rehearsal, Trace};

use crate::policy;

/// Puts a recorded run to a policy, and prints each decision beside the recorded one.
#[derive(clap::Args, Debug)]
pub(crate) struct Rehearse {
    /// The policy to ask
    #[arg(long, value_name = "NAME")]
    policy: String,
    /// What `cargo xtask run --record` wrote
    trace: PathBuf,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// The longest description of a failure in the table.
const FAILURE_MAX: usize = 44;

impl Rehearse {
    /// Runs the verb. That decisions differ is an answer and no failure.
    pub(crate) fn run(&self) -> Result<()> {
        let policy = policy::named(&self.policy)?;
        let file = self.trace.display();
        let text =
            fs::read_to_string(&self.trace).with_context(|| format!("cannot read {file}"))?;
        let trace = Trace::from_json(&text).with_context(|| file.to_string())?;
        let rehearsal = Rehearsal::of(&trace, policy).with_context(|| file.to_string())?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&rehearsal)?);
        } else {
            print!("{}", report(&trace, &rehearsal));
        }
        Ok(())
    }
}

/// The table, and what is to be said around it.
fn report(trace: &Trace, rehearsal: &Rehearsal) -> String {
    let mut text = format!("site {}; the run ended: {}\n", trace.site, trace.ended);
    let heads = [
        "entry".to_owned(),
        "time".to_owned(),
        "actor".to_owned(),
        "failure".to_owned(),
        format!("recorded: {}", rehearsal.recorded_policy),
        format!("rehearsed: {}", rehearsal.rehearsed_policy),
        String::new(),
    ];
    let rows = rehearsal.decisions.iter().map(row);
    text.push_str(&table(std::iter::once(heads).chain(rows).collect()));
    for lost in &trace.lost {
        let (first, last) = (lost.start(), lost.end());
        let _ = writeln!(
            text,
            "entries {first} to {last} are lost: they were overwritten before they were recorded"
        );
    }
    if trace.reboots > 0 {
        text.push_str(
            "the site was rebooted, and the ledger began anew: what came after is left out\n",
        );
    }
    if trace.damaged > 0 {
        let _ = writeln!(text, "{} records cannot be read", trace.damaged);
    }
    let _ = writeln!(
        text,
        "{} decisions in {} entries, {} differ",
        rehearsal.decisions.len(),
        rehearsal.entries,
        rehearsal.differences
    );
    text
}

fn row(pair: &Pair) -> [String; 7] {
    [
        pair.sequence.to_string(),
        pair.time.to_string(),
        pair.actor.to_string(),
        cut(&pair.failure),
        decided(pair, &pair.recorded),
        decided(pair, &pair.rehearsed),
        if pair.agree { "" } else { "differs" }.to_owned(),
    ]
}

/// What was decided; with whom, if not with the actor's own group; and what is unusual about it.
fn decided(pair: &Pair, decided: &Decided) -> String {
    let mut text = decided.response.to_string();
    let is_of_site = matches!(
        decided.response,
        Response::SITE_RESTART | Response::SITE_REBOOT
    );
    if decided.scope != pair.group && !is_of_site {
        let _ = write!(text, " of {}", decided.scope);
    }
    // What is shorter is no backoff, but the time until the restart began.
    if decided.delay >= Span::from_millis(1) {
        let _ = write!(text, " after {} ms", decided.delay.0 / 1_000_000);
    }
    if decided.advice != Advice::FOLLOWED {
        let _ = write!(text, " ({})", decided.advice);
    }
    text
}

fn cut(text: &str) -> String {
    if text.chars().count() <= FAILURE_MAX {
        return text.to_owned();
    }
    text.chars().take(FAILURE_MAX - 1).chain(['…']).collect()
}

/// Sets rows in columns as wide as what is in them.
fn table<const N: usize>(rows: Vec<[String; N]>) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths);
        let line: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "bb"], ["ccc", "d"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(rows.to_vec()), "a    bb\nccc  d\n");
    }

    #[test]
    fn long_failures_are_cut() {
        let cut = cut(&"é".repeat(100));
        assert_eq!(cut.chars().count(), FAILURE_MAX);
        assert!(cut.ends_with('…'));
    }
}
