//! What `judge` and `victim` say to each other.
//!
//! A victim is a server at a port of its own name. The judge tells it what to do to itself, and
//! then asks the kernel what it saw. What it says to a `partner` has a file of its own.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod partner;

use serde::{Deserialize, Serialize};
use syscall::abi::start::PreviousEnd;
use syscall::abi::{ActorId, PortId, ReplyToken, Status, ThreadId};
use syscall::ways_to_die::Way;
use syscall::ways_to_die::freed::Coming;

use crate::checkpoint::{CommitPlan, Found};

/// What a victim can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Answers [`Reply::Done`].
    Ping,
    /// Dies before it answers.
    Die(Way),
    /// Dies on another thread, while this request waits for an answer.
    DieOnThread(Way),
    /// Dies before it answers, but only after so many milliseconds.
    DieLater(Way, u64),
    /// Answers after so many milliseconds.
    AnswerLater(u64),
    /// Answers [`Reply::Number`] with the address at which it would die.
    FaultAddress(Way),
    /// Reads a byte at an address; answers it in the unlikely case that it lives.
    ReadAt(u64),
    /// Writes a byte at an address; answers [`Reply::Done`] in the unlikely case that it lives.
    WriteAt(u64),
    /// Calls an address.
    JumpTo(u64),
    /// Makes one call of the list of hostile ones; answers its status if it lives. The port is
    /// one that answers calls.
    Hostile(u32, PortId),
    /// Frees the persistent region and the name that hostile calls may have made.
    FreeHostile,
    /// Makes syscalls with flags and stack pointers an enemy would choose.
    HostileRegisters,
    /// Receives into memory that is freed meanwhile; answers the status if it lives.
    ReceiveIntoFreed(Coming),
    /// Calls a port from memory that is freed meanwhile; answers the status if it lives.
    CallFromFreed(PortId),
    /// Calls a port, and has its answer go to memory that is freed meanwhile; answers the status if
    /// it lives.
    CallIntoFreed(PortId),
    /// Answers [`Reply::Condition`].
    Inspect,
    /// Changes everything it has that is not persistent.
    Dirty,
    /// Fills its persistent region (made on demand) from this number.
    Keep(u64),
    /// Answers [`Reply::Kept`].
    Kept,
    /// Frees its persistent region.
    Forget,
    /// Writes ever higher numbers to a persistent cell, while another thread dies.
    DieWriting,
    /// Answers the number in that cell, or [`NOT_WHOLE`].
    Written,
    /// Commits to its checkpoint, or appends to its log.
    Commit(CommitPlan),
    /// Answers [`Reply::Found`].
    Committed,
    /// Uses so many bytes of its first thread's stack.
    UseStack(u64),
    /// Uses so many bytes of a new thread's stack of so many bytes. Answers [`Reply::Stack`]
    /// before it uses them, and dies if that is too much.
    UseThreadStack {
        /// Bytes to use.
        used: u64,
        /// Bytes that there are.
        stack: u64,
    },
    /// Makes so many threads which sleep for ever.
    MakeThreads(u64),
    /// Makes so many threads, each of which waits in another way, for ever.
    MakeBusyThreads,
    /// Makes so many ports called `<its name>-<n>`.
    MakePorts(u64),
    /// Allocates so many bytes of private memory and writes to all of it.
    Allocate(u64),
    /// Allocates so many bytes of private memory and writes to one of every two million, so that
    /// there is a page table to each page.
    AllocateSparse(u64),
    /// Touches this many pages of its zeroed data.
    TouchData(u64),
    /// Watches its vector registers for so many rounds; answers how often they had changed.
    WatchVectors {
        /// What the registers are filled from.
        pattern: u64,
        /// How often they are looked at.
        rounds: u64,
    },
    /// Spins for so many milliseconds.
    Spin(u64),
    /// Sends a message of so many bytes to a port.
    SendTo(PortId, u64),
    /// Calls a port, and answers how that ended.
    CallTo(PortId),
    /// Answers a call that was made to somebody else; answers how that ended.
    AnswerTo(ReplyToken),
    /// Sets the priority of a thread.
    SetPriority(ThreadId),
    /// Ends its first thread.
    EndThread,
    /// Asks for the restart of an actor (itself for none); answers the status if it lives.
    Restart(ActorId),
    /// Tries everything it has no right to; answers [`Reply::Statuses`].
    Overreach,
    /// Exits with this code.
    Exit(u64),
    /// Answers [`Reply::Number`] with the version that is in its image.
    Version,
    /// Answers [`Reply::Number`] with the address of a private region it allocates.
    PrivateAddress,
}

/// What a victim answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Did it.
    Done,
    /// A number.
    Number(u64),
    /// How a syscall ended.
    Status(Status),
    /// How several syscalls ended.
    Statuses([Status; 4]),
    /// What it finds itself in.
    Condition(Condition),
    /// What is in its persistent region.
    Kept(Kept),
    /// What is in its checkpoint and its log.
    Found(Found),
    /// An address near the top of a new thread's stack.
    Stack(u64),
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
    /// Initialised data; [`DATA`] in the image.
    pub data: u64,
    /// The last word of much initialised data; [`DATA`] in the image.
    pub far_data: u64,
    /// Zeroed data.
    pub zeroed: u64,
    /// The last word of much zeroed data.
    pub far_zeroed: u64,
    /// What it has on its heap.
    pub heap: u64,
    /// Whether [`MARK`] was found below its stack.
    pub is_stack_marked: bool,
    /// Whether the vector registers were clear at the start.
    pub is_vector_clear: bool,
    /// Whether the private region it allocates now is zeroed.
    pub is_region_zeroed: bool,
}

/// What is in a victim's persistent region.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// Where it is.
    pub address: u64,
    /// How long it is.
    pub bytes: u64,
    /// Whether opening it made it.
    pub is_new: bool,
    /// The number it was filled from, if every byte fits; [`NOT_WHOLE`] if not.
    pub number: u64,
}

/// Initialised data in the image.
pub const DATA: u64 = 0x0123_4567_89ab_cdef;
/// What is written over everything.
pub const MARK: u64 = 0x5afe_dead_5afe_dead;
/// A persistent region's content is not what one number makes.
pub const NOT_WHOLE: u64 = u64::MAX;
/// Bytes of a victim's persistent region: several pages.
pub const KEPT_BYTES: usize = 5 * 4096;
/// Bytes below the stack that are marked, and searched for the mark.
pub const MARKED_STACK: usize = 32 * 1024;
/// The version that is in the victim's image. A test on the host looks for these bytes on the
/// disk and replaces them.
pub const VERSION: [u8; 16] = *b"VICTIM VERSION 1";

/// The byte at `index` of a persistent region that was filled from `number`.
#[must_use]
pub fn kept_byte(number: u64, index: usize) -> u8 {
    let mixed = (number ^ index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    match mixed.to_be_bytes() {
        [first, ..] => first,
    }
}
