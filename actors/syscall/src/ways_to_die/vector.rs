//! Vector registers, to find out whether the kernel keeps them apart.
//!
//! Actors are compiled without them (the target is soft-float), so what is in them is what this
//! file put there, unless the kernel let somebody else's values through.

use core::arch::global_asm;

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
