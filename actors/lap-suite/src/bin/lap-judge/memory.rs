//! Memory that goes along with an invocation: copies, and pages that are lent.

use core::sync::atomic::{AtomicU64, Ordering};

use lap_suite::client::{self, Ending, Give};
use lap_suite::journal::{BEGUN, ENDED};
use lap_suite::program::{Step, pack, program};
use lap_suite::server::Request;
use syscall::abi::status::Progress;
use syscall::abi::{FaultKind, Response};
use syscall::prelude::*;
use syscall::{PersistentRegion, Region, site, thread};

use crate::baseline::Baseline;
use crate::check::{Must, must_be_refused};
use crate::ledger::{self, Reader};
use crate::peers::{Guests, Host, PATIENCE, await_incarnation, restart};
use crate::wave::{self, Reports};

const SERVER: Host = Host::SERVER;
const CLIENT: Guests = Guests::CLIENT;

/// The sum of the first bytes of what [`fill`] makes.
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

fn fill(bytes: &mut [u8]) {
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = (index % 251) as u8;
    }
}

/// Copies go in, and come back only if that was asked for.
pub(crate) fn copies(_: &Start) {
    let lap = SERVER.wide();
    let program = program(&[Step::Memory]);
    let mut bytes = [0; 4096 + 1];
    fill(&mut bytes);
    let original = bytes;
    for length in [0, 1, 7, 8, 15, 4095, 4096] {
        let (part, rest) = bytes.split_at_mut(length);
        let (before, total) = (sum(part), length as u64);
        let result = lap.request([program, 0]).copying(part).invoke();
        check_eq!(result, Ok((before, total)), "{length} bytes");
        check_eq!(&part[..], &original[..length], "{length} bytes");
        let result = lap.request([program, 0]).copying_back(part).invoke();
        check_eq!(result, Ok((before, total)), "{length} bytes back");
        let is_right = |(byte, old): (&u8, &u8)| *byte == old.wrapping_add(1);
        check!(
            part.iter().zip(&original).all(is_right),
            "{length} bytes back"
        );
        check_eq!(
            rest[0],
            original[length],
            "{length} bytes back: what is behind"
        );
        fill(part);
    }
    let too_long = lap.request([program, 0]).copying(&bytes).invoke();
    must_be_refused(too_long, Status::TOO_LONG, "4097 bytes");
    let too_long = lap.request([program, 0]).copying_back(&mut bytes).invoke();
    must_be_refused(too_long, Status::TOO_LONG, "4097 bytes back");
    check_eq!(&bytes[..], &original[..]);
    // What cannot be written to can be copied.
    static FIXED: [u8; 5] = *b"fixed";
    check_eq!(
        lap.request([program, 0]).copying(&FIXED).invoke(),
        Ok((sum(&FIXED), 5))
    );
}

/// A callee gets at nothing that it was not given.
pub(crate) fn nothing_else_is_given(_: &Start) {
    static WORD: AtomicU64 = AtomicU64::new(41);
    let program = program(&[Step::CopyAcross]);
    let address = core::ptr::from_ref(&WORD).addr() as u64;
    for theirs in [address, 0, u64::MAX] {
        let refused = SERVER.wide().invoke([program, theirs], Span::ZERO);
        check_eq!(refused, Ok((pack(Status::NOT_PERMITTED, None), 0)));
    }
    // Nor with memory that it was given, at another address.
    let request = SERVER.wide().request([program, address]);
    check_eq!(
        request.copying(b"something").invoke(),
        Ok((pack(Status::NOT_PERMITTED, None), 0))
    );
    check_eq!(WORD.load(Ordering::SeqCst), 41);
}

#[repr(align(4096))]
struct Page([u8; 4096]);

/// Pages that are lent are the caller's own, for as long as the invocation lasts.
pub(crate) fn lending(_: &Start) {
    let lap = SERVER.wide();
    let program = program(&[Step::Memory]);
    for pages in [1, 2, 16] {
        let length = pages * 4096;
        let mut region = Region::allocate(length).must("a region");
        fill(&mut region);
        let before = sum(&region);
        let result = lap
            .request([program, 0])
            .lending_writable(&mut region)
            .invoke();
        check_eq!(result, Ok((before, length as u64)), "{pages} pages");
        let is_right = |(index, byte): (usize, &u8)| *byte == (index % 251) as u8 + 1;
        check!(region.iter().enumerate().all(is_right), "{pages} pages");
        // Only the part that is lent.
        if pages == 16 {
            let (first, rest) = region.split_at_mut(4096);
            let (before, behind) = (sum(first), sum(rest));
            let result = lap.request([program, 0]).lending_writable(first).invoke();
            check_eq!(result, Ok((before, 4096)));
            check_eq!(sum(rest), behind);
        }
    }
    // Pages of the stack, and pages that were never touched.
    let mut page = Page([3; 4096]);
    let result = lap
        .request([program, 0])
        .lending_writable(&mut page.0)
        .invoke();
    check_eq!(result, Ok((3 * 4096, 4096)));
    check!(page.0.iter().all(|byte| *byte == 4));
    let untouched = Region::allocate(2 * 4096).must("a region");
    let sums = self::program(&[Step::Sum]);
    let result = lap.request([sums, 0]).lending(&untouched).invoke();
    check_eq!(result, Ok((0, 2 * 4096)));

    // What may not be lent.
    let region = Region::allocate(17 * 4096).must("a region");
    let whole = lap.request([sums, 0]).lending(&region).invoke();
    must_be_refused(whole, Status::TOO_LONG, "17 pages");
    for range in [0..100, 1..4097, 2048..2048 + 4096] {
        let part = lap.request([sums, 0]).lending(&region[range]).invoke();
        must_be_refused(part, Status::BAD_ARGUMENT, "parts of pages");
    }
    let kept = PersistentRegion::open("kept", 4096).must("a persistent region");
    let result = lap.request([sums, 0]).lending(&kept).invoke();
    must_be_refused(result, Status::BAD_ARGUMENT, "what is not private");
    check_eq!(
        lap.request([sums, 0]).copying(&kept).invoke(),
        Ok((0, 4096))
    );
    kept.free().must("the end of it");
}

/// A callee that writes to what it may only read fails; and it sees nothing any more after its
/// return, after its restart, and after that of its caller's.
pub(crate) fn lent_memory_is_revoked(_: &Start) {
    let mut reader = Reader::at_start();
    let reports = Reports::open();
    let mut region = Region::allocate(4096).must("a region");
    region.fill(0);
    // What is used for the first time stays in use: the first round is for that.
    revoke(&reports, &mut reader, &region);
    let before = Baseline::of(&["client", "server"]);
    reader.skip();
    revoke(&reports, &mut reader, &region);
    before.must_hold(&["client", "server"]);
}

#[track_caller]
fn revoke(reports: &Reports, reader: &mut Reader, region: &Region) {
    let watch = |lap| {
        let steps = &[Step::Watch];
        wave::send_with(CLIENT, lap, steps, 2, PATIENCE, Give::LendWritable)
    };
    // It may not write, and knows.
    let memory = program(&[Step::Memory]);
    let result = SERVER.wide().request([memory, 0]).lending(region).invoke();
    check_eq!(result, Ok((0, 4096)));
    let result = SERVER
        .wide()
        .request([program(&[Step::Force]), 0])
        .lending(region)
        .invoke();
    let new = SERVER.wide().id();
    let progress = Progress::MAYBE_EXECUTED;
    check_eq!(result, Err(Error::LapRestarted { new, progress }));
    must_be_fault_at(reader, None);
    check!(region.iter().all(|byte| *byte == 0), "written to");

    // After its return.
    let note = program(&[Step::Note]);
    let (address, _) = SERVER
        .wide()
        .request([note, 0])
        .lending(region)
        .invoke()
        .must("a note");
    check_eq!(SERVER.number(Request::Where), address);
    SERVER.fell(Request::ReadAt(address));
    must_be_fault_at(reader, Some(address));
    // Not even if another one is inside meanwhile, with memory of its own.
    let (address, _) = SERVER
        .wide()
        .request([note, 0])
        .lending(region)
        .invoke()
        .must("a note");
    let wave = wave::send(CLIENT, SERVER.wide(), &[Step::Receive], 2);
    SERVER.await_inside(2);
    SERVER.fell(Request::ReadAt(address));
    must_be_fault_at(reader, Some(address));
    reports.of(&wave);

    // After its restart, with the caller inside.
    let wave = watch(SERVER.wide().id());
    SERVER.await_inside(2);
    restart("server");
    for report in reports.of(&wave) {
        let new = SERVER.wide().id();
        check_eq!(report.ending, Ending::Restarted { new, progress });
    }
    ledger::must_be_done(&reader.take(), Response::HOT_RESTART);
    SERVER.fell(Request::ReadAt(address));
    must_be_fault_at(reader, Some(address));

    // The caller's restart: the guest goes on with what it has been lent, whoever takes the
    // caller's memory meanwhile.
    let wave = watch(SERVER.wide().id());
    SERVER.await_inside(2);
    await_restart_of_client(reader);
    CLIENT.make(client::Request::Fill(1024 * 1024));
    thread::sleep(Span::from_millis(5));
    SERVER.make(Request::Open);
    SERVER.await_inside(0);
    for number in wave {
        check_eq!(SERVER.journal(number), BEGUN | ENDED);
    }
    reports.must_be_none(Span::from_millis(5));
    SERVER.fell(Request::ReadAt(address));
    must_be_fault_at(reader, Some(address));
}

#[track_caller]
fn await_restart_of_client(reader: &mut Reader) {
    let incarnation = crate::peers::info("client").incarnation;
    let actor = site::find("client").must("the client");
    site::restart(actor).must("the right to restart");
    ledger::must_be_done(&reader.take(), Response::HOT_RESTART);
    await_incarnation("client", incarnation + 1);
}

/// The server failed when it touched memory that was not there for it.
#[track_caller]
fn must_be_fault_at(reader: &mut Reader, address: Option<u64>) {
    let entry = reader.take();
    let fault = ledger::fault(&entry);
    check_eq!(
        (entry.name.as_str(), fault.kind),
        ("server", FaultKind::MEMORY_ACCESS)
    );
    if let Some(address) = address {
        check_eq!(fault.address, address);
    }
    ledger::must_be_done(&entry, Response::HOT_RESTART);
}
