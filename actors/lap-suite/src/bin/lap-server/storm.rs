//! The server's part in the randomized test: it serves, and dies at random.
//!
//! It goes on in each incarnation, until its persistent notes say that it is over.

use lap_suite::random::Random;
use lap_suite::storm::{BYTES, LAP, LOOK, Manner, NOTES, Notes, PORT, Pastime, Point, Request};
use syscall::lap::{self, Invocation};
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{Lap, PersistentRegion, RemoteLap, Stacks, Thread, site, thread};

use crate::Server;

/// Stacks of the LAP for requests: fewer than there are clients, so that some wait.
const STACKS: u32 = 6;
/// Above the clients, so that it strikes wherever they are.
const REAPER: u8 = 19;
/// The longest life, in ticks of a millisecond.
const LONGEST: u64 = 4;
/// Turns of an empty loop within a tick.
const WITHIN_TICK: u64 = 200_000;
/// How the server dies when it is not in the middle of a request.
const WAYS: [Way; 7] = [
    Way::NullWrite,
    Way::DivideByZero,
    Way::StackOverflow,
    Way::Panic,
    Way::UncleanExit,
    Way::IllegalInstruction,
    Way::BadPointer,
];

/// Makes what the clients need, and dies at some time, if there is a storm.
pub(crate) fn start(server: &'static Server) -> Result<Notes> {
    let notes = Notes::of(PersistentRegion::open(NOTES, BYTES)?.into_words());
    server
        .notes
        .publish(alloc::boxed::Box::leak(alloc::boxed::Box::new(notes)));
    if server.name == "server" && notes.seed() != 0 {
        begin(server, notes.seed())?;
    }
    Ok(notes)
}

/// Begins, or ends with the seed 0.
pub(crate) fn set(server: &'static Server, seed: u64) -> Result<()> {
    let Some(notes) = server.notes.get() else {
        return Ok(());
    };
    notes.set_seed(seed);
    if seed != 0 {
        begin(server, seed)?;
    }
    Ok(())
}

fn begin(server: &'static Server, seed: u64) -> Result<()> {
    Lap::with_context(LAP, Stacks::of_count(STACKS), server, invoked)?.keep();
    Lap::with_context(LOOK, Stacks::of_count(16), server, looked_at)?.keep();
    Thread::spawn_with(server, answer, 64 * 1024, 16)?;
    Thread::spawn(reap, seed, 16 * 1024, REAPER)?;
    Ok(())
}

/// Dies at a random time, in a random way, or asks for a restart.
fn reap(seed: u64) {
    let mut random = Random::new(seed, thread::now().0);
    thread::sleep(Span::from_millis(random.below(LONGEST)));
    // Below the clients for as long as this takes, so that they get on.
    let _ = Thread::CURRENT.set_priority(16);
    compute(random.below(WITHIN_TICK) as u32);
    let _ = Thread::CURRENT.set_priority(REAPER);
    let over = crate::SERVER.get().and_then(|server| server.notes.get());
    if over.is_some_and(|notes| notes.seed() == 0) {
        return;
    }
    match WAYS.get(random.below(8) as usize) {
        Some(way) => way.die(),
        None => drop(site::restart_self()),
    }
}

/// A request that came through the LAP.
fn invoked(server: &'static Server, invocation: &mut Invocation<'_>) -> (u64, u64) {
    let request = Request::unpack(invocation.arguments());
    handle(server, request, true);
    (request.number, 0)
}

/// A look at a row.
fn looked_at(server: &'static Server, invocation: &mut Invocation<'_>) -> (u64, u64) {
    let [row, _] = invocation.arguments();
    let notes = server.notes.get();
    notes.map_or((0, 0), |notes| notes.read(row as usize))
}

/// Answers requests that come through the port.
fn answer(server: &'static Server) {
    let port = Port::create(PORT, 16).unwrap_or_else(|error| panic!("no port: {error}"));
    let mut buffer = [0; 16];
    let mut caller = None;
    let mut number = [0; 8];
    loop {
        let message = port.reply_receive(caller.take(), &number, &mut buffer, Span::FOREVER);
        let Ok(message) = message else { continue };
        caller = message.caller;
        if let ([first, second], []) = message.bytes.as_chunks::<8>() {
            let request =
                Request::unpack([u64::from_le_bytes(*first), u64::from_le_bytes(*second)]);
            handle(server, request, false);
            number = request.number.to_le_bytes();
        }
    }
}

fn handle(server: &'static Server, request: Request, is_inside: bool) {
    let Some(notes) = server.notes.get() else {
        return;
    };
    let manner = request.manner;
    notes.begin(request);
    pass_time(server, manner, 0);
    die_at(notes, manner, Point::Before);
    notes.take_effect(request);
    die_at(notes, manner, Point::After);
    if is_inside && manner.says_done() {
        let _ = lap::done();
        die_at(notes, manner, Point::Done);
    }
    pass_time(server, manner, 1);
}

fn die_at(notes: &Notes, manner: Manner, point: Point) {
    if manner.dies() == Some(point) && notes.seed() != 0 {
        Way::NullWrite.die();
    }
}

fn pass_time(server: &'static Server, manner: Manner, turn: u32) {
    match manner.pastime(turn) {
        Pastime::Yield => thread::yield_now(),
        Pastime::Sleep => thread::sleep(Span::from_micros(300)),
        Pastime::Visit => {
            // However that ends.
            let _ = RemoteLap::resolve(&server.next, Span::ZERO)
                .and_then(|lap| lap.invoke([0; 2], Span::from_millis(1)));
        }
        Pastime::Compute(turns) => compute(turns),
    }
}

fn compute(turns: u32) {
    for turn in 0..turns {
        core::hint::black_box(turn);
    }
}
