//! Waves: threads of a client that all invoke the same thing, and what they report.

use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use lap_suite::REPORTS;
use lap_suite::client::{Ending, Give, Report, Request, Wave};
use lap_suite::program::{Step, program};
use syscall::abi::LapId;
use syscall::prelude::*;
use syscall::{RemoteLap, decode};

use crate::check::Must;
use crate::peers::{Guests, PATIENCE};

/// The number of the next invocation: none is used twice.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Takes the next numbers.
pub(crate) fn numbers(count: u64) -> Range<u64> {
    let first = NEXT.fetch_add(count, Ordering::SeqCst);
    first..first + count
}

/// Where the clients' threads report.
pub(crate) struct Reports {
    port: Port,
}

impl Reports {
    #[track_caller]
    pub(crate) fn open() -> Self {
        let port = Port::create(REPORTS, 64).must("the port for reports");
        Self { port }
    }

    /// Takes the next report, if one comes in time.
    #[track_caller]
    pub(crate) fn next(&self, timeout: Span) -> Option<Report> {
        let mut buffer = [0; 128];
        match self.port.receive(&mut buffer, timeout) {
            Ok(message) => Some(decode(message.bytes).must("a report")),
            Err(error) if error.is_timeout() => None,
            Err(error) => fail!("cannot receive reports: {error:?}"),
        }
    }

    /// Takes the reports of a whole wave, in the order of its numbers.
    #[track_caller]
    pub(crate) fn of(&self, wave: &Range<u64>) -> Vec<Report> {
        let mut reports: Vec<Report> = Vec::new();
        while (reports.len() as u64) < wave.end - wave.start {
            let Some(report) = self.next(PATIENCE) else {
                fail!("{} of {wave:?} have reported: {reports:?}", reports.len())
            };
            let is_new = !reports.iter().any(|other| other.number == report.number);
            check!(
                wave.contains(&report.number) && is_new,
                "unexpected: {report:?}"
            );
            reports.push(report);
        }
        reports.sort_by_key(|report| report.number);
        reports
    }

    /// Checks that nobody reports, for so long.
    #[track_caller]
    pub(crate) fn must_be_none(&self, span: Span) {
        if let Some(report) = self.next(span) {
            fail!("unexpected: {report:?}")
        }
    }
}

/// Sends a wave; returns its numbers.
#[track_caller]
pub(crate) fn send(guests: Guests, lap: RemoteLap, steps: &[Step], threads: u64) -> Range<u64> {
    send_with(guests, lap.id(), steps, threads, PATIENCE, Give::Nothing)
}

/// The same, to a LAP by its capability, or to the trap 0 for none, with a timeout.
#[track_caller]
pub(crate) fn send_waiting(
    guests: Guests,
    lap: LapId,
    steps: &[Step],
    threads: u64,
    timeout: Span,
) -> Range<u64> {
    send_with(guests, lap, steps, threads, timeout, Give::Nothing)
}

/// The same, with a memory argument.
#[track_caller]
pub(crate) fn send_with(
    guests: Guests,
    lap: LapId,
    steps: &[Step],
    threads: u64,
    timeout: Span,
    memory: Give,
) -> Range<u64> {
    let numbers = numbers(threads);
    guests.make(Request::Send(Wave {
        lap,
        program: program(steps),
        first: numbers.start,
        threads,
        timeout: timeout.0,
        memory,
    }));
    numbers
}

/// Checks that a whole wave returned from this incarnation, doing nothing special.
#[track_caller]
pub(crate) fn must_have_returned(reports: &[Report], incarnation: u32) {
    for report in reports {
        check_eq!(
            report.ending,
            Ending::Returned(u64::from(incarnation), report.number),
            "invocation {}",
            report.number
        );
    }
}
