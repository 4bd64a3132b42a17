//! What a client can be told, and what its threads report.

use serde::{Deserialize, Serialize};
use syscall::abi::status::Progress;
use syscall::abi::{LapId, Status};

/// What a client can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Answers.
    Ping,
    /// Sends a wave of threads.
    Send(Wave),
    /// Dies.
    Die,
    /// Returns from an invocation that there is none of.
    ReturnFromNowhere,
    /// Invokes a LAP with this memory argument and mode; answers [`Reply::Status`] if it lives.
    Hostile(LapId, u64, u64),
    /// Raises a trap that nobody serves.
    TrapNobody,
    /// Fills so many bytes of new private memory, and keeps them.
    Fill(u64),
    /// Begins with the randomized test, with this seed, as the client with this number.
    Storm(u64, u64),
    /// Ends it.
    Calm,
}

/// Threads that all invoke the same thing at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Wave {
    /// Which LAP.
    pub lap: LapId,
    /// What they do there.
    pub program: u64,
    /// The number of the first one's invocation; the others' follow.
    pub first: u64,
    /// How many they are.
    pub threads: u64,
    /// How long each may wait to get in, in nanoseconds.
    pub timeout: u64,
    /// What goes along.
    pub memory: Give,
}

/// The memory argument of a wave: a page of ones, each thread's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Give {
    /// None.
    Nothing,
    /// A copy.
    Copy,
    /// A copy that is copied back.
    CopyBack,
    /// Lent to be read.
    Lend,
    /// Lent to be written to.
    LendWritable,
}

/// How a thread came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The number of its invocation.
    pub number: u64,
    /// Which incarnation of the client it belongs to.
    pub incarnation: u32,
    /// When, in nanoseconds since the site started.
    pub time: u64,
    /// How it ended.
    pub ending: Ending,
}

/// How an invocation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Ending {
    /// With these two numbers.
    Returned(u64, u64),
    /// By the restart of the LAP's owner.
    Restarted {
        /// The LAP's next capability.
        new: LapId,
        /// How far the invocation had come.
        progress: Progress,
    },
    /// By the end of the LAP's owner.
    Dead(Progress),
    /// It was refused.
    Refused(Status),
}

impl From<syscall::Result<(u64, u64)>> for Ending {
    fn from(result: syscall::Result<(u64, u64)>) -> Self {
        match result {
            Ok((first, second)) => Self::Returned(first, second),
            Err(syscall::Error::LapRestarted { new, progress }) => {
                Self::Restarted { new, progress }
            }
            Err(syscall::Error::Dead { progress }) => Self::Dead(progress),
            Err(error) => Self::Refused(error.status()),
        }
    }
}

/// What the randomized test found, of one client.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Tally {
    /// Invocations that returned, and that were told `not entered`, `maybe executed`, and
    /// `completed`.
    pub invoked: [u64; 4],
    /// The same for calls to a port.
    pub called: [u64; 4],
    /// The number of the first request whose outcome was a lie; 0 if none was.
    pub lie: u64,
    /// What was told about that one, and what the notes say.
    pub evidence: [u64; 4],
}

/// What a client answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Did it. With its incarnation.
    Done(u32),
    /// How a syscall ended.
    Status(Status),
    /// What the randomized test has found so far.
    Tally(Tally),
}
