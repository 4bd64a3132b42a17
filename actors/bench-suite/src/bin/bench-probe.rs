//! The probe: how long an interrupt takes to a handler of the highest priority, while others do
//! something else.
//!
//! The interrupts are the real-time clock's, which come at equal distances; so it is known when one
//! should have come. Where the distances begin is found out while nothing else runs: the last that
//! the lowest thread of all saw of the time-stamp counter before an interrupt is when that came.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::format;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use bench_suite::probe::{IN_TWO_SECONDS, NAME, Request};
use bench_suite::{STACK, samples};
use syscall::abi::HandlerId;
use syscall::abi::site::Hook;
use syscall::handler::{self, Handler, Occasion};
use syscall::prelude::*;
use syscall::{Thread, site, thread, ticks};

/// The real-time clock's line.
const LINE: u8 = 8;
/// Samples there is room for; what comes after that is not kept.
const ROOM: usize = 1024;
/// Interrupts from which it is found out when they come.
const CALIBRATION: usize = 16;
/// Ticks of the counter in two seconds.
const TWO_SECONDS: u64 = 2_000_000_000;

/// How long the idle thread sleeps while nobody watches, so that the kernel's own is idle then.
const LULL: Span = Span::from_millis(10);

/// Whether somebody watches.
static IS_ON: AtomicBool = AtomicBool::new(false);
/// What the idle thread saw last.
static SEEN: AtomicU64 = AtomicU64::new(0);
/// The interrupt handler, for its acknowledgement.
static HANDLER: AtomicU64 = AtomicU64::new(0);
/// When each interrupt's handler began.
static TIMES: [AtomicU64; ROOM] = [const { AtomicU64::new(0) }; ROOM];
/// What [`SEEN`] was then.
static BEFORE: [AtomicU64; ROOM] = [const { AtomicU64::new(0) }; ROOM];
/// How many there are of both.
static COUNT: AtomicUsize = AtomicUsize::new(0);

#[derive(Default)]
struct Probe {
    /// Where in its period an interrupt comes, in parts of [`place`]. That is another one each time
    /// the clock is switched on.
    phase: u64,
}

impl Server for Probe {
    type Request = Request;
    type Reply = ();

    fn call(&mut self, _caller: ActorId, request: Request) -> Result<(), Status> {
        match request {
            Request::Start => {
                IS_ON.store(true, Ordering::SeqCst);
                thread::sleep(LULL);
                self.phase = calibrate()?;
                COUNT.store(0, Ordering::SeqCst);
                Ok(())
            }
            Request::Stop(name) => {
                switch(0)?;
                IS_ON.store(false, Ordering::SeqCst);
                let count = COUNT.load(Ordering::SeqCst).min(ROOM);
                let waits: Vec<u64> = TIMES[..count]
                    .iter()
                    .map(|time| since(place(time.load(Ordering::SeqCst)), self.phase))
                    .collect();
                samples::print(&format!("{name}.wait"), &waits);
                Ok(())
            }
        }
    }
}

/// Where a time is in the clock's period, in parts of which [`TWO_SECONDS`] are a period: its length
/// is no whole number of ticks.
fn place(time: u64) -> u64 {
    (time % TWO_SECONDS) * IN_TWO_SECONDS % TWO_SECONDS
}

/// How many ticks after a place another one is.
fn since(place: u64, phase: u64) -> u64 {
    ((place + TWO_SECONDS - phase) % TWO_SECONDS) / IN_TWO_SECONDS
}

/// Switches the clock's interrupts on (1) or off (0).
fn switch(on: u64) -> Result<(), Status> {
    let done = site::hook(Hook::RTC, on);
    done.map(drop).map_err(|error| error.status())
}

/// Switches the clock on, and finds out where in their period its interrupts come.
fn calibrate() -> Result<u64, Status> {
    COUNT.store(0, Ordering::SeqCst);
    switch(1)?;
    while COUNT.load(Ordering::SeqCst) < CALIBRATION {
        thread::sleep(Span::from_millis(1));
    }
    // Each of these is a little earlier than an interrupt; the latest is the nearest.
    let places = BEFORE[..CALIBRATION]
        .iter()
        .map(|time| place(time.load(Ordering::SeqCst)));
    let (Some(least), Some(most)) = (places.clone().min(), places.clone().max()) else {
        return Err(Status::BAD_ARGUMENT);
    };
    // They are close together, but perhaps around the end of a period.
    let is_split = most - least > TWO_SECONDS / 2;
    let late = places.filter(|place| !is_split || *place < TWO_SECONDS / 2);
    late.max().ok_or(Status::BAD_ARGUMENT)
}

fn interrupted(_: Occasion) {
    let now = ticks::now();
    let count = COUNT.load(Ordering::SeqCst);
    if let (Some(time), Some(before)) = (TIMES.get(count), BEFORE.get(count)) {
        time.store(now, Ordering::SeqCst);
        before.store(SEEN.load(Ordering::SeqCst), Ordering::SeqCst);
        COUNT.store(count + 1, Ordering::SeqCst);
    }
    // Refused only if this handler is gone, and then there is nothing to acknowledge.
    let _ = handler::acknowledge(HandlerId::from_raw(HANDLER.load(Ordering::SeqCst)));
}

fn look_at_the_counter(_: u64) {
    loop {
        while IS_ON.load(Ordering::SeqCst) {
            SEEN.store(ticks::now(), Ordering::SeqCst);
        }
        thread::sleep(LULL);
    }
}

fn start(_: Start) -> Result<Serve<Probe>> {
    let handler = Handler::interrupt(LINE, 0, interrupted)?;
    HANDLER.store(handler.keep().raw(), Ordering::SeqCst);
    Thread::spawn(look_at_the_counter, 0, STACK, 1)?;
    Serve::under(NAME, Probe::default())
}

entry!(start);
