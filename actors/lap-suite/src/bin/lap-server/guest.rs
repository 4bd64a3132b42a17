//! What a guest does: the steps of its program, one after the other.

use core::sync::atomic::Ordering;

use lap_suite::journal::{BEGUN, EFFECT, ENDED};
use lap_suite::program::{NAP_MILLIS, Step, next, pack};
use syscall::abi::Text;
use syscall::handler::Trap;
use syscall::lap::{self, Invocation, Memory};
use syscall::prelude::*;
use syscall::ways_to_die::{self, Way, hostile};
use syscall::{Region, RemoteLap, handler, probe, thread};

use crate::Server;

/// How long a nested invocation waits to get in.
const PATIENCE: Span = Span::from_secs(10);

/// Runs a program. Returns what its last step says, or else the incarnation and the number.
pub(crate) fn guest(server: &'static Server, invocation: &mut Invocation<'_>) -> (u64, u64) {
    let [program, number] = invocation.arguments();
    server.journal.enter(number, BEGUN);
    server.inside.fetch_add(1, Ordering::SeqCst);
    let result = run(server, Some(invocation), program, number);
    server.journal.enter(number, ENDED);
    server.inside.fetch_sub(1, Ordering::SeqCst);
    result.unwrap_or((u64::from(server.incarnation), number))
}

/// Runs a program for a thread that trapped.
pub(crate) fn trapped(server: &'static Server, trap: &Trap) -> (u64, u64) {
    let [program, number, _] = trap.arguments;
    if next(program).0 == Some(Step::CopyAcross) {
        return copy_across(trap);
    }
    server.journal.enter(number, BEGUN);
    server.inside.fetch_add(1, Ordering::SeqCst);
    let result = run(server, None, program, number);
    server.journal.enter(number, ENDED);
    server.inside.fetch_sub(1, Ordering::SeqCst);
    result.unwrap_or((u64::from(server.incarnation), number))
}

fn run(
    server: &'static Server,
    mut invocation: Option<&mut Invocation<'_>>,
    program: u64,
    number: u64,
) -> Option<(u64, u64)> {
    let mut rest = program;
    loop {
        let (step, behind) = next(rest);
        rest = behind;
        match step? {
            Step::Effect => server.journal.enter(number, EFFECT),
            Step::Done => drop(lap::done()),
            Step::Spin => {
                while !server.is_open.load(Ordering::Relaxed) {
                    lap_suite::compute();
                }
            }
            Step::Receive => drop(server.gate.receive(&mut [0; 8], Span::FOREVER)),
            Step::Nap => thread::sleep(Span::from_millis(NAP_MILLIS)),
            Step::Yield => thread::yield_now(),
            Step::Nest => return Some(nest(&server.next, "", rest, number)),
            Step::NestNarrow => return Some(nest(&server.next, "-narrow", rest, number)),
            Step::Within => {
                let result = server.narrow().invoke([rest, number], PATIENCE);
                return Some(result.unwrap_or_else(failure));
            }
            Step::Deepen => return Some(deepen(server, program, number)),
            Step::Die => Way::NullWrite.die(),
            Step::Probe => return Some((probe::read(16).is_none().into(), number)),
            Step::Overflow => Way::StackOverflow.die(),
            Step::Illegal => Way::IllegalInstruction.die(),
            Step::ExitThread => return Some((pack(hostile::exit_thread(), None), number)),
            Step::Acquire => return Some(acquire()),
            Step::Trap => {
                let result = handler::raise::<0>([rest, number, 0]);
                return Some(result.unwrap_or_else(failure));
            }
            Step::Linger => {
                let status = match thread::sleep_whole(PATIENCE) {
                    Ok(()) => Status::OK,
                    Err(error) => error.status(),
                };
                return Some((pack(status, None), number));
            }
            Step::Memory
            | Step::Sum
            | Step::Note
            | Step::Force
            | Step::Who
            | Step::CopyAcross
            | Step::Watch => {
                let invocation = invocation.as_deref_mut()?;
                return Some(with_memory(server, step?, invocation));
            }
        }
    }
}

/// Invokes another server's LAP.
fn nest(name: &str, which: &str, program: u64, number: u64) -> (u64, u64) {
    let mut full = Text::<31>::EMPTY;
    // Writing to a `Text` cannot fail: what does not fit is cut.
    let _ = core::fmt::write(&mut full, format_args!("{name}{which}"));
    RemoteLap::resolve(full.as_str(), PATIENCE)
        .and_then(|lap| lap.invoke([program, number], PATIENCE))
        .unwrap_or_else(failure)
}

/// How an invocation failed, as two numbers.
fn failure(error: Error) -> (u64, u64) {
    (pack(error.status(), error.progress()), 0)
}

/// Goes as deep as it can. The second number is how deep that is from here.
fn deepen(server: &'static Server, program: u64, number: u64) -> (u64, u64) {
    match RemoteLap::resolve(&server.next, PATIENCE)
        .and_then(|lap| lap.invoke([program, number], PATIENCE))
    {
        Ok((first, depth)) => (first, depth + 1),
        Err(error) => (pack(error.status(), error.progress()), 1),
    }
}

/// Takes something of each kind that an actor can have, and keeps it.
fn acquire() -> (u64, u64) {
    let Ok(region) = Region::allocate(8192) else {
        return (0, 0);
    };
    let Ok(port) = Port::private(1) else {
        return (0, 0);
    };
    let address = region.address();
    core::mem::forget(region);
    core::mem::forget(port);
    (address, 1)
}

fn with_memory(server: &'static Server, step: Step, invocation: &mut Invocation<'_>) -> (u64, u64) {
    match step {
        Step::Who => (invocation.caller().raw(), thread::home().raw()),
        Step::CopyAcross => {
            let [_, theirs] = invocation.arguments();
            let status = hostile::copy_from_caller(theirs, &mut [0; 8]);
            (pack(status, None), 0)
        }
        Step::Force => {
            if let Some(lent) = invocation.lent() {
                ways_to_die::write_foreign(lent.address());
            }
            (0, 0)
        }
        Step::Note => {
            let address = match invocation.memory() {
                Memory::Copied(bytes) => bytes.as_ptr().addr() as u64,
                Memory::Lent(lent) => lent.address(),
            };
            server.noted.store(address, Ordering::SeqCst);
            (address, sum(invocation))
        }
        Step::Watch => {
            while !server.is_open.load(Ordering::Relaxed) {
                let _ = sum(invocation);
                thread::sleep(Span::from_millis(1));
            }
            (sum(invocation), length(invocation))
        }
        Step::Memory => {
            let before = sum(invocation);
            add_one(invocation);
            (before, length(invocation))
        }
        _ => (sum(invocation), length(invocation)),
    }
}

/// Adds one to a number of the trapping actor's.
fn copy_across(trap: &Trap) -> (u64, u64) {
    let [_, theirs, _] = trap.arguments;
    let mut bytes = [0; 8];
    let result = trap.copy_from_caller(theirs, &mut bytes).and_then(|()| {
        let more = u64::from_le_bytes(bytes).wrapping_add(1);
        trap.copy_to_caller(&more.to_le_bytes(), theirs)
    });
    let status = result.map_or_else(|error| error.status(), |()| Status::OK);
    (pack(status, None), 0)
}

fn length(invocation: &Invocation<'_>) -> u64 {
    match invocation.memory() {
        Memory::Copied(bytes) => bytes.len() as u64,
        Memory::Lent(lent) => lent.len() as u64,
    }
}

/// The sum of all bytes of the memory argument.
fn sum(invocation: &Invocation<'_>) -> u64 {
    let add = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    match invocation.memory() {
        Memory::Copied(bytes) => add(bytes),
        Memory::Lent(lent) => pieces(lent.len())
            .map(|offset| {
                let mut piece = [0; PIECE];
                // The piece is inside: its length is a divisor of a page.
                let _ = lent.read(offset, &mut piece);
                add(&piece)
            })
            .sum(),
    }
}

fn add_one(invocation: &mut Invocation<'_>) {
    for byte in invocation.bytes_mut() {
        *byte = byte.wrapping_add(1);
    }
    let Some(lent) = invocation.lent() else {
        return;
    };
    for offset in pieces(lent.len()) {
        let mut piece = [0; PIECE];
        let _ = lent.read(offset, &mut piece);
        for byte in &mut piece {
            *byte = byte.wrapping_add(1);
        }
        let _ = lent.write(offset, &piece);
    }
}

/// Bytes of lent memory that are looked at together.
const PIECE: usize = 512;

fn pieces(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by(PIECE)
}
