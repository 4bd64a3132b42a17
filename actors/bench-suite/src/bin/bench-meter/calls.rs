//! Into the kernel and back, into another actor and back.

use bench_suite::samples::{measure, timed};
use bench_suite::{ECHO, NULL};
use syscall::prelude::*;
use syscall::{RemoteLap, call};

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
