//! The last few of something that has times, and which of them are recent.
//!
//! They are kept in one piece, with room behind them. One more is written there, at the same cost
//! however many are remembered; only when the room is used up do they move to the front.
//!
//! Mostly they come in the order of their times, and then counting those in a window needs no look
//! at each. But an answer to a question counts as of the question, and others may have failed since.

use abi::{Instant, Span};

use crate::history::HISTORY_MAX;

/// Half as much again as is remembered: so every ninth addition moves what there is.
const ROOM: usize = HISTORY_MAX + HISTORY_MAX / 2;

/// Something that happened at some time.
pub(crate) trait Timed: Copy {
    /// What free places hold.
    const BLANK: Self;

    fn time(&self) -> Instant;
}

impl Timed for Instant {
    const BLANK: Self = Self::ZERO;

    fn time(&self) -> Instant {
        *self
    }
}

/// The last [`HISTORY_MAX`] of them, oldest first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recent<T> {
    // Invariants: `end - first <= HISTORY_MAX`, `first <= end <= ROOM`, and `first < end` but for
    // `end == 0`; those in `kept[first..end]` are in the order of arrival, and the last `ordered` of
    // them in that of their times too. (There may have been more than are remembered.)
    kept: [T; ROOM],
    first: usize,
    end: usize,
    ordered: usize,
}

impl<T: Timed> Recent<T> {
    /// None.
    pub(crate) const EMPTY: Self = Self {
        kept: [T::BLANK; ROOM],
        first: 0,
        end: 0,
        ordered: 0,
    };

    /// Notes that it happened again, and forgets the oldest when there is no room.
    pub(crate) fn record(&mut self, new: T) {
        // If there is none, it is the first of an order whatever was there before.
        let latest = self.kept.get(self.end.saturating_sub(1));
        if latest.is_some_and(|latest| new.time() < latest.time()) {
            self.ordered = 0;
        }
        self.ordered = self.ordered.saturating_add(1);
        if self.end >= ROOM {
            self.kept.copy_within(self.first.., 0);
            self.end = self.end.saturating_sub(self.first);
            self.first = 0;
        }
        if let Some(free) = self.kept.get_mut(self.end) {
            *free = new;
            self.end = self.end.saturating_add(1);
        }
        self.first = self.first.max(self.end.saturating_sub(HISTORY_MAX));
    }

    /// Becomes what another one is, at the cost of what that remembers.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let kept = other.kept();
        if let Some(own) = self.kept.get_mut(..kept.len()) {
            own.copy_from_slice(kept);
            (self.first, self.end) = (0, kept.len());
            self.ordered = other.ordered;
        }
    }

    /// Forgets everything.
    pub(crate) fn forget(&mut self) {
        (self.first, self.end, self.ordered) = (0, 0, 0);
    }

    /// All that is remembered, oldest first.
    pub(crate) fn kept(&self) -> &[T] {
        self.kept.get(self.first..self.end).unwrap_or_default()
    }

    /// The latest.
    pub(crate) fn latest_mut(&mut self) -> Option<&mut T> {
        // If there is none, that is because the end is where it was at first.
        self.kept.get_mut(self.end.checked_sub(1)?)
    }

    /// How many `wanted` ones are at most `window` before `now`.
    pub(crate) fn count_within(
        &self,
        window: Span,
        now: Instant,
        wanted: impl Fn(&T) -> bool,
    ) -> u32 {
        let is_in = |one: &T| now.since(one.time()) <= window;
        let counted = match self.ordered_within(window, now) {
            Some(within) => within.iter().filter(|one| wanted(one)).count(),
            None => {
                let kept = self.kept().iter();
                kept.filter(|one| is_in(one) && wanted(one)).count()
            }
        };
        u32::try_from(counted).unwrap_or(u32::MAX)
    }

    /// Those at most `window` before `now`, if they came in order.
    fn ordered_within(&self, window: Span, now: Instant) -> Option<&[T]> {
        let kept = self.kept();
        if self.ordered < kept.len() {
            return None;
        }
        let is_over = |one: &T| now.since(one.time()) > window;
        // Mostly it is all of them.
        match kept.first() {
            Some(oldest) if is_over(oldest) => kept.get(kept.partition_point(is_over)..),
            _ => Some(kept),
        }
    }
}

/// By what they remember; what is left over of an earlier use does not count.
impl<T: Timed + PartialEq> PartialEq for Recent<T> {
    fn eq(&self, other: &Self) -> bool {
        self.kept() == other.kept()
    }
}

impl<T: Timed + Eq> Eq for Recent<T> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_kept_and_counted_is_what_a_plain_list_would_keep_and_count(
            steps in prop::collection::vec((0_u64..20, 0_u64..40, any::<u8>()), 0..200),
            window in 0_u64..200,
        ) {
            let mut recent = Recent::<Instant>::EMPTY;
            // Used before, and in order then.
            let mut copy = Recent::<Instant>::EMPTY;
            (0..40).for_each(|time| copy.record(Instant(time)));
            let mut plain: Vec<Instant> = Vec::new();
            let mut now = Instant(100);
            for (pause, back, chance) in steps {
                now = now.after(Span(pause));
                if chance == 0 {
                    recent.forget();
                    plain.clear();
                    prop_assert_eq!(recent.latest_mut(), None);
                }
                let time = if chance % 8 == 1 { Instant(now.0 - back) } else { now };
                recent.record(time);
                plain.push(time);
                if plain.len() > HISTORY_MAX {
                    plain.remove(0);
                }
                prop_assert_eq!(recent.kept(), &plain[..]);
                prop_assert_eq!(recent.latest_mut().copied(), Some(time));
                copy.copy_from(&recent);
                prop_assert_eq!(copy, recent);
                for at in [now, Instant(now.0 / 2)] {
                    let is_in = |time: &&Instant| at.since(**time).0 <= window;
                    let counted = plain.iter().filter(is_in).count() as u32;
                    prop_assert_eq!(recent.count_within(Span(window), at, |_| true), counted);
                    prop_assert_eq!(copy.count_within(Span(window), at, |_| true), counted);
                    prop_assert_eq!(recent.count_within(Span(window), at, |_| false), 0);
                }
            }
        }
    }

    #[test]
    fn what_happened_leaves_the_window_and_makes_room() {
        let mut recent = Recent::<Instant>::EMPTY;
        for second in 0..20 {
            recent.record(Instant::ZERO.after(Span::from_secs(second)));
        }
        let now = Instant::ZERO.after(Span::from_secs(20));
        let within = |recent: &Recent<Instant>, seconds| {
            recent.count_within(Span::from_secs(seconds), now, |_| true)
        };
        assert_eq!(within(&recent, 100), 16);
        assert_eq!(within(&recent, 3), 3);
        recent.forget();
        assert_eq!(within(&recent, 100), 0);
    }
}
