//! What those are told who talk to an actor that fails.

use core::sync::atomic::{AtomicU64, Ordering};

use syscall::abi::Response;
use syscall::abi::status::Progress;
use syscall::call::WhenFrozen;
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{Thread, encode, site, thread};
use test_suite::Request;

use crate::check::{Must, must_be_refused, must_fail, wait_until};
use crate::ledger::{self, Reader};
use crate::victim::{PATIENCE, Victim};

/// A stale capability answers the present one; after the end it answers that there is none.
pub(crate) fn stale_capabilities_are_told_the_new_one(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    let mut ports = alloc::vec::Vec::new();
    let mut actors = alloc::vec::Vec::new();
    for _ in 0..3 {
        ports.push(victim.port());
        actors.push(victim.actor());
        victim.restart_hot(&mut reader);
    }

    let present = victim.port();
    victim.make(Request::Ping);
    check_eq!(RemotePort::find("victim", Span::ZERO), Ok(present));
    for stale in &ports {
        check!(*stale != present);
        let told = Error::Restarted {
            new: present.id(),
            progress: Progress::NOT_ENTERED,
        };
        check_eq!(
            must_fail(stale.call(&[], &mut [0; 8], PATIENCE), "a stale call"),
            told
        );
        let mut reply = [0; 8];
        let refusing = stale.call_when_frozen(&[], &mut reply, PATIENCE, WhenFrozen::Refuse);
        check_eq!(must_fail(refusing, "a stale call"), told);
        check_eq!(
            must_fail(stale.send(&[], Span::ZERO), "a stale message"),
            told
        );
    }
    for stale in &actors {
        check!(*stale != victim.actor());
        let told = Error::ActorRestarted {
            new: victim.actor(),
        };
        check_eq!(
            must_fail(site::restart(*stale), "restarting a stale capability"),
            told
        );
    }
    // A generation that has not been is not taken for one that has.
    let slot = present.id().slot();
    let next = present.id().generation().next().must("a generation");
    let future = RemotePort::from(PortId::new(slot, next));
    must_be_refused(
        future.send(&[], Span::ZERO),
        Status::DEAD,
        "a message to the future",
    );
    // Nothing of all that has reached the victim.
    check_eq!(victim.inspect().incarnation, 4);

    // The end. The victim has been hot-restarted three times, so its budget is used up.
    victim.die_for_good(&mut reader, Request::Die(Way::NullWrite));
    for stale in ports.iter().chain([&present]) {
        must_be_refused(
            stale.call(&[], &mut [0; 8], PATIENCE),
            Status::DEAD,
            "calling the dead",
        );
        must_be_refused(
            stale.send(&[], Span::ZERO),
            Status::DEAD,
            "a message to the dead",
        );
    }
    for stale in &actors {
        must_be_refused(site::restart(*stale), Status::DEAD, "restarting the dead");
    }
    must_be_refused(
        RemotePort::find("victim", Span::ZERO),
        Status::NOT_FOUND,
        "finding the dead",
    );
    reader.must_be_at_end();
}

/// How a caller's call ended.
struct Ending {
    /// Zero until it ends.
    new: AtomicU64,
    status: AtomicU64,
    progress: AtomicU64,
    time: AtomicU64,
}

impl Ending {
    const fn new() -> Self {
        Self {
            new: AtomicU64::new(0),
            status: AtomicU64::new(0),
            progress: AtomicU64::new(0),
            time: AtomicU64::new(0),
        }
    }

    fn is_there(&self) -> bool {
        self.time.load(Ordering::SeqCst) != 0
    }

    fn progress(&self) -> Progress {
        Progress(self.progress.load(Ordering::SeqCst))
    }

    fn set(&self, result: Result<()>) {
        let (status, new, progress) = match result {
            Ok(()) => (Status::OK, PortId::NONE, Progress::NOT_ENTERED),
            Err(Error::Restarted { new, progress }) => (Status::RESTARTED, new, progress),
            Err(Error::Dead { progress }) => (Status::DEAD, PortId::NONE, progress),
            Err(other) => (other.status(), PortId::NONE, Progress::NOT_ENTERED),
        };
        self.status.store(status.0, Ordering::SeqCst);
        self.new.store(new.raw(), Ordering::SeqCst);
        self.progress.store(progress.0, Ordering::SeqCst);
        self.time.store(thread::now().0, Ordering::SeqCst);
    }
}

/// Callers beside the judge's first thread.
const CALLERS: usize = 4;

static ENDINGS: [Ending; CALLERS] = [const { Ending::new() }; CALLERS];

/// The port they call.
static CALLED: AtomicU64 = AtomicU64::new(0);

/// A further caller: asks for a sign of life, or sends a message, by its number.
fn call_in_vain(number: u64) {
    let Some(ending) = ENDINGS.get(number as usize) else {
        return;
    };
    let port = RemotePort::from(PortId::from_raw(CALLED.load(Ordering::SeqCst)));
    let mut request = [0; 64];
    let request = encode(&Request::Ping, &mut request).must("a request");
    let result = port.call(request, &mut [0; 64], PATIENCE).map(|_| ());
    ending.set(result);
}

/// Who waits for an answer is told at the freeze, not after the restart: with the new capability,
/// and how far the request had come.
pub(crate) fn waiting_callers_are_told_at_once(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    CALLED.store(victim.port().id().raw(), Ordering::SeqCst);
    for number in 0..CALLERS as u64 {
        // Below us, so that they call when we wait.
        Thread::spawn(call_in_vain, number, 16 * 1024, 10).must("a caller");
    }
    // The victim takes this one, and the callers' requests queue up behind it.
    let progress = victim.fell(Request::DieLater(Way::NullWrite, 100));
    let told = thread::now();
    check_eq!(progress, Progress::MAYBE_EXECUTED);

    // By this site's policy parameters the restart comes half a second later.
    let entry = reader.take_unfinished();
    let died = entry.time;
    check!(
        told.since(died) < Span::from_millis(250),
        "told {} late",
        told.since(died)
    );
    check!(
        wait_until(PATIENCE, || ENDINGS.iter().all(Ending::is_there)),
        "a caller waits on"
    );
    for (number, ending) in ENDINGS.iter().enumerate() {
        let late = Instant(ending.time.load(Ordering::SeqCst)).since(died);
        check!(
            late < Span::from_millis(250),
            "caller {number} was told {late} late"
        );
        check_eq!(
            Status(ending.status.load(Ordering::SeqCst)),
            Status::RESTARTED
        );
        check_eq!(ending.new.load(Ordering::SeqCst), victim.port().id().raw());
        check_eq!(ending.progress(), Progress::NOT_ENTERED, "caller {number}");
    }
    let entry = ledger::finished(entry.sequence);
    ledger::must_be_done(&entry, Response::HOT_RESTART);
    let came_back = thread::now().since(died);
    check!(
        came_back >= Span::from_millis(400),
        "no backoff: back after {came_back}"
    );
    // Their requests are not handled by the next incarnation either.
    check_eq!(victim.inspect().incarnation, 2);
    check_eq!(site::info().must("the site's counters").used_messages, 0);
}

/// A call to the next capability waits for the next incarnation, unless the caller will not.
pub(crate) fn callers_of_the_next_incarnation_wait_for_it(_: &Start) {
    // It takes 300 ms to make its port, but for the first time.
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    victim.fell(Request::Die(Way::NullWrite));

    let next = victim.port();
    let mut reply = [0; 8];
    let refused = next.call_when_frozen(&[], &mut reply, PATIENCE, WhenFrozen::Refuse);
    must_be_refused(refused, Status::FROZEN, "a call that will not wait");
    must_be_refused(
        next.send(&[], Span::ZERO),
        Status::FROZEN,
        "a message that will not wait",
    );
    let before = thread::now();
    let short = Span::from_millis(20);
    must_be_refused(
        next.call(&[], &mut [0; 8], short),
        Status::TIMED_OUT,
        "an impatient call",
    );
    check!(thread::now().since(before) >= short);
    must_be_refused(
        RemotePort::find("victim", short),
        Status::NOT_FOUND,
        "an impatient search",
    );

    // Those who wait are served, in any order.
    CALLED.store(next.id().raw(), Ordering::SeqCst);
    Thread::spawn(call_in_vain, 0, 16 * 1024, 10).must("a caller");
    check_eq!(victim.inspect().incarnation, 2);
    check!(
        wait_until(PATIENCE, || ENDINGS[0].is_there()),
        "a caller waits on"
    );
    check_eq!(Status(ENDINGS[0].status.load(Ordering::SeqCst)), Status::OK);
    check_eq!(RemotePort::find("victim", Span::ZERO), Ok(next));
    ledger::must_be_done(&reader.take(), Response::HOT_RESTART);

    // An incarnation that fails before it makes the port: who waits for it is told so.
    victim.fell(Request::Die(Way::NullWrite));
    reader.take();
    CALLED.store(victim.port().id().raw(), Ordering::SeqCst);
    Thread::spawn(call_in_vain, 1, 16 * 1024, 10).must("a caller");
    thread::sleep(Span::from_millis(50));
    check!(!ENDINGS[1].is_there(), "a caller does not wait");
    site::restart(victim.actor()).must("the right to restart");
    check!(
        wait_until(PATIENCE, || ENDINGS[1].is_there()),
        "a caller waits on"
    );
    check_eq!(
        Status(ENDINGS[1].status.load(Ordering::SeqCst)),
        Status::RESTARTED
    );
    check_eq!(ENDINGS[1].progress(), Progress::NOT_ENTERED);
    let victim = Victim::find("victim");
    check_eq!(
        ENDINGS[1].new.load(Ordering::SeqCst),
        victim.port().id().raw()
    );
    check_eq!(victim.inspect().incarnation, 4);

    // One that will never make it: who waits for it is told that it is dead.
    let mut mortal = Victim::find("mortal");
    mortal.fell(Request::Die(Way::NullWrite));
    CALLED.store(mortal.port().id().raw(), Ordering::SeqCst);
    Thread::spawn(call_in_vain, 2, 16 * 1024, 10).must("a caller");
    thread::sleep(Span::from_millis(50));
    check!(!ENDINGS[2].is_there(), "a caller does not wait");
    check!(
        wait_until(PATIENCE, || ENDINGS[2].is_there()),
        "a caller waits on"
    );
    check_eq!(
        Status(ENDINGS[2].status.load(Ordering::SeqCst)),
        Status::DEAD
    );
    check_eq!(ENDINGS[2].progress(), Progress::NOT_ENTERED);
    mortal.must_be_gone();
}
