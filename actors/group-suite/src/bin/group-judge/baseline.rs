//! The site's counters.

use syscall::prelude::*;

use crate::check::wait_until;
use crate::counters::{self, Counters};
use crate::member::PATIENCE;

/// The present counters.
#[track_caller]
pub(crate) fn now() -> Counters {
    counters::now()
}

/// Waits until all counters but these are what they were. What ends takes its time.
#[track_caller]
pub(crate) fn must_come_back(before: &Counters, but: &[&str]) {
    let pairs = |after: Counters| {
        let pairs = after.into_iter().zip(*before);
        pairs.filter(|((name, _), _)| !but.contains(name))
    };
    wait_until(Span(PATIENCE.0 / 5), || {
        pairs(now()).all(|(after, before)| after == before)
    });
    for (after, before) in pairs(now()) {
        check_eq!(after, before);
    }
}
