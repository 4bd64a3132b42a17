//! Who fails, and where the threads are meanwhile: all combinations, with two and with sixteen.

use core::ops::Range;

use lap_suite::client::{self, Ending};
use lap_suite::journal::{BEGUN, EFFECT, ENDED};
use lap_suite::program::{NAP_MILLIS, Step};
use lap_suite::server::Request;
use syscall::abi::Cause;
use syscall::prelude::*;
use syscall::thread;

use crate::baseline::Baseline;
use crate::check::wait_until;
use crate::ledger::Reader;
use crate::peers::{Guests, Host, PATIENCE, await_incarnation, info};
use crate::place::Place;
use crate::quiet;
use crate::strike::{Failure, Row, strike};
use crate::wave::{self, Reports};

const CLIENT: Guests = Guests::CLIENT;
const SERVER: Host = Host::SERVER;
const MIDDLE: Host = Host::MIDDLE;
const NAMES: [&str; 3] = ["client", "server", "middle"];

/// How many threads there are.
const SIZES: [u64; 2] = [2, 16];

/// Goes through all rows, and checks that nothing is lost by them, and that interrupts are never off
/// for long.
#[track_caller]
fn for_all_rows(row: fn(Row, &Reports, &mut Reader)) {
    let reports = Reports::open();
    let mut reader = Reader::at_start();
    for name in NAMES {
        await_incarnation(name, 1);
    }
    quiet::listen();
    // What is used for the first time stays in use: the first rows are for that.
    for place in Place::ALL {
        let threads = 16;
        row(
            Row {
                place,
                threads,
                failure: Failure::Asked,
            },
            &reports,
            &mut reader,
        );
    }
    let before = Baseline::of(&NAMES);
    reader.skip();
    for threads in SIZES {
        for place in Place::ALL {
            for failure in [Failure::Asked, Failure::Fault] {
                let this = Row {
                    place,
                    threads,
                    failure,
                };
                debug!("{this:?}");
                row(this, &reports, &mut reader);
            }
        }
    }
    before.must_hold(&NAMES);
    quiet::must_have_been_kept();
}

/// How many threads there are when everybody is back to one.
#[track_caller]
fn resting_threads() -> u32 {
    let is_alone = |name: &&str| info(name).threads == 1;
    let are_alone = || NAMES.iter().chain(&["lap-judge"]).all(is_alone);
    check!(wait_until(PATIENCE, are_alone), "threads that do not end");
    quiet::counters().used_threads
}

/// Checks what a journal says about each of a wave.
#[track_caller]
fn must_say(host: Host, wave: &Range<u64>, expected: u64, row: Row) {
    for number in wave.clone() {
        check_eq!(
            host.journal(number),
            expected,
            "{row:?}, {number} in {}",
            host.name
        );
    }
}

/// A new wave gets in, and comes out.
#[track_caller]
fn must_work(row: Row, reports: &Reports) {
    let wave = wave::send(CLIENT, SERVER.wide(), &[Step::Effect], row.threads);
    wave::must_have_returned(&reports.of(&wave), info("server").incarnation);
    must_say(SERVER, &wave, BEGUN | EFFECT | ENDED, row);
    // So is the narrow way, by the same number: each lets the next one in.
    let wave = wave::send(CLIENT, SERVER.narrow(), &[], row.threads);
    wave::must_have_returned(&reports.of(&wave), info("server").incarnation);
    SERVER.await_inside(0);
    MIDDLE.await_inside(0);
}

/// The callee fails: its guests come back and are told how far they had come.
pub(crate) fn callee_fails(_: &Start) {
    for_all_rows(|row, reports, reader| {
        let before = info("server").incarnation;
        let (wave, time, entry) = strike(row, SERVER.name, reader);
        let told = reports.of(&wave);
        await_incarnation("server", before + 1);
        let new = match row.place {
            Place::Entering => SERVER.narrow().id(),
            _ => SERVER.wide().id(),
        };
        for report in &told {
            let progress = row.place.progress();
            check_eq!(
                report.ending,
                Ending::Restarted { new, progress },
                "{row:?}"
            );
        }
        must_say(SERVER, &wave, row.place.entered(), row);
        if row.place == Place::Nested {
            // Those further in finish, and only then come back.
            must_say(MIDDLE, &wave, BEGUN | EFFECT | ENDED, row);
            let nap = Span::from_millis(NAP_MILLIS - 10);
            for report in &told {
                check!(
                    Instant(report.time) >= time.after(nap),
                    "{row:?}: back too early"
                );
            }
        } else {
            let latest = told.iter().map(|report| report.time).max();
            let late = Instant(latest.unwrap_or(0)).since(entry.time);
            check!(late < Span::from_millis(20), "{row:?}: told {late} late");
        }
        must_work(row, reports);
    });
}

/// The caller fails: its threads go on as guests, and end where they would have come home.
pub(crate) fn caller_fails(_: &Start) {
    for_all_rows(|row, reports, reader| {
        let (before, host) = (info("client").incarnation, info("server").incarnation);
        let threads = resting_threads();
        let (wave, ..) = strike(row, CLIENT.name, reader);
        await_incarnation("client", before + 1);
        if row.place != Place::Entering {
            // They are still inside, while their actor is new.
            check_eq!(CLIENT.make(client::Request::Ping), before + 1);
            check_eq!(SERVER.state().inside, row.threads, "{row:?}");
            check_eq!(info("client").threads, 1);
        }
        row.place.release(SERVER, row.threads);
        SERVER.await_inside(0);
        MIDDLE.await_inside(0);
        SERVER.make(Request::Close);
        if row.place == Place::Entering {
            // Who was let in goes through with it; who waited outside is no more.
            let count = |what| {
                let entries = wave.clone().map(|number| SERVER.journal(number));
                entries.filter(|entry| *entry == what).count() as u64
            };
            let has_one = || count(row.place.finished()) == 1;
            check!(wait_until(PATIENCE, has_one), "{row:?}: nobody went in");
            thread::sleep(Span::from_millis(3));
            check_eq!(count(0), row.threads - 1, "{row:?}");
            check!(has_one(), "{row:?}");
        } else {
            must_say(SERVER, &wave, row.place.finished(), row);
        }
        if row.place == Place::Nested {
            must_say(MIDDLE, &wave, BEGUN | EFFECT | ENDED, row);
        }
        reports.must_be_none(Span::from_millis(5));
        check_eq!(info("server").incarnation, host);
        check_eq!(resting_threads(), threads, "{row:?}");
        must_work(row, reports);
    });
}

/// Both fail as one group: nobody is left to be told anything, and nothing is left of them.
pub(crate) fn both_fail_as_a_group(_: &Start) {
    for_all_rows(|row, reports, reader| {
        let before = NAMES.map(|name| info(name).incarnation);
        let threads = resting_threads();
        let (wave, ..) = strike(row, SERVER.name, reader);
        // The other member's entry says that it was because of that one.
        let entry = reader.take();
        check_eq!(entry.name.as_str(), CLIENT.name);
        check!(matches!(entry.cause, Cause::Group { .. }), "{entry:?}");
        await_incarnation("client", before[0] + 1);
        await_incarnation("server", before[1] + 1);
        MIDDLE.await_inside(0);
        must_say(SERVER, &wave, row.place.entered(), row);
        if row.place == Place::Nested {
            must_say(MIDDLE, &wave, BEGUN | EFFECT | ENDED, row);
        }
        check_eq!(info("middle").incarnation, before[2]);
        reports.must_be_none(Span::from_millis(5));
        check_eq!(resting_threads(), threads, "{row:?}");
        must_work(row, reports);
    });
}
