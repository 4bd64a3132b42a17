//! Ports: message queues, mine and others'.
//!
//! A [`Port`] is owned: only its owner receives from it, and dropping it destroys it. A
//! [`RemotePort`] is a capability that can be copied and handed on. After its owner's restart the
//! capability is stale; using it gives [`Error::Restarted`] with the port's new one.

use core::fmt;

use abi::{ActorId, PortId, ReplyToken, Span};

use crate::call::{self, Received, WhenFrozen};
use crate::{Error, Result};

/// A port of this actor.
#[derive(Debug)]
pub struct Port {
    id: PortId,
}

impl Port {
    /// Makes a port that others find by its name, with a queue of `depth` messages.
    ///
    /// # Errors
    /// When another actor has the name, the depth is not 1 to 256, or the tables are full.
    pub fn create(name: &str, depth: usize) -> Result<Self> {
        call::sys_port_create(name, depth as u64).map(|id| Self { id })
    }

    /// Makes a port without a name, for those that are told its capability.
    ///
    /// # Errors
    /// When the depth is not 1 to 256, or the tables are full.
    pub fn private(depth: usize) -> Result<Self> {
        Self::create("", depth)
    }

    /// Its capability, to be handed to others.
    #[must_use]
    pub fn id(&self) -> PortId {
        self.id
    }

    /// The port as others see it.
    #[must_use]
    pub fn remote(&self) -> RemotePort {
        RemotePort { id: self.id }
    }

    /// Waits for a message and takes it.
    ///
    /// # Errors
    /// When none came in time, or the next one is longer than the buffer (it stays queued).
    #[inline]
    pub fn receive<'b>(&self, buffer: &'b mut [u8], timeout: Span) -> Result<Message<'b>> {
        let received = call::sys_receive(self.id, buffer, timeout)?;
        Ok(Message::new(received, buffer))
    }

    /// Answers a caller, if there is one, and waits for the next message, in one step.
    ///
    /// # Errors
    /// When no message came in time, or the next one is longer than the buffer (it stays queued).
    /// That the caller waits no longer is no error.
    #[inline]
    pub fn reply_receive<'b>(
        &self,
        caller: Option<Caller>,
        reply: &[u8],
        buffer: &'b mut [u8],
        timeout: Span,
    ) -> Result<Message<'b>> {
        let token = caller.map_or(ReplyToken::NONE, |caller| caller.token);
        let received = call::sys_reply_receive(token, reply, self.id, buffer, timeout)?;
        Ok(Message::new(received, buffer))
    }

    /// Destroys the port; dropping it does the same, but silently.
    ///
    /// # Errors
    /// When it is no more.
    pub fn destroy(self) -> Result<()> {
        let id = self.id;
        core::mem::forget(self);
        call::sys_port_destroy(id)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // A port that is gone already is what we want.
        let _ = call::sys_port_destroy(self.id);
    }
}

/// A message that was taken from a port.
#[derive(Debug)]
pub struct Message<'b> {
    /// What it says.
    pub bytes: &'b [u8],
    /// Who sent it.
    pub sender: ActorId,
    /// The one who waits for an answer, if it is a call.
    pub caller: Option<Caller>,
}

impl<'b> Message<'b> {
    #[inline]
    fn new(received: Received, buffer: &'b [u8]) -> Self {
        Self {
            bytes: buffer.get(..received.length).unwrap_or(buffer),
            sender: received.sender,
            caller: (!received.token.is_none()).then_some(Caller {
                token: received.token,
            }),
        }
    }
}

/// Somebody who waits for an answer. It can be answered once.
#[derive(Debug)]
#[must_use = "a caller who is not answered waits until its deadline"]
pub struct Caller {
    token: ReplyToken,
}

impl Caller {
    /// Answers.
    ///
    /// # Errors
    /// When the caller waits no longer, or its buffer is too small.
    #[inline]
    pub fn reply(self, message: &[u8]) -> Result<()> {
        call::sys_reply(self.token, message)
    }

    /// The number the kernel knows the caller by.
    #[must_use]
    pub fn token(&self) -> ReplyToken {
        self.token
    }

    /// Makes a caller of a token kept elsewhere; the kernel checks it at the answer.
    pub fn from_token(token: ReplyToken) -> Self {
        Self { token }
    }
}

/// A port of somebody else's, or this actor's own port seen from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RemotePort {
    id: PortId,
}

impl RemotePort {
    /// Finds a port by name, waiting until somebody makes it.
    ///
    /// # Errors
    /// When nobody did in time.
    pub fn find(name: &str, timeout: Span) -> Result<Self> {
        call::sys_port_find(name, timeout).map(Self::from)
    }

    /// Its capability.
    #[must_use]
    pub fn id(self) -> PortId {
        self.id
    }

    /// Queues a message, waiting while the queue is full.
    ///
    /// # Errors
    /// When the port is gone, or its queue stayed full.
    pub fn send(self, message: &[u8], timeout: Span) -> Result<()> {
        call::sys_send(self.id, message, timeout)
    }

    /// Sends a request and waits for the reply. When the owner is between two incarnations, the
    /// call waits for the next one.
    ///
    /// # Errors
    /// [`Error::Restarted`] and [`Error::Dead`] as soon as the owner fails, with what is known
    /// about the request; a timeout; a reply longer than the buffer.
    #[inline]
    pub fn call<'b>(self, request: &[u8], reply: &'b mut [u8], timeout: Span) -> Result<&'b [u8]> {
        self.call_when_frozen(request, reply, timeout, WhenFrozen::Wait)
    }

    /// The same, with a choice of what to do when the owner is between two incarnations.
    ///
    /// # Errors
    /// The same, and [`Status::FROZEN`](abi::Status::FROZEN) where that was chosen.
    #[inline]
    pub fn call_when_frozen<'b>(
        self,
        request: &[u8],
        reply: &'b mut [u8],
        timeout: Span,
        when_frozen: WhenFrozen,
    ) -> Result<&'b [u8]> {
        let length = call::sys_call(self.id, request, reply, timeout, when_frozen)?;
        reply.get(..length).ok_or(Error::Malformed)
    }
}

impl From<PortId> for RemotePort {
    fn from(id: PortId) -> Self {
        Self { id }
    }
}

impl fmt::Debug for RemotePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.id, f)
    }
}

impl fmt::Display for RemotePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.id, f)
    }
}
