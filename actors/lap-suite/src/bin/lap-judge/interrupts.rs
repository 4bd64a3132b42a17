//! Interrupt handlers, with the real-time clock as their device.

use core::sync::atomic::{AtomicU64, Ordering};

use lap_suite::server::{Kinds, Reply, Request};
use syscall::abi::HandlerId;
use syscall::abi::site::Hook;
use syscall::handler::{self, Handler, Occasion};
use syscall::prelude::*;
use syscall::{site, thread};

use crate::check::{Must, must_be_refused};
use crate::ledger::Reader;
use crate::peers::{Host, restart};

const SERVER: Host = Host::SERVER;
/// The clock's line.
const LINE: u8 = 8;

static RUNS: AtomicU64 = AtomicU64::new(0);
static OCCASIONS: AtomicU64 = AtomicU64::new(0);

fn note(occasion: Occasion) {
    RUNS.fetch_add(1, Ordering::SeqCst);
    OCCASIONS.fetch_add(occasion.count, Ordering::SeqCst);
    check_eq!((occasion.line, occasion.cookie), (u64::from(LINE), 3));
}

/// Starts or stops the clock's interrupts, 1024 a second.
#[track_caller]
fn set_clock(state: u64) {
    site::hook(Hook::RTC, state).must("the hook");
}

/// How often the server's interrupt handler ran in this incarnation.
#[track_caller]
fn runs_of_server() -> u64 {
    match SERVER.ask(Request::Events) {
        Reply::Events(runs) => runs[Kinds::INTERRUPT.0.trailing_zeros() as usize],
        other => fail!("no events but {other:?}"),
    }
}

/// A line is masked until it is acknowledged, and belongs to one handler, until that is gone.
pub(crate) fn interrupts(_: &Start) {
    let handler = Handler::interrupt(LINE, 3, note).must("the line");
    let taken = Handler::interrupt(LINE, 3, note);
    must_be_refused(taken, Status::ALREADY_EXISTS, "a line that is taken");
    thread::sleep(Span::from_millis(20));
    check_eq!(
        RUNS.load(Ordering::SeqCst),
        0,
        "before the clock is started"
    );
    set_clock(1);
    for acknowledged in 1..=5 {
        thread::sleep(Span::from_millis(20));
        check_eq!(RUNS.load(Ordering::SeqCst), acknowledged, "not masked");
        handler::acknowledge(handler.id()).must("the acknowledgement");
    }
    thread::sleep(Span::from_millis(20));
    let runs = RUNS.load(Ordering::SeqCst);
    check_eq!(OCCASIONS.load(Ordering::SeqCst), runs);
    let id = handler.id();
    drop(handler);
    let gone = handler::acknowledge(id);
    must_be_refused(gone, Status::NOT_FOUND, "acknowledging what is gone");
    thread::sleep(Span::from_millis(20));
    check_eq!(RUNS.load(Ordering::SeqCst), runs, "it runs on");

    // What are no lines of actors: the tick, the keyboard, the cascade, the console.
    for line in [0, 1, 2, 4, 16, 17, 255] {
        let none = Handler::interrupt(line, 3, note);
        must_be_refused(none, Status::BAD_ARGUMENT, "a line that is no actor's");
    }
    let timer = Handler::timer(Span::from_millis(1), 0, |_| ()).must("a timer");
    let other = handler::acknowledge(timer.id());
    must_be_refused(other, Status::BAD_ARGUMENT, "acknowledging a timer");
    let none = handler::acknowledge(HandlerId::NONE);
    must_be_refused(none, Status::NOT_FOUND, "acknowledging nothing");

    // A server that acknowledges each has nearly all of them; and after its restart none, until
    // it connects again.
    for _ in 0..3 {
        SERVER.connect(Kinds::INTERRUPT);
        let before = runs_of_server();
        thread::sleep(Span::from_millis(200));
        let runs = runs_of_server() - before;
        check!((150..=206).contains(&runs), "{runs} interrupts in 200 ms");
        restart("server");
        thread::sleep(Span::from_millis(20));
        check_eq!(runs_of_server(), 0, "connected still");
        let theirs = Handler::interrupt(LINE, 3, note);
        drop(theirs.must("the line of one that was restarted"));
    }
    set_clock(0);
    let mut reader = Reader::at_start();
    for _ in 0..3 {
        reader.take();
    }
    reader.must_be_at_end();
}
