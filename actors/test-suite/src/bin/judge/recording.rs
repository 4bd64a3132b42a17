//! Failures that the kernel's log writer has no time to record before the end of the site.
//!
//! Judge and victim have a higher priority than it, and one of them always has something to do.
//! What a host got to see is judged there.

use syscall::prelude::*;
use syscall::ways_to_die::Way;
use test_suite::Request;

use crate::check::Must;
use crate::harness;
use crate::victim::Victim;

/// As many failures as the second argument says, and the end.
pub(crate) fn failures_at_the_end(start: &Start) {
    let count = start.argument(1).and_then(|count| count.parse().ok());
    let count: u64 = count.must("a number of failures");
    let mut victim = Victim::find("victim");
    for _ in 0..count {
        victim.fell(Request::Die(Way::NullWrite));
    }
}

/// The same, and the kernel panics.
pub(crate) fn failures_before_a_panic(start: &Start) {
    failures_at_the_end(start);
    harness::panic_in_the_kernel(start);
}
