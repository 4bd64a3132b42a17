//! Very many restarts: nothing is lost, and the last take no longer than the first.
//!
//! Who dies has something of everything ([`bench_suite::holding`]), and another actor is inside it
//! when it does. The site is at rest when the counters are read, and everything that is counted must
//! be what it was, exactly. `cargo xtask soak` says how many restarts there are, and shows what came
//! of them.
//!
//! The meter counts among what it counts: a page of its stack or heap that it touches for the first
//! time between two looks at the counters is a frame less. So it does the same in each turn,
//! including what it does to compare, and has written to all memory it will use before it looks for
//! the first time.
//!
//! | module | its one idea |
//! |---|---|
//! | `used` | what is in use, and whether it is the same as before |
//! | `actors` | restarts of an actor |
//! | `sites` | restarts of the site |

mod actors;
mod sites;
mod used;

use alloc::vec::Vec;

use bench_suite::samples;
use syscall::prelude::*;

use crate::check::Must;

pub(crate) use actors::actors;
pub(crate) use sites::sites;

/// Restarts before anything is counted: more than the ledger has entries. What the kernel keeps for
/// later is then there; and a restart of the site, which reads the ledger, takes some 230 instructions
/// longer for each entry until that is full.
const WARM_UP: u64 = 300;

/// Restarts that are compared at each end, at most.
const COMPARED: u64 = 1000;

/// How often it is said how far we are, and looked whether anything is lost by then.
const PARTS: u64 = 100;

/// How much the median of the last ones may differ from that of the first, in parts of a thousand.
/// Where instructions are counted a restart takes the same number each time, but for interrupts that
/// come into it; so whatever grows with the number of restarts shows.
const DRIFT: u64 = 10;

/// How many restarts there are, and how many of them are compared at each end.
#[derive(Clone, Copy)]
struct Plan {
    count: u64,
    compared: u64,
}

impl Plan {
    /// By the site's second argument.
    fn of(start: &Start) -> Self {
        let count = start.argument(1).and_then(|count| count.parse().ok());
        let count = count.must("how many restarts");
        Self {
            count,
            compared: COMPARED.min(count / 2),
        }
    }

    /// The place of the restart of this number, from 0, among those that are compared: first the
    /// first ones, then the last ones.
    fn place(self, number: u64) -> Option<usize> {
        let before_last = self.count - self.compared;
        let place = match number {
            _ if number < self.compared => number,
            _ if number >= before_last => self.compared + number - before_last,
            _ => return None,
        };
        Some(place as usize)
    }

    /// Whether a part of them is over after so many; says how far we are.
    fn is_part_over(self, number: u64) -> bool {
        let is_over = number.is_multiple_of((self.count / PARTS).max(1));
        if is_over {
            info!("soak: progress {number}");
        }
        is_over
    }

    /// Prints the times, and checks that the last are like the first.
    fn judge(self, times: &[u64]) {
        let (first, last) = times.split_at(self.compared as usize);
        samples::print("first", first);
        samples::print("last", last);
        let [first, last] = [first, last].map(median);
        check!(
            first.abs_diff(last) * 1000 <= first * DRIFT,
            "a restart takes {last} instructions after {}, and took {first} at first",
            self.count
        );
    }
}

/// The sample in the middle; 0 without any.
fn median(samples: &[u64]) -> u64 {
    let mut sorted = Vec::from(samples);
    sorted.sort_unstable();
    let middle = sorted.len().saturating_sub(1) / 2;
    sorted.get(middle).copied().unwrap_or(0)
}
