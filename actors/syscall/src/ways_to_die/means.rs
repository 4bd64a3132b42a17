//! The code behind each way to die.
//!
//! Everything that must happen exactly (which address, which instruction) is assembly: a compiler
//! that sees a null pointer or a division by zero may do as it likes.

use core::arch::{asm, naked_asm};
use core::hint;

use abi::syscall::number;

use crate::stub::syscall;
use crate::{call, thread};

/// Not 0 itself, so that a record that shows it was not left empty by accident.
pub(super) const NULL_WRITE_ADDRESS: u64 = 8;
/// The same for reading.
pub(super) const NULL_READ_ADDRESS: u64 = 16;
/// In the upper half, where the kernel is, and where linkers put kernels: mapped or not, an actor
/// must not get at it.
pub(super) const KERNEL_ADDRESS: u64 = 0xffff_ffff_8000_0000;
/// Between the halves of the address space: not canonical (Intel SDM vol. 1, 3.3.7.1).
const NON_CANONICAL_ADDRESS: u64 = 0x0000_8000_0000_0000;
/// A syscall number that is not in the table and will hardly ever be.
const NO_SYSCALL: u64 = 0xffff;
/// The code of an unclean exit.
pub(super) const UNCLEAN_CODE: u64 = 41;

/// Data to jump into: a `ret`, were it executable, so that the jump would come back.
static mut DATA: [u8; 16] = [0xc3; 16];

/// Read-only data to write to.
static READ_ONLY: [u8; 16] = *b"never written to";

pub(super) fn null_write() {
    write_foreign(NULL_WRITE_ADDRESS);
}

/// Writes to address 8 with the time-stamp counter in RAX and RDX.
pub(super) fn stamped_write() -> ! {
    // SAFETY: the address is none that Rust knows a value at, and this does not come back.
    unsafe {
        asm!(
            "rdtsc",
            "mov byte ptr [rcx], 0x55",
            "ud2",
            in("rcx") NULL_WRITE_ADDRESS,
            options(noreturn),
        )
    }
}

pub(super) fn null_read() {
    hint::black_box(read_foreign(NULL_READ_ADDRESS));
}

pub(super) fn null_jump() {
    jump(0);
}

pub(super) fn read_kernel() {
    hint::black_box(read_foreign(KERNEL_ADDRESS));
}

pub(super) fn write_kernel() {
    write_foreign(KERNEL_ADDRESS);
}

pub(super) fn jump_into_kernel() {
    jump(KERNEL_ADDRESS);
}

pub(super) fn jump_into_data() {
    jump(data_address());
}

pub(super) fn write_text() {
    write_foreign(text_address());
}

pub(super) fn write_read_only_data() {
    write_foreign(read_only_address());
}

pub(super) fn non_canonical() {
    hint::black_box(read_foreign(NON_CANONICAL_ADDRESS));
}

pub(super) fn data_address() -> u64 {
    (&raw const DATA).expose_provenance() as u64
}

pub(super) fn text_address() -> u64 {
    text_target as extern "C" fn() as usize as u64
}

pub(super) fn read_only_address() -> u64 {
    READ_ONLY.as_ptr().expose_provenance() as u64
}

/// Code that is there to be written over.
#[unsafe(naked)]
extern "C" fn text_target() {
    naked_asm!("ret")
}

pub(super) fn read_foreign(address: u64) -> u8 {
    let byte: u8;
    // SAFETY: reads one byte, if it can; nothing depends on it.
    unsafe {
        asm!("mov {}, byte ptr [{}]", out(reg_byte) byte, in(reg) address, options(nostack));
    }
    byte
}

pub(super) fn write_foreign(address: u64) {
    // SAFETY: the address is none that Rust knows a value at, so nothing can see the write.
    unsafe { asm!("mov byte ptr [{}], 0x55", in(reg) address, options(nostack)) };
}

pub(super) fn jump(address: u64) -> ! {
    // SAFETY: either faults at once, or comes back with `ret` and faults then.
    unsafe { asm!("call {}", "ud2", in(reg) address, options(noreturn)) }
}

pub(super) fn divide_by_zero() {
    // SAFETY: changes registers only, if it does.
    unsafe {
        asm!(
            "xor edx, edx",
            "mov eax, 1",
            "xor ecx, ecx",
            "div ecx",
            out("eax") _, out("ecx") _, out("edx") _,
            options(nostack),
        );
    }
}

pub(super) fn stack_overflow() {
    hint::black_box(use_stack(usize::MAX));
}

/// Recurses, a page a level, until so many bytes are used.
#[inline(never)]
pub(super) fn use_stack(bytes: usize) -> u64 {
    const FRAME: usize = 4096;
    let mut frame = [0_u8; FRAME];
    let frame = hint::black_box(&mut frame);
    let here = frame.as_ptr().addr() as u64;
    let lowest = match bytes.checked_sub(FRAME) {
        Some(rest) => use_stack(rest),
        None => here,
    };
    // Used after the call, so that the frame lives until then.
    hint::black_box(frame);
    lowest
}

pub(super) fn leave_below_stack(word: u64, bytes: usize) {
    // SAFETY: below the stack pointer is memory of the stack that nothing uses.
    unsafe {
        asm!(
            "lea rdi, [rsp - 8]",
            "std",
            "rep stosq",
            "cld",
            in("rax") word,
            inout("rcx") bytes / 8 => _,
            out("rdi") _,
            options(nostack),
        );
    }
}

pub(super) fn is_below_stack(word: u64, bytes: usize) -> bool {
    let found: u8;
    // SAFETY: only reads, below the stack pointer.
    unsafe {
        asm!(
            "lea rdi, [rsp - 8]",
            "std",
            // Clears ZF, in case the count is zero.
            "test rdi, rdi",
            "repne scasq",
            "cld",
            "sete {found}",
            found = out(reg_byte) found,
            in("rax") word,
            inout("rcx") bytes / 8 => _,
            out("rdi") _,
            options(nostack),
        );
    }
    found != 0
}

pub(super) fn panic() {
    panic!("as told")
}

pub(super) fn unclean_exit() {
    call::sys_exit(UNCLEAN_CODE);
}

pub(super) fn illegal_instruction() {
    // SAFETY: faults.
    unsafe { asm!("ud2", options(nostack)) };
}

pub(super) fn privileged() {
    // SAFETY: faults, or waits for an interrupt.
    unsafe { asm!("hlt", options(nostack)) };
}

pub(super) fn interrupts_off() {
    // SAFETY: faults, or does what only the kernel sees.
    unsafe { asm!("cli", options(nostack)) };
}

pub(super) fn control_register() {
    // SAFETY: faults, or writes what was there: page fault addresses.
    unsafe { asm!("mov cr2, {}", in(reg) 0_u64, options(nostack)) };
}

pub(super) fn port_write() {
    // SAFETY: faults, or writes to the port that is there for delays.
    unsafe { asm!("out 0x80, al", options(nostack)) };
}

pub(super) fn model_register() {
    // SAFETY: faults, or reads EFER into two registers.
    unsafe { asm!("rdmsr", in("ecx") 0xc000_0080_u32, out("eax") _, out("edx") _) };
}

pub(super) fn forged_fault() {
    // SAFETY: a gate that is closed to ring 3 gives a protection fault instead.
    unsafe { asm!("int 14", options(nostack)) };
}

pub(super) fn forged_return() {
    // SAFETY: faults, because the selectors are ring 0's; the stack is put right if it does not.
    unsafe {
        asm!(
            "mov {old}, rsp",
            "push 0x10",
            "push {old}",
            "push 0x202",
            "push 0x08",
            "lea {new}, [rip + 2f]",
            "push {new}",
            "iretq",
            "2:",
            "mov rsp, {old}",
            old = out(reg) _,
            new = out(reg) _,
        );
    }
}

pub(super) fn bad_segment() {
    // SAFETY: faults; otherwise loads a segment that 64-bit code does not use.
    unsafe { asm!("mov es, {:e}", in(reg) 0xfff3_u32, options(nostack)) };
}

pub(super) fn breakpoint() {
    // SAFETY: traps.
    unsafe { asm!("int3", options(nostack)) };
}

pub(super) fn single_step() {
    // SAFETY: traps after the instruction that follows; the flag goes with the incarnation.
    unsafe { asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq", "nop", "nop") };
}

pub(super) fn unaligned() {
    // The flag is AC (Intel SDM vol. 1, 3.4.3.3). It works if the kernel sets CR0.AM.
    // SAFETY: faults; otherwise reads the stack and clears the flag.
    unsafe {
        asm!(
            "pushfq",
            "or qword ptr [rsp], 0x40000",
            "popfq",
            "mov {0}, qword ptr [rsp - 63]",
            "pushfq",
            "and qword ptr [rsp], 0xfffffffffffbffff",
            "popfq",
            out(reg) _,
        );
    }
}

pub(super) fn floating_point() {
    // MXCSR with the divide-by-zero exception unmasked (Intel SDM vol. 1, 10.2.3).
    let control = 0x1f80_u32 & !0x200;
    // SAFETY: faults; this program uses no vector registers otherwise.
    unsafe {
        asm!(
            "ldmxcsr dword ptr [{control}]",
            "mov eax, 1",
            "cvtsi2ss xmm0, eax",
            "xorps xmm1, xmm1",
            "divss xmm0, xmm1",
            control = in(reg) &raw const control,
            out("eax") _,
        );
    }
}

pub(super) fn old_floating_point() {
    // The control word with the divide-by-zero exception unmasked (Intel SDM vol. 1, 8.1.5).
    let control = 0x037f_u16 & !0x4;
    // SAFETY: faults at `fwait`; this program uses no floating point registers otherwise.
    unsafe {
        asm!(
            "fldcw word ptr [{control}]",
            "fld1",
            "fldz",
            "fdivp st(1), st",
            "fwait",
            control = in(reg) &raw const control,
        );
    }
}

pub(super) fn no_stack() -> ! {
    // SAFETY: faults; there is no stack to go on with.
    unsafe { asm!("mov rsp, {}", "push rax", "ud2", in(reg) 0x1000_u64, options(noreturn)) }
}

pub(super) fn unknown_syscall() {
    // SAFETY: the kernel knows no such call, so it does nothing to our memory.
    unsafe { syscall(NO_SYSCALL, [0; 6]) };
}

pub(super) fn bad_pointer() {
    // SAFETY: the kernel is asked to read where nothing is.
    unsafe { syscall(number::log, [3, 0, 16, 0, 0, 0]) };
}

pub(super) fn last_thread() {
    thread::exit();
}
