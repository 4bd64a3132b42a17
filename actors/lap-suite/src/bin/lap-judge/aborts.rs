//! Aborts: threads that are told to give up.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use lap_suite::program::{Step, pack, program};
use lap_suite::server::{Kinds, Reply, Request};
use syscall::abi::{LapId, ThreadId};
use syscall::handler::Handler;
use syscall::prelude::*;
use syscall::{RemoteLap, Stacks, Thread, thread};

use crate::check::{Must, must_be_refused, wait_until};
use crate::ledger::Reader;
use crate::peers::{Host, PATIENCE};

const SERVER: Host = Host::SERVER;

/// How the threads below ended.
static ENDED: [AtomicU64; 8] = [const { AtomicU64::new(u64::MAX) }; 8];
/// Something that they wait for in vain.
static LAP: AtomicU64 = AtomicU64::new(0);

fn end<T>(number: u64, result: Result<T>) {
    let status = result.map_or_else(|error| error.status(), |_| Status::OK);
    if let Some(place) = ENDED.get(number as usize) {
        place.store(status.0, Ordering::SeqCst);
    }
}

#[track_caller]
fn must_end(number: usize, status: Status) {
    let place = &ENDED[number];
    let has_ended = || place.load(Ordering::SeqCst) != u64::MAX;
    check!(wait_until(PATIENCE, has_ended), "thread {number} waits on");
    check_eq!(
        Status(place.swap(u64::MAX, Ordering::SeqCst)),
        status,
        "thread {number}"
    );
}

/// Waits in one of the ways there are, for ever.
fn wait(number: u64) {
    let forever = Span::FOREVER;
    match number {
        0 => end(number, thread::sleep_whole(forever)),
        1 => {
            let port = Port::private(1).must("a port");
            end(number, port.receive(&mut [0; 8], forever).map(|_| ()));
        }
        2 | 3 => {
            let port = Port::private(1).must("a port");
            port.remote().send(b"full", Span::ZERO).must("to send");
            if number == 2 {
                end(number, port.remote().send(b"more", forever));
            } else {
                end(
                    number,
                    port.remote().call(b"?", &mut [0; 8], forever).map(|_| ()),
                );
            }
        }
        4 => end(number, RemotePort::find("nobody", forever)),
        5 => end(number, RemoteLap::resolve("nobody", forever)),
        _ => {
            let lap = RemoteLap::from(LapId::from_raw(LAP.load(Ordering::SeqCst)));
            end(number, lap.invoke([0; 2], forever));
        }
    }
}

/// A thread that waits gives up, wherever it waits; one that computes does so the next time that
/// it would wait, once, however often it was told.
pub(crate) fn waits_end(_: &Start) {
    // Somebody is on the narrow LAP's only stack.
    LAP.store(SERVER.narrow().id().raw(), Ordering::SeqCst);
    let hold = |_| {
        let lap = RemoteLap::from(LapId::from_raw(LAP.load(Ordering::SeqCst)));
        end(7, lap.invoke([program(&[Step::Receive]), 0], Span::ZERO));
    };
    Thread::spawn(hold, 0, 16 * 1024, 10).must("a thread");
    SERVER.await_inside(1);
    for _ in 0..3 {
        for number in 0..7 {
            let waiter = Thread::spawn(wait, number, 16 * 1024, 10).must("a thread");
            thread::sleep(Span::from_millis(3));
            check_eq!(ENDED[number as usize].load(Ordering::SeqCst), u64::MAX);
            waiter.abort().must("to tell it");
            // A second time, on its way.
            let _ = waiter.abort();
            must_end(number as usize, Status::ABORTED);
        }
    }
    SERVER.make(Request::Feed(1));
    must_end(7, Status::OK);

    static GO: AtomicBool = AtomicBool::new(false);
    let busy = |_| {
        while !GO.load(Ordering::Relaxed) {
            lap_suite::compute();
        }
        // This is no waiting.
        let now = thread::now();
        end(0, thread::sleep_whole(Span::from_millis(20)));
        end(1, thread::sleep_whole(Span::from_millis(20)));
        let passed = thread::now().since(now) >= Span::from_millis(20);
        end(
            2,
            if passed {
                Ok(())
            } else {
                Err(Error::Malformed)
            },
        );
    };
    let thread = Thread::spawn(busy, 0, 16 * 1024, 10).must("a thread");
    thread::sleep(Span::from_millis(3));
    for _ in 0..5 {
        thread.abort().must("to tell it");
    }
    GO.store(true, Ordering::Relaxed);
    must_end(2, Status::OK);
    must_end(0, Status::ABORTED);
    must_end(1, Status::OK);

    let gone = wait_until(PATIENCE, || thread.abort().is_err());
    check!(gone, "a thread that has ended is told");
    must_be_refused(thread.abort(), Status::NOT_FOUND, "a thread that has ended");
    must_be_refused(Thread::CURRENT.abort(), Status::NOT_FOUND, "nobody");
    Reader::at_start().must_be_at_end();
}

/// Asks the server to abort a thread.
#[track_caller]
fn server_aborts(thread: ThreadId) -> Status {
    Status(SERVER.number(Request::Abort(thread)))
}

/// An actor with a handler for it has that run in the thread. A guest can be told by its own actor
/// and by its host, and by nobody else.
pub(crate) fn handlers_run(_: &Start) {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    static BY: AtomicU64 = AtomicU64::new(0);
    let body = |cookie| {
        check_eq!(cookie, 11);
        BY.store(thread::current().id().raw(), Ordering::SeqCst);
        RUNS.fetch_add(1, Ordering::SeqCst);
    };
    let handler = Handler::abort(Stacks::of_count(2), 11, body).must("a handler");
    let second = Handler::abort(Stacks::of_count(1), 0, |_| ());
    must_be_refused(second, Status::ALREADY_EXISTS, "a second handler");
    for count in 1..=3 {
        let sleeper = Thread::spawn(wait, 0, 16 * 1024, 10).must("a thread");
        thread::sleep(Span::from_millis(3));
        sleeper.abort().must("to tell it");
        must_end(0, Status::ABORTED);
        check_eq!(RUNS.load(Ordering::SeqCst), count);
        check_eq!(BY.load(Ordering::SeqCst), sleeper.id().raw());
    }

    // As a guest, by its own actor: the host's handler is the one that runs.
    let linger = |_| {
        let lap = SERVER.wide();
        let result = lap.invoke([program(&[Step::Linger]), 0], Span::ZERO);
        end(
            0,
            result.map_err(|_| Error::Malformed).and_then(|(first, _)| {
                let aborted = pack(Status::ABORTED, None);
                if first == aborted {
                    Err(Error::Refused(Status::ABORTED))
                } else {
                    Ok(())
                }
            }),
        );
    };
    SERVER.connect(Kinds::ABORT);
    for by_host in [false, true] {
        let guest = Thread::spawn(linger, 0, 16 * 1024, 10).must("a thread");
        SERVER.await_inside(1);
        thread::sleep(Span::from_millis(3));
        if by_host {
            check_eq!(server_aborts(guest.id()), Status::OK);
        } else {
            guest.abort().must("to tell it");
        }
        must_end(0, Status::ABORTED);
        SERVER.await_inside(0);
        check_eq!(RUNS.load(Ordering::SeqCst), 3, "ours ran");
        let Reply::Events(runs) = SERVER.ask(Request::Events) else {
            fail!("no events")
        };
        let aborts = runs[Kinds::ABORT.0.trailing_zeros() as usize];
        check_eq!(aborts, 1 + u64::from(by_host), "the server's");
    }

    // A thread that is neither the server's nor in it.
    check_eq!(server_aborts(thread::current().id()), Status::NOT_OWNER);
    check_eq!(server_aborts(ThreadId::NONE), Status::NOT_FOUND);
    drop(handler);
    let sleeper = Thread::spawn(wait, 0, 16 * 1024, 10).must("a thread");
    thread::sleep(Span::from_millis(3));
    sleeper.abort().must("to tell it");
    must_end(0, Status::ABORTED);
    check_eq!(RUNS.load(Ordering::SeqCst), 3, "it runs on");
    Reader::at_start().must_be_at_end();
}
