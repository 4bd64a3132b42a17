//! Failures while others are being dealt with.

use alloc::vec::Vec;

use syscall::abi::site::Hook;
use syscall::abi::{Advice, Cause, NoticePhase, Outcome, Response};
use syscall::prelude::*;
use syscall::{call, site};

use crate::check::Must;
use crate::inbox::{Inbox, course, notices};
use crate::ledger::{Reader, fault, must_be_done};
use crate::peers::{await_all, complain, incarnations, kill};

/// Two groups that fail at the same time recover side by side, and the one that needs no disk does
/// not wait for the other; a third, on which the first stands, fails with it and is restarted once.
pub(crate) fn two_groups_at_once(_: &Start) {
    use NoticePhase as N;
    await_all(&["slow-1", "slow-2", "quick", "below"]);
    let inbox = Inbox::of(&["slow", "quick"]);
    let mut reader = Reader::at_end();
    // Nobody but us runs in between.
    complain("slow-1");
    complain("quick");
    let told = notices(&inbox.take_all());
    let at = |phase, name| {
        let course = course(&told);
        let found = course.iter().position(|step| *step == (phase, name));
        found.must("a notice")
    };
    check!(at(N::FROZEN, "quick") < at(N::RESTARTED, "slow-1"));
    check!(at(N::ACTIVATED, "quick") < at(N::RESTARTED, "slow-1"));
    check_eq!(
        incarnations(["slow-1", "slow-2", "quick", "below"]),
        [2, 2, 2, 1]
    );
    let entry = reader.take();
    check!(entry.block_reads > 0);
    must_be_done(&entry, Response::RELOAD);

    // The base and what stands on it, at once: each once.
    await_all(&["slow-1", "slow-2", "quick", "below"]);
    reader.skip();
    complain("below");
    complain("slow-2");
    inbox.take_all();
    check_eq!(
        incarnations(["slow-1", "slow-2", "quick", "below"]),
        [3, 3, 2, 2]
    );
    let (first, second) = (reader.take(), reader.take());
    check_eq!(
        (first.name.as_str(), first.advice),
        ("below", Advice::FOLLOWED)
    );
    check_eq!(second.name.as_str(), "slow-2");
    check!(matches!(second.cause, Cause::Fault(_)), "{second:?}");
}

const MEMBERS: [&str; 3] = ["first", "second", "third"];

/// A member fails while its group is frozen, restarted, and activated.
pub(crate) fn failures_in_every_phase(_: &Start) {
    await_all(&MEMBERS);
    let inbox = Inbox::of(&["group"]);
    let mut reader = Reader::at_end();

    // Freezing: on record and no more.
    kill_beside(&inbox, "first", NoticePhase::FROZEN, "first", "third");
    inbox.take_all();
    check_eq!(incarnations(MEMBERS), [2, 2, 2]);
    check_eq!(reader.take().advice, Advice::FOLLOWED);
    let beside = reader.take();
    check_eq!(
        (beside.name.as_str(), beside.advice, beside.outcome),
        ("third", Advice::NOT_ASKED, Outcome::DONE)
    );
    check!(matches!(beside.cause, Cause::Fault(_)));
    reader.skip();

    // Restarting: none of them can be, since the image that they share is damaged. Each is found to
    // be so when it is its turn, and is read anew.
    let second = site::find("second").must("second");
    call::sys_hook(Hook::CORRUPT_IMAGE, second.raw()).must("the hook");
    kill("first");
    await_all(&MEMBERS);
    inbox.take_all();
    check_eq!(incarnations(MEMBERS), [3, 3, 3]);
    let entries = [(); 6].map(|()| reader.take());
    for name in MEMBERS {
        let about = entries.iter().filter(|entry| entry.name.as_str() == name);
        let course: Vec<_> = about.map(|entry| (entry.response, entry.outcome)).collect();
        let expected = [
            (Response::HOT_RESTART, Outcome::FAILED),
            (Response::RELOAD, Outcome::DONE),
        ];
        check_eq!(course, expected, "{name}");
    }
    reader.must_be_at_end();

    // Activating: a new failure, about which the policy is asked. The others were not started
    // before, so they are started once.
    kill_beside(&inbox, "second", NoticePhase::ACTIVATED, "first", "first");
    inbox.take_all();
    await_all(&MEMBERS);
    check_eq!(incarnations(MEMBERS), [5, 4, 4]);
    let asked = [reader.take(), reader.take(), reader.take(), reader.take()];
    let failure = asked
        .iter()
        .rev()
        .find(|entry| entry.name.as_str() == "first");
    let failure = failure.must("an entry");
    check_eq!(
        (failure.advice, fault(failure).incarnation),
        (Advice::FOLLOWED, 4)
    );
}

/// Lets a member die, and has another one fail as soon as this has happened to a third.
#[track_caller]
fn kill_beside(inbox: &Inbox, name: &str, phase: NoticePhase, of: &str, beside: &str) {
    complain(name);
    inbox.until(of, phase);
    complain(beside);
}
