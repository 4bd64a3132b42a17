//! A run and an earlier one: what has become better, and what worse.

use super::results::Results;
use super::table::SCENARIOS;

/// How much worse is worse: so much can come of a line that was moved.
const TOLERANCE: f64 = 0.03;

/// A measure that is not what it was.
#[derive(Clone, PartialEq, Debug)]
struct Change {
    name: String,
    earlier: u64,
    now: u64,
}

impl Change {
    fn ratio(&self) -> f64 {
        self.now as f64 / self.earlier.max(1) as f64 - 1.0
    }

    fn is_worse(&self) -> bool {
        self.ratio() > TOLERANCE
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
        let percent = change.ratio() * 100.0;
        let mark = if change.is_worse() { '!' } else { ' ' };
        println!(
            "{:>10} {:>10} {percent:>+7.1}%{mark} {}",
            change.earlier, change.now, change.name
        );
    }
    let worse = changes.iter().filter(|change| change.is_worse()).count();
    println!(
        "{worse} measures are more than {:.0} % worse than they were.",
        TOLERANCE * 100.0
    );
    worse
}

/// What is in both and not the same. Of parts only the sum is looked at.
fn changes(results: &Results, earlier: &Results) -> Vec<Change> {
    let measures = SCENARIOS.iter().flat_map(|scenario| scenario.measures);
    let medians = measures.filter_map(|one| {
        let median = |results: &Results| Some(results.measures.get(one.name)?.median);
        Some((one.name, median(earlier)?, median(results)?))
    });
    let sizes = results.sizes.iter();
    let sizes =
        sizes.filter_map(|(name, now)| Some((name.as_str(), *earlier.sizes.get(name)?, *now)));
    medians
        .chain(sizes)
        .filter(|(_, earlier, now)| earlier != now)
        .map(|(name, earlier, now)| Change {
            name: name.to_owned(),
            earlier,
            now,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::runs::Samples;
    use super::*;

    fn results(lap: u64, port: u64) -> Results {
        let samples = [("lap", lap), ("port", port)];
        let samples = samples.map(|(name, value)| (name.to_owned(), vec![value]));
        Results::of(&Samples::from(samples), "")
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
    fn what_is_the_same_or_new_is_no_change() {
        let mut earlier = results(100, 1000);
        assert!(changes(&results(100, 1000), &earlier).is_empty());
        earlier.measures.remove("lap");
        assert!(changes(&results(500, 1000), &earlier).is_empty());
    }
}
