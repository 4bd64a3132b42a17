//! What a worker does: it commits, calls, visits, is visited and interrupted, all at once.

use core::sync::atomic::{AtomicU64, Ordering};

use site_suite::{Progress, Reply, Request, lap_name};
use syscall::abi::{HandlerId, LapId};
use syscall::handler::{self, Handler, Occasion};
use syscall::prelude::*;
use syscall::ways_to_die::vector;
use syscall::{Invocation, Published, RemoteLap, Thread, call, thread};

use crate::journal::Journal;

/// Stack of each thread.
const STACK: usize = 32 * 1024;
/// Priority of each thread: below the server's, which answers the judge.
const PRIORITY: u8 = 10;
/// How long anything may take that is waited for.
const PATIENCE: Span = Span::from_secs(10);
/// The line of the real-time clock.
const LINE: u8 = 8;
/// What a visited worker does to the bytes that it is given.
const TURN: u8 = 0x5a;

static COMMITTED: AtomicU64 = AtomicU64::new(0);
static CALLS: AtomicU64 = AtomicU64::new(0);
static VISITS: AtomicU64 = AtomicU64::new(0);
static TIMES: AtomicU64 = AtomicU64::new(0);
static INTERRUPTS: AtomicU64 = AtomicU64::new(0);
static HANDLER: AtomicU64 = AtomicU64::new(0);
/// The next worker's LAP.
static NEXT_LAP: AtomicU64 = AtomicU64::new(0);
static START: Published<Start> = Published::new();

/// The word behind another one, among the arguments.
pub(crate) fn option<'s>(start: &'s Start, what: &str) -> Option<&'s str> {
    let mut words = start.arguments().split_whitespace();
    words.find(|word| *word == what)?;
    words.next()
}

/// How far all this has come.
pub(crate) fn progress() -> Progress {
    Progress {
        committed: COMMITTED.load(Ordering::SeqCst),
        calls: CALLS.load(Ordering::SeqCst),
        visits: VISITS.load(Ordering::SeqCst),
        times: TIMES.load(Ordering::SeqCst),
        interrupts: INTERRUPTS.load(Ordering::SeqCst),
    }
}

/// Begins.
pub(crate) fn begin(start: &Start) -> Result<()> {
    let start = alloc::boxed::Box::leak(alloc::boxed::Box::new(*start));
    START.publish(start);
    if let Some(next) = option(start, "next") {
        let lap = RemoteLap::resolve(lap_name(next).as_str(), PATIENCE)?;
        NEXT_LAP.store(lap.id().raw(), Ordering::SeqCst);
        Thread::spawn_with(start, call_next, STACK, PRIORITY)?;
        Thread::spawn_with(start, visit_next, STACK, PRIORITY)?;
    }
    Thread::spawn_with(start, commit, STACK, PRIORITY)?;
    Thread::spawn(compute, start.actor().raw(), STACK, PRIORITY)?;
    Thread::spawn(wait, 0, STACK, PRIORITY)?;
    let count = |_| _ = TIMES.fetch_add(1, Ordering::SeqCst);
    Handler::timer(Span::from_millis(1), 0, count)?.keep();
    if option(start, "line").is_some() {
        let handler = Handler::interrupt(LINE, 0, interrupted)?.keep();
        HANDLER.store(handler.raw(), Ordering::SeqCst);
    }
    Ok(())
}

fn commit(start: &'static Start) {
    let mut journal = must(Journal::open(start.name()));
    loop {
        let number = must(journal.step());
        COMMITTED.store(number, Ordering::SeqCst);
        // Others of this priority have work to do, too.
        if number.is_multiple_of(4) {
            thread::yield_now();
        }
    }
}

fn call_next(start: &'static Start) {
    let next = option(start, "next").unwrap_or_default();
    let port = must(RemotePort::find(next, PATIENCE));
    for number in 0.. {
        let reply: Reply = must(port.request(&Request::Echo(number), PATIENCE));
        assert_eq!(reply, Reply::Number(number + 1), "the answer to another");
        CALLS.fetch_add(1, Ordering::SeqCst);
    }
}

fn visit_next(_: &'static Start) {
    let lap = RemoteLap::from(LapId::from_raw(NEXT_LAP.load(Ordering::SeqCst)));
    for number in 0_u64.. {
        let mut bytes = [number as u8; 48];
        let depth = number % 4;
        let request = lap.request([number, depth]).copying_back(&mut bytes);
        let answer = must(request.waiting(PATIENCE).invoke());
        assert_eq!(answer, (number + 1, depth), "another's answer");
        let expected = [number as u8 ^ TURN; 48];
        assert!(bytes == expected, "another's bytes");
        VISITS.fetch_add(1, Ordering::SeqCst);
    }
}

/// What visitors do here: turn the bytes they have brought, and go on to the next if they are to go
/// deeper.
pub(crate) fn visit(invocation: &mut Invocation<'_>) -> (u64, u64) {
    let [number, depth] = invocation.arguments();
    for byte in invocation.bytes_mut() {
        *byte ^= TURN;
    }
    if depth > 0 {
        let next = RemoteLap::from(LapId::from_raw(NEXT_LAP.load(Ordering::SeqCst)));
        let deeper = must(next.invoke([number, depth - 1], PATIENCE));
        assert_eq!(deeper, (number + 1, depth - 1), "another's answer");
    }
    if number.is_multiple_of(16) {
        thread::sleep(Span::from_millis(1));
    }
    (number + 1, depth)
}

/// With floating point in use.
fn compute(pattern: u64) {
    loop {
        assert_eq!(vector::watch(pattern, 50), 0, "somebody else's registers");
        thread::yield_now();
    }
}

/// Asleep most of the time.
fn wait(_: u64) {
    let port = must(Port::private(1));
    loop {
        thread::sleep(Span::from_millis(1));
        let nothing = port.receive(&mut [0; 8], Span::from_millis(1)).err();
        assert!(nothing.is_some_and(|error| error.is_timeout()));
    }
}

fn interrupted(_: Occasion) {
    INTERRUPTS.fetch_add(1, Ordering::SeqCst);
    let handler = HandlerId::from_raw(HANDLER.load(Ordering::SeqCst));
    // The first one may come before that is known.
    if !handler.is_none() {
        must(handler::acknowledge(handler));
    }
}

/// A worker that cannot go on has found what the test is for.
#[track_caller]
fn must<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => {
            let place = core::panic::Location::caller();
            let mut text = syscall::abi::Text::<100>::EMPTY;
            let _ = core::fmt::write(&mut text, format_args!("line {}: {error}", place.line()));
            call::sys_panic(text.as_str())
        }
    }
}
