//! The calls: what they are numbered, and the traps that carry them.
//!
//! A trap carries three numbers and brings two back. The first holds the number of the call in its
//! low, and a small argument (a descriptor, flags) in its high 32 bits. What comes back is a value
//! and an [`Errno`], which is 0 if all went well.

use syscall::handler;

use crate::{Errno, Result};

/// The trap of all calls but `WAIT`.
pub const TRAP: u8 = 0;
/// The trap of `WAIT`: threads that wait are apart from those that do not, so that they do not take
/// their room in the manager.
pub const WAIT_TRAP: u8 = 1;
/// The port that the manager makes when it serves traps. It is there to be waited for.
pub const PORT: &str = "posix";

/// The number of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operation(pub u32);

impl Operation {
    /// Says that the caller is there. The value is its process number, and above it whether it was
    /// spawned ([`SPAWNED`]).
    pub const ATTACH: Self = Self(1);
    /// Opens a file: flags, address and length of its name. The value is a descriptor.
    pub const OPEN: Self = Self(2);
    /// Closes a descriptor.
    pub const CLOSE: Self = Self(3);
    /// Reads: descriptor, address, length. The value is how much.
    pub const READ: Self = Self(4);
    /// Writes: descriptor, address, length. The value is how much; it is in the file for good.
    pub const WRITE: Self = Self(5);
    /// Moves in a file: descriptor, offset, from where (see [`SEEK_SET`] and what follows). The
    /// value is the new place. Behind the end there is none.
    pub const SEEK: Self = Self(6);
    /// Deletes a file that nobody has open: address and length of its name.
    pub const UNLINK: Self = Self(7);
    /// Makes room for a child. The value is its process number, which says how its actor must be
    /// named ([`process_name`](crate::process::process_name)); who is named so and makes a call is
    /// that child.
    pub const EXPECT: Self = Self(8);
    /// The child of that process number was started, as the actor with this capability.
    pub const STARTED: Self = Self(12);
    /// The child of that process number was not started after all.
    pub const FORGET: Self = Self(9);
    /// Ends the caller, as a process: its files are closed, and its parent gets this status.
    pub const EXIT: Self = Self(10);
    /// Waits for a child to end. The value is its number, and above it its status. [`WAIT_TRAP`].
    pub const WAIT: Self = Self(11);
}

/// In the value of [`Operation::ATTACH`]: the caller was spawned.
pub const SPAWNED: u64 = 1 << 32;

/// [`Operation::SEEK`]: from the start.
pub const SEEK_SET: u64 = 0;
/// [`Operation::SEEK`]: from where the descriptor is.
pub const SEEK_CUR: u64 = 1;
/// [`Operation::SEEK`]: from the end.
pub const SEEK_END: u64 = 2;

/// Makes a call.
///
/// # Errors
/// What the manager says, or the kernel if the manager cannot.
pub fn call(operation: Operation, small: u32, [first, second]: [u64; 2]) -> Result<u64> {
    let numbers = [pack(operation, small), first, second];
    let result = if operation == Operation::WAIT {
        handler::raise::<WAIT_TRAP>(numbers)
    } else {
        handler::raise::<TRAP>(numbers)
    };
    match result? {
        (value, 0) => Ok(value),
        (_, errno) => Err(Errno(errno as u32)),
    }
}

/// Puts the number of a call and its small argument together.
#[must_use]
pub const fn pack(operation: Operation, small: u32) -> u64 {
    operation.0 as u64 | (small as u64) << 32
}

/// Takes apart what [`pack`] made.
#[must_use]
pub const fn unpack(packed: u64) -> (Operation, u32) {
    (Operation(packed as u32), (packed >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_survive_packing() {
        for small in [0, 1, u32::MAX] {
            let packed = pack(Operation::SEEK, small);
            assert_eq!(unpack(packed), (Operation::SEEK, small));
        }
    }
}
