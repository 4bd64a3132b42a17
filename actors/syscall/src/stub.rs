//! The `SYSCALL` instruction and nothing else.

use core::arch::asm;

use abi::Status;

/// What the kernel returns: a status in RAX, and results in RDX, RDI and RSI in this order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) status: Status,
    pub(crate) values: [u64; 3],
}

/// Makes the syscall `number`.
///
/// # Safety
/// Whatever the kernel is asked to do to this actor's memory and threads must be sound: memory
/// arguments name memory that is valid for reading or writing as the call says, for as long as
/// the call lasts; memory to be freed and code to be run are the caller's to give away.
#[inline]
pub(crate) unsafe fn syscall(number: u64, arguments: [u64; 6]) -> Answer {
    let [first, second, third, fourth, fifth, sixth] = arguments;
    let status: u64;
    let (value, second_value, third_value): (u64, u64, u64);
    // SAFETY: the calling convention of `abi::syscall` names every register that changes; the
    // kernel does not touch our stack (and the target has no red zone). What the call does to our
    // memory is the caller's duty.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => status,
            inlateout("rdi") first => second_value,
            inlateout("rsi") second => third_value,
            inlateout("rdx") third => value,
            in("r10") fourth,
            in("r8") fifth,
            in("r9") sixth,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    Answer {
        status: Status(status),
        values: [value, second_value, third_value],
    }
}
