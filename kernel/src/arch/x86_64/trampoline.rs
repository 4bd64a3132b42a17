//! From one kernel to the next.
//!
//! Nothing here trusts what the kernel could have damaged: not its stack, page tables, descriptor
//! tables, heap, or any of its data. All that is needed hangs on the [`Anchor`], among the constants.
//! An exception on the way finds no handler, and the CPU resets the machine: a site reboot.

use core::arch::naked_asm;
use core::mem::offset_of;

use super::frame::{KERNEL_CODE, KERNEL_DATA};
use crate::site::keep::Anchor;
use crate::site::passage;

/// A pointer to a descriptor table, as LIDT and LGDT want it (Intel SDM vol. 3A, figure 2-6).
#[repr(C, packed)]
struct Pointer {
    limit: u16,
    base: *const [u64; 3],
}

// SAFETY: Never changed.
unsafe impl Sync for Pointer {}

/// No segment, code and data, with the accessed bits set, for the CPU must not write here.
static SEGMENTS: [u64; 3] = [0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff];

static GLOBAL: Pointer = Pointer {
    limit: 3 * 8 - 1,
    base: &raw const SEGMENTS,
};

static NOTHING: Pointer = Pointer {
    limit: 0,
    base: core::ptr::null(),
};

const _: () = assert!(KERNEL_CODE == 8 && KERNEL_DATA == 16);

unsafe extern "C" {
    fn _start();
}

/// Leaves this kernel and enters the next, or resets the machine.
///
/// # Safety
/// Nothing of this kernel is needed again.
#[unsafe(naked)]
pub unsafe extern "C" fn leave() -> ! {
    naked_asm!(
        "cli",
        "cld",
        "lidt [rip + {nothing}]",
        "mov rax, [rip + REFRAIN_ANCHOR + {root}]",
        "test rax, rax",
        "jz 3f",
        "mov cr3, rax",
        "mov rsp, [rip + REFRAIN_ANCHOR + {stack}]",
        "lgdt [rip + {global}]",
        "push {code}",
        "lea rax, [rip + 2f]",
        "push rax",
        "retfq",
        "2:",
        "mov eax, {data}",
        "mov ss, eax",
        "xor eax, eax",
        "mov ds, eax",
        "mov es, eax",
        "mov fs, eax",
        "mov gs, eax",
        "xor ebp, ebp",
        "mov rdi, [rip + REFRAIN_ANCHOR + {record}]",
        "call {passage}",
        // RAX is what the loader told.
        "mov rdi, rax",
        "xor ebp, ebp",
        "push 0",
        "jmp {start}",
        "3:",
        "call {nowhere}",
        "ud2",
        nothing = sym NOTHING,
        global = sym GLOBAL,
        root = const offset_of!(Anchor, root),
        stack = const offset_of!(Anchor, stack),
        record = const offset_of!(Anchor, record),
        code = const KERNEL_CODE,
        data = const KERNEL_DATA,
        passage = sym passage::passage,
        nowhere = sym passage::nowhere,
        start = sym _start,
    )
}
