//! What is known about a failure: the severer of the two ranks of error.

use core::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::numbered::numbered;
use crate::{ActorId, Instant, Text, ThreadId, layout};

numbered! {
    /// What kind of failure it was.
    pub struct FaultKind(u16) {
        /// Page fault (#PF): the address is in the record.
        MEMORY_ACCESS = 1 => "memory access",
        /// Page fault in the guard page below a stack.
        STACK_OVERFLOW = 2 => "stack overflow",
        /// General protection, segment or stack-segment fault (#GP, #TS, #NP, #SS).
        PROTECTION = 3 => "protection",
        /// Divide error, overflow, bound, x87 or SIMD error (#DE, #OF, #BR, #MF, #XM).
        ARITHMETIC = 4 => "arithmetic",
        /// Invalid opcode (#UD), or a device the actor may not use (#NM).
        ILLEGAL_INSTRUCTION = 5 => "illegal instruction",
        /// Debug or breakpoint exception (#DB, #BP) nobody asked for.
        BREAKPOINT = 6 => "breakpoint",
        /// Misaligned access with alignment checks on (#AC).
        ALIGNMENT = 7 => "alignment",
        /// Any other exception; the vector is in the record.
        OTHER_EXCEPTION = 8 => "other exception",
        /// The actor called `panic`; its message is in the record.
        PANIC = 9 => "panic",
        /// The actor, or its last thread, ended without saying that it was done.
        UNCLEAN_EXIT = 10 => "unclean exit",
        /// A syscall with an unknown number.
        UNKNOWN_SYSCALL = 11 => "unknown syscall",
        /// A syscall with memory that is not the actor's to give.
        BAD_POINTER = 12 => "bad pointer",
        /// The actor's image could not be read or is not one we run.
        BAD_IMAGE = 13 => "bad image",
        /// No physical memory for a page the actor has a right to.
        OUT_OF_MEMORY = 14 => "out of memory",
        /// The actor missed its heartbeat.
        HUNG = 15 => "hung",
        /// The actor did not report ready in time.
        START_TIMEOUT = 16 => "start timeout",
        /// Another actor that holds the right complained.
        COMPLAINT = 17 => "complaint",
        /// A fault inside the actor's own exception handler.
        HANDLER_FAULT = 18 => "handler fault",
        /// A group the actor depends on was restarted.
        DEPENDENCY = 19 => "dependency",
        /// The kernel itself failed or was restarted.
        SITE = 20 => "site",
    }
}

macro_rules! registers {
    ($($name:ident)*) => {
        /// The general registers at the time of a failure.
        ///
        /// In a record they are so many bytes: numbers of variable length would take most of the
        /// time that the record takes. Where people read, each has its name.
        #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
        #[expect(missing_docs, reason = "the names are the architecture's")]
        pub struct Registers {
            $(pub $name: u64,)*
        }

        /// The registers as people read them.
        #[derive(Serialize, Deserialize)]
        #[serde(rename = "Registers")]
        struct Named {
            $($name: u64,)*
        }

        impl From<Registers> for Named {
            fn from(registers: Registers) -> Self {
                Self { $($name: registers.$name),* }
            }
        }

        impl From<Named> for Registers {
            fn from(named: Named) -> Self {
                Self { $($name: named.$name),* }
            }
        }

        impl Registers {
            const COUNT: usize = [$(stringify!($name)),*].len();

            const fn values(&self) -> [u64; Self::COUNT] {
                [$(self.$name),*]
            }

            /// The registers with their names.
            #[must_use]
            pub const fn named(&self) -> [(&'static str, u64); Self::COUNT] {
                [$((stringify!($name), self.$name)),*]
            }

            const fn from_values([$($name),*]: [u64; Self::COUNT]) -> Self {
                Self { $($name),* }
            }
        }
    };
}
registers!(rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip rflags);

impl Serialize for Registers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return Named::from(*self).serialize(serializer);
        }
        let mut bytes = [0; Self::COUNT * 8];
        let (places, _) = bytes.as_chunks_mut();
        for (place, value) in places.iter_mut().zip(self.values()) {
            *place = value.to_le_bytes();
        }
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Registers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Named::deserialize(deserializer).map(Self::from);
        }
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Registers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "the bytes of {} registers", Registers::COUNT)
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Registers, E> {
                let (values, rest) = bytes.as_chunks();
                if values.len() != Registers::COUNT || !rest.is_empty() {
                    return Err(E::invalid_length(bytes.len(), &self));
                }
                let value = |index| u64::from_le_bytes(values[index]);
                Ok(Registers::from_values(core::array::from_fn(value)))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

/// Everything kept about one failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FaultRecord {
    /// What kind of failure.
    pub kind: FaultKind,
    /// The exception vector (Intel SDM vol. 3A, table 6-1), where there was one.
    pub vector: Option<u8>,
    /// The CPU's error code, the exit code, or the syscall number, by kind.
    pub code: u64,
    /// The faulting address (CR2), or the pointer that was refused.
    pub address: u64,
    /// The incarnation that failed.
    pub actor: ActorId,
    /// How many times the actor had been started, this incarnation included.
    pub incarnation: u32,
    /// The thread in which it happened.
    pub thread: ThreadId,
    /// When the kernel learnt of it.
    pub time: Instant,
    /// The registers of that thread.
    pub registers: Registers,
    /// The panic message, or the reason in words where the kernel has one.
    pub message: Text<{ layout::PANIC_MAX }>,
}

impl FaultRecord {
    /// A record with nothing but its kind.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            vector: None,
            code: 0,
            address: 0,
            actor: ActorId::NONE,
            incarnation: 0,
            thread: ThreadId::NONE,
            time: Instant::ZERO,
            registers: Registers::default(),
            message: Text::EMPTY,
        }
    }
}

impl fmt::Display for FaultRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match self.kind {
            FaultKind::MEMORY_ACCESS | FaultKind::STACK_OVERFLOW | FaultKind::BAD_POINTER => {
                write!(f, " at {:#x}", self.address)?;
            }
            FaultKind::UNCLEAN_EXIT | FaultKind::UNKNOWN_SYSCALL => write!(f, " {}", self.code)?,
            _ => {}
        }
        if self.registers.rip != 0 {
            write!(f, ", ip {:#x}", self.registers.rip)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}
