//! A stack apart: for code that may be given up in the middle.
//!
//! One kernel thread may leave its stack for another one ([`run`]), do something there with
//! interrupts on, and come back. Whatever happens there, it comes back: when the code there
//! panics or has an exception (running over the end of the stack is one), or when the tick finds
//! that it takes too long, the stack is given up as it is, and the thread goes on as if the code
//! had returned. Nothing is unwound: this is for code that holds nothing.
//!
//! Who is there is seen from the stack pointer. An interrupt that comes in between is served on
//! the CPU's stack, so a bug of the kernel in its handler is not taken for one of the code here.

use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use abi::layout::PAGE_BYTES;

use super::frame::TrapFrame;

/// Why the code apart did not come to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GivenUp {
    /// It panicked, or had an exception.
    Failed,
    /// It took too long.
    TooLong,
}

const RETURNED: u64 = 0;
const FAILED: u64 = 1;
const TOO_LONG: u64 = 2;

/// The stack apart: its lowest and its highest address. Below it is a page that is not mapped.
static BOTTOM: AtomicU64 = AtomicU64::new(0);
static TOP: AtomicU64 = AtomicU64::new(0);

/// Where on its own stack the thread goes on that is apart; 0 for none.
#[unsafe(no_mangle)]
static REFRAIN_APART_RETURN: AtomicU64 = AtomicU64::new(0);

/// Ticks that have found the code apart.
static TICKS: AtomicU32 = AtomicU32::new(0);

global_asm!(
    r#"
.section .text.refrain_apart, "ax"

// RDI: the argument; RSI: the code; RDX: the top of the stack apart.
.balign 16
refrain_apart_enter:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    mov [rip + REFRAIN_APART_RETURN], rsp
    mov rsp, rdx
    xor ebp, ebp
    call rsi
    xor eax, eax
    mov rsp, [rip + REFRAIN_APART_RETURN]
// RSP: what was kept above; RAX: how it ended.
refrain_apart_leave:
    mov qword ptr [rip + REFRAIN_APART_RETURN], 0
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret

// RDI: how it ended.
refrain_apart_give_up:
    mov rax, rdi
    mov rsp, [rip + REFRAIN_APART_RETURN]
    jmp refrain_apart_leave
"#
);

unsafe extern "C" {
    fn refrain_apart_enter(argument: *mut (), code: extern "C" fn(*mut ()), top: u64) -> u64;
    fn refrain_apart_leave();
    fn refrain_apart_give_up(reason: u64) -> !;
}

/// Tells where the stack is. There is an unmapped page below it.
///
/// # Safety
/// The memory from `bottom` to `top` is mapped, and nobody's, for good.
pub unsafe fn set_stack(bottom: u64, top: u64) {
    BOTTOM.store(bottom, Ordering::Relaxed);
    TOP.store(top, Ordering::Relaxed);
}

/// Runs `code(argument)` on the stack apart, with interrupts on.
///
/// # Errors
/// [`GivenUp`]; then whatever `argument` points to is as the code left it.
///
/// # Safety
/// One thread alone calls this, with interrupts on, on a stack of its own, after [`set_stack`].
/// `code` may be called with `argument`. It may stop at any instruction for ever: it holds no lock,
/// owns no memory but what is on its stack, and nobody has a reference to that.
pub unsafe fn run(code: extern "C" fn(*mut ()), argument: *mut ()) -> Result<(), GivenUp> {
    TICKS.store(0, Ordering::Relaxed);
    // SAFETY: As the caller promises; the stack is free, since this is the only way to it.
    let ended = unsafe { refrain_apart_enter(argument, code, TOP.load(Ordering::Relaxed)) };
    // An exception has turned them off.
    super::cpu::enable();
    match ended {
        RETURNED => Ok(()),
        FAILED => Err(GivenUp::Failed),
        _ => Err(GivenUp::TooLong),
    }
}

/// Whether somebody with this stack pointer is on the stack apart, or ran over its end.
fn is_there(stack_pointer: u64) -> bool {
    let (bottom, top) = (BOTTOM.load(Ordering::Relaxed), TOP.load(Ordering::Relaxed));
    REFRAIN_APART_RETURN.load(Ordering::Relaxed) != 0
        && (bottom - PAGE_BYTES..=top).contains(&stack_pointer)
}

/// Gives up the stack apart if the caller, who has panicked, is on it. Else it returns.
pub fn give_up_if_here() {
    let stack_pointer: u64;
    // SAFETY: Only reads a register.
    unsafe { asm!("mov {}, rsp", out(reg) stack_pointer, options(nomem, nostack)) };
    if is_there(stack_pointer) {
        // SAFETY: The present stack is the one that may be given up, and nothing on it is needed.
        unsafe { refrain_apart_give_up(FAILED) }
    }
}

/// Gives up the stack apart if an exception came from there. Else it returns.
pub fn give_up_if_from(frame: &TrapFrame) {
    if !frame.from_user() && is_there(frame.rsp) {
        // SAFETY: The exception was the code's, on the stack apart; the present stack is that or
        // one of the CPU's for exceptions, and nothing on it is needed again.
        unsafe { refrain_apart_give_up(FAILED) }
    }
}

/// Counts a tick that interrupted a kernel thread, if it was apart. With the `limit`-th, the
/// thread is to go on with the frame that is returned: the stack apart is given up.
pub fn count_tick(interrupted: &TrapFrame, limit: u32) -> Option<TrapFrame> {
    if interrupted.from_user() || !is_there(interrupted.rsp) {
        return None;
    }
    if TICKS.fetch_add(1, Ordering::Relaxed) + 1 < limit {
        return None;
    }
    let leave = refrain_apart_leave as *const () as u64;
    Some(TrapFrame {
        rsp: REFRAIN_APART_RETURN.load(Ordering::Relaxed),
        rax: TOO_LONG,
        ..TrapFrame::kernel(leave, TOP.load(Ordering::Relaxed))
    })
}
