//! Each way to die gives the right fault record, and a new incarnation.

use syscall::abi::layout::{IMAGE_END, PAGE_BYTES, PRIVATE_END, PRIVATE_START};
use syscall::abi::syscall::number;
use syscall::abi::{FaultKind, FaultRecord, Response, ThreadId};
use syscall::prelude::*;
use syscall::thread;
use syscall::ways_to_die::Way;
use test_suite::{Reply, Request};

use crate::ledger::{self, Reader};
use crate::victim::Victim;

/// Bits of a page fault's error code (Intel SDM vol. 3A, 4.7).
mod page_fault {
    pub(super) const PRESENT: u64 = 1 << 0;
    pub(super) const WRITE: u64 = 1 << 1;
    pub(super) const USER: u64 = 1 << 2;
    pub(super) const FETCH: u64 = 1 << 4;
}

/// Exception vectors (Intel SDM vol. 3A, table 6-1).
mod vector {
    pub(super) const DIVIDE: Option<u8> = Some(0);
    pub(super) const DEBUG: Option<u8> = Some(1);
    pub(super) const BREAKPOINT: Option<u8> = Some(3);
    pub(super) const INVALID_OPCODE: Option<u8> = Some(6);
    pub(super) const PROTECTION: Option<u8> = Some(13);
    pub(super) const PAGE: Option<u8> = Some(14);
    pub(super) const FLOATING_POINT: Option<u8> = Some(16);
    pub(super) const ALIGNMENT: Option<u8> = Some(17);
    pub(super) const SIMD: Option<u8> = Some(19);
    pub(super) const NONE: Option<u8> = None;
}

/// What the record of a way to die must say.
struct Expected {
    kind: FaultKind,
    vector: Option<u8>,
    /// The code, and which of its bits matter.
    code: (u64, u64),
    address: Address,
}

/// The address in a record.
enum Address {
    /// Nothing is said about it.
    Any,
    /// What the victim says of its own way ([`Way::fault_address`]).
    OfWay,
    /// This.
    At(u64),
}

const EXACTLY: u64 = u64::MAX;

fn expected(way: Way) -> Expected {
    use page_fault::{FETCH, PRESENT, USER, WRITE};
    let memory = |code, mask, address| Expected {
        kind: FaultKind::MEMORY_ACCESS,
        vector: vector::PAGE,
        code: (code, mask),
        address,
    };
    let of = |kind, vector, code, mask| Expected {
        kind,
        vector,
        code: (code, mask),
        address: Address::Any,
    };
    let protection = |code| of(FaultKind::PROTECTION, vector::PROTECTION, code, EXACTLY);
    // Whether a page that may not be touched is present is the kernel's affair.
    let but_present = !PRESENT;
    match way {
        Way::NullWrite => memory(USER | WRITE, EXACTLY, Address::OfWay),
        Way::NullRead => memory(USER, EXACTLY, Address::OfWay),
        Way::NullJump => memory(USER | FETCH, EXACTLY, Address::OfWay),
        Way::WriteText | Way::WriteReadOnlyData => {
            memory(USER | WRITE, but_present, Address::OfWay)
        }
        Way::JumpIntoData => memory(USER | FETCH, but_present, Address::OfWay),
        Way::ReadKernel => memory(USER, but_present, Address::OfWay),
        Way::WriteKernel => memory(USER | WRITE, but_present, Address::OfWay),
        Way::JumpIntoKernel => memory(USER | FETCH, but_present, Address::OfWay),
        Way::NoStack => memory(USER | WRITE, EXACTLY, Address::At(0xff8)),
        Way::NonCanonical => protection(0),
        Way::Privileged | Way::InterruptsOff | Way::ControlRegister => protection(0),
        Way::PortWrite | Way::ModelRegister => protection(0),
        // The error code says that it is a gate of the IDT, and which: the index times eight, but
        // QEMU takes sixteen, the size of a gate. All we hold on to is the IDT.
        Way::ForgedFault => of(FaultKind::PROTECTION, vector::PROTECTION, 2, 0b111),
        Way::ForgedReturn => protection(0x08),
        Way::BadSegment => protection(0xfff0),
        Way::DivideByZero => of(FaultKind::ARITHMETIC, vector::DIVIDE, 0, EXACTLY),
        Way::FloatingPoint => of(FaultKind::ARITHMETIC, vector::SIMD, 0, EXACTLY),
        Way::OldFloatingPoint => of(FaultKind::ARITHMETIC, vector::FLOATING_POINT, 0, EXACTLY),
        Way::IllegalInstruction => of(
            FaultKind::ILLEGAL_INSTRUCTION,
            vector::INVALID_OPCODE,
            0,
            EXACTLY,
        ),
        Way::Breakpoint => of(FaultKind::BREAKPOINT, vector::BREAKPOINT, 0, EXACTLY),
        Way::SingleStep => of(FaultKind::BREAKPOINT, vector::DEBUG, 0, EXACTLY),
        Way::Unaligned => of(FaultKind::ALIGNMENT, vector::ALIGNMENT, 0, EXACTLY),
        Way::StackOverflow => of(
            FaultKind::STACK_OVERFLOW,
            vector::PAGE,
            USER | WRITE,
            but_present,
        ),
        Way::Panic => of(FaultKind::PANIC, vector::NONE, 0, 0),
        Way::UncleanExit => of(FaultKind::UNCLEAN_EXIT, vector::NONE, 41, EXACTLY),
        Way::LastThread => of(FaultKind::UNCLEAN_EXIT, vector::NONE, 0, EXACTLY),
        Way::UnknownSyscall => of(FaultKind::UNKNOWN_SYSCALL, vector::NONE, 0xffff, EXACTLY),
        Way::BadPointer => Expected {
            address: Address::OfWay,
            ..of(FaultKind::BAD_POINTER, vector::NONE, number::log, EXACTLY)
        },
    }
}

/// Ways that the emulator may not know: it then goes on, and the victim panics and says so.
fn is_emulated(way: Way) -> bool {
    !matches!(way, Way::Unaligned | Way::FloatingPoint)
}

/// QEMU 7 reads the frame of a forged return as if it were the kernel that does, so that SMAP
/// forbids it. The actor must not live on for that.
fn is_emulated_otherwise(way: Way, fault: &FaultRecord) -> bool {
    way == Way::ForgedReturn && fault.kind == FaultKind::MEMORY_ACCESS
}

/// Memory that is not there, not the actor's, or not to be used like that.
pub(crate) fn memory(_: &Start) {
    die_in_each(&[
        Way::NullWrite,
        Way::NullRead,
        Way::NullJump,
        Way::WriteText,
        Way::WriteReadOnlyData,
        Way::JumpIntoData,
        Way::ReadKernel,
        Way::WriteKernel,
        Way::JumpIntoKernel,
        Way::NonCanonical,
        Way::NoStack,
        Way::BadPointer,
    ]);
}

/// Instructions that do not exist, are not for ring 3, or go wrong.
pub(crate) fn instructions(_: &Start) {
    die_in_each(&[
        Way::DivideByZero,
        Way::IllegalInstruction,
        Way::Privileged,
        Way::InterruptsOff,
        Way::ControlRegister,
        Way::PortWrite,
        Way::ModelRegister,
        Way::ForgedFault,
        Way::ForgedReturn,
        Way::BadSegment,
        Way::Breakpoint,
        Way::SingleStep,
        Way::OldFloatingPoint,
        Way::FloatingPoint,
        Way::Unaligned,
    ]);
}

/// Ends that are the actor's own doing.
pub(crate) fn exits(_: &Start) {
    die_in_each(&[
        Way::Panic,
        Way::UncleanExit,
        Way::LastThread,
        Way::UnknownSyscall,
    ]);
}

fn die_in_each(ways: &[Way]) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    for (deaths, way) in (1..).zip(ways) {
        die_in_one(&mut victim, &mut reader, *way, deaths);
    }
    reader.must_be_at_end();
}

fn die_in_one(victim: &mut Victim, reader: &mut Reader, way: Way, deaths: u32) {
    let before = thread::now();
    let address = victim.number(Request::FaultAddress(way));
    let condition = victim.inspect();
    check_eq!(condition.incarnation, deaths);

    let entry = victim.die(reader, Request::Die(way));
    let fault = ledger::fault(&entry);
    info!("{way}: {fault}");
    check_eq!(entry.incarnation, deaths);
    ledger::must_be_done(&entry, Response::HOT_RESTART);
    check_eq!(entry.block_reads, 0, "{way}");
    check_eq!(entry.successor, victim.actor());

    check_eq!(fault.actor, condition.actor, "{way}");
    check_eq!(fault.incarnation, deaths, "{way}");
    check!(fault.thread != ThreadId::NONE, "{way}: no thread");
    check!(
        fault.time >= before && fault.time <= thread::now(),
        "{way}: at {}",
        fault.time
    );
    if fault.kind == FaultKind::PANIC && !is_emulated(way) {
        check!(
            fault.message.as_str().starts_with("survived"),
            "{way}: {}",
            fault.message
        );
    } else {
        must_be_expected(way, &fault, address);
    }
    if way == Way::Panic {
        check!(
            fault.message.as_str().starts_with("as told ("),
            "message {}",
            fault.message
        );
    }

    let next = victim.inspect();
    check_eq!(next.incarnation, deaths + 1, "{way}");
    check_eq!(next.actor, entry.successor, "{way}");
    let kind = fault.kind;
    let told = syscall::abi::start::PreviousEnd::Failed {
        kind,
        ledger: entry.sequence,
    };
    check_eq!(next.previous, told, "{way}");
}

#[track_caller]
fn must_be_expected(way: Way, fault: &FaultRecord, address_of_way: u64) {
    if is_emulated_otherwise(way, fault) {
        return;
    }
    let expected = expected(way);
    let (code, mask) = expected.code;
    check_eq!(fault.kind, expected.kind, "{way}: {fault}");
    check_eq!(fault.vector, expected.vector, "{way}");
    check_eq!(
        fault.code & mask,
        code & mask,
        "{way}, code {:#x}",
        fault.code
    );
    match expected.address {
        Address::Any => {}
        Address::OfWay => check_eq!(fault.address, address_of_way, "{way}"),
        Address::At(address) => check_eq!(fault.address, address, "{way}"),
    }
    // Where it happened: in the victim's text, or where it had jumped to.
    let ip = fault.registers.rip;
    match way {
        Way::NullJump | Way::JumpIntoData | Way::JumpIntoKernel => {
            check_eq!(ip, address_of_way, "{way}");
        }
        _ => check!((0x1000..IMAGE_END).contains(&ip), "{way}: at {ip:#x}"),
    }
}

/// A stack may be used to its last page, and not further.
pub(crate) fn stack(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();

    // The first thread: 256 KiB by the site's description.
    let lowest = victim.number(Request::UseStack(200 * 1024));
    check!(
        (PRIVATE_START..PRIVATE_END).contains(&lowest),
        "a stack at {lowest:#x}"
    );
    check_eq!(victim.inspect().incarnation, 1);
    let fault = ledger::fault(&victim.die(&mut reader, Request::Die(Way::StackOverflow)));
    must_be_expected(Way::StackOverflow, &fault, 0);
    // The stack of the first incarnation began somewhere in the 56 KiB below what was used.
    let below = lowest.checked_sub(fault.address);
    check!(
        below.is_some_and(|bytes| bytes <= 60 * 1024),
        "{lowest:#x}, then {fault}"
    );

    // Another thread, whose stack we choose.
    const STACK: u64 = 128 * 1024;
    let before = victim.info();
    let Reply::Stack(_) = victim.ask(Request::UseThreadStack {
        used: 100 * 1024,
        stack: STACK,
    }) else {
        fail!("no stack")
    };
    thread::sleep(Span::from_millis(200));
    check_eq!(
        victim.info().threads,
        before.threads,
        "a thread that used its stack did not end"
    );
    reader.must_be_at_end();

    let Reply::Stack(top) = victim.ask(Request::UseThreadStack {
        used: 200 * 1024,
        stack: STACK,
    }) else {
        fail!("no stack")
    };
    let entry = reader.take();
    let fault = ledger::fault(&entry);
    must_be_expected(Way::StackOverflow, &fault, 0);
    // `top` is an address in the first frames of the thread, so in the stack's last page.
    let end = top.next_multiple_of(PAGE_BYTES);
    let guard = (end - STACK - PAGE_BYTES)..(end - STACK);
    check!(
        guard.contains(&fault.address),
        "{fault}, with the guard page {guard:#x?}"
    );
    ledger::must_be_done(&entry, Response::HOT_RESTART);
}

/// A thread that is not the first takes the whole actor down, just the same.
pub(crate) fn threads(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    for way in [
        Way::NullWrite,
        Way::Panic,
        Way::UncleanExit,
        Way::Breakpoint,
        Way::StackOverflow,
    ] {
        let first = victim.info();
        check_eq!(first.threads, 1, "{way}");
        let entry = victim.die(&mut reader, Request::DieOnThread(way));
        let fault = ledger::fault(&entry);
        must_be_expected(way, &fault, victim.number(Request::FaultAddress(way)));
        check_eq!(victim.info().threads, 1, "{way}");
    }
}
