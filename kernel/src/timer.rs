//! Deadlines of threads.

use abi::{Instant, Span};

use crate::arch::interrupts::TICK_NANOSECONDS;
use crate::due::Due;
use crate::kernel::{Kernel, THREADS_MAX};
use crate::mm::address_space::Progress;

/// All deadlines.
pub struct Timers {
    /// In ticks.
    due: Due,
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
    pub fn new() -> Self {
        Self {
            due: Due::with_room_for(THREADS_MAX),
            served: 0,
        }
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
        self.timers.due.set(&mut self.threads, thread, tick);
    }

    /// Takes a thread's deadline away, if it has one.
    #[inline]
    pub fn clear_deadline(&mut self, thread: u32) {
        let record = self.threads.at(thread);
        if record.is_none_or(|record| !record.deadline.is_taken()) {
            return;
        }
        self.timers.due.remove(&mut self.threads, thread);
    }

    /// Serves the first of the deadlines up to now, if there is one.
    pub fn serve_deadline(&mut self, now: Instant) -> Progress {
        let tick = now.0 / TICK_NANOSECONDS;
        let due = self.timers.due.first().filter(|(_, due)| *due <= tick);
        let Some((thread, _)) = due else {
            self.timers.served = self.timers.served.max(tick);
            return Progress::Finished;
        };
        self.clear_deadline(thread);
        self.deadline_passed(thread);
        Progress::More
    }
}
