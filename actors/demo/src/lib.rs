//! What the actors of the demonstration say to each other.
//!
//! Each module is the protocol of one port. The actors themselves are the binaries of this
//! package: they share these types and nothing else, and are separate programs on the disk.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

/// The port of `counter`, which counts requests.
pub mod counter {
    use serde::{Deserialize, Serialize};
    use syscall::abi::FaultKind;
    use syscall::ways_to_die::Way;

    /// Its name.
    pub const PORT: &str = "counter";

    /// What can be asked of it.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
    pub enum Request {
        /// Tells the count.
        Read,
        /// Counts one more, unless the request of this number was counted already.
        Increment {
            /// Number of the request: one more than that of the last one.
            sequence: u64,
        },
        /// Dies.
        Crash(Way),
    }

    /// What it answers.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
    pub struct Reply {
        /// The count.
        pub count: u64,
        /// The number of the request counted last.
        pub sequence: u64,
        /// Which incarnation it is that answers.
        pub incarnation: u32,
    }

    /// Requests that an incarnation handles before it dies: enough to see that counting goes on
    /// and few enough for eight incarnations to pass in a second or two.
    pub const REQUESTS_PER_INCARNATION: u64 = 10;

    /// What the fault record must say about each of [`Way::DEMONSTRATED`].
    pub const EXPECTED: [FaultKind; Way::DEMONSTRATED.len()] = [
        FaultKind::MEMORY_ACCESS,
        FaultKind::ARITHMETIC,
        FaultKind::MEMORY_ACCESS,
        FaultKind::STACK_OVERFLOW,
        FaultKind::PANIC,
        FaultKind::UNCLEAN_EXIT,
        FaultKind::ILLEGAL_INSTRUCTION,
        FaultKind::MEMORY_ACCESS,
    ];
}

/// The LAPs of `vault`, which threads of `visitors` enter.
pub mod vault {
    use serde::{Deserialize, Serialize};

    /// The one for deposits: with one stack less than there are visitors.
    pub const DOOR: &str = "vault";
    /// The one that tells which deposit of an errand's is in the books, and how many are inside.
    pub const BOOKS: &str = "vault-books";
    /// Second argument at the books: to look.
    pub const LOOK: u64 = 0;
    /// Second argument at the books: to say that one is coming to the door now.
    pub const RING: u64 = 1;
    /// How often the vault dies with visitors inside.
    pub const DEATHS: u64 = 3;

    /// Why a visitor comes, which says where it is when the vault dies.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
    pub enum Errand {
        /// Falls asleep before its deposit is booked.
        Dawdle,
        /// Has its deposit booked, and waits for a receipt.
        Deposit,
        /// The same, and the vault has told the kernel that the deposit is made.
        Settle,
        /// Waits at the door: no stack is left.
        Queue,
    }

    impl Errand {
        /// All of them, in the order in which they come.
        pub const ALL: [Self; 4] = [Self::Dawdle, Self::Deposit, Self::Settle, Self::Queue];

        /// The number it goes by.
        #[must_use]
        pub const fn number(self) -> u64 {
            self as u64
        }

        /// The errand of a number.
        #[must_use]
        pub fn of(number: u64) -> Option<Self> {
            Self::ALL.get(number as usize).copied()
        }
    }
}

/// The chain of layers.
pub mod layer {
    /// A port that is there from when the broken layer is to fail.
    pub const CUE: &str = "cue";
}

/// The port of `conductor`, who wants to know whether the count is right.
pub mod conductor {
    use serde::{Deserialize, Serialize};
    use syscall::abi::status::Progress;

    use crate::vault::Errand;

    /// Its name.
    pub const PORT: &str = "conductor";

    /// What it is told.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
    pub enum Notice {
        /// By `client`: the count that an incarnation began with, or that was wrong.
        Count(Count),
        /// By `visitors`: how a visit ended.
        Visit(Visit),
    }

    /// What `client` found when it was first answered by an incarnation, or when a count was
    /// wrong.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
    pub struct Count {
        /// The incarnation that answered.
        pub incarnation: u32,
        /// The count that would be right.
        pub expected: u64,
        /// The count that was answered.
        pub counted: u64,
    }

    /// How a thread of `visitors` came out of the vault.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
    pub struct Visit {
        /// Which visit of this thread it was; the first is 1.
        pub round: u64,
        /// Why it came.
        pub errand: Errand,
        /// How far the kernel said that it had come; nothing if it returned.
        pub told: Option<Progress>,
        /// Whether the next incarnation found the deposit in its books; nothing if there is none.
        pub is_booked: Option<bool>,
    }
}
