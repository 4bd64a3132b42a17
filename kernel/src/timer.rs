//! Deadlines: a wheel of ticks.
//!
//! A deadline costs the same to set and to cancel however many there are. Each tick looks at one
//! bucket of the wheel; deadlines further away than a turn stay in it for another turn.

use abi::{Instant, Span};

use crate::arch::interrupts::TICK_NANOSECONDS;
use crate::kernel::Kernel;
use crate::list::List;
use crate::thread::TIMER;

/// Buckets in the wheel: a quarter of a second a turn, so that short sleeps are seen once.
const BUCKETS: usize = 256;

/// All deadlines.
pub struct Timers {
    buckets: [List<TIMER>; BUCKETS],
    /// The last tick whose deadlines were served.
    served: u64,
}

/// The first tick at or after a point in time.
#[must_use]
pub const fn tick_at(instant: Instant) -> u64 {
    instant.0.div_ceil(TICK_NANOSECONDS)
}

impl Default for Timers {
    fn default() -> Self {
        Self::new()
    }
}

impl Timers {
    /// No deadlines.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buckets: [List::EMPTY; BUCKETS],
            served: 0,
        }
    }

    fn bucket(&mut self, tick: u64) -> Option<&mut List<TIMER>> {
        self.buckets.get_mut(tick as usize % BUCKETS)
    }
}

impl Kernel {
    /// Gives a blocked thread a deadline `timeout` from now; none for [`Span::FOREVER`].
    pub fn set_deadline(&mut self, thread: u32, timeout: Span) {
        if timeout == Span::FOREVER {
            return;
        }
        let wanted = tick_at(crate::arch::clock::now().after(timeout));
        self.set_deadline_tick(thread, wanted);
    }

    /// Gives a blocked thread a deadline at a tick, or at the next one if that is past.
    pub fn set_deadline_tick(&mut self, thread: u32, tick: u64) {
        let tick = tick.max(self.timers.served + 1);
        let Some(record) = self.threads.at_mut(thread) else {
            return;
        };
        record.deadline = tick;
        if let Some(bucket) = self.timers.bucket(tick) {
            bucket.push_back(&mut self.threads, thread);
        }
    }

    /// Takes a thread's deadline away, if it has one.
    pub fn clear_deadline(&mut self, thread: u32) {
        let Some(record) = self.threads.at(thread) else {
            return;
        };
        let tick = record.deadline;
        if let Some(bucket) = self.timers.bucket(tick) {
            bucket.remove(&mut self.threads, thread);
        }
    }

    /// Serves every deadline up to now.
    pub fn serve_deadlines(&mut self, now: Instant) {
        let tick = now.0 / TICK_NANOSECONDS;
        // A kernel that was held up serves at most one turn: each bucket once.
        let first = (self.timers.served + 1).max(tick.saturating_sub(BUCKETS as u64 - 1));
        for due in first..=tick {
            let Some(bucket) = self.timers.bucket(due) else {
                continue;
            };
            let list = *bucket;
            let mut next = list.first();
            while let Some(thread) = next {
                next = list.after(&self.threads, thread);
                if self
                    .threads
                    .at(thread)
                    .is_some_and(|record| record.deadline <= tick)
                {
                    self.clear_deadline(thread);
                    self.deadline_passed(thread);
                }
            }
        }
        self.timers.served = self.timers.served.max(tick);
    }
}
