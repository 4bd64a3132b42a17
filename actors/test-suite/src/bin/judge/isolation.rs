//! Whatever an actor does, it does it to itself.

use core::sync::atomic::{AtomicU64, Ordering};

use syscall::abi::layout::{IMAGE_START, PERSISTENT_START, USER_END};
use syscall::abi::syscall::number;
use syscall::abi::{FaultKind, Response};
use syscall::prelude::*;
use syscall::ways_to_die::freed::Coming;
use syscall::ways_to_die::hostile::{self, Verdict};
use syscall::{Thread, site, thread};
use test_suite::{Reply, Request};

use crate::check::{Must, must_be_refused, wait_until};
use crate::counters;
use crate::ledger::{self, Reader};
use crate::victim::{PATIENCE, Victim};

/// Addresses of the kernel: the first of its half, where it may map memory, and where it may be.
const KERNEL: [u64; 8] = [
    0xffff_8000_0000_0000,
    0xffff_8000_0010_0000,
    0xffff_8880_0000_0000,
    0xffff_c000_0000_0000,
    0xffff_f000_0000_0000,
    0xffff_ffff_8000_0000,
    0xffff_ffff_8020_0000,
    0xffff_ffff_ffff_f000,
];

/// The kernel's half of the address space can be neither read, nor written, nor executed.
pub(crate) fn kernel_memory(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    for address in KERNEL {
        for request in [
            Request::ReadAt(address),
            Request::WriteAt(address),
            Request::JumpTo(address),
        ] {
            let fault = ledger::fault(&victim.die(&mut reader, request));
            check_eq!(fault.kind, FaultKind::MEMORY_ACCESS, "{request:?}");
            check_eq!(fault.address, address, "{request:?}");
        }
    }
    // The end of the lower half, and what is below any image.
    for address in [USER_END - 1, IMAGE_START - 1] {
        let fault = ledger::fault(&victim.die(&mut reader, Request::ReadAt(address)));
        check_eq!(
            (fault.kind, fault.address),
            (FaultKind::MEMORY_ACCESS, address)
        );
    }
}

/// One actor's memory is not at its address in another's.
pub(crate) fn other_actors_memory(_: &Start) {
    let mut victim = Victim::find("victim");
    let other = Victim::find("other");
    let mut reader = Reader::at_start();

    // Private memory: more regions than the victim has, so that the last is at an address of its
    // own. Persistent memory: the victim has none.
    for _ in 0..16 {
        other.make(Request::Keep(7));
        other.number(Request::PrivateAddress);
    }
    let private = other.number(Request::PrivateAddress);
    let persistent = other.kept().address;
    check_eq!(persistent, PERSISTENT_START);
    for address in [private, persistent] {
        for request in [Request::ReadAt(address), Request::WriteAt(address)] {
            let fault = ledger::fault(&victim.die(&mut reader, request));
            check_eq!(
                (fault.kind, fault.address),
                (FaultKind::MEMORY_ACCESS, address)
            );
        }
    }

    // A region of the same name is another region: the victim's own.
    victim.make(Request::Keep(9));
    check_eq!(victim.kept().address, persistent);
    check_eq!(other.kept().number, 7);
    check_eq!(victim.kept().number, 9);
    // The same image, but not the same data.
    victim.make(Request::Dirty);
    let condition = other.inspect();
    check_eq!(
        (condition.data, condition.zeroed, condition.incarnation),
        (test_suite::DATA, 0, 1)
    );
}

/// What is not granted is refused.
pub(crate) fn rights(_: &Start) {
    let victim = Victim::find("victim");
    match victim.ask(Request::Overreach) {
        Reply::Statuses(statuses) => check_eq!(statuses, [Status::NOT_PERMITTED; 4]),
        other => fail!("no statuses but {other:?}"),
    }
    Reader::at_start().must_be_at_end();
    check_eq!(
        site::actor("judge")
            .must("actor information")
            .must("the judge")
            .incarnation,
        1
    );
}

/// Every hostile call there is. Each ends in a status or in a fault record, and the kernel has lost
/// nothing at the end.
pub(crate) fn hostile_syscalls(start: &Start) {
    let peer = echo();
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();

    // A victim that has made no hostile call yet, but has died once.
    victim.restart_hot(&mut reader);
    let before = counters::now();

    let mut faults = 0;
    for (index, case) in (0..).zip(hostile::cases()) {
        let request = Request::Hostile(index, peer);
        let old = victim.actor();
        let answer = victim.try_ask(request);
        match (answer, case.verdict()) {
            (Ok(Reply::Status(Status::OK)), Verdict::Refused) => fail!("{case} succeeds"),
            (Ok(Reply::Status(_)), _) => {}
            (Err(Error::Restarted { new, .. }), verdict) => {
                let entry = reader.take();
                let fault = ledger::fault(&entry);
                check!(verdict != Verdict::Lives, "{case} ends with {fault}");
                check_eq!(entry.actor, old, "{case}");
                ledger::must_be_done(&entry, Response::HOT_RESTART);
                must_be_fault_of(&case, &fault);
                faults += 1;
                victim = Victim::find("victim");
                check_eq!(victim.port().id(), new, "{case}");
            }
            (other, _) => fail!("{case} ends with {other:?}"),
        }
        // Nobody else was hurt.
        reader.must_be_at_end();
    }
    info!(
        "{} hostile calls, {faults} of them faults",
        hostile::cases().count()
    );
    check!(faults > 50, "only {faults} faults");

    check_eq!(
        victim.ask(Request::HostileRegisters),
        Reply::Statuses([Status::OK; 4])
    );

    // The victim's persistent regions are kept, of course: free what the calls made.
    victim.make(Request::FreeHostile);
    victim.restart_hot(&mut reader);
    counters::must_come_back(&before);
    let judge = site::actor(start.name())
        .must("actor information")
        .must("the judge");
    check_eq!(judge.actor, start.actor());
}

/// A fault must be about the call that was made.
#[track_caller]
fn must_be_fault_of(case: &hostile::Case, fault: &syscall::abi::FaultRecord) {
    match (case.number(), fault.kind) {
        _ if case.is_entry_beyond_user() => {
            check_eq!(fault.kind, FaultKind::BAD_POINTER, "{case}: {fault}");
        }
        (number::panic, FaultKind::PANIC) => {}
        // A thread that starts where there is no code.
        (
            number::thread_create,
            FaultKind::MEMORY_ACCESS | FaultKind::PROTECTION | FaultKind::STACK_OVERFLOW,
        ) => {}
        (number, FaultKind::BAD_POINTER) => check_eq!(fault.code, number, "{case}: {fault}"),
        _ => fail!("{case}: {fault}"),
    }
}

/// The port of the thread made by [`echo`].
static ECHO: AtomicU64 = AtomicU64::new(0);

/// Makes a thread that answers every call with what it says.
#[track_caller]
fn echo() -> PortId {
    let body = |_| {
        let port = Port::private(8).must("a port");
        ECHO.store(port.id().raw(), Ordering::SeqCst);
        let mut buffer = [0; 4096];
        loop {
            let message = port.receive(&mut buffer, Span::FOREVER).must("a message");
            if let Some(caller) = message.caller {
                // Callers may be gone, or have no room.
                let _ = caller.reply(message.bytes);
            }
        }
    };
    Thread::spawn(body, 0, 64 * 1024, 16).must("a thread");
    check!(
        wait_until(PATIENCE, || ECHO.load(Ordering::SeqCst) != 0),
        "no echo"
    );
    PortId::from_raw(ECHO.load(Ordering::SeqCst))
}

/// Memory that is freed while the kernel waits to write to it.
pub(crate) fn memory_freed_under_a_syscall(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    for coming in [Coming::Sent, Coming::Called] {
        match victim.try_ask(Request::ReceiveIntoFreed(coming)) {
            Ok(Reply::Status(status)) => check!(status != Status::OK, "received into nothing"),
            Err(Error::Restarted { .. }) => {
                let entry = reader.take();
                check_eq!(ledger::fault(&entry).kind, FaultKind::BAD_POINTER);
                victim = Victim::find("victim");
            }
            other => fail!("receiving into freed memory ends with {other:?}"),
        }
    }

    // The same the other way round: a request that is gone when its turn comes. The next in the
    // queue gets its turn, and the queue has room for as many as ever.
    let port = Port::private(2).must("a port");
    CALLED.store(port.id().raw(), Ordering::SeqCst);
    Thread::spawn(call_from_freed, 0, 64 * 1024, 10).must("a thread");
    thread::sleep(Span::from_millis(100));
    for message in [b"behind", b"follow"] {
        port.remote()
            .send(message, Span::ZERO)
            .must("a place in the queue");
    }
    let mut buffer = [0; 1024];
    let message = port.receive(&mut buffer, PATIENCE).must("a message");
    check_eq!(message.bytes, b"behind");
    let entry = reader.take();
    check_eq!(ledger::fault(&entry).kind, FaultKind::BAD_POINTER);
    port.remote()
        .send(b"fits", Span::ZERO)
        .must("a place in the queue");
    let full = port.remote().send(b"does not fit", Span::ZERO);
    must_be_refused(full, Status::QUEUE_FULL, "a third message");
    victim.find_again();

    // And an answer to memory that is gone. The first call makes sure that we are known to answer.
    check_eq!(
        port.receive(&mut buffer, PATIENCE).must("a message").bytes,
        b"follow"
    );
    check_eq!(
        port.receive(&mut buffer, PATIENCE).must("a message").bytes,
        b"fits"
    );
    let mut answer = || {
        let caller = port.receive(&mut buffer, PATIENCE).must("a call").caller;
        thread::sleep(Span::from_millis(50));
        let short = Span::from_millis(10);
        let next = port.reply_receive(caller, b"too late", &mut buffer, short);
        must_be_refused(next.map(|_| ()), Status::TIMED_OUT, "another call");
    };
    Thread::spawn(call_to_us, 0, 64 * 1024, 10).must("a thread");
    answer();
    Thread::spawn(call_into_freed, 0, 64 * 1024, 10).must("a thread");
    answer();
    let entry = reader.take();
    check_eq!(ledger::fault(&entry).kind, FaultKind::BAD_POINTER);
    victim.find_again();
    victim.restart_hot(&mut reader);
}

/// The port that [`call_from_freed`] lets the victim call.
static CALLED: AtomicU64 = AtomicU64::new(0);

/// Calls us.
fn call_to_us(_: u64) {
    let port = RemotePort::from(PortId::from_raw(CALLED.load(Ordering::SeqCst)));
    port.call(&[], &mut [0; 16], PATIENCE).must("an answer");
}

/// Lets the victim call us, and have the answer in memory that it frees, which is its end.
fn call_into_freed(_: u64) {
    let port = PortId::from_raw(CALLED.load(Ordering::SeqCst));
    let mut victim = Victim::find("victim");
    victim.fell(Request::CallIntoFreed(port));
}

/// Lets the victim call us from memory that it frees, which is its end.
fn call_from_freed(_: u64) {
    let port = PortId::from_raw(CALLED.load(Ordering::SeqCst));
    let mut victim = Victim::find("victim");
    victim.fell(Request::CallFromFreed(port));
}
