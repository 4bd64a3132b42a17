//! Guests and callers that do what they should not.

use lap_suite::client::{self, Ending};
use lap_suite::program::{Step, pack};
use syscall::abi::status::Progress;
use syscall::abi::syscall::{LAP_LEND, LAP_WRITABLE, number};
use syscall::abi::{FaultKind, FaultRecord, Response, layout};
use syscall::prelude::*;

use crate::ledger::{self, Reader};
use crate::peers::{Guests, Host, info};
use crate::wave::{self, Reports};

const SERVER: Host = Host::SERVER;
const CLIENT: Guests = Guests::CLIENT;

/// Takes the entry about the fault of an actor that came back.
#[track_caller]
fn fault_of(reader: &mut Reader, name: &str) -> FaultRecord {
    let entry = reader.take();
    check_eq!(entry.name.as_str(), name);
    ledger::must_be_done(&entry, Response::HOT_RESTART);
    ledger::fault(&entry)
}

/// A guest's fault is the failure of the actor it is in, and of no other.
pub(crate) fn faults_are_the_callees(_: &Start) {
    let reports = Reports::open();
    let mut reader = Reader::at_start();
    let progress = Progress::MAYBE_EXECUTED;
    for (step, kind) in [
        (Step::Die, FaultKind::MEMORY_ACCESS),
        (Step::Illegal, FaultKind::ILLEGAL_INSTRUCTION),
        (Step::Overflow, FaultKind::STACK_OVERFLOW),
    ] {
        let wave = wave::send(CLIENT, SERVER.wide(), &[step], 1);
        let told = reports.of(&wave);
        let fault = fault_of(&mut reader, "server");
        check_eq!(fault.kind, kind, "{step:?}");
        let new = SERVER.wide().id();
        check_eq!(
            told[0].ending,
            Ending::Restarted { new, progress },
            "{step:?}"
        );
    }
    // Further in: the actor in between goes on.
    let wave = wave::send(CLIENT, SERVER.wide(), &[Step::Nest, Step::Die], 1);
    let told = reports.of(&wave);
    check_eq!(
        fault_of(&mut reader, "middle").kind,
        FaultKind::MEMORY_ACCESS
    );
    let packed = pack(Status::RESTARTED, Some(progress));
    check_eq!(told[0].ending, Ending::Returned(packed, 0));
    check_eq!(info("server").incarnation, 4);
    check_eq!(info("client").incarnation, 1);
    reader.must_be_at_end();
}

/// Guests' stacks are paid by the callee's budget: when that is used up, it fails, and all of them
/// come back.
pub(crate) fn stacks_count_for_the_callees_budget(_: &Start) {
    let reports = Reports::open();
    let mut reader = Reader::at_start();
    for incarnation in 1..4 {
        // As many as it has room for.
        let few = wave::send(CLIENT, SERVER.wide(), &[Step::Effect], 2);
        wave::must_have_returned(&reports.of(&few), incarnation);
        let many = wave::send(CLIENT, SERVER.wide(), &[Step::Effect, Step::Receive], 20);
        let told = reports.of(&many);
        check_eq!(
            fault_of(&mut reader, "server").kind,
            FaultKind::OUT_OF_MEMORY
        );
        check_eq!(info("server").incarnation, incarnation + 1);
        let wide = SERVER.wide().id();
        for report in told {
            let Ending::Restarted { new, progress } = report.ending else {
                fail!("{report:?}")
            };
            check_eq!(new, wide);
            let has_begun = SERVER.journal(report.number) != 0;
            check!(!has_begun || progress == Progress::MAYBE_EXECUTED);
        }
    }
    check_eq!(info("client").incarnation, 1);
    reader.must_be_at_end();
}

/// A thread cannot end in another actor, nor go deeper than it is allowed to.
pub(crate) fn limits_are_statuses(_: &Start) {
    let reports = Reports::open();
    let wave = wave::send(CLIENT, SERVER.wide(), &[Step::ExitThread], 2);
    for report in reports.of(&wave) {
        let refused = pack(Status::BAD_ARGUMENT, None);
        check_eq!(report.ending, Ending::Returned(refused, report.number));
    }
    for threads in [1, 2] {
        // Each of the threads is in each server as often as there are levels.
        let wave = wave::send(CLIENT, SERVER.wide(), &[Step::Deepen], threads);
        for report in reports.of(&wave) {
            let refused = pack(Status::TOO_DEEP, None);
            let depth = layout::LAP_DEPTH_MAX as u64;
            check_eq!(report.ending, Ending::Returned(refused, depth));
        }
    }
    SERVER.await_inside(0);
    Reader::at_start().must_be_at_end();
}

/// Memory arguments that are not the caller's are its failure; nonsense is refused.
pub(crate) fn hostile_callers_hurt_themselves(_: &Start) {
    let mut reader = Reader::at_start();
    let lap = SERVER.wide().id();
    let fall = |memory: u64, mode: u64| CLIENT.fell(client::Request::Hostile(lap, memory, mode));
    let nowhere = [
        0,
        layout::IMAGE_END - 4096,
        layout::PRIVATE_END - 4096,
        layout::LENT_START,
        layout::PERSISTENT_END - 4096,
        layout::USER_END,
        0xffff_8000_0000_0000,
        0xffff_ffff_ffff_f000,
    ];
    for memory in nowhere {
        for flags in [0, LAP_WRITABLE, LAP_LEND, LAP_LEND | LAP_WRITABLE] {
            fall(memory, 4096 | flags);
            let fault = fault_of(&mut reader, "client");
            check_eq!(
                (fault.kind, fault.code),
                (FaultKind::BAD_POINTER, number::lap_invoke),
                "{memory:#x}, {flags:#x}"
            );
        }
    }
    let refused = |memory, mode| match CLIENT.try_ask(client::Request::Hostile(lap, memory, mode)) {
        Ok(client::Reply::Status(status)) => status,
        other => fail!("{memory:#x} with {mode:#x} ends with {other:?}"),
    };
    // Flags that there are not.
    for flag in 34..64 {
        check_eq!(
            refused(0x20_0000, 1 << flag | 16),
            Status::BAD_ARGUMENT,
            "bit {flag}"
        );
    }
    check_eq!(refused(0x20_0000, 4097), Status::TOO_LONG);
    check_eq!(refused(0x20_0000, 0xffff_ffff), Status::TOO_LONG);
    check_eq!(refused(0x20_0000, LAP_LEND | 0xffff_f000), Status::TOO_LONG);
    check_eq!(refused(0x20_0001, LAP_LEND | 4096), Status::BAD_ARGUMENT);
    // No memory at all, wherever that is.
    check_eq!(refused(1, 0), Status::OK);

    CLIENT.fell(client::Request::ReturnFromNowhere);
    let fault = fault_of(&mut reader, "client");
    check_eq!(
        (fault.kind, fault.code),
        (FaultKind::UNKNOWN_SYSCALL, number::lap_return)
    );

    check_eq!(info("server").incarnation, 1);
    check_eq!(SERVER.state().inside, 0);
    reader.must_be_at_end();
}
