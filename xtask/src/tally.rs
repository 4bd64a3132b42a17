//! Counts test results in what `cargo test` prints.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
}

impl Tally {
    /// Reads one line; what is not a "test result:" line counts nothing.
    pub(crate) fn of_line(line: &str) -> Self {
        let Some((_, counts)) = line.split_once("test result: ") else {
            return Self::default();
        };
        let count = |word: &str| {
            let before = counts
                .split([';', '.'])
                .find_map(|part| part.trim().strip_suffix(word));
            before
                .and_then(|number| number.trim().parse().ok())
                .unwrap_or(0)
        };
        Self {
            passed: count(" passed"),
            failed: count(" failed"),
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted_and_others_are_not() {
        let line =
            "test result: FAILED. 11 passed; 5 failed; 2 ignored; 0 measured; 1 filtered out";
        assert_eq!(
            Tally::of_line(line),
            Tally {
                passed: 11,
                failed: 5
            }
        );
        let line = "test result: ok. 3 passed; 0 failed; 0 ignored; finished in 0.30s";
        assert_eq!(
            Tally::of_line(line),
            Tally {
                passed: 3,
                failed: 0
            }
        );
        assert_eq!(
            Tally::of_line("test outcome::tests::passed ... ok"),
            Tally::default()
        );
        assert_eq!(Tally::of_line("7 passed, 1 failed"), Tally::default());
    }

    #[test]
    fn closing_line_is_what_ci_reads() {
        let mut tally = Tally {
            passed: 1,
            failed: 0,
        };
        tally += Tally {
            passed: 2,
            failed: 3,
        };
        assert_eq!(tally.to_string(), "3 passed, 3 failed");
    }
}
