//! From what went wrong to a [`FaultRecord`].
//!
//! [`Refusal`] is the two ranks of error of a syscall: a status for the caller, or a fault for the
//! Restart Manager.

use abi::{FaultKind, FaultRecord, Status};

/// The part of a fault record that the place of the failure knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// The exception vector, where there was one.
    pub vector: Option<u8>,
    /// Error code, exit code or syscall number.
    pub code: u64,
    /// The address concerned.
    pub address: u64,
}

impl Fault {
    /// A fault with a code.
    #[must_use]
    pub const fn with_code(kind: FaultKind, code: u64) -> Self {
        Self {
            kind,
            vector: None,
            code,
            address: 0,
        }
    }

    /// A fault about an address.
    #[must_use]
    pub const fn at(kind: FaultKind, address: u64) -> Self {
        Self {
            kind,
            vector: None,
            code: 0,
            address,
        }
    }

    /// The record of this fault, without what only the kernel knows.
    #[must_use]
    pub fn record(self) -> FaultRecord {
        FaultRecord {
            vector: self.vector,
            code: self.code,
            address: self.address,
            ..FaultRecord::new(self.kind)
        }
    }
}

/// Why a syscall was not done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Legal but refused: the caller is told, with up to three results.
    Status(Status, [u64; 3]),
    /// The caller is broken.
    Fault(Fault),
    /// Not yet: the caller makes the same syscall again, after interrupts had their turn.
    Again,
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::Status(status, [0; 3])
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Kind of failure behind an exception of ring 3 (Intel SDM vol. 3A, table 6-1). Page faults are
/// told apart by what is at the address.
#[must_use]
pub const fn kind_of_vector(vector: u8) -> FaultKind {
    match vector {
        0 | 4 | 5 | 16 | 19 => FaultKind::ARITHMETIC,
        1 | 3 => FaultKind::BREAKPOINT,
        6 | 7 => FaultKind::ILLEGAL_INSTRUCTION,
        10..=13 => FaultKind::PROTECTION,
        14 => FaultKind::MEMORY_ACCESS,
        17 => FaultKind::ALIGNMENT,
        _ => FaultKind::OTHER_EXCEPTION,
    }
}
