//! The quick way into a LAP and out of it; [`crate::quick`] says when it is taken.
//!
//! Both labels are reached by SYSCALL: RCX holds the return address, R11 the flags, RSP points just
//! past the current thread's frame, and `REFRAIN_USER_RSP` is the user's stack pointer. Nothing is
//! changed before it is certain that the way is free. There are no loops and no calls, so this is
//! left out of the longest stretch with interrupts off.

use core::arch::global_asm;

use abi::layout::LAP_DEPTH_MAX;
use abi::syscall::number;

use super::frame::{FLAG_INTERRUPTS, FLAG_RESERVED, SYSCALL_VECTOR, TrapFrame, at};
use super::tables;
use crate::kernel::LAPS_MAX;
use crate::quick::layout;
use crate::quick::{GATES, PLACES};
use crate::thread::layout as thread;

global_asm!(
    r#"
.section .text.refrain_entry, "ax"

// Into a LAP. The caller's frame is saved but for what the call changes anyway. Registers here:
// R12 thread, R13 its depth, RAX gate, RCX stack, RBX callee, R10 its place, RBP caller, R14 visit.
.balign 16
.global refrain_quick_invoke
refrain_quick_invoke:
    test r8, r8
    jnz refrain_syscall_long
    mov rax, [rip + REFRAIN_USER_RSP]
    mov [rsp - {rsp}], rax
    mov [rsp - {rflags}], r11
    mov [rsp - {rip}], rcx
    mov qword ptr [rsp - {vector}], {syscall_vector}
    mov [rsp - {rbx}], rbx
    mov [rsp - {rbp}], rbp
    mov [rsp - {r8}], r8
    mov [rsp - {r9}], r9
    mov [rsp - {r10}], r10
    mov [rsp - {r12}], r12
    mov [rsp - {r13}], r13
    mov [rsp - {r14}], r14
    mov [rsp - {r15}], r15
    mov r12, [rip + REFRAIN_THREAD]
    cmp byte ptr [r12 + {uses_floating_point}], 0
    jne 2f
    mov r13, [r12 + {depth}]
    cmp r13, {depth_max}
    jae 2f
    mov eax, edi
    cmp eax, {laps_max}
    jae 2f
    shl eax, {gate_shift}
    cmp [rax + {gates} + {gate_key}], rdi
    jne 2f
    mov r9d, [rax + {gates} + {gate_free}]
    bsf ecx, r9d
    jz 2f
    mov rbx, [rax + {gates} + {gate_callee}]
    mov r10d, ebx
    shl r10d, {place_shift}
    cmp [r10 + {places} + {place_key}], rbx
    jne 2f

    lea r8d, [r9 - 1]
    and r8d, r9d
    mov [rax + {gates} + {gate_free}], r8d
    imul r14, r13, {visit_bytes}
    add r14, r12
    mov rbp, [r12 + {here}]
    mov dword ptr [r14 + {visits} + {kind}], {invoke}
    mov dword ptr [r14 + {visits} + {memory}], {none}
    mov [r14 + {visits} + {lap}], rdi
    mov [r14 + {visits} + {callee}], rbx
    mov [r14 + {visits} + {caller}], rbp
    mov [r14 + {visits} + {stack}], ecx
    mov byte ptr [r14 + {visits} + {is_done}], 0
    mov [r12 + {here}], rbx
    inc r13
    mov [r12 + {depth}], r13
    add qword ptr [r12 + {context}], {frame_bytes}
    add qword ptr [rip + REFRAIN_FRAME_END], {frame_bytes}
    add qword ptr [rip + {tables} + {kernel_stack}], {frame_bytes}
    mov r11, [r10 + {places} + {place_root}]
    mov cr3, r11

    mov r14, [rax + {gates} + {gate_stacks}]
    mov rsp, [r14 + rcx*8]
    mov rcx, [rax + {gates} + {gate_entry}]
    mov rdi, [rax + {gates} + {gate_cookie}]
    mov r9, rbp
    xor eax, eax
    xor ebx, ebx
    xor ebp, ebp
    xor r8d, r8d
    xor r10d, r10d
    xor r12d, r12d
    xor r13d, r13d
    xor r14d, r14d
    xor r15d, r15d
    mov r11d, {flags}
    sysretq
2:
    // The long way, with the frame that is there.
    mov qword ptr [rsp - {rax}], {lap_invoke}
    mov qword ptr [rsp - {error_code}], 0
    mov [rsp - {rdx}], rdx
    mov [rsp - {rsi}], rsi
    mov [rsp - {rdi}], rdi
    mov rcx, [rsp - {rip}]
    mov [rsp - {rcx}], rcx
    mov [rsp - {r11}], r11
    lea rdi, [rsp - {frame_bytes}]
    jmp refrain_syscall_saved

// Out of a LAP. The callee's registers are of no use to anybody. Registers here: R8 thread, R9 its
// visit, RBX caller, RAX its place, R10 LAP, R11 its gate, RCX stack.
.balign 16
.global refrain_quick_leave
refrain_quick_leave:
    mov [rsp - {rflags}], r11
    mov [rsp - {rip}], rcx
    mov r8, [rip + REFRAIN_THREAD]
    imul r9, [r8 + {depth}], {visit_bytes}
    test r9, r9
    jz 2f
    add r9, r8
    cmp byte ptr [r8 + {uses_floating_point}], 0
    jne 2f
    cmp dword ptr [r9 + {visits} - {visit_bytes} + {kind}], {invoke}
    jne 2f
    cmp dword ptr [r9 + {visits} - {visit_bytes} + {memory}], {none}
    jne 2f
    mov rbx, [r9 + {visits} - {visit_bytes} + {caller}]
    mov eax, ebx
    shl eax, {place_shift}
    cmp [rax + {places} + {place_key}], rbx
    jne 2f
    mov r10, [r9 + {visits} - {visit_bytes} + {lap}]
    mov r11d, r10d
    shl r11d, {gate_shift}
    cmp [r11 + {gates} + {gate_key}], r10
    jne 2f

    mov ecx, [r9 + {visits} - {visit_bytes} + {stack}]
    mov edx, 1
    shl edx, cl
    or [r11 + {gates} + {gate_free}], edx
    mov [r8 + {here}], rbx
    dec qword ptr [r8 + {depth}]
    sub qword ptr [r8 + {context}], {frame_bytes}
    sub qword ptr [rip + {tables} + {kernel_stack}], {frame_bytes}
    lea rcx, [rsp - {frame_bytes}]
    mov [rip + REFRAIN_FRAME_END], rcx
    mov rax, [rax + {places} + {place_root}]
    mov cr3, rax

    mov rdx, rdi
    mov rdi, rsi
    xor eax, eax
    xor esi, esi
    mov r15, [rcx - {r15}]
    mov r14, [rcx - {r14}]
    mov r13, [rcx - {r13}]
    mov r12, [rcx - {r12}]
    mov r10, [rcx - {r10}]
    mov r9, [rcx - {r9}]
    mov r8, [rcx - {r8}]
    mov rbp, [rcx - {rbp}]
    mov rbx, [rcx - {rbx}]
    mov r11, [rcx - {rflags}]
    mov rsp, [rcx - {rsp}]
    mov rcx, [rcx - {rip}]
    sysretq
2:
    mov r11, [rsp - {rflags}]
    mov rcx, [rsp - {rip}]
    mov eax, {lap_return}
    xor ebx, ebx
    xor r8d, r8d
    xor r9d, r9d
    xor r10d, r10d
    jmp refrain_syscall_long
"#,
    rsp = const at!(rsp),
    rflags = const at!(rflags),
    rip = const at!(rip),
    error_code = const at!(error_code),
    vector = const at!(vector),
    rax = const at!(rax),
    rbx = const at!(rbx),
    rcx = const at!(rcx),
    rdx = const at!(rdx),
    rsi = const at!(rsi),
    rdi = const at!(rdi),
    rbp = const at!(rbp),
    r8 = const at!(r8),
    r9 = const at!(r9),
    r10 = const at!(r10),
    r11 = const at!(r11),
    r12 = const at!(r12),
    r13 = const at!(r13),
    r14 = const at!(r14),
    r15 = const at!(r15),
    frame_bytes = const size_of::<TrapFrame>(),
    flags = const FLAG_INTERRUPTS | FLAG_RESERVED,
    syscall_vector = const SYSCALL_VECTOR,
    lap_invoke = const number::lap_invoke,
    lap_return = const number::lap_return,
    laps_max = const LAPS_MAX,
    depth_max = const LAP_DEPTH_MAX,
    gates = sym GATES,
    gate_shift = const layout::GATE_SHIFT,
    gate_key = const layout::GATE_KEY,
    gate_free = const layout::GATE_FREE,
    gate_callee = const layout::GATE_CALLEE,
    gate_entry = const layout::GATE_ENTRY,
    gate_cookie = const layout::GATE_COOKIE,
    gate_stacks = const layout::GATE_STACKS,
    places = sym PLACES,
    place_shift = const layout::PLACE_SHIFT,
    place_key = const layout::PLACE_KEY,
    place_root = const layout::PLACE_ROOT,
    uses_floating_point = const thread::USES_FLOATING_POINT,
    depth = const thread::DEPTH,
    here = const thread::HERE,
    context = const thread::CONTEXT,
    visits = const thread::VISITS,
    visit_bytes = const thread::VISIT_BYTES,
    kind = const thread::VISIT_KIND,
    invoke = const thread::KIND_INVOKE,
    lap = const thread::VISIT_LAP,
    callee = const thread::VISIT_CALLEE,
    caller = const thread::VISIT_CALLER,
    stack = const thread::VISIT_STACK,
    memory = const thread::VISIT_MEMORY,
    none = const thread::MEMORY_NONE,
    is_done = const thread::VISIT_IS_DONE,
    tables = sym tables::TABLES,
    kernel_stack = const tables::KERNEL_STACK,
);
