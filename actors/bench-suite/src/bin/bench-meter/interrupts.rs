//! From an interrupt to the actor's handler.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bench_suite::samples::{self, COUNT, WARM_UP};
use syscall::abi::HandlerId;
use syscall::abi::site::Hook;
use syscall::handler::{self, Handler, Occasion};
use syscall::prelude::*;
use syscall::{Thread, site, ticks};

use crate::check::Must;

/// The real-time clock's line.
const LINE: u8 = 8;

/// What the interrupted thread saw last of the counter: a few instructions before the interrupt.
static SEEN: AtomicU64 = AtomicU64::new(0);
/// How long each interrupt took.
static TOOK: [AtomicU64; COUNT] = [const { AtomicU64::new(0) }; COUNT];
/// How many there are.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
/// The handler, for its acknowledgement.
static HANDLER: AtomicU64 = AtomicU64::new(0);

fn interrupted(_: Occasion) {
    let now = ticks::now();
    let index = TAKEN.fetch_add(1, Ordering::SeqCst);
    if let Some(took) = TOOK.get(index) {
        took.store(now - SEEN.load(Ordering::SeqCst), Ordering::SeqCst);
    }
    let _ = handler::acknowledge(HandlerId::from_raw(HANDLER.load(Ordering::SeqCst)));
}

/// Computes until there were so many interrupts.
fn await_interrupts(count: usize) {
    while TAKEN.load(Ordering::Relaxed) < count {
        SEEN.store(ticks::now(), Ordering::Relaxed);
    }
}

pub(crate) fn handler(_: &Start) {
    let handler = Handler::interrupt(LINE, 0, interrupted).must("a handler");
    HANDLER.store(handler.keep().raw(), Ordering::SeqCst);
    Thread::CURRENT.set_priority(1).must("a low priority");
    site::hook(Hook::RTC, 1).must("the real-time clock's interrupts");
    if samples::profiled().is_some() {
        await_interrupts(WARM_UP);
        samples::await_profile();
        TAKEN.store(0, Ordering::SeqCst);
        await_interrupts(1);
        let [took, ..] = &TOOK;
        samples::end_profile(took.load(Ordering::SeqCst));
    }
    await_interrupts(COUNT);
    site::hook(Hook::RTC, 0).must("an end of them");
    let took: Vec<u64> = TOOK
        .iter()
        .map(|took| took.load(Ordering::SeqCst))
        .collect();
    samples::print("interrupt", &took);
}
