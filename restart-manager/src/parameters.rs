//! The numbers a policy is tuned by, per actor and per group.
//!
//! Site descriptions carry them. Every default says why it has its value; all of them can be
//! changed for one actor without changing the policy.

use abi::Span;
use serde::{Deserialize, Serialize};

use crate::history::HISTORY_MAX;

/// What the shipped policies can be told about one actor, or one group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// How long a failure counts.
    ///
    /// Default 60 s: long enough that a fault in something done every few seconds is seen as the
    /// same fault coming back, short enough that independent faults of a day never add up.
    pub window: Span,
    /// How many failures within the window are answered with a hot restart.
    ///
    /// Default 3: one for a passing fault, one for the request that is sent again and fails again,
    /// one for good measure. What still fails then fails because of what memory holds.
    pub hot_limit: u32,
    /// How many failures after those are answered with a reload.
    ///
    /// Default 2: the first can bring a repaired image; the second tells a broken image from one
    /// more passing fault.
    pub reload_limit: u32,
    /// A run of this length without failure makes the past forgotten, window or not.
    ///
    /// Default 10 s: a start that long has left initialisation behind, where nearly all crash
    /// loops are. It is shorter than the window, or it would never matter.
    pub stable_after: Span,
    /// How long restarts are put off.
    pub backoff: Backoff,
    /// Of a group: how many times within its window it is restarted because of a group above it,
    /// before the blame goes one further down.
    ///
    /// Default 1: a layer that was restarted and did not help is not what is broken.
    pub propagation_limit: u32,
    /// Of a group: which of the groups that stand on it are restarted when one of them fails.
    /// Only the policy `otp` looks at it.
    ///
    /// Default: that one alone, so that a failure stays where it is.
    pub strategy: Strategy,
}

/// Which groups on a common base are restarted when one of them fails (OTP's supervision
/// strategies).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Strategy {
    /// The one that failed.
    #[default]
    OneForOne,
    /// All of them.
    OneForAll,
    /// The one that failed and those declared after it.
    RestForOne,
}

impl Strategy {
    /// Every strategy with the name the site description uses for it.
    pub const NAMED: &'static [(&'static str, Self)] = &[
        ("one-for-one", Self::OneForOne),
        ("one-for-all", Self::OneForAll),
        ("rest-for-one", Self::RestForOne),
    ];
}

impl Parameters {
    /// As a limit: none.
    pub const UNLIMITED: u32 = u32::MAX;

    /// The defaults, for use in constants.
    pub const DEFAULT: Self = Self {
        window: Span::from_secs(60),
        hot_limit: 3,
        reload_limit: 2,
        stable_after: Span::from_secs(10),
        backoff: Backoff::DEFAULT,
        propagation_limit: 1,
        strategy: Strategy::OneForOne,
    };

    /// Failures within the window after which the actor is given up: both limits together.
    #[must_use]
    pub const fn total_limit(&self) -> u32 {
        self.hot_limit.saturating_add(self.reload_limit)
    }

    /// Whether the limits can be told apart with the history that is kept: each is
    /// [`Parameters::UNLIMITED`], or their sum is below [`HISTORY_MAX`]. A stable run must last for
    /// some time, or no failure would ever be remembered.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        is_countable(self.hot_limit)
            && is_countable(self.total_limit())
            && is_countable(self.propagation_limit)
            && self.stable_after.0 > Span::ZERO.0
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self::DEFAULT
    }
}

const fn is_countable(limit: u32) -> bool {
    limit == Parameters::UNLIMITED || (limit as usize) < HISTORY_MAX
}

/// A delay that doubles from failure to failure, up to a cap.
///
/// The callers of a failed actor are told at the freeze, before any delay, so it costs nobody but
/// the actor itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backoff {
    /// How many failures within the window are answered without delay.
    ///
    /// Default 1: a single passing fault must cost microseconds, which is what hot restart is for.
    pub free: u32,
    /// The first delay.
    ///
    /// Default 10 ms: a hundred thousand times the cost of a restart, so that an actor crashing at
    /// once takes little of the processor, and yet below what a person notices.
    pub first: Span,
    /// The longest delay.
    ///
    /// Default 1 s: somebody waiting for the actor to come back after a repair waits no longer.
    pub longest: Span,
}

impl Backoff {
    /// The defaults, for use in constants.
    pub const DEFAULT: Self = Self {
        free: 1,
        first: Span::from_millis(10),
        longest: Span::from_secs(1),
    };

    /// No delay, ever.
    pub const NONE: Self = Self {
        free: u32::MAX,
        first: Span::ZERO,
        longest: Span::ZERO,
    };

    /// The delay before the restart after the `failures`-th failure in the window (1 is the
    /// first).
    #[must_use]
    pub const fn delay(&self, failures: u32) -> Span {
        if failures <= self.free {
            return Span::ZERO;
        }
        let doublings = failures.saturating_sub(self.free).saturating_sub(1);
        let factor = match 1_u64.checked_shl(doublings) {
            Some(factor) => factor,
            None => u64::MAX,
        };
        let delay = self.first.0.saturating_mul(factor);
        if delay < self.longest.0 {
            Span(delay)
        } else {
            self.longest
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap() {
        let delays = [0, 1, 2, 3, 4, 8, 9, 65, 66, 67, u32::MAX].map(|n| Backoff::DEFAULT.delay(n));
        let expected = [0, 0, 10, 20, 40, 640, 1000, 1000, 1000, 1000, 1000].map(Span::from_millis);
        assert_eq!(delays, expected);
        assert_eq!(Backoff::NONE.delay(1_000), Span::ZERO);
    }

    #[test]
    fn limits_beyond_the_history_are_refused() {
        let with = |hot_limit, reload_limit| Parameters {
            hot_limit,
            reload_limit,
            ..Parameters::DEFAULT
        };
        assert!(Parameters::DEFAULT.is_valid());
        assert!(with(0, 0).is_valid());
        assert!(with(10, 5).is_valid());
        assert!(!with(10, 6).is_valid());
        assert!(!with(16, 0).is_valid());
        assert!(with(Parameters::UNLIMITED, 2).is_valid());
        assert!(with(3, Parameters::UNLIMITED).is_valid());
        assert!(
            !Parameters {
                propagation_limit: 16,
                ..Parameters::DEFAULT
            }
            .is_valid()
        );
        assert!(
            !Parameters {
                stable_after: Span::ZERO,
                ..Parameters::DEFAULT
            }
            .is_valid()
        );
    }

    #[test]
    fn a_stable_run_is_shorter_than_the_window() {
        assert!(Parameters::DEFAULT.stable_after < Parameters::DEFAULT.window);
    }
}
