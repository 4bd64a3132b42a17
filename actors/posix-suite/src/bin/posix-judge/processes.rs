//! Children: how their ends are told, and that these are nobody's failure.

use posix::limits::PROCESSES_MAX;
use posix::process::{Status, process_name, signal};
use posix::{Errno, spawn, wait};
use syscall::abi::Cause;
use syscall::abi::site::ActorState;
use syscall::prelude::*;
use syscall::{Thread, site, thread};

use crate::check::{Must, wait_until};
use crate::ledger::Reader;
use crate::peers::{MANAGER, PATIENCE, incarnation, must_say};

/// What is said about each way to end.
const ENDS: &[(&str, Status)] = &[
    ("exit 0", Status::exited(0)),
    ("exit 3", Status::exited(3)),
    ("exit 256", Status::exited(0)),
    ("exit -1", Status::exited(255)),
    ("leave", Status::exited(0)),
    ("die panic", Status::signalled(signal::ABRT)),
    ("die null-write", Status::signalled(signal::SEGV)),
    ("die null-jump", Status::signalled(signal::SEGV)),
    ("die write-text", Status::signalled(signal::SEGV)),
    ("die write-kernel", Status::signalled(signal::SEGV)),
    ("die jump-into-data", Status::signalled(signal::SEGV)),
    ("die stack-overflow", Status::signalled(signal::SEGV)),
    ("die no-stack", Status::signalled(signal::SEGV)),
    ("die privileged", Status::signalled(signal::SEGV)),
    ("die divide-by-zero", Status::signalled(signal::FPE)),
    ("die illegal-instruction", Status::signalled(signal::ILL)),
    ("die breakpoint", Status::signalled(signal::TRAP)),
    // Its own child's end, which it waited for.
    ("parent", Status::exited(5)),
    ("orphan", Status::exited(0)),
];

/// Runs a child to its end.
#[track_caller]
fn run(arguments: &str) -> Status {
    let child = spawn("posix-victim", arguments).must(arguments);
    let (ended, status) = wait().must(arguments);
    check_eq!(ended, child, "{arguments}");
    status
}

/// Every end is told to the parent and to nobody else.
pub(crate) fn ends_are_told(_: &Start) {
    let mut reader = Reader::at_start();
    must_say(wait(), Errno::ECHILD, "waiting for nobody");
    must_say(
        spawn("nobody", ""),
        Errno::ENOENT,
        "an image that is not there",
    );
    must_say(spawn("no image!", ""), Errno::EINVAL, "a name that is none");
    must_say(
        spawn("posix-victim", TOO_LONG),
        Errno::E2BIG,
        "long arguments",
    );
    must_say(wait(), Errno::ECHILD, "waiting for who was not started");
    for (arguments, status) in ENDS {
        check_eq!(run(arguments), *status, "{arguments}");
    }
    must_say(wait(), Errno::ECHILD, "waiting for nobody");

    // The child that was left behind ends, too.
    thread::sleep(Span::from_millis(40));
    // As many as there may be, all of which come back; the names are the manager's.
    let mut children = [0; PROCESSES_MAX];
    for child in &mut children {
        *child = spawn("posix-victim", "nap").must("a child");
        let name = process_name(*child);
        check!(site::find(name.as_str()).is_ok(), "there is no {name}");
    }
    must_say(
        spawn("posix-victim", "nap"),
        Errno::EAGAIN,
        "a child too many",
    );
    for _ in children {
        let (ended, status) = wait().must("a child");
        check_eq!(status, Status::exited(0));
        let place = children.iter_mut().find(|child| **child == ended);
        *place.must("a child of ours, once") = 0;
    }
    must_say(wait(), Errno::ECHILD, "waiting for nobody");
    check_eq!(run("exit 1"), Status::exited(1), "after all that");

    interrupted_waits_lose_nothing();

    // For the Restart Manager they all ended cleanly, and nobody else did anything.
    let is_over = || {
        let mut actors = site::actors().flatten();
        actors.all(|actor| {
            let is_child = actor.name.as_str().starts_with("posix-")
                && actor
                    .name
                    .as_str()
                    .chars()
                    .last()
                    .is_some_and(|it| it.is_ascii_digit());
            !is_child || actor.state == ActorState::ABSENT
        })
    };
    check!(wait_until(PATIENCE, is_over), "children live on");
    check_eq!(incarnation(MANAGER), 1);
    let info = site::info().must("counters");
    check_eq!((info.hot_restarts, info.reloads), (0, 0));
    let mut ends = 0;
    while ends < CHILDREN {
        let entry = reader.take();
        match entry.cause {
            Cause::CleanExit => ends += 1,
            // The one whose image is not there: the first one after the judge itself.
            Cause::Fault(_) if entry.name == process_name(2) => {}
            other => fail!("{} ended by {other:?}", entry.name),
        }
    }
    reader.must_be_at_end();
}

/// Children in all: two of them had one themselves.
const CHILDREN: usize = ENDS.len() + 2 + PROCESSES_MAX + 2;

const TOO_LONG: &str = "this is much longer than arguments may be, and goes on and on, so that \
    nobody could ever take it for something that fits into the record of a start";

/// A thread that waits and is told to give up does not take a child's end with it.
fn interrupted_waits_lose_nothing() {
    use core::sync::atomic::{AtomicU64, Ordering};
    static TOLD: AtomicU64 = AtomicU64::new(0);
    let child = spawn("posix-victim", "nap").must("a child");
    let body = |_| {
        let result = wait();
        let told = result.err().map_or(u64::MAX, |errno| u64::from(errno.0));
        TOLD.store(told, Ordering::SeqCst);
    };
    let waiter = Thread::spawn(body, 0, 32 * 1024, 32).must("a thread");
    thread::sleep(Span::from_millis(3));
    must_say(wait(), Errno::EAGAIN, "a second thread that waits");
    waiter.abort().must("an abort");
    let is_told = || TOLD.load(Ordering::SeqCst) != 0;
    check!(wait_until(PATIENCE, is_told), "it waits on");
    check_eq!(TOLD.load(Ordering::SeqCst), u64::from(Errno::EINTR.0));
    // The manager still has a waiter who is not there; the next one comes after it.
    thread::sleep(Span::from_millis(40));
    check_eq!(wait(), Ok((child, Status::exited(0))));
}
