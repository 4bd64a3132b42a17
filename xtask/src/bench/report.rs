//! The results, as tables for people.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::results::{Judged, Results, rows};
use super::statistics::Summary;
use super::table::{Limit, PARTS, SCENARIOS, SLOPES};
use crate::build::{relative, write_if_changed};
use crate::shell::say;

/// How the page of results begins.
const PAGE: &str = "\
# What was measured

Written by `cargo xtask bench --keep`, together with `tests/baseline.json`. What the measures are, and how
they are taken, is in [performance.md](performance.md). Everything is in instructions. Budgets are of the
median; of the maximum for times with interrupts off and of waiting; of the least for `boot`.

![Hot restarts by part](charts/restart-parts.svg)

![Hot restarts by size of data](charts/restart-sizes.svg)

| measure | what | min | median | p95 | max | budget |
|---|---|---:|---:|---:|---:|---:|
";

/// How its second table begins.
const SLOPES_OF_PAGE: &str = "
| each further one costs | |
|---|---:|
";

/// Prints everything there is.
pub(crate) fn print(results: &Results) {
    measures(results);
    parts(results);
    slopes(results);
    if !results.sizes.is_empty() {
        println!("\n{:>10}  size in bytes", "");
    }
    for (name, bytes) in &results.sizes {
        println!("{bytes:>10}  {name}");
    }
}

fn measures(results: &Results) {
    println!(
        "{:>10} {:>10} {:>10} {:>10} {:>10} {:>6}  measure, in instructions",
        "min", "median", "p95", "max", "budget", "ratio"
    );
    for (name, what, limit) in all_rows() {
        let Some(row) = results.row(&name, limit) else {
            continue;
        };
        let summary = row.summary;
        println!(
            "{:>10} {:>10} {:>10} {:>10} {}  {name}: {}",
            summary.min,
            summary.median,
            summary.p95,
            summary.max,
            judgement(row.limit),
            what.trim_start(),
        );
    }
}

/// A table of what the medians of restarts are made of.
fn parts(results: &Results) {
    let restarts = all_rows().filter(|(name, _, _)| {
        let (first, _) = PARTS[0];
        results.measures.contains_key(&format!("{name}{first}"))
    });
    let mut has_heading = false;
    for (name, _, _) in restarts {
        if !has_heading {
            println!();
            for (_, heading) in PARTS {
                print!("{heading:>16}");
            }
            println!("  part, median");
            has_heading = true;
        }
        for (ending, _) in PARTS {
            let part = results.measures.get(&format!("{name}{ending}"));
            print!("{:>16}", part.map_or(0, |part| part.median));
        }
        println!("  {name}");
    }
}

fn slopes(results: &Results) {
    let mut has_heading = false;
    for slope in SLOPES {
        let Some(line) = results.slopes.get(slope.name) else {
            continue;
        };
        if !has_heading {
            println!(
                "\n{:>10} {:>10} {:>10} {:>6}  slope, by least squares",
                "each", "base", "budget", "ratio"
            );
            has_heading = true;
        }
        let judged = slope
            .limit
            .and_then(|limit| results.judged(line.each.round() as u64, limit));
        println!(
            "{:>10.1} {:>10.0} {}  {}: {}",
            line.each,
            line.base,
            judgement(judged),
            slope.name,
            slope.what
        );
    }
}

fn judgement(judged: Option<Judged>) -> String {
    judged.map_or_else(
        || format!("{:>10} {:>6}", "", ""),
        |judged| {
            // Seen at a glance: what is missed, and what is as good as we would like.
            let mark = match judged.aim {
                _ if !judged.is_kept() => '!',
                Some(aim) if judged.value <= aim => '*',
                _ => ' ',
            };
            format!("{:>10} {:>5.2}{mark}", judged.budget, judged.ratio())
        },
    )
}

/// Writes the page of results.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn keep(results: &Results, path: &Path) -> Result<()> {
    let mut page = String::from(PAGE);
    for (name, what, limit) in all_rows() {
        let Some(row) = results.row(&name, limit) else {
            continue;
        };
        let budget = row.limit.map_or_else(String::new, |judged| {
            let missed = if judged.is_kept() { "" } else { " missed" };
            format!("{}{missed}", judged.budget)
        });
        let Summary {
            min,
            median,
            p95,
            max,
            ..
        } = row.summary;
        let what = what.trim_start();
        let _ = writeln!(
            page,
            "| `{name}` | {what} | {min} | {median} | {p95} | {max} | {budget} |"
        );
    }
    page.push_str(SLOPES_OF_PAGE);
    for slope in SLOPES {
        if let Some(line) = results.slopes.get(slope.name) {
            let _ = writeln!(page, "| {} | {:.0} |", slope.what, line.each);
        }
    }
    write_if_changed(path, page.as_bytes())?;
    say(format!("wrote {}", relative(path).display()));
    Ok(())
}

/// How many budgets are missed.
pub(crate) fn missed(results: &Results) -> usize {
    let rows = all_rows().filter_map(|(name, _, limit)| results.row(&name, limit)?.limit);
    let slopes = SLOPES.iter().filter_map(|slope| {
        let line = results.slopes.get(slope.name)?;
        results.judged(line.each.round() as u64, slope.limit?)
    });
    rows.chain(slopes)
        .filter(|judged| !judged.is_kept())
        .count()
}

/// Says which times with interrupts off, and of waiting for that, are beyond their budgets; returns how
/// many. Those budgets are kept by every measure, so the tests hold them whatever there was before.
pub(crate) fn late(results: &Results) -> usize {
    let measures = SCENARIOS.iter().flat_map(|scenario| scenario.measures);
    let companions = measures.flat_map(|measure| rows(measure).into_iter().skip(1));
    let mut late = 0;
    for (name, _, limit) in companions {
        let judged = results.row(&name, limit).and_then(|row| row.limit);
        if let Some(judged) = judged.filter(|judged| !judged.is_kept()) {
            println!("{name} is {}, and may be {}", judged.value, judged.budget);
            late += 1;
        }
    }
    late
}

fn all_rows() -> impl Iterator<Item = (String, String, Option<Limit>)> {
    let measures = SCENARIOS.iter().flat_map(|scenario| scenario.measures);
    measures.flat_map(rows)
}
