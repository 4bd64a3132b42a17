//! Ports and the messages in them.
//!
//! A port is a queue owned by an actor. Messages of `send` are copied when they are queued, each
//! into one frame at most; a request of `call` stays in its caller's memory, since the caller
//! waits anyway, and is copied once, straight into the callee's buffer.
//!
//! # Named ports over a restart
//! A named port belongs to the actor rather than to one incarnation. When the actor is frozen to
//! be restarted, its named ports get their next capability at once and are `Absent` until the new
//! incarnation makes them again; callers of the old capability are told the new one, callers of
//! the new one wait. Ports without a name are simply destroyed.

use abi::{ActorId, Generation, Name, Slot};

use crate::list::{Link, Linked, List};
use crate::mm::Frame;
use crate::thread::QUEUE;

/// Link to the owner's other ports.
pub const OWNED: usize = 0;
/// Link to the other messages of the port.
pub const QUEUED: usize = 0;

/// The most messages one queue may hold.
pub const DEPTH_MAX: u32 = 256;

/// Payloads up to this size are kept in the message itself.
pub const INLINE_BYTES: usize = 64;

/// One port.
pub struct Port {
    /// The actor it belongs to.
    pub owner: Slot,
    /// Its name, if it has one.
    pub name: Option<Name>,
    /// Whether the present incarnation has made it.
    pub presence: Presence,
    /// The generation of its first capability: older ones were somebody else's.
    pub first_generation: Generation,
    /// Messages of `send` it may hold.
    pub depth: u32,
    /// Messages of `send` it holds.
    pub held: u32,
    /// The queue.
    pub messages: List<QUEUED>,
    /// Threads of the owner that wait for a message.
    pub receivers: List<QUEUE>,
    /// Threads that wait for room, or for the port itself.
    pub senders: List<QUEUE>,
    /// Threads whose call is queued or was taken.
    pub callers: List<QUEUE>,
    /// What it is told of groups.
    pub subscriptions: List<{ crate::subscription::PORT }>,
    /// Its place among the owner's ports.
    pub link: Link,
}

/// Whether the present incarnation has made a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// It has.
    Open,
    /// Not yet.
    Absent,
    /// It has, and has given it up: those who wait are being told.
    Ended,
}

impl Port {
    /// A port with nothing in it that is still absent.
    #[must_use]
    pub const fn new(owner: Slot, name: Option<Name>, depth: u32) -> Self {
        Self {
            owner,
            name,
            presence: Presence::Absent,
            first_generation: Generation::FIRST,
            depth,
            held: 0,
            messages: List::EMPTY,
            receivers: List::EMPTY,
            senders: List::EMPTY,
            callers: List::EMPTY,
            subscriptions: List::EMPTY,
            link: Link::FREE,
        }
    }
}

impl Linked<OWNED> for Port {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    fn link_ref(&self) -> &Link {
        &self.link
    }
}

/// One queued message.
#[derive(Clone, Copy)]
pub struct Message {
    /// Who sent it.
    pub sender: ActorId,
    /// Its length in bytes.
    pub length: u32,
    /// Where its bytes are.
    pub payload: Payload,
    /// Its place in the queue.
    pub link: Link,
}

/// Where a message's bytes are.
#[derive(Clone, Copy)]
pub enum Payload {
    /// Here.
    Inline([u8; INLINE_BYTES]),
    /// In a frame of its own.
    Frame(Frame),
    /// Still with the thread that calls.
    Caller(u32),
}

impl Linked<QUEUED> for Message {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    fn link_ref(&self) -> &Link {
        &self.link
    }
}
