//! What samples are summed up in.

use serde::{Deserialize, Serialize};

/// Samples, summed up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// How many there are.
    pub(crate) samples: usize,
    /// The least.
    pub(crate) min: u64,
    /// The one in the middle.
    pub(crate) median: u64,
    /// The one that 95 of 100 do not exceed.
    pub(crate) p95: u64,
    /// The greatest.
    pub(crate) max: u64,
}

impl Summary {
    /// Sums up samples; `None` without any.
    pub(crate) fn of(samples: &[u64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable();
        // The nearest rank: a value that was really taken.
        let rank = |percent: usize| {
            let position = (sorted.len() * percent).div_ceil(100).max(1) - 1;
            sorted.get(position).copied()
        };
        Some(Self {
            samples: sorted.len(),
            min: *sorted.first()?,
            median: rank(50)?,
            p95: rank(95)?,
            max: *sorted.last()?,
        })
    }
}

/// A line: at nothing, and for each one more.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Where it begins.
    pub(crate) base: f64,
    /// How much it rises.
    pub(crate) each: f64,
}

impl Line {
    /// The line with the least squares of its distances from points; `None` unless two of them have
    /// different places.
    pub(crate) fn through(points: &[(f64, f64)]) -> Option<Self> {
        let count = points.len() as f64;
        let mean = |value: fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / count;
        let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
        let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
        if points.is_empty() || spread == 0.0 {
            return None;
        }
        let together = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y));
        let each = together.sum::<f64>() / spread;
        Some(Self {
            base: mean_y - each * mean_x,
            each,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_up_by_nearest_rank() {
        let samples: Vec<u64> = (1..=100).rev().collect();
        let summary = Summary::of(&samples).unwrap();
        let expected = Summary {
            samples: 100,
            min: 1,
            median: 50,
            p95: 95,
            max: 100,
        };
        assert_eq!(summary, expected);
        assert_eq!(Summary::of(&[7]).unwrap().p95, 7);
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn line_goes_through_points_that_lie_on_one() {
        let points = [(0.0, 10.0), (4.0, 18.0), (64.0, 138.0)];
        let line = Line::through(&points).unwrap();
        assert!((line.base - 10.0).abs() < 1e-9 && (line.each - 2.0).abs() < 1e-9);
    }

    #[test]
    fn line_is_nearest_to_points_that_do_not() {
        let line = Line::through(&[(0.0, 0.0), (1.0, 1.0), (2.0, 4.0)]).unwrap();
        assert!((line.each - 2.0).abs() < 1e-9 && (line.base + 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(Line::through(&[(1.0, 0.0), (1.0, 5.0)]), None);
        assert_eq!(Line::through(&[]), None);
    }
}
