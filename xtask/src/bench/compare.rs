//! A run and an earlier one: what has become better, and what worse.
//!
//! What waits for the disk is not quite the same each time, for the disk is the host's: more or fewer
//! ticks come in between. So a measure is worse only if the least of its samples is, too.

use super::results::Results;
use super::statistics::Summary;
use super::table::SCENARIOS;

/// How much worse is worse, in per cent: so much can come of a line that was moved.
const TOLERANCE: u64 = 3;

/// A measure that is not what it was.
#[derive(Clone, PartialEq, Debug)]
struct Change {
    name: String,
    /// The median.
    median: Values,
    /// The least.
    min: Values,
}

/// What something was, and what it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Values {
    earlier: u64,
    now: u64,
}

impl Values {
    fn is_worse(self) -> bool {
        self.now * 100 > self.earlier * (100 + TOLERANCE)
    }
}

impl Change {
    fn percent(&self) -> f64 {
        (self.median.now as f64 / self.median.earlier.max(1) as f64 - 1.0) * 100.0
    }

    fn is_worse(&self) -> bool {
        self.median.is_worse() && self.min.is_worse()
    }
}

/// Prints what has changed; returns how many measures are worse.
pub(crate) fn print(results: &Results, earlier: &Results) -> usize {
    let changes = changes(results, earlier);
    if !changes.is_empty() {
        println!(
            "\n{:>10} {:>10} {:>8}  measure, median",
            "earlier", "now", ""
        );
    }
    for change in &changes {
        let percent = change.percent();
        let mark = if change.is_worse() { '!' } else { ' ' };
        println!(
            "{:>10} {:>10} {percent:>+7.1}%{mark} {}",
            change.median.earlier, change.median.now, change.name
        );
    }
    let worse = changes.iter().filter(|change| change.is_worse()).count();
    println!("{worse} measures are more than {TOLERANCE} % worse than they were.");
    worse
}

/// What is in both and not the same. Of parts only the sum is looked at.
fn changes(results: &Results, earlier: &Results) -> Vec<Change> {
    let measures = SCENARIOS.iter().flat_map(|scenario| scenario.measures);
    let measures = measures.filter_map(|one| {
        let (before, now) = (
            earlier.measures.get(one.name)?,
            results.measures.get(one.name)?,
        );
        let values = |value: fn(&Summary) -> u64| Values {
            earlier: value(before),
            now: value(now),
        };
        Some(Change {
            name: one.name.to_owned(),
            median: values(|summary| summary.median),
            min: values(|summary| summary.min),
        })
    });
    let sizes = results.sizes.iter().filter_map(|(name, now)| {
        let values = Values {
            earlier: *earlier.sizes.get(name)?,
            now: *now,
        };
        Some(Change {
            name: name.clone(),
            median: values,
            min: values,
        })
    });
    measures
        .chain(sizes)
        .filter(|change| change.median.earlier != change.median.now)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::runs::Samples;
    use super::*;
    use crate::machine::Boot;

    fn results(lap: u64, port: u64) -> Results {
        let samples = [("lap", vec![lap]), ("port", vec![port])];
        Results::of(&Samples::from(samples.map(named)), "", Boot::Direct)
    }

    fn named((name, samples): (&str, Vec<u64>)) -> (String, Vec<u64>) {
        (name.to_owned(), samples)
    }

    #[test]
    fn more_than_three_per_cent_is_worse() {
        let earlier = results(100, 1000);
        let worse = |lap, port| {
            let changes = changes(&results(lap, port), &earlier);
            changes.into_iter().filter(Change::is_worse).count()
        };
        assert_eq!(worse(103, 1000), 0);
        assert_eq!(worse(104, 1000), 1);
        assert_eq!(worse(104, 1031), 2);
        assert_eq!(worse(50, 500), 0);
    }

    #[test]
    fn what_only_some_samples_show_is_not_worse() {
        let results = |samples: [u64; 3]| {
            Results::of(
                &Samples::from([named(("reload-64k", samples.to_vec()))]),
                "",
                Boot::Direct,
            )
        };
        let worse = |samples| changes(&results(samples), &results([100, 100, 120]))[0].is_worse();
        assert!(!worse([100, 110, 120]));
        assert!(worse([110, 110, 120]));
    }

    #[test]
    fn what_is_the_same_or_new_is_no_change() {
        let mut earlier = results(100, 1000);
        assert!(changes(&results(100, 1000), &earlier).is_empty());
        earlier.measures.remove("lap");
        assert!(changes(&results(500, 1000), &earlier).is_empty());
    }
}
