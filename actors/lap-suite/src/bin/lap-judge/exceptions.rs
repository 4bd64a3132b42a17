//! Exception handlers: what they see, and what comes of what they say.

use core::sync::atomic::{AtomicU64, Ordering};

use lap_suite::client::Ending;
use lap_suite::program::{Step, program};
use lap_suite::server::{Kinds, Reply, Request};
use syscall::abi::status::Progress;
use syscall::abi::{FaultKind, FaultRecord, Response};
use syscall::handler::{Handler, Verdict};
use syscall::prelude::*;
use syscall::ways_to_die::{self, Way};
use syscall::{Region, Stacks, Thread, probe, site, thread};

use crate::check::{Must, must_be_refused, wait_until};
use crate::ledger::{self, Reader};
use crate::peers::{Guests, Host, PATIENCE, info};
use crate::wave::{self, Reports};

const SERVER: Host = Host::SERVER;

/// How often a handler was asked, and what it was told last.
static ASKED: AtomicU64 = AtomicU64::new(0);
static KIND: AtomicU64 = AtomicU64::new(0);
static ADDRESS: AtomicU64 = AtomicU64::new(0);
static THREAD: AtomicU64 = AtomicU64::new(0);
static ACTOR: AtomicU64 = AtomicU64::new(0);

fn note(fault: &FaultRecord) -> u64 {
    KIND.store(u64::from(fault.kind.0), Ordering::SeqCst);
    ADDRESS.store(fault.address, Ordering::SeqCst);
    THREAD.store(fault.thread.raw(), Ordering::SeqCst);
    ACTOR.store(fault.actor.raw(), Ordering::SeqCst);
    ASKED.fetch_add(1, Ordering::SeqCst)
}

fn asked() -> u64 {
    ASKED.load(Ordering::SeqCst)
}

/// Nothing is at this address.
const NOTHING: u64 = 40;

/// An actor handles its own exceptions: it skips, or resumes, in any number of threads at once.
pub(crate) fn own(start: &Start) {
    let skip = |fault: &FaultRecord| {
        note(fault);
        probe::verdict(fault)
    };
    let handler = Handler::exception(ActorId::NONE, Stacks::of_count(4), 0, skip);
    let handler = handler.must("a handler");
    check_eq!(probe::read(NOTHING), None);
    check_eq!((asked(), ADDRESS.load(Ordering::SeqCst)), (1, NOTHING));
    check_eq!(
        KIND.load(Ordering::SeqCst),
        u64::from(FaultKind::MEMORY_ACCESS.0)
    );
    check_eq!(THREAD.load(Ordering::SeqCst), thread::current().id().raw());
    check_eq!(ACTOR.load(Ordering::SeqCst), start.actor().raw());
    let something = 7_u8;
    let address = core::ptr::from_ref(core::hint::black_box(&something)).addr() as u64;
    check_eq!(probe::read(address), Some(7));
    check!(!probe::write(NOTHING, 1), "wrote to nothing");
    check!(
        !probe::write(Way::WriteText.fault_address().must("text"), 1),
        "wrote to text"
    );
    check_eq!(asked(), 3);

    // Only one handler of the actor's own.
    let second = Handler::exception(ActorId::NONE, Stacks::of_count(1), 0, skip);
    must_be_refused(second, Status::ALREADY_EXISTS, "a second handler");
    let second = Handler::exception(start.actor(), Stacks::of_count(1), 0, skip);
    must_be_refused(second, Status::ALREADY_EXISTS, "a second handler");

    static ENDED: AtomicU64 = AtomicU64::new(0);
    for _ in 0..4 {
        let body = |_| {
            for _ in 0..50 {
                check_eq!(probe::read(NOTHING), None);
                thread::yield_now();
            }
            ENDED.fetch_add(1, Ordering::SeqCst);
        };
        Thread::spawn(body, 0, 16 * 1024, 10).must("a thread");
    }
    let are_through = || ENDED.load(Ordering::SeqCst) == 4;
    check!(wait_until(PATIENCE, are_through), "threads do not end");
    check_eq!(asked(), 203);
    drop(handler);

    // It puts memory there, and goes on as if nothing had happened.
    let resume = |fault: &FaultRecord| {
        note(fault);
        match Region::allocate(4096) {
            Ok(mut region) if region.address() == fault.address => {
                region.fill(9);
                core::mem::forget(region);
                Verdict::Resume
            }
            _ => Verdict::Decline,
        }
    };
    let own = start.actor();
    let handler = Handler::exception(own, Stacks::of_count(1), 0, resume).must("a handler");
    let region = Region::allocate(4096).must("a region");
    let address = region.address();
    drop(region);
    check_eq!(ways_to_die::read_foreign(address), 9);
    check_eq!(asked(), 204);
    drop(handler);
    Reader::at_start().must_be_at_end();
}

/// Declining, and failing while asked, are failures of the actor.
pub(crate) fn declined(_: &Start) {
    let reports = Reports::open();
    let mut reader = Reader::at_start();
    // The server's handler knows its own probes, and nothing else.
    for (step, kind) in [
        (Step::Illegal, FaultKind::ILLEGAL_INSTRUCTION),
        (Step::Die, FaultKind::MEMORY_ACCESS),
        (Step::Overflow, FaultKind::STACK_OVERFLOW),
    ] {
        SERVER.connect(Kinds::EXCEPTION);
        // Guests' exceptions are the server's, too.
        let wave = wave::send(Guests::CLIENT, SERVER.wide(), &[Step::Probe], 2);
        for report in reports.of(&wave) {
            check_eq!(report.ending, Ending::Returned(1, report.number));
        }
        check_eq!(exceptions(), 2);
        let wave = wave::send(Guests::CLIENT, SERVER.wide(), &[step], 1);
        let told = reports.of(&wave);
        let (new, progress) = (SERVER.wide().id(), Progress::MAYBE_EXECUTED);
        check_eq!(told[0].ending, Ending::Restarted { new, progress });
        let entry = reader.take();
        check_eq!(
            (entry.name.as_str(), ledger::fault(&entry).kind),
            ("server", kind)
        );
        ledger::must_be_done(&entry, Response::HOT_RESTART);
    }
    // A fault in the handler itself.
    SERVER.make(Request::ConnectFaulty);
    let wave = wave::send(Guests::CLIENT, SERVER.wide(), &[Step::Probe], 1);
    let told = reports.of(&wave);
    check!(
        matches!(told[0].ending, Ending::Restarted { .. }),
        "{told:?}"
    );
    let entry = reader.take();
    check_eq!(ledger::fault(&entry).kind, FaultKind::HANDLER_FAULT);
    check_eq!(entry.name.as_str(), "server");
    // None of it is connected any more.
    let wave = wave::send(Guests::CLIENT, SERVER.wide(), &[Step::Probe], 1);
    reports.of(&wave);
    let entry = reader.take();
    check_eq!(ledger::fault(&entry).kind, FaultKind::MEMORY_ACCESS);
    check_eq!(info("client").incarnation, 1);
    reader.must_be_at_end();
}

/// How often the server's exception handler was asked in this incarnation.
#[track_caller]
fn exceptions() -> u64 {
    match SERVER.ask(Request::Events) {
        Reply::Events(runs) => runs[Kinds::EXCEPTION.0.trailing_zeros() as usize],
        other => fail!("no events but {other:?}"),
    }
}

/// Another actor's exceptions are seen by the holder of the right, after that actor itself.
pub(crate) fn of_another(_: &Start) {
    let mut reader = Reader::at_start();
    SERVER.state();
    let server = site::find("server").must("the server");
    let thrice = |fault: &FaultRecord| {
        let count = note(fault);
        if count % 4 < 3 {
            Verdict::Resume
        } else {
            Verdict::Decline
        }
    };
    let handler = Handler::exception(server, Stacks::of_count(2), 0, thrice);
    let handler = handler.must("a handler of another's exceptions");
    let second = Handler::exception(server, Stacks::of_count(2), 0, thrice);
    must_be_refused(second, Status::ALREADY_EXISTS, "a second one");

    // The instruction is tried three times more, and then it counts.
    let illegal = [program(&[Step::Illegal]), 0];
    let result = SERVER.wide().invoke(illegal, Span::ZERO);
    check!(
        matches!(result, Err(Error::LapRestarted { .. })),
        "{result:?}"
    );
    check_eq!(asked(), 4);
    check_eq!(
        KIND.load(Ordering::SeqCst),
        u64::from(FaultKind::ILLEGAL_INSTRUCTION.0)
    );
    check_eq!(ACTOR.load(Ordering::SeqCst), server.raw());
    let entry = reader.take();
    check_eq!(ledger::fault(&entry).kind, FaultKind::ILLEGAL_INSTRUCTION);
    drop(handler);

    // The actor itself is asked first.
    let server = site::find("server").must("the server");
    SERVER.connect(Kinds::EXCEPTION);
    let handler = Handler::exception(server, Stacks::of_count(2), 0, thrice);
    let _handler = handler.must("a handler of another's exceptions");
    let probe = [program(&[Step::Probe]), 0];
    check_eq!(SERVER.wide().invoke(probe, Span::ZERO), Ok((1, 0)));
    check_eq!((exceptions(), asked()), (1, 4));
    let result = SERVER.wide().invoke(illegal, Span::ZERO);
    check!(
        matches!(result, Err(Error::LapRestarted { .. })),
        "{result:?}"
    );
    check_eq!(asked(), 8);
    reader.take();

    // Nobody without the right.
    SERVER.state();
    let judge = site::find("lap-judge").must("ourselves");
    let refused = [Status::NOT_PERMITTED; 4];
    check_eq!(
        SERVER.ask(Request::Overreach(judge)),
        Reply::Statuses(refused)
    );
    let stale = Handler::exception(server, Stacks::of_count(1), 0, thrice);
    must_be_refused(stale, Status::RESTARTED, "a stale capability");
    reader.must_be_at_end();
}
