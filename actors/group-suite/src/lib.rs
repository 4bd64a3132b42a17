//! What `group-judge` and `member` say to each other.
//!
//! A member is a server at a port of its own name. The judge tells it whom to spawn, what to do to
//! others and how to die, and then asks the kernel, and the members, what came of it.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};
use syscall::abi::site::Rights;
use syscall::abi::start::PreviousEnd;
use syscall::abi::{ActorId, Name, PortId, Status, Text};
use syscall::ways_to_die::Way;

/// What a member can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Answers [`Reply::Condition`].
    Inspect,
    /// Dies before it answers.
    Die(Way),
    /// Exits with this code.
    Exit(u64),
    /// Spawns an actor; answers [`Reply::Actor`], or the status.
    Spawn(Order),
    /// Spawns actors called `<its name>-<n>`, so many or as many as it may; answers
    /// [`Reply::Many`].
    SpawnMany(u32),
    /// Makes the syscall `spawn` in a way that makes no sense; answers the status if it lives.
    SpawnBadly(Nonsense),
    /// Fills its persistent region (made on demand) from this number.
    Keep(u64),
    /// Answers the number its persistent region was filled from; [`NEW`] if there was none.
    Kept,
    /// Does something to an actor (itself for none); answers the status.
    Do(Deed, ActorId),
    /// Kills a group; answers the status.
    KillGroup(Name),
    /// Starts a thread that sends a message to a port every so many milliseconds.
    Tick(PortId, u64),
    /// Starts a thread that computes, and counts in [`Reply::Number`]s of [`Request::Counted`].
    Count,
    /// Answers how far its thread that computes has come.
    Counted,
    /// Starts a thread that goes into `other-lap` for so many milliseconds, and ends when it is home.
    Visit(u64),
    /// Answers when that thread came home; 0 if it has not.
    CameHome,
    /// Makes a LAP named `<its name>-lap`, in which guests sleep so many milliseconds, or, with an
    /// odd number, compute for so long.
    OpenLap,
}

/// What is to be spawned.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Its name.
    pub name: Name,
    /// Its image; empty for one that is known.
    pub image: Name,
    /// Its arguments.
    pub arguments: Text<120>,
    /// Its priority.
    pub priority: u8,
    /// Its rights.
    pub rights: Rights,
}

impl Order {
    /// A member of this name, with no more said.
    #[must_use]
    pub fn member(name: &str) -> Self {
        Self {
            name: Name::truncated(name),
            image: Name::truncated("member"),
            arguments: Text::EMPTY,
            priority: 0,
            rights: Rights::NONE,
        }
    }
}

/// What can be done to an actor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Deed {
    /// `actor_freeze`.
    Freeze,
    /// `actor_thaw`.
    Thaw,
    /// `actor_kill`.
    Kill,
    /// `restart`.
    Restart,
    /// `complain`.
    Complain,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Freeze,
        Self::Thaw,
        Self::Kill,
        Self::Restart,
        Self::Complain,
    ];
}

/// Ways to make the syscall `spawn` that make no sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Nonsense {
    /// This one of the hostile cases; see `ways_to_die::hostile`.
    Hostile(u32),
    /// It is longer than any request.
    TooLong,
    /// Nothing at all.
    Empty,
    /// It is cut off.
    Cut,
    /// Something follows.
    Longer,
    /// It is full of ones.
    Ones,
    /// Its name is not one.
    BadName,
    /// Its image's name leads out of the folder.
    BadImage,
    /// Its arguments have a line break.
    BadArguments,
}

/// What a member answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Did it.
    Done,
    /// How a syscall ended.
    Status(Status),
    /// An actor that was spawned.
    Actor(ActorId),
    /// How many were spawned, and how the last attempt ended.
    Many(u32, Status),
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
    /// Its arguments.
    pub arguments: Text<120>,
}

/// There was no persistent region.
pub const NEW: u64 = u64::MAX;
/// Bytes of a member's persistent region.
pub const KEPT_BYTES: usize = 2 * 4096;
