//! How many instructions an invocation takes.

use syscall::prelude::*;
use syscall::{RemoteLap, thread};

use crate::check::Must;
use crate::peers::PATIENCE;

/// Instructions of a round trip through a LAP, registers only, that are allowed.
const ROUND_TRIP_MAX: u64 = 240;
/// Round trips that are measured together.
const COUNT: u64 = 1_000;

/// An invocation that does nothing takes no more than the budget, in and out and with all that the
/// user library does. An instruction is a nanosecond here.
pub(crate) fn round_trip(_: &Start) {
    let lap = RemoteLap::resolve("server-null", PATIENCE).must("a LAP that does nothing");
    let measure = |count| {
        let before = thread::now();
        for _ in 0..count {
            lap.invoke([1, 2], Span::ZERO).must("an invocation");
        }
        thread::now().since(before).0
    };
    measure(COUNT);
    // What the ticks take is not the invocation's; the best of several has the fewest of them.
    let best = (0..10).map(|_| measure(COUNT)).min();
    let round_trip = best.must("a measurement") / COUNT;
    info!("a round trip through a LAP takes {round_trip} instructions");
    check!(
        round_trip <= ROUND_TRIP_MAX,
        "a round trip takes {round_trip} instructions"
    );
}
