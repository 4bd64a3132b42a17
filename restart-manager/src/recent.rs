//! The last few of something that has times, and which of them are recent.
//!
//! They are kept in one piece and in order, with room behind them. One more is written there, at
//! the same cost however many are remembered; only when the room is used up do they move to the
//! front. And since they are in order, counting those in a window needs no look at each.

use abi::{Instant, Span};

use crate::history::HISTORY_MAX;

/// Half as much again as is remembered: so every ninth addition moves what there is.
const ROOM: usize = HISTORY_MAX + HISTORY_MAX / 2;

/// Something that happened at some time.
pub(crate) trait Timed: Copy {
    /// What free places hold.
    const BLANK: Self;

    fn time(&self) -> Instant;

    fn time_mut(&mut self) -> &mut Instant;
}

impl Timed for Instant {
    const BLANK: Self = Self::ZERO;

    fn time(&self) -> Instant {
        *self
    }

    fn time_mut(&mut self) -> &mut Instant {
        self
    }
}

/// The last [`HISTORY_MAX`] of them, oldest first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recent<T> {
    // Invariants: `end - first <= HISTORY_MAX` and `first <= end <= ROOM`; those in
    // `kept[first..end]` are in the order of arrival and of their times.
    kept: [T; ROOM],
    first: usize,
    end: usize,
}

impl<T: Timed> Recent<T> {
    /// None.
    pub(crate) const EMPTY: Self = Self {
        kept: [T::BLANK; ROOM],
        first: 0,
        end: 0,
    };

    /// Notes that it happened again, and forgets the oldest when there is no room. A time before
    /// that of the latest is taken to be the same as that: time does not go back.
    pub(crate) fn record(&mut self, mut new: T) {
        if let Some(latest) = self.kept().last() {
            *new.time_mut() = new.time().max(latest.time());
        }
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
        }
    }

    /// Forgets everything.
    pub(crate) fn forget(&mut self) {
        (self.first, self.end) = (0, 0);
    }

    /// All that is remembered, oldest first.
    pub(crate) fn kept(&self) -> &[T] {
        self.kept.get(self.first..self.end).unwrap_or_default()
    }

    /// The latest.
    pub(crate) fn latest_mut(&mut self) -> Option<&mut T> {
        let kept = self.kept.get_mut(self.first..self.end)?;
        kept.last_mut()
    }

    /// Those at most `window` before `now`.
    pub(crate) fn within(&self, window: Span, now: Instant) -> &[T] {
        let kept = self.kept();
        let is_over = |one: &T| now.since(one.time()) > window;
        // Mostly it is none or all of them.
        if !kept.first().is_some_and(is_over) {
            return kept;
        }
        kept.get(kept.partition_point(is_over)..)
            .unwrap_or_default()
    }

    /// How many those are.
    pub(crate) fn count_within(&self, window: Span, now: Instant) -> u32 {
        u32::try_from(self.within(window, now).len()).unwrap_or(u32::MAX)
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
            steps in prop::collection::vec((0_u64..20, any::<u8>()), 0..200),
            window in 0_u64..200,
        ) {
            let mut recent = Recent::<Instant>::EMPTY;
            let mut copy = Recent::<Instant>::EMPTY;
            let mut plain: Vec<Instant> = Vec::new();
            let mut now = Instant::ZERO;
            for (pause, die) in steps {
                now = now.after(Span(pause));
                if die == 0 {
                    recent.forget();
                    plain.clear();
                }
                recent.record(now);
                plain.push(now);
                if plain.len() > HISTORY_MAX {
                    plain.remove(0);
                }
                prop_assert_eq!(recent.kept(), &plain[..]);
                prop_assert_eq!(recent.latest_mut().copied(), Some(now));
                copy.copy_from(&recent);
                prop_assert_eq!(copy.kept(), &plain[..]);
                plain.iter().for_each(|time| assert!(*time <= now));
                let is_in = |time: &&Instant| now.since(**time).0 <= window;
                let counted = plain.iter().filter(is_in).count();
                prop_assert_eq!(recent.within(Span(window), now).len(), counted);
                let early = Instant(now.0 / 2);
                let is_in = |time: &&Instant| early.since(**time).0 <= window;
                let counted = plain.iter().filter(is_in).count();
                prop_assert_eq!(recent.within(Span(window), early).len(), counted);
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
        assert_eq!(recent.count_within(Span::from_secs(100), now), 16);
        assert_eq!(recent.count_within(Span::from_secs(3), now), 3);
        recent.forget();
        assert_eq!(recent.count_within(Span::from_secs(100), now), 0);
    }

    #[test]
    fn a_time_that_goes_back_is_not_believed() {
        let mut recent = Recent::<Instant>::EMPTY;
        for time in [5, 3, 9] {
            recent.record(Instant(time));
        }
        assert_eq!(recent.kept(), [Instant(5), Instant(5), Instant(9)]);
    }
}
