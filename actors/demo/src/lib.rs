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

/// The port of `conductor`, who wants to know whether the count is right.
pub mod conductor {
    use serde::{Deserialize, Serialize};

    /// Its name.
    pub const PORT: &str = "conductor";

    /// What `client` found when it was first answered by an incarnation, or when a count was
    /// wrong.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
    pub struct Notice {
        /// The incarnation that answered.
        pub incarnation: u32,
        /// The count that would be right.
        pub expected: u64,
        /// The count that was answered.
        pub counted: u64,
    }
}
