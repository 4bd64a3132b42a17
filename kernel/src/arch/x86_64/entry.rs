//! The ways into the kernel and back out of it.
//!
//! All of them leave a [`TrapFrame`] and call one of two Rust functions, which return the frame to
//! continue with: that of the same thread or of another. There is no other context switch.
//!
//! - From ring 3, by interrupt or SYSCALL, the frame is written straight into the current
//!   thread's own record: TSS.RSP0 and `CURRENT_FRAME_END` point just past it. The kernel then
//!   runs on the one CPU stack with interrupts off. So a user thread never has anything on a
//!   kernel stack: whatever it is doing, its state is its frame, and freezing it needs no waiting.
//! - From ring 0, by an interrupt (only kernel threads run with interrupts on), the frame is on
//!   the kernel thread's own stack, and the kernel continues on the CPU stack.
//! - An exception in ring 0 is a kernel bug; it stays on the stack it came on and does not return,
//!   but for an NMI that turns out to be none of its doing.
//!
//! One CPU: the two pointers are plain statics, and SWAPGS is not needed.

use core::arch::{asm, global_asm, naked_asm};
use core::mem::offset_of;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use abi::syscall::number;

use super::frame::{SYSCALL_VECTOR, TrapFrame, USER_CODE, USER_DATA, at};
use super::tables;
use crate::thread::Thread;

/// The vector a kernel thread raises to give up the CPU.
pub const RESCHEDULE_VECTOR: u8 = 0x81;

/// The first of the sixteen vectors that ring 3 may raise to trap.
pub const TRAP_VECTOR: u8 = 0x90;

/// Size of the CPU stack on which handlers run. Handlers nest nothing and recurse nowhere; the
/// deepest is the formatting of a log line, far below this.
const CPU_STACK_BYTES: usize = 64 * 1024;

/// The CPU stack, above a page that is never mapped: running over its end is a double fault, on a
/// stack of its own, and not a silent change of whatever lies below.
#[repr(C, align(4096))]
struct CpuStack {
    guard: [u8; GUARD_BYTES],
    stack: [u8; CPU_STACK_BYTES],
}

/// Size of the unmapped part below a stack.
const GUARD_BYTES: usize = 4096;

#[unsafe(no_mangle)]
static mut REFRAIN_CPU_STACK: CpuStack = CpuStack {
    guard: [0; GUARD_BYTES],
    stack: [0; CPU_STACK_BYTES],
};

/// The address of the page below the CPU stack.
#[must_use]
pub fn guard() -> u64 {
    &raw const REFRAIN_CPU_STACK as u64
}

#[unsafe(no_mangle)]
static REFRAIN_FRAME_END: AtomicU64 = AtomicU64::new(0);

#[unsafe(no_mangle)]
static REFRAIN_USER_RSP: AtomicU64 = AtomicU64::new(0);

#[unsafe(no_mangle)]
static REFRAIN_THREAD: AtomicPtr<Thread> = AtomicPtr::new(core::ptr::null_mut());

/// The thread to which the next entry from ring 3 belongs.
#[must_use]
pub fn current() -> *mut Thread {
    REFRAIN_THREAD.load(Ordering::Relaxed)
}

/// Directs the next entry from ring 3 into the frame at which `thread` continues.
///
/// # Safety
/// It is the thread that runs next, a user thread, and stays where it is while it exists.
pub unsafe fn set_current(thread: &mut Thread) {
    let frame = thread.context;
    REFRAIN_THREAD.store(thread, Ordering::Relaxed);
    // SAFETY: One past the frame is still within its allocation's bounds.
    let end = unsafe { frame.add(1) } as u64;
    REFRAIN_FRAME_END.store(end, Ordering::Relaxed);
    tables::set_kernel_stack(end);
}

global_asm!(
    r#"
.section .text.refrain_entry, "ax"

// SYSCALL: RCX holds the return address, R11 the flags; interrupts are off by SFMASK.
.balign 16
.global refrain_syscall_entry
refrain_syscall_entry:
    cmp rax, {nop}
    je 8f
    mov [rip + REFRAIN_USER_RSP], rsp
    mov rsp, [rip + REFRAIN_FRAME_END]
    cmp rax, {lap_invoke}
    je refrain_quick_invoke
    cmp rax, {lap_return}
    je refrain_quick_leave
    cmp rax, {call}
    je 6f
    cmp rax, {reply_receive}
    je 7f
.global refrain_syscall_long
refrain_syscall_long:
    push {user_data}
    push qword ptr [rip + REFRAIN_USER_RSP]
    push r11
    push {user_code}
    push rcx
    push 0
    push {syscall_vector}
    push rax
    push rbx
    push rcx
    push rdx
    push rsi
    push rdi
    push rbp
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    mov rdi, rsp
.global refrain_syscall_saved
refrain_syscall_saved:
    lea rsp, [rip + REFRAIN_CPU_STACK + {stack_bytes}]
    call {syscall}
    jmp refrain_resume
    // RAX is the frame to continue with.
.global refrain_resume
refrain_resume:
    mov rsp, rax
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rbp
    pop rdi
    pop rsi
    pop rdx
    cmp qword ptr [rsp + 24], {syscall_vector}
    jne 2f
    // Left by SYSRET: RCX and R11 take what the frame holds as RIP and RFLAGS.
    pop rcx
    pop rbx
    pop rax
    mov rcx, [rsp + 16]
    mov r11, [rsp + 32]
    mov rsp, [rsp + 40]
    sysretq
2:
    pop rcx
    pop rbx
    pop rax
    add rsp, 16
    iretq

// What can be handed over: the frame is saved but for what the call changes anyway, and what is the
// same in every frame of a SYSCALL. The arguments stay in registers.
.macro refrain_hand_over
    mov [rsp - {at_rip}], rcx
    mov [rsp - {at_rflags}], r11
    mov rcx, [rip + REFRAIN_USER_RSP]
    mov [rsp - {at_rsp}], rcx
    mov qword ptr [rsp - {at_vector}], {syscall_vector}
    mov [rsp - {at_rdi}], rdi
    mov [rsp - {at_rsi}], rsi
    mov [rsp - {at_rdx}], rdx
    mov [rsp - {at_rbx}], rbx
    mov [rsp - {at_rbp}], rbp
    mov [rsp - {at_r8}], r8
    mov [rsp - {at_r9}], r9
    mov [rsp - {at_r10}], r10
    mov [rsp - {at_r12}], r12
    mov [rsp - {at_r13}], r13
    mov [rsp - {at_r14}], r14
    mov [rsp - {at_r15}], r15
    mov rcx, r10
    lea rsp, [rip + REFRAIN_CPU_STACK + {stack_bytes}]
.endm
6:
    refrain_hand_over
    call {hand_over_call}
7:
    refrain_hand_over
    call {hand_over_reply}

// The long way of what could not be handed over: what is missing in the frame.
.global refrain_call_long
refrain_call_long:
    mov eax, {call}
    jmp 9f
.global refrain_reply_long
refrain_reply_long:
    mov eax, {reply_receive}
9:
    mov rdi, [rip + REFRAIN_FRAME_END]
    mov [rdi - {at_rax}], rax
    mov rcx, [rdi - {at_rip}]
    mov [rdi - {at_rcx}], rcx
    mov r11, [rdi - {at_rflags}]
    mov [rdi - {at_r11}], r11
    mov qword ptr [rdi - {at_error_code}], 0
    sub rdi, {frame_bytes}
    jmp refrain_syscall_saved

// Continues with a thread that was handed something, RDX, RDI and RSI. RAX is its frame.
.global refrain_resume_handed
refrain_resume_handed:
    mov r15, [rax + {r15}]
    mov r14, [rax + {r14}]
    mov r13, [rax + {r13}]
    mov r12, [rax + {r12}]
    mov r10, [rax + {r10}]
    mov r9, [rax + {r9}]
    mov r8, [rax + {r8}]
    mov rbp, [rax + {rbp}]
    mov rbx, [rax + {rbx}]
    mov rcx, [rax + {rip}]
    mov r11, [rax + {rflags}]
    mov rsp, [rax + {rsp}]
    xor eax, eax
    sysretq
8:
    // Nothing is to be done: RAX is the status already, the results are nothing.
    xor edx, edx
    xor edi, edi
    xor esi, esi
    sysretq

.balign 16
refrain_trap:
    push rax
    push rbx
    push rcx
    push rdx
    push rsi
    push rdi
    push rbp
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    cld
    mov rdi, rsp
    test byte ptr [rsp + 18*8], 3
    jnz 3f
    cmp qword ptr [rsp + 15*8], 32
    jb 4f
3:
    lea rsp, [rip + REFRAIN_CPU_STACK + {stack_bytes}]
    call {trap}
    jmp refrain_resume
4:
    // An exception in ring 0. A pending single step that fires after SYSCALL is the user's
    // doing (the flag was set when SYSCALL ran): clear it and go on.
    cmp qword ptr [rsp + 15*8], 1
    jne 5f
    and qword ptr [rsp + 19*8], ~0x100
    mov rax, rsp
    jmp refrain_resume
5:
    and rsp, -16
    call {kernel_exception}
    jmp refrain_resume
"#,
    user_data = const USER_DATA,
    user_code = const USER_CODE,
    syscall_vector = const SYSCALL_VECTOR,
    stack_bytes = const GUARD_BYTES + CPU_STACK_BYTES,
    nop = const number::nop,
    call = const number::call,
    reply_receive = const number::reply_receive,
    at_rip = const at!(rip),
    at_rflags = const at!(rflags),
    at_rsp = const at!(rsp),
    at_vector = const at!(vector),
    at_error_code = const at!(error_code),
    at_rax = const at!(rax),
    at_rcx = const at!(rcx),
    at_rdi = const at!(rdi),
    at_rsi = const at!(rsi),
    at_rdx = const at!(rdx),
    at_rbx = const at!(rbx),
    at_rbp = const at!(rbp),
    at_r8 = const at!(r8),
    at_r9 = const at!(r9),
    at_r10 = const at!(r10),
    at_r11 = const at!(r11),
    at_r12 = const at!(r12),
    at_r13 = const at!(r13),
    at_r14 = const at!(r14),
    at_r15 = const at!(r15),
    rip = const offset_of!(TrapFrame, rip),
    rflags = const offset_of!(TrapFrame, rflags),
    rsp = const offset_of!(TrapFrame, rsp),
    rbx = const offset_of!(TrapFrame, rbx),
    rbp = const offset_of!(TrapFrame, rbp),
    r8 = const offset_of!(TrapFrame, r8),
    r9 = const offset_of!(TrapFrame, r9),
    r10 = const offset_of!(TrapFrame, r10),
    r12 = const offset_of!(TrapFrame, r12),
    r13 = const offset_of!(TrapFrame, r13),
    r14 = const offset_of!(TrapFrame, r14),
    r15 = const offset_of!(TrapFrame, r15),
    frame_bytes = const size_of::<TrapFrame>(),
    hand_over_call = sym crate::handoff::call,
    hand_over_reply = sym crate::handoff::reply_receive,
    lap_invoke = const number::lap_invoke,
    lap_return = const number::lap_return,
    syscall = sym crate::trap::syscall,
    trap = sym crate::trap::trap,
    kernel_exception = sym crate::trap::kernel_exception,
);

unsafe extern "C" {
    /// Where SYSCALL enters.
    pub safe fn refrain_syscall_entry();
    fn refrain_trap();
}

/// What a thread is told that waited in a syscall.
#[derive(Clone, Copy, Debug)]
pub struct Handed {
    /// Its frame.
    pub frame: *mut TrapFrame,
    /// The results of its syscall, which has succeeded.
    pub results: [u64; 3],
}

/// Continues with a thread that was handed something, and never returns.
///
/// # Safety
/// It is the current thread by now, in its address space, and nothing on the present stack is needed
/// again.
#[inline(always)]
pub unsafe fn go_on(handed: Handed) -> ! {
    let [first, second, third] = handed.results;
    // SAFETY: As the caller promises.
    unsafe {
        asm!(
            "jmp refrain_resume_handed",
            in("rax") handed.frame,
            in("rdx") first,
            in("rdi") second,
            in("rsi") third,
            options(noreturn),
        )
    }
}

/// Makes the current thread's call as if nothing had been tried yet, and never returns.
///
/// # Safety
/// It made a call; nothing was changed; and nothing on the present stack is needed again.
#[inline(always)]
pub unsafe fn call_long_way() -> ! {
    // SAFETY: As the caller promises.
    unsafe { asm!("jmp refrain_call_long", options(noreturn)) }
}

/// The same for an answer.
///
/// # Safety
/// As for [`call_long_way`], with `reply_receive`.
#[inline(always)]
pub unsafe fn answer_long_way() -> ! {
    // SAFETY: As the caller promises.
    unsafe { asm!("jmp refrain_reply_long", options(noreturn)) }
}

/// Continues with a frame and never returns: how the first thread starts.
///
/// # Safety
/// The frame is that of the current thread, and nothing on the present stack is needed again.
#[unsafe(naked)]
pub unsafe extern "C" fn resume(frame: *mut TrapFrame) -> ! {
    naked_asm!("mov rax, rdi", "jmp refrain_resume")
}

/// Goes on with `next(first, second)` on the CPU stack, and never returns: how the kernel leaves
/// the stack of whoever loaded it.
///
/// # Safety
/// Nothing on the present stack is needed again but what the arguments point to, and those only
/// until the loader's mappings go.
#[unsafe(naked)]
pub unsafe extern "C" fn on_cpu_stack(
    first: *const (),
    second: *const (),
    next: extern "C" fn(*const (), *const ()) -> !,
) -> ! {
    naked_asm!(
        "lea rsp, [rip + REFRAIN_CPU_STACK + {stack_bytes}]",
        "xor ebp, ebp",
        "call rdx",
        "ud2",
        stack_bytes = const GUARD_BYTES + CPU_STACK_BYTES,
    )
}

/// The entry of one vector: completes what the CPU pushed to a whole frame.
#[unsafe(naked)]
extern "C" fn stub<const VECTOR: u64>() {
    naked_asm!(
        // Vectors 8, 10 to 14, 17, 21, 29 and 30 come with an error code
        // (Intel SDM vol. 3A, table 6-1).
        ".if !(({vector} == 8) || (({vector} >= 10) && ({vector} <= 14)) || ({vector} == 17) || ({vector} == 21) || ({vector} == 29) || ({vector} == 30))",
        "push 0",
        ".endif",
        "push {vector}",
        "jmp {trap}",
        vector = const VECTOR,
        trap = sym refrain_trap,
    )
}

macro_rules! stubs {
    ($($vector:literal)*) => {
        [$(($vector, stub::<$vector> as extern "C" fn())),*]
    };
}

/// Every vector we take, with its entry.
pub const STUBS: [(u8, extern "C" fn()); 65] = stubs!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
    32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47
    0x81
    0x90 0x91 0x92 0x93 0x94 0x95 0x96 0x97 0x98 0x99 0x9a 0x9b 0x9c 0x9d 0x9e 0x9f
);
