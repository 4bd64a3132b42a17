//! What a *member* can be told. It is a server at a port of its own name, and goes wherever the judge
//! wants somebody to be when the kernel ends.

use serde::{Deserialize, Serialize};
use syscall::abi::start::PreviousEnd;
use syscall::abi::{ActorId, Name, Status};

/// What a member can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Order {
    /// Answers [`Answer::Condition`].
    Inspect,
    /// Fills its persistent regions from this number.
    Keep(u64),
    /// Sends a thread to a place.
    Go(Place),
    /// Answers [`Answer::Number`] with how many threads of this and other members are in a place
    /// here, and have not come back.
    Inside,
    /// Commits a number to a checkpoint; the kernel ends in the middle of that if it is odd.
    Commit(u64),
    /// Spawns a member of this name, with this image; with none, one that is known.
    Spawn(Name, Name),
    /// Dies before it answers.
    Die,
    /// Exits cleanly.
    Exit,
    /// As a manager: activates nobody for now.
    Hold,
}

/// Where a thread can be when the kernel ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Place {
    /// Waits for a message.
    Receive,
    /// Waits for an answer that nobody gives.
    Call,
    /// Waits for room in a queue.
    Send,
    /// Asleep.
    Sleep,
    /// Waits for a key at the console.
    Console,
    /// Waits for a notice.
    Notice,
    /// Waits for an actor to activate.
    Activation,
    /// Waits for a port that nobody makes.
    Find,
    /// Waits for a LAP that nobody makes.
    Resolve,
    /// Asleep in the LAP of the next member, so many deeper.
    Visit(u32),
    /// Computes in the LAP of the next member.
    VisitAwake,
    /// Waits for a stack of the next member's LAP, where all are in use.
    Door,
    /// Computes.
    Compute,
    /// Computes with floating point.
    Float,
    /// In the handler of a timer, asleep.
    Timer,
    /// In the handler of a timeout, computing.
    Timeout,
    /// In the handler of an interrupt, which is not acknowledged.
    Interrupt,
    /// In the handler of its own exception.
    Exception,
    /// In the handler of its own trap.
    Trap,
    /// Makes and frees a private region, over and over.
    Memory,
    /// Makes and frees a persistent region, over and over.
    Persistent,
    /// Makes and ends threads, over and over.
    Threads,
}

impl Place {
    /// All of them, but for deeper visits.
    pub const ALL: [Self; 24] = [
        Self::Receive,
        Self::Call,
        Self::Send,
        Self::Sleep,
        Self::Console,
        Self::Notice,
        Self::Activation,
        Self::Find,
        Self::Resolve,
        Self::Visit(0),
        Self::Visit(1),
        Self::Visit(2),
        Self::VisitAwake,
        Self::Door,
        Self::Compute,
        Self::Float,
        Self::Timer,
        Self::Timeout,
        Self::Interrupt,
        Self::Exception,
        Self::Trap,
        Self::Memory,
        Self::Persistent,
        Self::Threads,
    ];
}

/// What a member answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// Did it.
    Done,
    /// How a syscall ended.
    Status(Status),
    /// A number.
    Number(u64),
    /// What it finds itself in.
    Condition(Condition),
}

/// What an incarnation finds itself in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Condition {
    /// Its capability.
    pub actor: ActorId,
    /// How many times it was started.
    pub incarnation: u32,
    /// Why the previous incarnation ended.
    pub previous: PreviousEnd,
    /// The number its persistent regions were filled from; [`NEW`] if there were none.
    pub kept: u64,
    /// The number in its checkpoint.
    pub committed: u64,
    /// Whether its predecessor was interrupted in committing another one.
    pub was_interrupted: bool,
    /// What its data hold: 0, unless something is left of the incarnation before.
    pub left: u64,
}

/// There was no persistent region.
pub const NEW: u64 = u64::MAX;
