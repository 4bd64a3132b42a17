//! Takes deposits of threads that come in, and dies with them inside.
//!
//! It has a stack for each visitor but one. When all of them are taken, and somebody has rung, it
//! dies, three times; its fourth incarnation lets everybody finish. The books are persistent, so that the next incarnation
//! can tell whether a deposit was booked, whatever its visitor was told.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use demo::vault::{BOOKS, DEATHS, DOOR, Errand, RING};
use syscall::lap::{self, Invocation};
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{Lap, PersistentRegion, Stacks, site, thread};

/// Stacks of the door: one less than there are visitors.
const STACKS: u32 = Errand::ALL.len() as u32 - 1;
/// What it dies of, by incarnation.
const WAYS: [Way; DEATHS as usize] = [Way::NullWrite, Way::Panic, Way::StackOverflow];
/// Time for who has rung to come to the door.
const SETTLING: Span = Span::from_millis(30);
/// How often it looks who is inside.
const PERIOD: Span = Span::from_millis(5);

/// A word for each errand: the round of its last deposit.
type Books = [AtomicU64; Errand::ALL.len()];

/// Visitors inside.
static INSIDE: AtomicU64 = AtomicU64::new(0);
/// Whether somebody comes to the door who will find no stack.
static HAS_RUNG: AtomicBool = AtomicBool::new(false);
/// Whether visitors stay until the vault dies.
static STAY: AtomicBool = AtomicBool::new(false);

/// One visit.
fn visit(books: &'static Books, invocation: &mut Invocation<'_>) -> (u64, u64) {
    let [errand, round] = invocation.arguments();
    INSIDE.fetch_add(1, Ordering::SeqCst);
    if Errand::of(errand) == Some(Errand::Dawdle) {
        stay();
    }
    if let Some(word) = books.get(errand as usize) {
        word.store(round, Ordering::SeqCst);
    }
    if Errand::of(errand) == Some(Errand::Settle) {
        // It fails only outside any invocation.
        let _ = lap::done();
    }
    stay();
    INSIDE.fetch_sub(1, Ordering::SeqCst);
    (round, 0)
}

/// Stays until the vault dies, if it is going to.
fn stay() {
    while STAY.load(Ordering::SeqCst) {
        thread::sleep(PERIOD);
    }
}

/// Tells the round of an errand's last deposit, and how many are inside.
fn look_up(books: &'static Books, invocation: &mut Invocation<'_>) -> (u64, u64) {
    let [errand, wish] = invocation.arguments();
    if wish == RING {
        HAS_RUNG.store(true, Ordering::SeqCst);
    }
    let word = books.get(errand as usize);
    let round = word.map_or(0, |word| word.load(Ordering::SeqCst));
    (round, INSIDE.load(Ordering::SeqCst))
}

fn start(start: Start) -> Result<()> {
    let words = PersistentRegion::open("books", size_of::<Books>())?.into_words();
    let books: &Books = words.first_chunk().ok_or(Error::Malformed)?;
    let way = WAYS.get(start.incarnation() as usize - 1);
    STAY.store(way.is_some(), Ordering::SeqCst);
    Lap::with_context(BOOKS, Stacks::of_count(STACKS + 1), books, look_up)?.keep();
    Lap::with_context(DOOR, Stacks::of_count(STACKS), books, visit)?.keep();
    site::ready();
    loop {
        thread::sleep(PERIOD);
        let is_full =
            INSIDE.load(Ordering::SeqCst) == u64::from(STACKS) && HAS_RUNG.load(Ordering::SeqCst);
        if let Some(way) = way.filter(|_| is_full) {
            thread::sleep(SETTLING);
            way.die();
        }
    }
}

entry!(start);
