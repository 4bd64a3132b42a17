//! Those who wait for the next incarnation, and when the others are told.

use lap_suite::client::Ending;
use lap_suite::journal::{BEGUN, EFFECT, ENDED};
use lap_suite::program::Step;
use lap_suite::server::Request;
use syscall::abi::status::Progress;
use syscall::abi::{Outcome, Response};
use syscall::prelude::*;
use syscall::{RemoteLap, thread};

use crate::baseline::Baseline;
use crate::check::{Must, must_be_refused, must_fail};
use crate::ledger::{self, Reader};
use crate::peers::{Guests, Host, PATIENCE, await_incarnation, info, restart};
use crate::wave::{self, Reports};

const SERVER: Host = Host::SERVER;
const CLIENT: Guests = Guests::CLIENT;

/// The server takes 100 ms to come back.
const SHORT: Span = Span::from_millis(20);

/// A stale capability answers the next one, which can be waited for.
pub(crate) fn the_next_incarnation_is_waited_for(_: &Start) {
    let reports = Reports::open();
    let mut reader = Reader::at_start();
    let mut stale = SERVER.wide();
    for (incarnation, threads) in [(2, 1), (3, 2), (4, 16)] {
        restart("server");
        ledger::must_be_done(&reader.take(), Response::HOT_RESTART);
        let told = must_fail(stale.invoke([0; 2], PATIENCE), "a stale capability");
        let Error::LapRestarted { new, progress } = told else {
            fail!("a stale capability ends with {told:?}")
        };
        check_eq!(progress, Progress::NOT_ENTERED);
        check_eq!(
            must_fail(stale.invoke([0; 2], Span::ZERO), "the same"),
            told
        );
        let next = RemoteLap::from(new);

        must_be_refused(
            next.invoke([0; 2], Span::ZERO),
            Status::FROZEN,
            "who does not wait",
        );
        let before = thread::now();
        must_be_refused(
            next.invoke([0; 2], SHORT),
            Status::TIMED_OUT,
            "who waits too briefly",
        );
        check!(thread::now().since(before) >= SHORT, "did not wait");
        let early = RemoteLap::resolve("server", Span::ZERO);
        must_be_refused(early, Status::NOT_FOUND, "an impatient search");

        let wave = wave::send(CLIENT, next, &[Step::Effect], threads);
        thread::sleep(SHORT);
        reports.must_be_none(Span::ZERO);
        wave::must_have_returned(&reports.of(&wave), incarnation);
        for number in wave {
            check_eq!(SERVER.journal(number), BEGUN | EFFECT | ENDED);
        }
        check_eq!(RemoteLap::resolve("server", Span::ZERO), Ok(next));
        stale = next;
    }
}

/// Who waits for an incarnation is bound to it: when it fails before it makes the LAP, or ends,
/// they are told so.
pub(crate) fn who_waits_is_bound(_: &Start) {
    let reports = Reports::open();
    let mut reader = Reader::at_start();
    let old = SERVER.wide();
    // What is used for the first time stays in use: the first round is for that.
    let mut before = None;
    for threads in [16, 2, 16] {
        bind(&reports, &mut reader, old, threads);
        if before.is_none() {
            before = Some(Baseline::of(&["client", "server"]));
            reader.skip();
        }
    }
    before.must("a baseline").must_hold(&["client", "server"]);
    let present = SERVER.wide();

    // The end: those inside, those who wait, and those who come.
    let inside = wave::send(CLIENT, SERVER.wide(), &[Step::Effect, Step::Receive], 2);
    let behind = wave::send(CLIENT, SERVER.narrow(), &[Step::Receive], 1);
    SERVER.await_inside(3);
    let waiting = wave::send(CLIENT, SERVER.narrow(), &[], 2);
    thread::sleep(Span::from_millis(5));
    let lap = SERVER.wide();
    check_eq!(
        must_fail(SERVER.try_ask(Request::Exit), "the end").status(),
        Status::DEAD
    );
    let all = inside.start..waiting.end;
    for report in reports.of(&all) {
        let progress = if waiting.contains(&report.number) {
            Progress::NOT_ENTERED
        } else {
            Progress::MAYBE_EXECUTED
        };
        check_eq!(report.ending, Ending::Dead(progress));
    }
    let _ = behind;
    for stale in [old, present, lap] {
        must_be_refused(stale.invoke([0; 2], PATIENCE), Status::DEAD, "the dead");
    }
    let search = RemoteLap::resolve("server", Span::ZERO);
    must_be_refused(search, Status::NOT_FOUND, "finding the dead");
}

/// A wave waits for the next incarnation, which is restarted before it lets them in.
#[track_caller]
fn bind(reports: &Reports, reader: &mut Reader, old: RemoteLap, threads: u64) {
    restart("server");
    reader.take();
    let Err(Error::LapRestarted { new, .. }) = old.invoke([0; 2], Span::ZERO) else {
        fail!("no successor")
    };
    let wave = wave::send(CLIENT, new.into(), &[Step::Effect], threads);
    thread::sleep(Span::from_millis(5));
    restart("server");
    let entry = reader.take();
    let told = reports.of(&wave);
    let latest = told.iter().map(|report| report.time).max().unwrap_or(0);
    check!(Instant(latest).since(entry.time) < SHORT, "told late");
    let new = SERVER.wide().id();
    for report in told {
        let progress = Progress::NOT_ENTERED;
        check_eq!(report.ending, Ending::Restarted { new, progress });
        check_eq!(SERVER.journal(report.number), 0);
    }
}

/// Callers are told at the freeze, though the restart comes half a second later.
pub(crate) fn callers_are_told_before_the_backoff(_: &Start) {
    let reports = Reports::open();
    let mut reader = Reader::at_start();
    let inside = wave::send(CLIENT, SERVER.wide(), &[Step::Effect, Step::Receive], 2);
    SERVER.await_inside(2);
    let done = wave::send(
        CLIENT,
        SERVER.wide(),
        &[Step::Effect, Step::Done, Step::Nap],
        2,
    );
    SERVER.await_inside(4);
    SERVER.fell(Request::Die);
    let told = reports.of(&(inside.start..done.end));
    let entry = reader.take_unfinished();
    check_eq!(entry.outcome, Outcome::PENDING);
    for report in &told {
        let late = Instant(report.time).since(entry.time);
        check!(late < Span::from_millis(10), "told {late} late");
        let Ending::Restarted { new, progress } = report.ending else {
            fail!("{report:?}")
        };
        let expected = if done.contains(&report.number) {
            Progress::COMPLETED
        } else {
            Progress::MAYBE_EXECUTED
        };
        check_eq!(progress, expected);
        // The capability is known already, and can be waited for.
        let next = RemoteLap::from(new);
        must_be_refused(
            next.invoke([0; 2], Span::ZERO),
            Status::FROZEN,
            "who does not wait",
        );
    }
    let Some(Ending::Restarted { new, .. }) = told.first().map(|report| report.ending) else {
        fail!("nobody was told")
    };
    check_eq!(RemoteLap::from(new).invoke([0; 2], PATIENCE), Ok((2, 0)));
    let waited = thread::now().since(entry.time);
    check!(waited >= Span::from_millis(500), "no backoff, but {waited}");
    await_incarnation("server", 2);
    ledger::finished(entry.sequence);
    check_eq!(info("client").incarnation, 1);
}
