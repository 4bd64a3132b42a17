//! Looking at memory that may not be there, with the help of an exception handler.
//!
//! [`read`] and [`write`] touch one address. If that is a fault, the actor's exception handler can
//! answer [`verdict`], and they return that there is nothing. Without such a handler they are a
//! failure of the actor, as any other access would be.

use core::arch::global_asm;

use abi::FaultRecord;

use crate::handler::{Skip, Verdict};

// refrain_probe_read(rdi: address, rsi: byte found) -> rax: whether it could be read
// refrain_probe_write(rdi: address, sil: byte) -> rax: whether it could be written
//
// Each has one instruction that may fault. What follows it sets the result, and is skipped with
// it. Those two places have names, for `verdict`.
global_asm!(
    ".pushsection .text.refrain_probe, \"ax\"",
    ".balign 16",
    ".type refrain_probe_read, @function",
    "refrain_probe_read:",
    "xor eax, eax",
    ".globl refrain_probe_read_try",
    "refrain_probe_read_try:",
    "mov cl, byte ptr [rdi]",
    "mov byte ptr [rsi], cl",
    "inc eax",
    ".globl refrain_probe_read_end",
    "refrain_probe_read_end:",
    "ret",
    ".size refrain_probe_read, . - refrain_probe_read",
    ".balign 16",
    ".type refrain_probe_write, @function",
    "refrain_probe_write:",
    "xor eax, eax",
    ".globl refrain_probe_write_try",
    "refrain_probe_write_try:",
    "mov byte ptr [rdi], sil",
    "inc eax",
    ".globl refrain_probe_write_end",
    "refrain_probe_write_end:",
    "ret",
    ".size refrain_probe_write, . - refrain_probe_write",
    ".popsection",
);

unsafe extern "C" {
    fn refrain_probe_read(address: u64, found: *mut u8) -> u64;
    fn refrain_probe_write(address: u64, byte: u64) -> u64;
    static refrain_probe_read_try: u8;
    static refrain_probe_read_end: u8;
    static refrain_probe_write_try: u8;
    static refrain_probe_write_end: u8;
}

/// Reads a byte that may not be there.
#[must_use]
pub fn read(address: u64) -> Option<u8> {
    let mut found = 0;
    // SAFETY: follows the C calling convention. Reads a byte, if it can, and writes `found`.
    let is_there = unsafe { refrain_probe_read(address, &raw mut found) } != 0;
    is_there.then_some(found)
}

/// Writes a byte to memory that may not be there; returns whether it is. The address must not be
/// one of this actor's own memory.
#[must_use]
pub fn write(address: u64, byte: u8) -> bool {
    // SAFETY: follows the C calling convention. The address is none that Rust knows a value at, so
    // nothing can see the write.
    unsafe { refrain_probe_write(address, u64::from(byte)) != 0 }
}

/// What an exception handler should say about an exception, as far as probes go: to skip the
/// access if it is one of theirs, else to decline.
#[must_use]
pub fn verdict(fault: &FaultRecord) -> Verdict {
    let probes = [
        (
            &raw const refrain_probe_read_try,
            &raw const refrain_probe_read_end,
        ),
        (
            &raw const refrain_probe_write_try,
            &raw const refrain_probe_write_end,
        ),
    ];
    for (start, end) in probes {
        let (start, end) = (start.addr() as u64, end.addr() as u64);
        if fault.registers.rip == start {
            // SAFETY: the code above copes with that: the result says that there was nothing.
            return Verdict::Skip(unsafe { Skip::bytes(end - start) });
        }
    }
    Verdict::Decline
}
