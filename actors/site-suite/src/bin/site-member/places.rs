//! Where a member's threads go.

use alloc::boxed::Box;
use core::hint::black_box;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use site_suite::lap_name;
use site_suite::member::Place;
use syscall::group::Subscription;
use syscall::handler::{self, Handler, Verdict};
use syscall::prelude::*;
use syscall::ways_to_die::vector;
use syscall::{
    Invocation, PersistentRegion, Published, Region, RemoteLap, Stacks, Thread, activation, probe,
    site, thread,
};

/// Stack of each thread.
const STACK: usize = 32 * 1024;
/// Priority of each thread: below the server's, which answers the judge.
const PRIORITY: u8 = 4;
/// How long anything may take that is waited for.
const PATIENCE: Span = Span::from_secs(10);
/// The real-time clock's line.
const LINE: u8 = 8;
/// The number of our trap.
const TRAP: u8 = 3;
/// What a visitor says who computes inside.
const AWAKE: u64 = 1 << 32;
/// A region that comes and goes.
const PASSING: &str = "passing";
const PASSING_BYTES: usize = 4 * 4096;
/// Stacks of each LAP.
pub(crate) const STACKS: u32 = 4;

/// How many went to a place, and how many have come back.
static GONE: AtomicU64 = AtomicU64::new(0);
static BACK: AtomicU64 = AtomicU64::new(0);
/// What is to be gone after a restart.
static MARK: AtomicU64 = AtomicU64::new(0);
static IS_HOLDING: AtomicBool = AtomicBool::new(false);
static START: Published<Start> = Published::new();

/// Says who this is, and frees what one in a place left. Returns what the data hold: nothing.
pub(crate) fn begin(start: Start) -> u64 {
    if let Ok(region) = PersistentRegion::open_existing(PASSING, PASSING_BYTES) {
        // Freeing what is open cannot fail.
        let _ = region.free();
    }
    START.publish(Box::leak(Box::new(start)));
    MARK.fetch_add(1, Ordering::SeqCst)
}

/// How many are in a place here.
pub(crate) fn inside() -> u64 {
    GONE.load(Ordering::SeqCst) - BACK.load(Ordering::SeqCst)
}

/// Sends a thread to a place.
pub(crate) fn go(place: Place) -> Result<()> {
    match place {
        Place::Receive => send_thread(|_| {
            let port = Port::private(1)?;
            stay(|| port.receive(&mut [0; 8], Span::FOREVER).map(|_| ()))
        }),
        Place::Call => send_thread(|_| {
            let port = Port::private(1)?;
            stay(|| port.remote().call(&[], &mut [], Span::FOREVER).map(|_| ()))
        }),
        Place::Send => send_thread(|_| {
            let port = Port::private(1)?;
            port.remote().send(&[], Span::ZERO)?;
            stay(|| port.remote().send(&[], Span::FOREVER))
        }),
        Place::Sleep => send_thread(|_| stay(|| thread::sleep_whole(Span::FOREVER))),
        Place::Console => {
            send_thread(|_| stay(|| site::console_read(&mut [0; 8], Span::FOREVER).map(|_| ())))
        }
        Place::Notice => send_thread(|_| {
            let subscription = Subscription::to("quiet", 4)?;
            stay(|| subscription.next(Span::FOREVER).map(|_| ()))
        }),
        Place::Activation => send_thread(|_| stay(|| activation::next(Span::FOREVER).map(|_| ()))),
        Place::Find => {
            send_thread(|_| stay(|| RemotePort::find("nobodys-port", Span::FOREVER).map(|_| ())))
        }
        Place::Resolve => {
            send_thread(|_| stay(|| RemoteLap::resolve("nobodys-lap", Span::FOREVER).map(|_| ())))
        }
        Place::Visit(depth) => visit(depth.into()),
        Place::VisitAwake => visit(AWAKE),
        Place::Door => {
            for _ in 0..STACKS {
                visit(0)?;
            }
            send_thread(|_| stay(|| next_lap()?.invoke([0, 0], Span::FOREVER).map(|_| ())))
        }
        Place::Compute => send_thread(|_| {
            stay(|| {
                loop {
                    black_box(thread::now());
                }
            })
        }),
        Place::Float => send_thread(|_| {
            stay(|| {
                loop {
                    black_box(vector::watch(thread::now().0, 1_000));
                }
            })
        }),
        Place::Timer => {
            Handler::timer(Span::from_millis(1), 0, |_| sleep_inside())?.keep();
            Ok(())
        }
        Place::Timeout => {
            Handler::timeout(Span::from_millis(1), 0, |_| compute_inside())?.keep();
            Ok(())
        }
        Place::Interrupt => {
            Handler::interrupt(LINE, 0, |_| sleep_inside())?.keep();
            site::hook(syscall::abi::site::Hook::RTC, 1).map(|_| ())
        }
        Place::Exception => {
            let stacks = Stacks::of_count(1);
            Handler::exception(ActorId::NONE, stacks, 0, |_| {
                sleep_inside();
                Verdict::Decline
            })?
            .keep();
            send_thread(|_| {
                black_box(probe::read(8));
                Ok(())
            })
        }
        Place::Trap => {
            let stacks = Stacks::of_count(1);
            Handler::trap(TRAP, stacks, 0, |_| {
                sleep_inside();
                (0, 0)
            })?
            .keep();
            send_thread(|_| handler::raise::<TRAP>([0; 3]).map(|_| ()))
        }
        Place::Memory => send_thread(|_| {
            stay(|| {
                loop {
                    let mut region = Region::allocate(64 * 1024)?;
                    region.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
                }
            })
        }),
        Place::Persistent => send_thread(|_| {
            stay(|| {
                loop {
                    let mut region = PersistentRegion::open(PASSING, PASSING_BYTES)?;
                    region.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
                    region.free()?;
                }
            })
        }),
        Place::Threads => send_thread(|_| {
            stay(|| {
                loop {
                    // As many as there may be at once.
                    let _ = Thread::spawn(|_| (), 0, 4096, PRIORITY);
                    thread::yield_now();
                }
            })
        }),
    }
}

/// A thread that goes somewhere; that it cannot is a failure of this actor.
fn send_thread<F>(body: F) -> Result<()>
where
    F: Fn(u64) -> Result<()> + Copy + Send + 'static,
{
    let _ = body;
    Thread::spawn(
        move |argument| {
            if let Err(error) = body(argument) {
                panic!("cannot go there: {error}");
            }
        },
        0,
        STACK,
        PRIORITY,
    )
    .map(|_| ())
}

fn visit(how: u64) -> Result<()> {
    Thread::spawn(
        |how| {
            let visited = next_lap().and_then(|lap| lap.invoke([how, 0], Span::FOREVER));
            panic!("came home: {visited:?}");
        },
        how,
        STACK,
        PRIORITY,
    )
    .map(|_| ())
}

/// What visitors do here: they go on to the next, or stay.
pub(crate) fn visited(invocation: &mut Invocation<'_>) -> (u64, u64) {
    match invocation.arguments() {
        [AWAKE, _] => compute_inside(),
        [0, _] => sleep_inside(),
        [depth, _] => {
            let visited = next_lap().and_then(|lap| lap.invoke([depth - 1, 0], Span::FOREVER));
            panic!("came back: {visited:?}");
        }
    }
    (0, 0)
}

fn next_lap() -> Result<RemoteLap> {
    let start = START.get().ok_or(Error::Malformed)?;
    let next = crate::option(start, "next").ok_or(Error::Malformed)?;
    RemoteLap::resolve(lap_name(next).as_str(), PATIENCE)
}

fn sleep_inside() {
    let _ = stay(|| thread::sleep_whole(Span::FOREVER));
}

fn compute_inside() {
    let _ = stay(|| {
        loop {
            black_box(thread::now());
        }
    });
}

/// Is counted while it is inside.
fn stay(inside: impl FnOnce() -> Result<()>) -> Result<()> {
    GONE.fetch_add(1, Ordering::SeqCst);
    let result = inside();
    BACK.fetch_add(1, Ordering::SeqCst);
    result
}

/// Activates the actors of this subsystem, until it is told to hold.
pub(crate) fn manage() -> Result<()> {
    Thread::spawn(
        |_| {
            activation::serve(|_| {
                while IS_HOLDING.load(Ordering::SeqCst) {
                    thread::sleep(Span::from_millis(1));
                }
            })
        },
        0,
        STACK,
        PRIORITY,
    )
    .map(|_| ())
}

/// Activates nobody for now.
pub(crate) fn hold() {
    IS_HOLDING.store(true, Ordering::SeqCst);
}
