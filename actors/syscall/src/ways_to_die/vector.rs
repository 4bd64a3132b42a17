//! Vector registers, to find out whether the kernel keeps them apart.
//!
//! Actors are compiled without them (the target is soft-float), so what is in them is what this
//! file put there, unless the kernel let somebody else's values through.

use core::arch::global_asm;

use abi::syscall::{number, pack_lengths};
use abi::{PortId, Span};

// refrain_vector_watch(rdi: pattern, rsi: rounds) -> rax: rounds in which a register had changed.
//
// Fills xmm0 to xmm15 with values made from the pattern, and MXCSR's rounding bits with two bits
// of it; then checks them all `rounds` times, and puts MXCSR back to its first value.
global_asm!(
    ".pushsection .text.refrain_vector_watch, \"ax\"",
    ".balign 16",
    ".type refrain_vector_watch, @function",
    "refrain_vector_watch:",
    "push rbx",
    "sub rsp, 16",
    // The rounding mode, bits 13 and 14 of MXCSR, from the pattern's lowest two bits.
    "mov eax, edi",
    "and eax, 3",
    "shl eax, 13",
    "or eax, 0x1f80",
    "mov dword ptr [rsp + 8], eax",
    "ldmxcsr dword ptr [rsp + 8]",
    // Register n holds pattern + n in both halves.
    "mov rbx, rdi",
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    "movq xmm\\n, rbx",
    "punpcklqdq xmm\\n, xmm\\n",
    "inc rbx",
    ".endr",
    "xor eax, eax",
    "2:",
    "mov rbx, rdi",
    "xor ecx, ecx",
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    "movq rdx, xmm\\n",
    "xor rdx, rbx",
    "or rcx, rdx",
    "pshufd xmm\\n, xmm\\n, 0x4e",
    "movq rdx, xmm\\n",
    "xor rdx, rbx",
    "or rcx, rdx",
    "inc rbx",
    ".endr",
    "stmxcsr dword ptr [rsp]",
    "mov edx, dword ptr [rsp]",
    "xor edx, dword ptr [rsp + 8]",
    "or rcx, rdx",
    "cmp rcx, 1",
    "sbb rdx, rdx", // -1 when nothing had changed
    "lea rax, [rax + rdx + 1]",
    "dec rsi",
    "jnz 2b",
    "mov dword ptr [rsp], 0x1f80",
    "ldmxcsr dword ptr [rsp]",
    "add rsp, 16",
    "pop rbx",
    "ret",
    ".size refrain_vector_watch, . - refrain_vector_watch",
    ".popsection",
);

unsafe extern "C" {
    fn refrain_vector_watch(pattern: u64, rounds: u64) -> u64;
}

/// Fills the vector registers from `pattern` and looks at them `rounds` times (at least once).
/// Returns in how many rounds one of them had changed.
#[must_use]
pub fn watch(pattern: u64, rounds: u64) -> u64 {
    // SAFETY: follows the C calling convention. It changes vector registers, which no compiled
    // code of this target uses, and puts MXCSR back.
    unsafe { refrain_vector_watch(pattern, rounds.max(1)) }
}

// refrain_vector_over(rdi: pattern, rsi: number and arguments) -> rax: zero if nothing had changed.
//
// Fills xmm0 to xmm15 as above, makes a syscall, and looks at them once.
global_asm!(
    ".pushsection .text.refrain_vector_over, \"ax\"",
    ".balign 16",
    ".type refrain_vector_over, @function",
    "refrain_vector_over:",
    "push rbx",
    "push r12",
    "mov r12, rdi",
    "mov rbx, rdi",
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    "movq xmm\\n, rbx",
    "punpcklqdq xmm\\n, xmm\\n",
    "inc rbx",
    ".endr",
    "mov rax, [rsi]",
    "mov rdi, [rsi + 8]",
    "mov rdx, [rsi + 24]",
    "mov r10, [rsi + 32]",
    "mov r8, [rsi + 40]",
    "mov r9, [rsi + 48]",
    "mov rsi, [rsi + 16]",
    "syscall",
    "xor eax, eax",
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    "movq rdx, xmm\\n",
    "xor rdx, r12",
    "or rax, rdx",
    "pshufd xmm\\n, xmm\\n, 0x4e",
    "movq rdx, xmm\\n",
    "xor rdx, r12",
    "or rax, rdx",
    "inc r12",
    ".endr",
    "pop r12",
    "pop rbx",
    "ret",
    ".size refrain_vector_over, . - refrain_vector_over",
    ".popsection",
);

unsafe extern "C" {
    fn refrain_vector_over(pattern: u64, call: *const [u64; 7]) -> u64;
}

/// Fills the vector registers from `pattern`, calls a port with a request of eight bytes, and tells
/// whether they are unchanged after that.
#[must_use]
pub fn is_kept_over_call(pattern: u64, port: PortId, timeout: Span) -> bool {
    let request = [0xff_u8; 8];
    let mut reply = [0_u8; 8];
    let call = [
        number::call,
        port.raw(),
        request.as_ptr().expose_provenance() as u64,
        reply.as_mut_ptr().expose_provenance() as u64,
        pack_lengths(request.len(), reply.len()),
        timeout.0,
        0,
    ];
    // SAFETY: follows the C calling convention; the memory is ours. It changes vector registers,
    // which no compiled code of this target uses.
    let changed = unsafe { refrain_vector_over(pattern, &raw const call) };
    core::hint::black_box(&mut reply);
    changed == 0
}

// refrain_vector_sum() -> rax: zero if every vector register is zero and MXCSR is at its default.
global_asm!(
    ".pushsection .text.refrain_vector_sum, \"ax\"",
    ".balign 16",
    ".type refrain_vector_sum, @function",
    "refrain_vector_sum:",
    "xor eax, eax",
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    "movq rdx, xmm\\n",
    "or rax, rdx",
    "pshufd xmm\\n, xmm\\n, 0x4e",
    "movq rdx, xmm\\n",
    "or rax, rdx",
    ".endr",
    "sub rsp, 8",
    "stmxcsr dword ptr [rsp]",
    "mov edx, dword ptr [rsp]",
    "add rsp, 8",
    "xor edx, 0x1f80",
    "or rax, rdx",
    "ret",
    ".size refrain_vector_sum, . - refrain_vector_sum",
    ".popsection",
);

unsafe extern "C" {
    fn refrain_vector_sum() -> u64;
}

/// Tells whether the vector registers are as a new thread must find them: nobody's values in them.
#[must_use]
pub fn is_clear() -> bool {
    // SAFETY: follows the C calling convention, and changes nothing that compiled code uses.
    unsafe { refrain_vector_sum() == 0 }
}
