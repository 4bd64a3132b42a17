//! Handlers of every kind at work, and what makes them work.
//!
//! Each handler carries the number of the incarnation that connected it, and the server dies if
//! one runs in another incarnation: the judge sees that in the ledger. Except for the interrupt,
//! for which there is a device, each has a thread that gives it something to do about once a
//! millisecond.

use core::sync::atomic::{AtomicU64, Ordering};

use lap_suite::server::{Kinds, Reply};
use syscall::abi::{FaultRecord, HandlerId, ThreadId};
use syscall::handler::{self, Handler, Occasion, Trap, Verdict};
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{Stacks, Thread, probe, site, thread};

use crate::{SERVER, guest};

/// The real-time clock's line.
const LINE: u8 = 8;
/// How often things happen.
const PERIOD: Span = Span::from_millis(1);
/// An address at which nothing is.
const NOTHING: u64 = 24;
/// Priority of the threads that make handlers work.
const PRIORITY: u8 = 10;
const STACK: usize = 16 * 1024;

/// How often each kind ran, by its bit in [`Kinds`].
static RUNS: [AtomicU64; 7] = [const { AtomicU64::new(0) }; 7];
/// This incarnation.
static INCARNATION: AtomicU64 = AtomicU64::new(0);
/// The interrupt handler, for its acknowledgement.
static INTERRUPT: AtomicU64 = AtomicU64::new(0);
/// The thread that is told to give up, again and again.
static LINGERER: AtomicU64 = AtomicU64::new(0);

/// How often each kind ran.
pub(crate) fn events() -> Reply {
    let runs =
        core::array::from_fn(|kind| RUNS.get(kind).map_or(0, |runs| runs.load(Ordering::SeqCst)));
    Reply::Events(runs)
}

/// A handler ran that was connected by the incarnation `cookie`.
fn ran(kinds: Kinds, cookie: u64) {
    let incarnation = INCARNATION.load(Ordering::SeqCst);
    assert!(
        cookie == incarnation,
        "a handler of incarnation {cookie} ran in {incarnation}"
    );
    if let Some(runs) = RUNS.get(kinds.0.trailing_zeros() as usize) {
        runs.fetch_add(1, Ordering::SeqCst);
    }
}

/// Connects handlers of these kinds.
pub(crate) fn connect(incarnation: u32, kinds: Kinds) -> Result<()> {
    let cookie = u64::from(incarnation);
    INCARNATION.store(cookie, Ordering::SeqCst);
    if kinds.contains(Kinds::TRAP) {
        Handler::trap(0, Stacks::of_count(8), cookie, trapped)?.keep();
    }
    if kinds.contains(Kinds::INTERRUPT) {
        let handler = Handler::interrupt(LINE, cookie, interrupted)?;
        INTERRUPT.store(handler.keep().raw(), Ordering::SeqCst);
    }
    if kinds.contains(Kinds::TIMER) {
        let body = |occasion: Occasion| ran(Kinds::TIMER, occasion.cookie);
        Handler::timer(PERIOD, cookie, body)?.keep();
    }
    if kinds.contains(Kinds::VIRTUAL_TIMER) {
        let busy = Thread::spawn(|_| compute(), 0, STACK, 1)?;
        let body = |occasion: Occasion| ran(Kinds::VIRTUAL_TIMER, occasion.cookie);
        Handler::virtual_timer(busy.id(), PERIOD, cookie, body)?.keep();
    }
    if kinds.contains(Kinds::EXCEPTION) {
        Handler::exception(ActorId::NONE, Stacks::of_count(4), cookie, excepted)?.keep();
    }
    if kinds.contains(Kinds::ABORT) {
        let body = |cookie| ran(Kinds::ABORT, cookie);
        Handler::abort(Stacks::of_count(4), cookie, body)?.keep();
    }
    Ok(())
}

/// Connects an exception handler that has an exception itself.
pub(crate) fn connect_faulty() -> Result<()> {
    let body = |_: &FaultRecord| Way::IllegalInstruction.die();
    Handler::exception(ActorId::NONE, Stacks::of_count(4), 0, body)?.keep();
    Ok(())
}

/// Makes threads that give handlers of these kinds something to do.
pub(crate) fn exercise(incarnation: u32, kinds: Kinds) -> Result<()> {
    let cookie = u64::from(incarnation);
    INCARNATION.store(cookie, Ordering::SeqCst);
    if kinds.contains(Kinds::TRAP) {
        Thread::spawn(|_| trap_often(), 0, STACK, PRIORITY)?;
    }
    if kinds.contains(Kinds::TIMEOUT) {
        Thread::spawn(time_out_often, cookie, STACK, PRIORITY)?;
    }
    if kinds.contains(Kinds::EXCEPTION) {
        Thread::spawn(|_| probe_often(), 0, STACK, PRIORITY)?;
    }
    if kinds.contains(Kinds::ABORT) {
        let lingerer = Thread::spawn(|_| linger(), 0, STACK, PRIORITY)?;
        LINGERER.store(lingerer.id().raw(), Ordering::SeqCst);
        Thread::spawn(|_| abort_often(), 0, STACK, PRIORITY)?;
    }
    Ok(())
}

/// Tries what takes a right.
pub(crate) fn overreach(actor: ActorId) -> [Status; 4] {
    let one = Stacks::of_count(1);
    let status = |result: Result<()>| result.map_or_else(|error| error.status(), |()| Status::OK);
    [
        status(Handler::trap(5, one, 0, |_| (0, 0)).map(drop)),
        status(Handler::interrupt(LINE, 0, |_| ()).map(drop)),
        status(Handler::exception(actor, one, 0, |_| Verdict::Decline).map(drop)),
        status(site::complain(actor, "it is not me")),
    ]
}

fn trapped(trap: &Trap) -> (u64, u64) {
    ran(Kinds::TRAP, trap.cookie);
    match SERVER.get() {
        Some(server) => guest::trapped(server, trap),
        None => (0, 0),
    }
}

fn interrupted(occasion: Occasion) {
    ran(Kinds::INTERRUPT, occasion.cookie);
    let handler = HandlerId::from_raw(INTERRUPT.load(Ordering::SeqCst));
    // Refused only if it is connected no more.
    let _ = handler::acknowledge(handler);
}

fn excepted(fault: &FaultRecord) -> Verdict {
    ran(Kinds::EXCEPTION, INCARNATION.load(Ordering::SeqCst));
    probe::verdict(fault)
}

fn trap_often() {
    loop {
        let _ = handler::raise::<0>([0; 3]);
        thread::sleep(PERIOD);
    }
}

fn time_out_often(cookie: u64) {
    let body = |occasion: Occasion| ran(Kinds::TIMEOUT, occasion.cookie);
    while let Ok(handler) = Handler::timeout(PERIOD, cookie, body) {
        thread::sleep(Span(PERIOD.0 * 3));
        drop(handler);
    }
    panic!("no more timeouts");
}

fn probe_often() {
    loop {
        assert!(
            probe::read(NOTHING).is_none(),
            "something is where nothing is"
        );
        thread::sleep(PERIOD);
    }
}

fn linger() {
    loop {
        thread::sleep(Span::FOREVER);
    }
}

fn abort_often() {
    let lingerer = Thread::from_id(ThreadId::from_raw(LINGERER.load(Ordering::SeqCst)));
    loop {
        let _ = lingerer.abort();
        thread::sleep(PERIOD);
    }
}

fn compute() {
    loop {
        lap_suite::compute();
    }
}
