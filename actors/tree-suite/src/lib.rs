//! What the actors of these tests say to each other.
//!
//! A *member* greets the judge at its start, says that it is ready, and serves a port of its own
//! name, at which the judge tells it what to do.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};
use syscall::ways_to_die::Way;

/// The judge's port, for notices and greetings.
pub const INBOX: &str = "inbox";

/// What a member sends to the judge's port when it starts: its incarnation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Greeting {
    /// How many times it was started.
    pub incarnation: u32,
}

/// What a member can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Answers [`Reply::Done`].
    Ping,
    /// Dies before it answers.
    Die(Way),
    /// Answers [`Reply::Number`] with how far it came in computing for so many milliseconds.
    Work(u64),
    /// Subscribes to the group `watched`, as [`Reply::Status`].
    Subscribe,
    /// Ends that subscription with its port.
    Unsubscribe,
    /// Answers [`Reply::Number`] with the actor that waits for this one to activate it; 0 for none.
    Waiting,
    /// Activates an actor, as [`Reply::Status`].
    Activate(u64),
    /// Clears the give-up of the group `watched`, as [`Reply::Status`].
    Clear,
}

/// The group that members may subscribe to.
pub const WATCHED: &str = "watched";

/// What a member answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Did it.
    Done,
    /// A number.
    Number(u64),
    /// How a syscall ended.
    Status(u64),
}
