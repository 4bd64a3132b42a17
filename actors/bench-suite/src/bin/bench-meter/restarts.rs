//! Hot restarts of an actor, from the faulting instruction to the first answer of the next
//! incarnation.

use alloc::format;
use alloc::vec::Vec;

use bench_suite::samples::{self, COUNT, REST, interrupts_off, take};
use bench_suite::subject::Request;
use syscall::abi::Response;
use syscall::prelude::*;
use syscall::{site, thread};

use crate::check::Must;
use crate::subject::{Parts, Subject};
use crate::watch::watched;

/// One kind of restart.
struct Case {
    name: &'static str,
    /// Pages that the incarnation writes to before it dies.
    before: u64,
    /// Pages that the next one writes to before its first answer.
    after: u64,
    /// Further threads that it has.
    threads: u64,
    /// Samples.
    count: usize,
    /// Whether the probe watches, afterwards.
    watch: Watch,
}

/// Whether the probe watches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watch {
    Yes,
    No,
}

impl Case {
    /// An incarnation with so many dirty pages dies; the next one answers at once.
    const fn dirty(name: &'static str, pages: u64) -> Self {
        Self {
            name,
            before: pages,
            after: 0,
            threads: 0,
            count: COUNT,
            watch: Watch::No,
        }
    }

    /// Both write to so many pages.
    const fn written(name: &'static str, pages: u64) -> Self {
        Self {
            after: pages,
            ..Self::dirty(name, pages)
        }
    }

    const fn threads(name: &'static str, threads: u64) -> Self {
        Self {
            threads,
            ..Self::dirty(name, 4)
        }
    }

    /// The probe watches as well.
    const fn watched(self) -> Self {
        Self {
            watch: Watch::Yes,
            ..self
        }
    }

    /// Has the subject do what it does before it dies.
    fn prepare(&self, subject: Subject) {
        subject.ask(Request::Threads(self.threads));
        subject.ask(Request::Touch(self.before));
    }

    /// Checks that it has done so, and takes memory and threads for it.
    fn must_be_prepared(&self) {
        let info = site::actor("subject").must("the actors");
        let info = info.must("the subject");
        check!(
            u64::from(info.private_frames) >= self.before,
            "{}: {info:?}",
            self.name
        );
        check!(
            u64::from(info.threads) > self.threads,
            "{}: {info:?}",
            self.name
        );
    }

    const fn of(self, count: usize) -> Self {
        Self { count, ..self }
    }
}

pub(crate) fn small(_: &Start) {
    run(&[
        Case::dirty("restart-16k", 4).watched(),
        Case::threads("restart-threads-4", 4),
        Case::threads("restart-threads-16", 16),
        Case::threads("restart-threads-64", 64).watched(),
    ]);
}

pub(crate) fn medium(_: &Start) {
    run(&[
        Case::dirty("restart-1m-0", 0),
        Case::dirty("restart-1m-4", 4),
        Case::dirty("restart-1m-64", 64),
        Case::dirty("restart-1m-all", 256),
        Case::written("restart-1m-written", 256).watched(),
    ]);
}

pub(crate) fn large(_: &Start) {
    run(&[
        Case::dirty("restart-8m-0", 0),
        Case::dirty("restart-8m-4", 4),
        Case::dirty("restart-8m-64", 64),
        Case::dirty("restart-8m-all", 2048),
        Case::written("restart-8m-written", 2048).watched(),
    ]);
}

pub(crate) fn huge(_: &Start) {
    run(&[
        Case::dirty("restart-64m-0", 0),
        Case::dirty("restart-64m-4", 4),
        Case::dirty("restart-64m-64", 64),
        // Each takes tens of millions of instructions.
        Case::dirty("restart-64m-all", 16384).of(10).watched(),
    ]);
}

fn run(cases: &[Case]) {
    let mut subject = Subject::find("subject");
    for case in cases {
        case.prepare(subject);
        case.must_be_prepared();
        subject.restart(Request::Touch(0), Response::HOT_RESTART);
        let mut once = || {
            case.prepare(subject);
            let then = Request::Touch(case.after);
            subject.restart(then, Response::HOT_RESTART).0
        };
        let _ = interrupts_off().must("the site's counters");
        let rested = || {
            thread::sleep(REST);
            once()
        };
        let all = take(case.name, case.count, rested, |parts| parts.total);
        let off = interrupts_off().must("the site's counters");
        if all.is_empty() {
            continue;
        }
        for (part, value) in Parts::NAMED {
            let values: Vec<u64> = all.iter().map(value).collect();
            samples::print(&format!("{}{part}", case.name), &values);
        }
        samples::print(&format!("{}.off", case.name), &[off]);
        if case.watch == Watch::Yes {
            watched(case.name, once);
        }
    }
}
