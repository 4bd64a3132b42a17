//! Trap handlers: a server that serves other actors' traps.

use core::sync::atomic::{AtomicU64, Ordering};

use lap_suite::client::Ending;
use lap_suite::journal::{BEGUN, EFFECT, ENDED};
use lap_suite::program::{Step, pack, program};
use lap_suite::server::{Kinds, Request};
use syscall::abi::status::Progress;
use syscall::abi::{FaultKind, LapId, Response};
use syscall::handler::{self, Handler};
use syscall::prelude::*;
use syscall::{Stacks, thread};

use crate::check::must_be_refused;
use crate::ledger::{self, Reader};
use crate::peers::{Guests, Host, PATIENCE, info, restart};
use crate::wave::{self, Reports};

const SERVER: Host = Host::SERVER;
const CLIENT: Guests = Guests::CLIENT;

/// A wave traps.
#[track_caller]
fn trap(steps: &[Step], threads: u64) -> core::ops::Range<u64> {
    wave::send_waiting(CLIENT, LapId::NONE, steps, threads, PATIENCE)
}

/// A trap runs its handler in the thread that traps, and brings two numbers back.
pub(crate) fn traps(_: &Start) {
    let reports = Reports::open();
    let mut reader = Reader::at_start();
    SERVER.connect(Kinds::TRAP);
    for threads in [1, 2, 8] {
        let wave = trap(&[Step::Effect, Step::Nap], threads);
        SERVER.await_inside(threads);
        wave::must_have_returned(&reports.of(&wave), 1);
        for number in wave {
            check_eq!(SERVER.journal(number), BEGUN | EFFECT | ENDED);
        }
    }
    // There are eight stacks, and a trap does not wait.
    let wave = trap(&[Step::Receive], 16);
    SERVER.await_inside(8);
    thread::sleep(Span::from_millis(3));
    SERVER.make(Request::Feed(8));
    let full = Ending::Refused(Status::LIMIT_REACHED);
    let told = reports.of(&wave);
    check_eq!(
        told.iter().filter(|report| report.ending == full).count(),
        8
    );

    // The handler reads and writes the memory of the actor that traps.
    static WORD: AtomicU64 = AtomicU64::new(41);
    static FIXED: u64 = 7;
    let across = |address| {
        let result = handler::raise::<0>([program(&[Step::CopyAcross]), address, 0]);
        result.map(|(first, _)| first)
    };
    check_eq!(
        across(core::ptr::from_ref(&WORD).addr() as u64),
        Ok(pack(Status::OK, None))
    );
    check_eq!(WORD.load(Ordering::SeqCst), 42);
    let fixed = core::ptr::from_ref(core::hint::black_box(&FIXED)).addr() as u64;
    let kernel = 0xffff_8000_0000_0000;
    for nowhere in [0, fixed, 0x0000_7fff_ffff_f000, kernel, u64::MAX - 3] {
        check_eq!(
            across(nowhere),
            Ok(pack(Status::BAD_ARGUMENT, None)),
            "{nowhere:#x}"
        );
    }

    let one = Stacks::of_count(1);
    let taken = Handler::trap(0, one, 0, |_| (0, 0));
    must_be_refused(taken, Status::ALREADY_EXISTS, "a number that is taken");
    for number in [16, 17, 255] {
        let none = Handler::trap(number, one, 0, |_| (0, 0));
        must_be_refused(none, Status::BAD_ARGUMENT, "a number there is not");
    }
    // One that the judge serves for itself.
    let own = |trap: &handler::Trap| {
        let sum = trap.arguments.iter().sum();
        (sum, trap.cookie + trap.number)
    };
    let handler = Handler::trap(15, one, 100, own);
    check_eq!(handler::raise::<15>([1, 20, 300]), Ok((321, 115)));
    drop(handler);
    reader.must_be_at_end();

    // The handler's actor fails.
    let wave = trap(&[Step::Effect, Step::Receive], 2);
    SERVER.await_inside(2);
    let done = trap(&[Step::Effect, Step::Done, Step::Receive], 2);
    SERVER.await_inside(4);
    restart("server");
    for report in reports.of(&(wave.start..done.end)) {
        let progress = if done.contains(&report.number) {
            Progress::COMPLETED
        } else {
            Progress::MAYBE_EXECUTED
        };
        // There is no capability to tell: a trap has a number.
        check_eq!(report.ending, Ending::Dead(progress));
    }
    ledger::must_be_done(&reader.take(), Response::HOT_RESTART);
    // The number stays the server's, though it serves it only later; nobody else gets it.
    SERVER.state();
    let wave = trap(&[], 2);
    for report in reports.of(&wave) {
        check_eq!(report.ending, Ending::Refused(Status::FROZEN));
    }
    let taken = Handler::trap(0, one, 0, |_| (0, 0));
    must_be_refused(taken, Status::ALREADY_EXISTS, "a number that is kept");
    SERVER.connect(Kinds::TRAP);
    let wave = trap(&[], 2);
    wave::must_have_returned(&reports.of(&wave), 2);

    // A trap that nobody ever served is the failure of who traps.
    check_eq!(info("client").incarnation, 1);
    CLIENT.fell(lap_suite::client::Request::TrapNobody);
    let entry = reader.take();
    check_eq!(entry.name.as_str(), "client");
    check_eq!(ledger::fault(&entry).kind, FaultKind::PROTECTION);
    reader.must_be_at_end();
}
