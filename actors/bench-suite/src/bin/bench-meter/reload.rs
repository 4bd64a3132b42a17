//! Reloads, without the time in which nothing is done but waiting for the disk.

use alloc::format;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use bench_suite::STACK;
use bench_suite::samples::{self, interrupts_off, take};
use bench_suite::subject::Request;
use syscall::Thread;
use syscall::abi::Response;
use syscall::prelude::*;
use syscall::ticks;

use crate::check::Must;
use crate::subject::Subject;

/// One turn of the lowest thread takes less than this; what takes more was interrupted.
const TURN: u64 = 50;

/// Ticks that the lowest thread has passed: while it runs, nobody does anything.
static PASSED: AtomicU64 = AtomicU64::new(0);

fn pass_time(_: u64) {
    let mut last = ticks::now();
    loop {
        let now = ticks::now();
        if now - last < TURN {
            PASSED.store(
                PASSED.load(Ordering::Relaxed) + now - last,
                Ordering::Relaxed,
            );
        }
        last = now;
    }
}

/// Arguments: the measure's name, and how many samples there are.
pub(crate) fn reloads(start: &Start) {
    let name = start.argument(1).must("the measure's name");
    let count = start.argument(2).and_then(|word| word.parse().ok());
    let count: usize = count.must("a number of samples");
    Thread::spawn(pass_time, 0, STACK, 1).must("the lowest thread");
    let mut subject = Subject::find("subject");
    let once = || {
        subject.ask(Request::Touch(4));
        let before = PASSED.load(Ordering::Relaxed);
        let (parts, _) = subject.restart(Request::Touch(0), Response::RELOAD);
        (parts.total, PASSED.load(Ordering::Relaxed) - before)
    };
    let _ = interrupts_off().must("the site's counters");
    let all = take(name, count, once, |(total, _)| *total);
    let busy: Vec<u64> = all.iter().map(|(total, passed)| total - passed).collect();
    samples::print(name, &busy);
    let off = interrupts_off().must("the site's counters");
    samples::print(&format!("{name}.off"), &[off]);
}
