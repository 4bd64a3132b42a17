//! Sixty-four threads that all wait for the same: none of them makes interrupts wait.

use core::sync::atomic::{AtomicU64, Ordering};

use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{Thread, thread};
use test_suite::{Reply, Request};

use crate::check::{Must, wait_until};
use crate::quiet;
use crate::victim::{PATIENCE, Victim};

/// How many there are.
const CROWD: usize = 64;

/// The port they call.
static CALLED: AtomicU64 = AtomicU64::new(0);
/// When they wake up.
static WAKING: AtomicU64 = AtomicU64::new(0);
/// How each one's wait ended; [`WAITING`] until it does.
static ENDINGS: [AtomicU64; CROWD] = [const { AtomicU64::new(WAITING) }; CROWD];
/// No status.
const WAITING: u64 = u64::MAX;

/// Sends everybody to wait in some way, and comes back when they do.
#[track_caller]
fn gather<F: Fn() -> Result<()> + Copy + Send + 'static>(wait: F) {
    for (ending, number) in ENDINGS.iter().zip(0..) {
        ending.store(WAITING, Ordering::SeqCst);
        let body = move |number: u64| {
            let status = match wait() {
                Ok(()) => Status::OK,
                Err(error) => error.status(),
            };
            ENDINGS[number as usize].store(status.0, Ordering::SeqCst);
        };
        Thread::spawn(body, number, 16 * 1024, 10).must("one of the crowd");
    }
    // They run when we wait.
    thread::sleep(Span::from_millis(5));
    let waits = |ending: &AtomicU64| ending.load(Ordering::SeqCst) == WAITING;
    check!(ENDINGS.iter().all(waits), "somebody does not wait");
}

/// Checks that everybody's wait ends in this way.
#[track_caller]
fn must_end_with(status: Status) {
    let has_ended = |ending: &AtomicU64| ending.load(Ordering::SeqCst) != WAITING;
    check!(
        wait_until(PATIENCE, || ENDINGS.iter().all(has_ended)),
        "somebody waits on"
    );
    for (number, ending) in ENDINGS.iter().enumerate() {
        check_eq!(Status(ending.load(Ordering::SeqCst)), status, "{number}");
    }
}

fn called() -> RemotePort {
    PortId::from_raw(CALLED.load(Ordering::SeqCst)).into()
}

fn call() -> Result<()> {
    let result = called().request::<Reply>(&Request::Ping, PATIENCE);
    if let Err(Error::Restarted { new, .. }) = result {
        CALLED.store(new.raw(), Ordering::SeqCst);
    }
    result.map(|_| ())
}

fn find() -> Result<()> {
    RemotePort::find("crowded", PATIENCE).map(|_| ())
}

fn sleep() -> Result<()> {
    let waking = Instant(WAKING.load(Ordering::SeqCst));
    thread::sleep_whole(waking.since(thread::now()))
}

fn kill(_: u64) {
    let dying = Request::DieLater(Way::NullWrite, 20);
    // It does not live to answer.
    let _ = called().request::<Reply>(&dying, PATIENCE);
}

/// However many wait for an answer, for an incarnation, for a name or for a time.
pub(crate) fn crowds_let_interrupts_in(_: &Start) {
    // It takes 300 ms to make its port, but for the first time.
    let victim = Victim::find("victim");
    quiet::listen();

    // For an answer, and then for the next incarnation.
    CALLED.store(victim.port().id().raw(), Ordering::SeqCst);
    Thread::spawn(kill, 0, 16 * 1024, 20).must("who kills it");
    gather(call);
    must_end_with(Status::RESTARTED);
    check!(called() != victim.port(), "no next capability");
    gather(call);
    must_end_with(Status::OK);

    // For a name, and then for an answer at a port that is destroyed.
    gather(find);
    let port = Port::create("crowded", 4).must("a port");
    must_end_with(Status::OK);
    CALLED.store(port.id().raw(), Ordering::SeqCst);
    gather(call);
    port.destroy().must("the end of a port");
    must_end_with(Status::DEAD);

    // For a time.
    let waking = thread::now().after(Span::from_millis(30));
    WAKING.store(waking.0, Ordering::SeqCst);
    gather(sleep);
    must_end_with(Status::OK);
    quiet::must_have_been_kept();
}
