//! What is in use: the site's counters and the kernel's heap, and for people what each actor holds.

use judging::{counters, quiet};
use syscall::prelude::*;
use syscall::{site, thread};

use crate::check::{Must, wait_until};

/// How many things are counted.
pub(super) const COUNT: usize = 11;

/// Until the site is at rest: the log is written, the guest is inside, and the holder's timer has
/// run out.
pub(super) const PAUSE: Span = Span::from_millis(4);

/// How long what ends may take.
const PATIENCE: Span = Span::from_secs(10);

/// What is in use, by name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Used([(&'static str, u64); COUNT]);

impl Used {
    /// What is in use when the site is at rest.
    pub(super) fn at_rest() -> Self {
        thread::sleep(PAUSE);
        Self::now()
    }

    fn now() -> Self {
        let counters = quiet::counters();
        check_eq!(counters.quarantined_regions, 0);
        let mut used = [("bytes of the kernel's heap", counters.heap_used); COUNT];
        for (place, counter) in used.iter_mut().zip(counters::now()) {
            *place = counter;
        }
        Self(used)
    }

    /// The same with other numbers.
    pub(super) fn with(mut self, numbers: [u64; COUNT]) -> Self {
        for ((_, place), number) in self.0.iter_mut().zip(numbers) {
            *place = number;
        }
        self
    }

    /// The numbers.
    pub(super) fn numbers(&self) -> [u64; COUNT] {
        self.0.map(|(_, number)| number)
    }

    /// Checks that this is what is in use again, when the site is at rest.
    pub(super) fn must_be_back(&self) {
        if Self::at_rest() == *self || wait_until(PATIENCE, || Self::now() == *self) {
            return;
        }
        print_held();
        for ((name, after), (_, before)) in Self::now().0.iter().zip(&self.0) {
            check_eq!(after, before, "{name}");
        }
        fail!("what is in use changes all the time");
    }

    /// Says what it is.
    pub(super) fn print(&self, moment: &str) {
        for (name, number) in self.0 {
            info!("soak: {moment} {number} {name}");
        }
    }
}

/// Says what each actor holds.
pub(super) fn print_held() {
    for actor in site::actors() {
        let actor = actor.must("an actor");
        info!(
            "soak: {} holds {} frames, {} threads, {} ports",
            actor.name, actor.private_frames, actor.threads, actor.ports
        );
    }
}
