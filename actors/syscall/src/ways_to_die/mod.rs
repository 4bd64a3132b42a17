//! How to fail on purpose, for demonstrations and tests.
//!
//! The demonstration and the tests want actors that break in every way an actor can, and actors
//! are written without `unsafe`. So the ways to break are kept here, behind safe functions.
//!
//! # Why these functions are not `unsafe`
//! Each of them either never returns, because the kernel ends the incarnation, or leaves the
//! actor's memory as it was. They are sabotage, but of the actor that calls them only: if one of
//! them does anything else, the kernel has a bug, and finding that out is what they are for.
//! Hostile syscalls have files of their own, [`hostile`], [`freed`] and [`messages`]; vector
//! registers too, [`vector`].

pub mod freed;
pub mod hostile;
mod means;
pub mod messages;
pub mod vector;

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! ways {
    ($($(#[$doc:meta])* $way:ident => $name:literal, $means:path;)+) => {
        /// One way to die.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
        pub enum Way {
            $($(#[$doc])* $way,)+
        }

        impl Way {
            /// Every way there is.
            pub const ALL: &'static [Self] = &[$(Self::$way),+];

            /// Its name, as the demonstration's console takes it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$way => $name,)+
                }
            }

            /// Dies in this way.
            pub fn die(self) -> ! {
                match self {
                    $(Self::$way => $means(),)+
                }
                // A way that returned did not work. Say so, in a way that surely works.
                panic!("survived: {self}")
            }
        }
    };
}

ways! {
    /// Writes to address 0 (and 8 bytes on).
    NullWrite => "null-write", means::null_write;
    /// Divides by zero.
    DivideByZero => "divide-by-zero", means::divide_by_zero;
    /// Calls into the data segment.
    JumpIntoData => "jump-into-data", means::jump_into_data;
    /// Recurses until the stack ends.
    StackOverflow => "stack-overflow", means::stack_overflow;
    /// Panics, with a message.
    Panic => "panic", means::panic;
    /// Exits without saying that it is done.
    UncleanExit => "unclean-exit", means::unclean_exit;
    /// Executes `ud2`.
    IllegalInstruction => "illegal-instruction", means::illegal_instruction;
    /// Writes to its own text.
    WriteText => "write-text", means::write_text;
    /// Writes to its own read-only data.
    WriteReadOnlyData => "write-read-only-data", means::write_read_only_data;
    /// Reads address 0.
    NullRead => "null-read", means::null_read;
    /// Calls address 0.
    NullJump => "null-jump", means::null_jump;
    /// Reads the kernel's memory.
    ReadKernel => "read-kernel", means::read_kernel;
    /// Writes the kernel's memory.
    WriteKernel => "write-kernel", means::write_kernel;
    /// Calls into the kernel's memory.
    JumpIntoKernel => "jump-into-kernel", means::jump_into_kernel;
    /// Reads an address that is not canonical.
    NonCanonical => "non-canonical", means::non_canonical;
    /// Executes an instruction of the kernel's: `hlt`.
    Privileged => "privileged", means::privileged;
    /// Switches interrupts off.
    InterruptsOff => "interrupts-off", means::interrupts_off;
    /// Writes a control register.
    ControlRegister => "control-register", means::control_register;
    /// Writes to an input/output port.
    PortWrite => "port-write", means::port_write;
    /// Reads a model-specific register.
    ModelRegister => "model-register", means::model_register;
    /// Raises an interrupt vector that is the CPU's, as if there was a page fault.
    ForgedFault => "forged-fault", means::forged_fault;
    /// Returns from an interrupt into ring 0.
    ForgedReturn => "forged-return", means::forged_return;
    /// Loads a segment that does not exist.
    BadSegment => "bad-segment", means::bad_segment;
    /// Executes a breakpoint, `int3`.
    Breakpoint => "breakpoint", means::breakpoint;
    /// Sets the trap flag and goes on.
    SingleStep => "single-step", means::single_step;
    /// Sets the alignment-check flag and reads an odd address.
    Unaligned => "unaligned", means::unaligned;
    /// Unmasks floating point exceptions and divides by zero.
    FloatingPoint => "floating-point", means::floating_point;
    /// Unmasks the old floating point unit's exceptions and divides by zero.
    OldFloatingPoint => "old-floating-point", means::old_floating_point;
    /// Faults with a stack pointer that points nowhere.
    NoStack => "no-stack", means::no_stack;
    /// Makes a syscall that does not exist.
    UnknownSyscall => "unknown-syscall", means::unknown_syscall;
    /// Hands the kernel a null pointer.
    BadPointer => "bad-pointer", means::bad_pointer;
    /// Ends its last thread.
    LastThread => "last-thread", means::last_thread;
}

/// Dies like [`Way::NullWrite`], with the time-stamp counter in the registers: [`stamp`] finds it
/// in the fault's record.
pub fn die_stamped() -> ! {
    means::stamped_write()
}

/// What the time-stamp counter stood at one instruction before a fault of [`die_stamped`].
#[must_use]
pub fn stamp(registers: &abi::fault::Registers) -> u64 {
    registers.rdx << 32 | registers.rax
}

impl Way {
    /// The eight ways of the demonstration, in its order.
    pub const DEMONSTRATED: [Self; 8] = [
        Self::NullWrite,
        Self::DivideByZero,
        Self::JumpIntoData,
        Self::StackOverflow,
        Self::Panic,
        Self::UncleanExit,
        Self::IllegalInstruction,
        Self::WriteText,
    ];

    /// Finds a way by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|way| way.name() == name)
    }

    /// The address that the fault record must show, where it does not depend on the kernel.
    #[must_use]
    pub fn fault_address(self) -> Option<u64> {
        match self {
            Self::NullWrite => Some(means::NULL_WRITE_ADDRESS),
            Self::JumpIntoData => Some(means::data_address()),
            Self::WriteText => Some(means::text_address()),
            Self::WriteReadOnlyData => Some(means::read_only_address()),
            Self::NullRead => Some(means::NULL_READ_ADDRESS),
            Self::NullJump | Self::BadPointer => Some(0),
            Self::ReadKernel | Self::WriteKernel | Self::JumpIntoKernel => {
                Some(means::KERNEL_ADDRESS)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Reads a byte at an address that is not this actor's, which ends the incarnation.
///
/// If the address is mapped after all, the byte is returned: isolation is broken, and the caller
/// is a test that says so.
#[must_use]
pub fn read_foreign(address: u64) -> u8 {
    means::read_foreign(address)
}

/// Writes a byte at an address that is not this actor's, which ends the incarnation.
///
/// Must not be given an address of this actor's own.
pub fn write_foreign(address: u64) {
    means::write_foreign(address);
}

/// Calls an address that is not code of this actor's, which ends the incarnation.
pub fn jump(address: u64) -> ! {
    means::jump(address)
}

/// Uses up at least `bytes` of the calling thread's stack, writing to each page, and comes back.
/// Returns the lowest address that was written.
#[must_use]
pub fn use_stack(bytes: usize) -> u64 {
    means::use_stack(bytes)
}

/// Leaves `word` in the `bytes` of memory below the stack in use.
///
/// The stack must have room for that; otherwise this is one more way to overflow it.
pub fn leave_below_stack(word: u64, bytes: usize) {
    means::leave_below_stack(word, bytes);
}

/// Tells whether `word` is anywhere in the `bytes` of memory below the stack in use.
#[must_use]
pub fn is_below_stack(word: u64, bytes: usize) -> bool {
    means::is_below_stack(word, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_found_by_its_name_and_only_it() {
        for way in Way::ALL {
            assert_eq!(Way::named(way.name()), Some(*way));
        }
        assert_eq!(Way::named("old-age"), None);
    }
}
