//! Threads that are further in than the actor that fails, or on their way through it twice.
//!
//! In this site the server's next is the middle, and the middle's next is the server.

use lap_suite::client::Ending;
use lap_suite::journal::{BEGUN, EFFECT, ENDED};
use lap_suite::program::{Step, pack};
use lap_suite::server::Request;
use syscall::abi::status::Progress;
use syscall::prelude::*;

use crate::baseline::Baseline;
use crate::peers::{Guests, Host, await_incarnation, info, restart};
use crate::wave::{self, Reports};

const SERVER: Host = Host::SERVER;
const MIDDLE: Host = Host::MIDDLE;
const CLIENT: Guests = Guests::CLIENT;
const NAMES: [&str; 3] = ["client", "server", "middle"];
const SIZES: [u64; 2] = [2, 16];

/// What an interrupted invocation is to the actor in between, as it tells its own caller.
fn interrupted(progress: Progress) -> Ending {
    Ending::Returned(pack(Status::RESTARTED, Some(progress)), 0)
}

/// Restarts an actor and waits until it has a new incarnation.
#[track_caller]
fn renew(name: &str) {
    let before = info(name).incarnation;
    restart(name);
    await_incarnation(name, before + 1);
}

/// Does something with each number of threads, twice: the second time, nothing may be lost.
#[track_caller]
fn twice_with_each_size(visit: fn(&Reports, u64)) {
    let reports = Reports::open();
    for threads in SIZES {
        visit(&reports, threads);
    }
    let before = Baseline::of(&NAMES);
    for threads in SIZES {
        visit(&reports, threads);
    }
    before.must_hold(&NAMES);
}

/// The LAPs of the actor in the middle of the way, and of the one at its end, fail in all orders.
pub(crate) fn chains(_: &Start) {
    twice_with_each_size(chain);
}

#[track_caller]
fn chain(reports: &Reports, threads: u64) {
    let maybe = Progress::MAYBE_EXECUTED;
    let steps = &[Step::Nest, Step::Effect, Step::Receive];

    // The far end fails: the one in between learns of it, and goes on.
    let wave = wave::send(CLIENT, SERVER.wide(), steps, threads);
    MIDDLE.await_inside(threads);
    renew("middle");
    for report in reports.of(&wave) {
        check_eq!(report.ending, interrupted(maybe));
        check_eq!(SERVER.journal(report.number), BEGUN | ENDED);
        check_eq!(MIDDLE.journal(report.number), BEGUN | EFFECT);
    }

    // Both fail, the one in between first; and the other way round.
    for order in [["server", "middle"], ["middle", "server"]] {
        let wave = wave::send(CLIENT, SERVER.wide(), steps, threads);
        MIDDLE.await_inside(threads);
        SERVER.await_inside(threads);
        let incarnations = order.map(|name| info(name).incarnation);
        // Nobody else runs in between: we are above all of them, but not above recovery.
        for name in order {
            restart(name);
        }
        for (name, incarnation) in order.iter().zip(incarnations) {
            await_incarnation(name, incarnation + 1);
        }
        for report in reports.of(&wave) {
            let number = report.number;
            let fate = Ending::Restarted {
                new: SERVER.wide().id(),
                progress: maybe,
            };
            // If the far end fails first, the thread may be on its way through the middle of the
            // way when that fails; it never gets to tell.
            check_eq!(report.ending, fate, "{order:?}");
            check_eq!(SERVER.journal(number), BEGUN, "{order:?}");
            check_eq!(MIDDLE.journal(number), BEGUN | EFFECT, "{order:?}");
        }
    }

    // The one in between had said that it was done.
    let wave = wave::send(
        CLIENT,
        SERVER.wide(),
        &[Step::Done, Step::Nest, Step::Receive],
        threads,
    );
    MIDDLE.await_inside(threads);
    renew("server");
    reports.must_be_none(Span::from_millis(5));
    MIDDLE.make(Request::Feed(threads));
    for report in reports.of(&wave) {
        let new = SERVER.wide().id();
        let progress = Progress::COMPLETED;
        check_eq!(report.ending, Ending::Restarted { new, progress });
        check_eq!(MIDDLE.journal(report.number), BEGUN | ENDED);
    }

    // Caller and the one in between fail: the thread finishes at the far end, and that is all.
    for order in [["client", "server"], ["server", "client"]] {
        let wave = wave::send(CLIENT, SERVER.wide(), steps, threads);
        MIDDLE.await_inside(threads);
        for name in order {
            renew(name);
        }
        check_eq!(MIDDLE.state().inside, threads);
        MIDDLE.make(Request::Feed(threads));
        MIDDLE.await_inside(0);
        for number in wave {
            check_eq!(MIDDLE.journal(number), BEGUN | EFFECT | ENDED, "{order:?}");
            check_eq!(SERVER.journal(number), BEGUN, "{order:?}");
        }
        reports.must_be_none(Span::from_millis(5));
    }

    // Caller and far end fail: the one in between goes on to its end.
    let wave = wave::send(CLIENT, SERVER.wide(), steps, threads);
    MIDDLE.await_inside(threads);
    renew("client");
    renew("middle");
    SERVER.await_inside(0);
    for number in wave {
        check_eq!(MIDDLE.journal(number), BEGUN | EFFECT);
        check_eq!(SERVER.journal(number), BEGUN | ENDED);
    }
    reports.must_be_none(Span::from_millis(5));
}

/// The thread is in one actor twice, with another one in between.
pub(crate) fn loops(_: &Start) {
    twice_with_each_size(visit_twice);
}

#[track_caller]
fn visit_twice(reports: &Reports, threads: u64) {
    // As many as are in there twice do not fit in at sixteen: one by one, then.
    let threads = threads.min(u64::from(lap_suite::server::STACKS) / 2);
    let maybe = Progress::MAYBE_EXECUTED;
    let steps = &[Step::Nest, Step::Nest, Step::Effect, Step::Receive];

    // The actor that they are in twice fails: they go back to the one in between, which goes on,
    // and from there all the way home.
    let wave = wave::send(CLIENT, SERVER.wide(), steps, threads);
    SERVER.await_inside(2 * threads);
    renew("server");
    for report in reports.of(&wave) {
        let new = SERVER.wide().id();
        check_eq!(
            report.ending,
            Ending::Restarted {
                new,
                progress: maybe
            }
        );
        check_eq!(SERVER.journal(report.number), BEGUN | EFFECT);
        check_eq!(MIDDLE.journal(report.number), BEGUN | ENDED);
    }

    // The one in between fails: they finish inside, and skip it on their way back.
    let wave = wave::send(CLIENT, SERVER.wide(), steps, threads);
    SERVER.await_inside(2 * threads);
    renew("middle");
    reports.must_be_none(Span::from_millis(5));
    check_eq!(SERVER.state().inside, 2 * threads);
    SERVER.make(Request::Feed(threads));
    for report in reports.of(&wave) {
        check_eq!(report.ending, interrupted(maybe));
        check_eq!(SERVER.journal(report.number), BEGUN | EFFECT | ENDED);
        check_eq!(MIDDLE.journal(report.number), BEGUN);
    }

    // Through a LAP of the same actor.
    let steps = &[Step::Within, Step::Effect, Step::Receive];
    let wave = wave::send(CLIENT, SERVER.wide(), steps, 1);
    SERVER.await_inside(2);
    renew("server");
    for report in reports.of(&wave) {
        let new = SERVER.wide().id();
        check_eq!(
            report.ending,
            Ending::Restarted {
                new,
                progress: maybe
            }
        );
    }
}
