//! What must happen at once and may be a lot: it is done in steps, between which interrupts are
//! taken.
//!
//! A tick serves whatever is due, and whoever chooses the next thread turns those away that may not
//! run. Both do a few and leave the rest to the errand thread, which runs before all others. It
//! goes on with what is due; and when it has nothing to do itself, the choice goes on where it was.

use abi::Instant;
use abi::layout::PRIORITY_MAX;

use crate::arch::clock;
use crate::kernel::{self, Kernel};
use crate::mm::address_space::Progress;

/// Priority of the errand thread.
pub const PRIORITY: u8 = PRIORITY_MAX + 1;

/// Things done in one step.
pub const BATCH: usize = 2;

/// The errand thread.
pub extern "C" fn run() -> ! {
    loop {
        kernel::with(|kernel| {
            if kernel.serve_due(clock::now()) == Progress::Finished {
                kernel.wait_for_event(None);
            }
        });
    }
}

impl Kernel {
    /// Lets the errand thread run next.
    pub fn run_errands(&mut self) {
        self.wake_event(self.errands);
    }

    /// Serves what is due, up to a step's worth.
    pub fn serve_due(&mut self, now: Instant) -> Progress {
        for _ in 0..BATCH {
            let is_idle = self.serve_deadline(now) == Progress::Finished
                && self.serve_handler(now) == Progress::Finished
                && self.serve_watch(now) == Progress::Finished;
            if is_idle {
                return Progress::Finished;
            }
        }
        Progress::More
    }
}
