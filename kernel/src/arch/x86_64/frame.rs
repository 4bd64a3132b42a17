//! The registers saved at every way into the kernel.

use abi::Registers;

/// What the entry code leaves in memory, lowest address first. The last five words are what the
/// CPU pushes for an interrupt (Intel SDM vol. 3A, 6.14.2).
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
#[expect(missing_docs, reason = "the names are the architecture's")]
pub struct TrapFrame {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rbp: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rdx: u64,
    pub rcx: u64,
    pub rbx: u64,
    pub rax: u64,
    /// Which way into the kernel: an interrupt vector, or [`SYSCALL_VECTOR`].
    pub vector: u64,
    pub error_code: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
}

/// `vector` of a frame made by SYSCALL: it is left by SYSRET.
pub const SYSCALL_VECTOR: u64 = 0x100;

/// `vector` of a frame in which nothing has run yet: a thread that is about to enter a LAP.
pub const LAP_VECTOR: u64 = 0x101;

/// Interrupt flag in RFLAGS.
pub const FLAG_INTERRUPTS: u64 = 1 << 9;
/// The bit of RFLAGS that is always set.
pub const FLAG_RESERVED: u64 = 1 << 1;

/// Kernel code segment.
pub const KERNEL_CODE: u64 = 0x08;
/// Kernel data segment.
pub const KERNEL_DATA: u64 = 0x10;
/// User data segment, ring 3.
pub const USER_DATA: u64 = 0x1b;
/// User code segment, ring 3.
pub const USER_CODE: u64 = 0x23;

/// Where a register is, from the end of the frame.
macro_rules! at {
    ($register:ident) => {
        size_of::<TrapFrame>() - core::mem::offset_of!(TrapFrame, $register)
    };
}
pub(super) use at;

impl TrapFrame {
    /// All registers zero.
    pub const ZERO: Self = Self {
        r15: 0,
        r14: 0,
        r13: 0,
        r12: 0,
        r11: 0,
        r10: 0,
        r9: 0,
        r8: 0,
        rbp: 0,
        rdi: 0,
        rsi: 0,
        rdx: 0,
        rcx: 0,
        rbx: 0,
        rax: 0,
        vector: 0,
        error_code: 0,
        rip: 0,
        cs: 0,
        rflags: 0,
        rsp: 0,
        ss: 0,
    };

    /// A thread that starts in ring 3 at `entry`, with three arguments in RDI, RSI
    /// and RDX.
    #[must_use]
    pub const fn user(entry: u64, stack_top: u64, arguments: [u64; 3]) -> Self {
        Self {
            rip: entry,
            rsp: stack_top,
            rdi: arguments[0],
            rsi: arguments[1],
            rdx: arguments[2],
            cs: USER_CODE,
            ss: USER_DATA,
            rflags: FLAG_INTERRUPTS | FLAG_RESERVED,
            ..Self::ZERO
        }
    }

    /// A kernel thread that starts at `entry`. The stack is as if `entry` had been called.
    #[must_use]
    pub const fn kernel(entry: u64, stack_top: u64) -> Self {
        Self {
            rip: entry,
            rsp: stack_top - 8,
            cs: KERNEL_CODE,
            ss: KERNEL_DATA,
            rflags: FLAG_INTERRUPTS | FLAG_RESERVED,
            ..Self::ZERO
        }
    }

    /// Whether ring 3 was interrupted.
    #[must_use]
    pub const fn from_user(&self) -> bool {
        self.cs & 3 == 3
    }

    /// The registers as a fault record holds them.
    #[must_use]
    pub const fn registers(&self) -> Registers {
        Registers {
            rax: self.rax,
            rbx: self.rbx,
            rcx: self.rcx,
            rdx: self.rdx,
            rsi: self.rsi,
            rdi: self.rdi,
            rbp: self.rbp,
            rsp: self.rsp,
            r8: self.r8,
            r9: self.r9,
            r10: self.r10,
            r11: self.r11,
            r12: self.r12,
            r13: self.r13,
            r14: self.r14,
            r15: self.r15,
            rip: self.rip,
            rflags: self.rflags,
        }
    }
}

const _: () = assert!(size_of::<TrapFrame>() == 22 * 8, "entry.rs counts on it");
