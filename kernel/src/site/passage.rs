//! The way from one kernel to the next, on memory that neither can have damaged.
//!
//! Everything the next kernel is made of is checked first. What fails its check sends the site
//! through the firmware instead.

use abi::epitaph::RebootCause;
use bootloader_api::BootInfo;

use super::note::Found;
use super::reboot::{announce, reboot, withdraw};
use super::record::{Header, LastWords, SiteRecord, UNKNOWN};
use super::verdict::{Stage, Verdict, verdict};
use super::{keep, quiesce};
use crate::arch::{clock, cpu};
use crate::mm::{Frame, direct, kernel_map};
use crate::recording;

/// Reboots there may be if the record that says so is damaged.
const REBOOTS: u32 = 2;

/// Goes the way; returns what the loader told the first kernel.
///
/// # Safety
/// For the trampoline only, with the tables and the stack that were set aside.
pub unsafe extern "C" fn passage(record: *mut SiteRecord) -> *const BootInfo {
    // SAFETY: The anchor says where it is; the kernel that used it is gone.
    let record = unsafe { &mut *record };
    quiesce::all();
    cpu::ask_for_checksum();
    // SAFETY: The record's own memory.
    let header = match unsafe { checked(record) } {
        Ok(header) => header,
        Err(cause) => give_up(record, cause, REBOOTS),
    };
    let now = clock::time_at(clock::counter(), header.clock);
    let cause = match record.epitaph.read() {
        Found::Whole(LastWords { epitaph, .. }) => epitaph.cause,
        Found::Free | Found::Damaged => UNKNOWN,
    };
    let live = &mut record.live;
    if live.stage == Stage::ENTERED {
        // This reset was announced when it was entered, and is announced below.
        withdraw();
    }
    match verdict(live.stage, cause, &live.times, header.limits, now) {
        Verdict::Restart => {}
        Verdict::Reboot(cause) => give_up(record, cause, header.limits.reboots),
    }
    // Should an exception come from here on, the CPU resets the machine: that counts.
    announce(RebootCause::UNFINISHED, header.limits.reboots);
    live.stage = Stage::ENTERED;
    live.times.note(now);
    // SAFETY: The kernel whose data these were is gone, and they were just found to be right.
    unsafe { restore(&header) };
    direct::at(header.boot).cast::<BootInfo>()
}

/// Resets the machine. The next kernel will know nothing of this one: its last words are told here.
fn give_up(record: &SiteRecord, cause: RebootCause, limit: u32) -> ! {
    if let Found::Whole(LastWords { epitaph, .. }) = record.epitaph.read() {
        recording::tell_epitaph_of_the_dead(epitaph);
    }
    reboot(cause, limit)
}

/// Nothing was set aside: the kernel ended before its first start was through.
///
/// # Safety
/// For the trampoline only.
pub unsafe extern "C" fn nowhere() -> ! {
    reboot(RebootCause::UNFINISHED, REBOOTS)
}

/// The header, if all that the next kernel is made of is what it was.
unsafe fn checked(record: &SiteRecord) -> Result<Header, RebootCause> {
    let header = match record.header.read() {
        Found::Whole(header) if record.is_ours() => header,
        _ => return Err(RebootCause::RECORD),
    };
    if record.live.generations().is_none() {
        return Err(RebootCause::RECORD);
    }
    let boot = Frame::containing(header.boot).unwrap_or(Frame(0));
    let (text, text_bytes) = kernel_map::constant_part();
    let (_, data_bytes, _) = kernel_map::data_part();
    // SAFETY: What the header says is where it was put: its checksum is right.
    unsafe {
        if keep::boot_check(boot) != header.boot_check {
            return Err(RebootCause::RECORD);
        }
        let text = core::ptr::with_exposed_provenance(text as usize);
        if cpu::checksum_of(text, text_bytes) != header.text {
            return Err(RebootCause::TEXT);
        }
        let copy = direct::at(header.data);
        if header.data_bytes != data_bytes as u64
            || cpu::checksum_of(copy, data_bytes) != header.data_check
        {
            return Err(RebootCause::DATA);
        }
    }
    Ok(header)
}

/// Gives the kernel the data back that it had at its first start.
unsafe fn restore(header: &Header) {
    let (start, bytes, zeroes) = kernel_map::data_part();
    let to = start as usize;
    // SAFETY: The tables set aside map all of the data, and nothing uses them. Whole words: see the
    // linker's script.
    unsafe {
        core::arch::asm!(
            "rep movsq",
            inout("rcx") bytes / 8 => _,
            inout("rsi") direct::at(header.data) => _,
            inout("rdi") to => _,
            options(nostack, preserves_flags),
        );
        core::arch::asm!(
            "rep stosq",
            inout("rcx") zeroes / 8 => _,
            inout("rdi") to + bytes => _,
            in("rax") 0,
            options(nostack, preserves_flags),
        );
    }
}
