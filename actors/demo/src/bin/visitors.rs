//! Four threads that go into the vault, and tell the conductor how they came out.
//!
//! The vault dies around them three times; each time they learn how far they had come, and go in
//! again, into its next incarnation. Nothing here may end the visitors.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicU64, Ordering};

use demo::conductor::{self, Notice, Visit};
use demo::vault::{BOOKS, DEATHS, DOOR, Errand, LOOK, RING};
use syscall::abi::start::PreviousEnd;
use syscall::abi::status::Progress;
use syscall::prelude::*;
use syscall::{RemoteLap, Thread, encode, thread};

/// How long anything may take: far longer than it does.
const PATIENCE: Span = Span::from_secs(5);
/// How often the one who is to find no stack looks whether all are taken.
const PERIOD: Span = Span::from_millis(1);
/// Priority of the threads.
const PRIORITY: u8 = 18;

/// Threads that have begun with each round, so that they go in together.
static BEGUN: [AtomicU64; DEATHS as usize + 1] = [const { AtomicU64::new(0) }; DEATHS as usize + 1];

/// One visitor, with all of its visits.
fn go(number: u64) {
    let Some(errand) = Errand::of(number) else {
        return;
    };
    for round in 1..=DEATHS + 1 {
        come_together(round);
        if errand == Errand::Queue {
            come_last(number);
        }
        let Ok(door) = RemoteLap::resolve(DOOR, PATIENCE) else {
            return;
        };
        let result = door.invoke([number, round], PATIENCE);
        let told = match result {
            Ok(_) => None,
            Err(error) => Some(error.progress().unwrap_or(Progress::NOT_ENTERED)),
        };
        // If it is dead for good, nobody can tell any more.
        let is_dead = matches!(result, Err(Error::Dead { .. }));
        let booked = if is_dead {
            None
        } else {
            ask(number, LOOK).map(|(booked, _)| booked)
        };
        report(Visit {
            round,
            errand,
            told,
            is_booked: booked.map(|booked| booked == round),
        });
        if is_dead {
            return;
        }
    }
}

/// Waits until all have come as far as this round.
fn come_together(round: u64) {
    let Some(begun) = BEGUN.get(round as usize - 1) else {
        return;
    };
    begun.fetch_add(1, Ordering::SeqCst);
    while begun.load(Ordering::SeqCst) < Errand::ALL.len() as u64 {
        thread::sleep(Span::from_millis(1));
    }
}

/// Waits until all others are inside, and rings. The last vault lets everybody out at once.
fn come_last(number: u64) {
    let others = Errand::ALL.len() as u64 - 1;
    while ask(number, LOOK).is_some_and(|(_, inside)| inside < others) {
        if BEGUN
            .last()
            .is_some_and(|begun| begun.load(Ordering::SeqCst) != 0)
        {
            return;
        }
        thread::sleep(PERIOD);
    }
    let _ = ask(number, RING);
}

/// Asks at the books for the round of this visitor's last deposit, and how many are inside.
/// Nothing if there is no vault to ask.
fn ask(number: u64, wish: u64) -> Option<(u64, u64)> {
    let books = RemoteLap::resolve(BOOKS, PATIENCE).ok()?;
    books.invoke([number, wish], PATIENCE).ok()
}

fn report(visit: Visit) {
    let mut buffer = [0; 64];
    let told = encode(&Notice::Visit(visit), &mut buffer)
        .and_then(|bytes| RemotePort::find(conductor::PORT, PATIENCE)?.send(bytes, PATIENCE));
    if let Err(error) = told {
        debug!("no conductor: {error}");
    }
}

fn start(start: Start) -> Result<()> {
    if let PreviousEnd::Site { .. } = start.previous() {
        // The visits were over before the site was restarted.
        loop {
            thread::sleep(Span::FOREVER);
        }
    }
    for errand in Errand::ALL {
        Thread::spawn(go, errand.number(), 16 * 1024, PRIORITY)?;
    }
    loop {
        thread::sleep(Span::FOREVER);
    }
}

entry!(start);
