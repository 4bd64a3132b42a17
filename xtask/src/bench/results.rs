//! All numbers of a run, and how they are kept in a file.
//!
//! The file is JSON, with everything in alphabetical order and nothing in it that changes by itself:
//! two files differ where the numbers do.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::runs::Samples;
use super::statistics::{Line, Summary};
use super::table::{
    Budget, COMPANIONS, Limit, MEMORY, Measure, SCENARIOS, SLOPES, Slope, Statistic,
};
use crate::build::relative;
use crate::machine::Boot;
use crate::shell::say;

/// The version of the file's form.
const VERSION: u32 = 1;

/// All numbers of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Results {
    version: u32,
    /// What brought the kernel up.
    firmware: Boot,
    /// What was measured, in instructions; the parts of it are there under names of their own.
    pub(crate) measures: BTreeMap<String, Summary>,
    /// What one more of something costs.
    pub(crate) slopes: BTreeMap<String, Line>,
    /// How large things are, in bytes.
    pub(crate) sizes: BTreeMap<String, u64>,
}

impl Results {
    /// Sums up samples.
    pub(crate) fn of(samples: &Samples, filter: &str, firmware: Boot) -> Self {
        let is_wanted = |name: &str| {
            SCENARIOS.iter().any(|scenario| {
                let measure = scenario.measures.iter().find(|one| is_of(name, one.name));
                measure
                    .is_some_and(|one| one.name.contains(filter) || scenario.site.contains(filter))
            })
        };
        let summaries = samples.iter().filter(|(name, _)| is_wanted(name));
        let measures: BTreeMap<_, _> = summaries
            .filter_map(|(name, samples)| Some((name.clone(), Summary::of(samples)?)))
            .collect();
        let sizes = samples.iter().filter(|(name, _)| name.starts_with(MEMORY));
        let sizes = sizes.filter_map(|(name, bytes)| Some((name.clone(), *bytes.first()?)));
        let mut results = Self {
            version: VERSION,
            firmware,
            slopes: BTreeMap::new(),
            measures,
            sizes: sizes.collect(),
        };
        let slopes = SLOPES.iter().filter_map(|slope| {
            let line = slope.of(&results)?;
            Some((slope.name.to_owned(), line))
        });
        results.slopes = slopes.collect();
        results
    }

    /// Adds how large something is.
    pub(crate) fn add_size(&mut self, name: &str, bytes: u64) {
        self.sizes.insert(name.to_owned(), bytes);
    }

    /// Reads results from a file.
    ///
    /// # Errors
    /// When it cannot be read, or is none of ours.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let shown = relative(path);
        let text = fs::read(path).with_context(|| format!("cannot read {}", shown.display()))?;
        let results: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{} holds no results", shown.display()))?;
        ensure!(
            results.version == VERSION,
            "{} is of version {}, not {VERSION}",
            shown.display(),
            results.version
        );
        Ok(results)
    }

    /// Writes them to a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        let shown = relative(path).display().to_string();
        fs::write(path, text).with_context(|| format!("cannot write {shown}"))?;
        say(format!("wrote {shown}"));
        Ok(())
    }

    /// What there is of a row, and what it may cost.
    pub(crate) fn row(&self, name: &str, limit: Option<Limit>) -> Option<Row> {
        let summary = *self.measures.get(name)?;
        Some(Row {
            summary,
            limit: limit.and_then(|limit| self.judged(summary.of_statistic(limit.of), limit)),
        })
    }

    /// A number, held against its limit; `None` if that depends on what was not measured.
    pub(crate) fn judged(&self, value: u64, limit: Limit) -> Option<Judged> {
        let budget = match limit.budget {
            Budget::Most(most) => most,
            Budget::Direct(_) if self.firmware != Boot::Direct => return None,
            Budget::Direct(most) => most,
            Budget::Like(other, percent) => {
                self.measures.get(other)?.of_statistic(limit.of) * percent / 100
            }
        };
        Some(Judged {
            value,
            budget,
            aim: limit.aim,
        })
    }
}

/// Whether a series belongs to a measure: it is the measure, or a part or a companion of it.
fn is_of(series: &str, measure: &str) -> bool {
    series
        .strip_prefix(measure)
        .is_some_and(|ending| ending.is_empty() || ending.starts_with('.'))
}

/// A row, summed up and judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The samples.
    pub(crate) summary: Summary,
    /// How they stand to the limit, if there is one.
    pub(crate) limit: Option<Judged>,
}

/// A number and what it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    /// The number.
    pub(crate) value: u64,
    /// What it may be at most.
    pub(crate) budget: u64,
    /// What we would like it to be.
    pub(crate) aim: Option<u64>,
}

impl Judged {
    /// Whether the budget is kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.value <= self.budget
    }

    /// How much of the budget it is.
    pub(crate) fn ratio(&self) -> f64 {
        self.value as f64 / self.budget.max(1) as f64
    }
}

impl Summary {
    /// One of its numbers.
    pub(crate) fn of_statistic(&self, which: Statistic) -> u64 {
        match which {
            Statistic::Min => self.min,
            Statistic::Median => self.median,
            Statistic::Max => self.max,
        }
    }
}

impl Slope {
    /// The line through what was measured; `None` unless all of it was.
    fn of(&self, results: &Results) -> Option<Line> {
        let points = self.points.iter().map(|(name, place)| {
            let measure = results.measures.get(*name).map(|one| one.median);
            let value = measure.or(results.sizes.get(*name).copied())?;
            Some((f64::from(*place), value as f64))
        });
        Line::through(&points.collect::<Option<Vec<_>>>()?)
    }
}

/// The rows of a measure: itself, and those of its companions that there may be.
pub(crate) fn rows(measure: &Measure) -> Vec<(String, String, Option<Limit>)> {
    let own = (
        measure.name.to_owned(),
        measure.what.to_owned(),
        measure.limit,
    );
    let others = COMPANIONS.iter().map(|(ending, what, limit)| {
        let name = format!("{}{ending}", measure.name);
        (name, format!("  {what}"), Some(*limit))
    });
    std::iter::once(own).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_belong_to_their_measure_and_other_measures_do_not() {
        assert!(is_of("restart-16k", "restart-16k"));
        assert!(is_of("restart-16k.freeze", "restart-16k"));
        assert!(!is_of("lap-lent", "lap"));
    }

    #[test]
    fn results_are_read_back_as_they_were() {
        let samples = Samples::from([("lap".to_owned(), vec![3, 1, 2])]);
        let results = Results::of(&samples, "", Boot::Direct);
        let text = serde_json::to_string(&results).unwrap();
        assert_eq!(serde_json::from_str::<Results>(&text).unwrap(), results);
        assert_eq!(results.measures["lap"].median, 2);
    }

    #[test]
    fn budgets_are_of_numbers_or_of_other_measures_or_of_direct_boots() {
        let samples = Samples::from([("lap".to_owned(), vec![200])]);
        let budget = |budget, firmware| {
            let limit = Limit {
                budget,
                aim: None,
                of: Statistic::Median,
            };
            let judged = Results::of(&samples, "", firmware).judged(105, limit)?;
            Some((judged.budget, judged.is_kept()))
        };
        assert_eq!(budget(Budget::Most(104), Boot::Direct), Some((104, false)));
        assert_eq!(
            budget(Budget::Like("lap", 105), Boot::Direct),
            Some((210, true))
        );
        assert_eq!(budget(Budget::Like("port", 105), Boot::Direct), None);
        assert_eq!(budget(Budget::Direct(105), Boot::Direct), Some((105, true)));
        assert_eq!(budget(Budget::Direct(105), Boot::Bios), None);
    }
}
