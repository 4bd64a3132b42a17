//! The site's counters, without what the judge itself uses.

use syscall::prelude::*;

use crate::check::wait_until;
use crate::counters::{self, Counters};
use crate::member::{Member, PATIENCE};

/// The present counters. The judge's own frames are its own affair.
#[track_caller]
pub(crate) fn now() -> Counters {
    let own = Member("group-judge").info().map(|info| info.private_frames);
    counters::now().map(|(name, value)| match name {
        "free frames" => (name, value + u64::from(own.unwrap_or(0))),
        _ => (name, value),
    })
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
