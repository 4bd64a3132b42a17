//! From one thread to the next.

use bench_suite::STACK;
use bench_suite::samples::{measure, timed};
use syscall::prelude::*;
use syscall::{Thread, thread};

use crate::check::Must;

/// Both threads have the actor's priority, and each gives way to the other: what one sees is there
/// and back, two switches.
pub(crate) fn switches(_: &Start) {
    let give_way = |_| {
        loop {
            thread::yield_now();
        }
    };
    Thread::spawn(give_way, 0, STACK, PRIORITY).must("another thread");
    measure("switch", || timed(thread::yield_now) / 2);
}

/// Priority of the actor, as its site says.
const PRIORITY: u8 = 32;
