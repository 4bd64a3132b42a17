//! What each policy makes of a crash loop, as the ledger shows it.
//!
//! `looper` fails at once each time; its parameters in the sites are a window of 60 s, two hot
//! restarts, and one reload. `victim` fails when told to.

use syscall::abi::site::ActorState;
use syscall::abi::{Cause, LedgerEntry, Response};
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{site, thread};
use test_suite::Request;

use crate::check::{Must, wait_until};
use crate::ledger::{self, Reader};
use crate::victim::{PATIENCE, Victim};

/// Takes the entries about the looper, which must be these and no more, with the others left out.
#[track_caller]
fn looper_gets(responses: &[Response]) {
    let mut reader = Reader::at_start();
    for (number, response) in (1..).zip(responses) {
        let entry = reader.take();
        check_eq!(entry.name.as_str(), "looper");
        check!(matches!(entry.cause, Cause::Fault(_)), "{:?}", entry.cause);
        check_eq!(entry.incarnation, number);
        ledger::must_be_done(&entry, *response);
        must_be_about(&entry, *response);
    }
    if responses.last() == Some(&Response::TERMINATE) {
        let is_gone = || {
            site::actor("looper")
                .is_ok_and(|looper| looper.is_none_or(|it| it.state == ActorState::TERMINATED))
        };
        check!(wait_until(PATIENCE, is_gone), "the looper is still there");
        thread::sleep(Span::from_millis(100));
        reader.must_be_at_end();
    }
}

/// Only a reload reads from the disk, and what ends has no successor.
#[track_caller]
fn must_be_about(entry: &LedgerEntry, response: Response) {
    match response {
        Response::RELOAD => check!(entry.block_reads > 0, "a reload read nothing"),
        _ => check_eq!(entry.block_reads, 0, "{response}"),
    }
    check_eq!(
        entry.successor.is_none(),
        response == Response::TERMINATE,
        "{response}"
    );
}

/// The first failure is the end.
pub(crate) fn never(_: &Start) {
    looper_gets(&[Response::TERMINATE]);
    let mut reader = Reader::at_end();
    let mut victim = Victim::find("victim");
    let entry = victim.die_for_good(&mut reader, Request::Die(Way::DivideByZero));
    ledger::must_be_done(&entry, Response::TERMINATE);
}

/// Every failure is answered from memory.
pub(crate) fn always_hot(_: &Start) {
    looper_gets(&[Response::HOT_RESTART; 12]);
    let counters = site::info().must("the site's counters");
    check_eq!(counters.reloads, 0);
    check!(counters.hot_restarts >= 12);
    // The looper has used up nobody else's time.
    check_eq!(Victim::find("victim").inspect().incarnation, 1);
}

/// So many failures in the window, and the next one is the end.
pub(crate) fn budget(_: &Start) {
    looper_gets(&[
        Response::HOT_RESTART,
        Response::HOT_RESTART,
        Response::TERMINATE,
    ]);

    // The victim's window is a second: failures that are older are forgotten.
    let mut reader = Reader::at_end();
    let mut victim = Victim::find("victim");
    for _ in 0..4 {
        victim.restart_hot(&mut reader);
        thread::sleep(Span::from_millis(700));
    }
    thread::sleep(Span::from_millis(700));
    victim.restart_hot(&mut reader);
    victim.restart_hot(&mut reader);
    victim.die_for_good(&mut reader, Request::Die(Way::NullRead));
}

/// Hot restarts, then reloads, then the end.
pub(crate) fn escalating(_: &Start) {
    use Response as R;
    looper_gets(&[R::HOT_RESTART, R::HOT_RESTART, R::RELOAD, R::TERMINATE]);

    // The victim is taken to have forgotten after a second without a failure.
    let mut reader = Reader::at_end();
    let mut victim = Victim::find("victim");
    let mut die = |victim: &mut Victim| {
        victim.fell(Request::Die(Way::NullRead));
        let entry = reader.take();
        ledger::must_be_done(&entry, entry.response);
        entry.response
    };
    check_eq!([die(&mut victim), die(&mut victim)], [R::HOT_RESTART; 2]);
    check_eq!(die(&mut victim), R::RELOAD);
    thread::sleep(Span::from_millis(1500));
    check_eq!([die(&mut victim), die(&mut victim)], [R::HOT_RESTART; 2]);
    check_eq!(die(&mut victim), R::RELOAD);
    check_eq!(victim.inspect().incarnation, 7);
    let mut reader = Reader::at_end();
    victim.die_for_good(&mut reader, Request::Die(Way::NullRead));
}
