//! From one thread to the next.

use bench_suite::samples::{measure_each, timed};
use bench_suite::{STACK, YIELDER};
use syscall::prelude::*;
use syscall::{Thread, thread};

use crate::check::Must;
use crate::memory;

/// Priority of the actor, as its site says.
const PRIORITY: u8 = 32;

/// How long the yielder may take to be there.
const PATIENCE: Span = Span::from_secs(10);

/// Prints how much memory is in use with few threads and with many.
fn fill() {
    memory::print("memory-threads-0");
    for _ in 0..MANY {
        let sleep = |_| thread::sleep(Span::FOREVER);
        Thread::spawn(sleep, 0, STACK, PRIORITY).must("one of many threads");
    }
    // They run when we wait.
    thread::sleep(Span::from_millis(5));
    memory::print("memory-threads-64");
}

/// Threads of which it is seen how much memory they take.
const MANY: usize = 64;

/// Both threads have the actor's priority, and each gives way to the other: what one sees is there
/// and back, two switches.
pub(crate) fn switches(_: &Start) {
    let give_way = |_| {
        loop {
            thread::yield_now();
        }
    };
    Thread::spawn(give_way, 0, STACK, PRIORITY).must("another thread");
    measure_each("switch", 2, || timed(thread::yield_now));
    fill();
}

/// The same with a thread of another actor. The yielder gives way once before the sample, so that it
/// does nothing else in it.
pub(crate) fn switches_between_actors(_: &Start) {
    let yielder = RemotePort::find(YIELDER, PATIENCE).must("the yielder");
    measure_each("switch-actors", 2, || {
        let message = yielder.send(&[], Span::ZERO);
        message.must("a place in the queue");
        thread::yield_now();
        timed(thread::yield_now)
    });
}
