//! Into the kernel and back, into another actor and back.

use bench_suite::samples::{self, interrupts_off, measure, take, timed};
use bench_suite::{CLOCK, ECHO, NULL};
use syscall::prelude::*;
use syscall::{Region, RemoteLap, call, ticks};

use crate::check::Must;

/// How long the server may take to be there.
const PATIENCE: Span = Span::from_secs(10);

/// A page, at the start of one.
#[repr(align(4096))]
struct Page([u8; 4096]);

pub(crate) fn calls(_: &Start) {
    measure("syscall", || timed(call::sys_nop));
    laps();
    ports();
    hand_overs();
}

fn laps() {
    let lap = RemoteLap::resolve(NULL, PATIENCE).must("a LAP that does nothing");
    let page = Page([1; 4096]);
    measure("lap", || {
        timed(|| lap.invoke([1, 2], Span::ZERO).must("an invocation"))
    });
    measure("lap-copied", || {
        timed(|| {
            let request = lap.request([1, 2]).copying(&page.0);
            request.invoke().must("an invocation with a copy")
        })
    });
    measure("lap-lent", || {
        timed(|| {
            let request = lap.request([1, 2]).lending(&page.0);
            request.invoke().must("an invocation with a page")
        })
    });
}

fn ports() {
    let echo = RemotePort::find(ECHO, PATIENCE).must("a port that answers");
    let request = Page([1; 4096]);
    let mut reply = Page([1; 4096]);
    for (name, length) in [("port", 32), ("port-page", 4096)] {
        let request = request.0.get(..length).unwrap_or_default();
        measure(name, || {
            let mut got = 0;
            let took = timed(|| {
                let answer = echo.call(request, &mut reply.0, Span::FOREVER);
                got = answer.must("an answer").len();
            });
            check_eq!(got, length);
            took
        });
    }
}

/// How many samples there are of what is not so rare that it takes more.
const COUNT: usize = 51;

/// The longest time with interrupts off in a call and its answer. The kernel does not count the quick
/// way, so it is seen from both sides: until the server has been called, and from its answer on. All
/// memory is to be looked at anew each time, which takes longest. A tick may come into a sample, so it
/// is the one in the middle that counts; the ticks themselves the kernel counts.
fn hand_overs() {
    let clock = RemotePort::find(CLOCK, PATIENCE).must("a port that tells the time");
    let _ = interrupts_off().must("the site's counters");
    let once = || {
        // A page of somebody's is mapped and unmapped.
        Region::allocate(4096).must("a region").fill(1);
        let mut reply = [0; 16];
        let before = ticks::now();
        let answer = clock.call(&[0; 16], &mut reply, Span::FOREVER);
        let after = ticks::now();
        check_eq!(answer.must("an answer").len(), 16);
        let [came, answered] = [0, 8].map(|at| {
            let bytes = reply.get(at..at + 8).unwrap_or_default();
            u64::from_le_bytes(bytes.try_into().must("a time"))
        });
        (came - before).max(after - answered)
    };
    let mut all = take("port.off", COUNT, once, |ticks| *ticks);
    let off = interrupts_off().must("the site's counters");
    all.sort_unstable();
    if let Some(middle) = all.get(COUNT / 2) {
        samples::print("port.off", &[off.max(*middle)]);
    }
}
