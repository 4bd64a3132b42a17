//! The last failures of one actor or one group, with their times.
//!
//! Bounded, because it must not grow with the age of the site; windowed, because a failure a year
//! ago says nothing about today. A policy counts in here and nowhere else, so that it stays a
//! function of what it is shown.

use abi::{FaultKind, Instant, Response, Span};

use crate::recent::{Recent, Timed};

/// How many failures are remembered for an actor or a group.
///
/// A policy can tell `n` failures in a window from `n + 1` only below this number, so no limit may
/// exceed it ([`Parameters::is_valid`](crate::Parameters::is_valid)). Sixteen is four times the
/// largest limit we would set by hand, at 256 bytes an actor.
pub const HISTORY_MAX: usize = 16;

/// One remembered failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Death {
    /// When it was reported.
    pub time: Instant,
    /// What kind of failure it was.
    pub kind: FaultKind,
    /// What was decided; [`Response::NONE`] while the policy is being asked about this one.
    pub response: Response,
}

impl Timed for Death {
    const BLANK: Self = Self {
        time: Instant::ZERO,
        kind: FaultKind(0),
        response: Response::NONE,
    };

    fn time(&self) -> Instant {
        self.time
    }
}

/// The last [`HISTORY_MAX`] failures, oldest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct History {
    deaths: Recent<Death>,
}

impl History {
    /// No failure yet.
    pub const EMPTY: Self = Self {
        deaths: Recent::EMPTY,
    };

    /// Remembers a failure, and forgets the oldest one when there is no room.
    pub fn record(&mut self, time: Instant, kind: FaultKind) {
        self.deaths.record(Death {
            time,
            kind,
            response: Response::NONE,
        });
    }

    /// Becomes what another one is, at the cost of what that remembers.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.deaths.copy_from(&other.deaths);
    }

    /// Notes what was decided about the latest failure.
    pub fn answer(&mut self, response: Response) {
        if let Some(death) = self.deaths.latest_mut() {
            death.response = response;
        }
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        self.deaths.forget();
    }

    /// The remembered failures, oldest first.
    #[must_use]
    pub fn deaths(&self) -> &[Death] {
        self.deaths.kept()
    }

    /// The latest failure.
    #[must_use]
    pub fn latest(&self) -> Option<&Death> {
        self.deaths().last()
    }

    /// How many failures were reported at most `window` before `now`, the present one included.
    #[must_use]
    pub fn failures_within(&self, window: Span, now: Instant) -> u32 {
        self.deaths.count_within(window, now, |_| true)
    }

    /// How many of those were of `kind`.
    #[must_use]
    pub fn failures_of_kind_within(&self, kind: FaultKind, window: Span, now: Instant) -> u32 {
        self.deaths
            .count_within(window, now, |death| death.kind == kind)
    }

    /// How many of those were answered with `response`.
    #[must_use]
    pub fn responses_within(&self, response: Response, window: Span, now: Instant) -> u32 {
        self.deaths
            .count_within(window, now, |death| death.response == response)
    }
}

impl Default for History {
    fn default() -> Self {
        Self::EMPTY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO.after(Span::from_secs(seconds))
    }

    #[test]
    fn failures_leave_the_window() {
        let mut history = History::EMPTY;
        for second in [1, 5, 9] {
            history.record(at(second), FaultKind::PANIC);
        }
        assert_eq!(history.failures_within(Span::from_secs(4), at(9)), 2);
        assert_eq!(history.failures_within(Span::from_secs(8), at(9)), 3);
        assert_eq!(history.failures_within(Span::from_secs(4), at(20)), 0);
    }

    #[test]
    fn the_oldest_failure_makes_room() {
        let mut history = History::EMPTY;
        for second in 0..40 {
            history.record(at(second), FaultKind::PANIC);
        }
        assert_eq!(history.deaths().len(), HISTORY_MAX);
        assert_eq!(history.deaths()[0].time, at(24));
        assert_eq!(history.latest().map(|death| death.time), Some(at(39)));
    }

    #[test]
    fn kinds_and_responses_are_told_apart() {
        let mut history = History::EMPTY;
        history.answer(Response::RELOAD);
        history.record(at(1), FaultKind::PANIC);
        history.answer(Response::HOT_RESTART);
        history.record(at(2), FaultKind::ARITHMETIC);
        history.answer(Response::RELOAD);
        let window = Span::from_secs(10);
        assert_eq!(
            history.failures_of_kind_within(FaultKind::PANIC, window, at(2)),
            1
        );
        assert_eq!(history.responses_within(Response::RELOAD, window, at(2)), 1);
        history.forget();
        assert_eq!(history.failures_within(window, at(2)), 0);
    }
}
