//! A server: the loop that receives, decodes, answers and goes on, written once.
//!
//! The author writes a struct that holds all state and says what one request does to it. Requests
//! and replies are any values that `serde` knows; on the wire a reply is the postcard encoding of
//! `Result<Reply, Status>`, so a refusal reaches the client as [`Error::Declined`].

use abi::{ActorId, ReplyToken, Span, Status};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::buffer::Buffer;
use crate::call::{Received, WhenFrozen};
use crate::entry::Ending;
use crate::{Error, Port, RemotePort, Result, call, wire};

/// What a server does with its requests.
pub trait Server {
    /// What clients send.
    type Request: DeserializeOwned;
    /// What they get.
    type Reply: Serialize;

    /// Handles a request of somebody who waits for the reply.
    ///
    /// # Errors
    /// The status that the client is to get instead of a reply.
    fn call(&mut self, caller: ActorId, request: Self::Request) -> Result<Self::Reply, Status>;

    /// Handles a message that expects no reply. Ignores it unless overridden.
    fn notice(&mut self, sender: ActorId, notice: Self::Request) {
        let _ = (sender, notice);
    }
}

/// A server together with its port: the return value of a main function that serves.
#[derive(Debug)]
pub struct Serve<S> {
    port: Port,
    server: S,
}

/// Messages a served port queues. Clients wait in the kernel beyond that, so it bounds memory,
/// not the number of clients.
const DEPTH: usize = 16;

impl<S: Server> Serve<S> {
    /// Serves a new port of this name.
    ///
    /// # Errors
    /// When the port cannot be made.
    pub fn under(name: &str, server: S) -> Result<Self> {
        Port::create(name, DEPTH).map(|port| Self { port, server })
    }

    /// Serves a port that is there already.
    pub fn on(port: Port, server: S) -> Self {
        Self { port, server }
    }
}

impl<S: Server> Ending for Serve<S> {
    fn end(mut self) -> ! {
        let error = serve(&self.port, &mut self.server);
        panic!("cannot receive: {error}")
    }
}

/// Room for most messages. What is longer takes a detour, so that a server that starts does not need
/// a second page of stack at once.
const SHORT: usize = 512;

/// Serves a port until that is impossible; returns why.
pub fn serve<S: Server>(port: &Port, server: &mut S) -> Error {
    // For requests and answers alike: a request is a value, and no bytes, before it is handled.
    let mut buffer = Buffer::<SHORT>::new();
    let mut answer = 0;
    let mut token = ReplyToken::NONE;
    call::sys_ready();
    loop {
        let (room, capacity) = buffer.room();
        let message = (room.cast_const(), answer);
        // SAFETY: The answer was written into the buffer, which nobody else uses.
        let received = unsafe {
            let room = (room, capacity);
            call::reply_receive_into(token, message, port.id(), room, Span::FOREVER)
        };
        (token, answer) = match received {
            Ok(received) => answered(&mut buffer, received, server),
            Err(Error::BufferTooSmall { .. }) => match serve_long(port, server) {
                Ok(()) => (ReplyToken::NONE, 0),
                Err(error) => return error,
            },
            Err(error) => return error,
        };
    }
}

/// Serves one message that is longer than most.
#[cold]
#[inline(never)]
fn serve_long<S: Server>(port: &Port, server: &mut S) -> Result<()> {
    let mut buffer = <Buffer>::new();
    // SAFETY: Nobody else uses the buffer.
    let received = unsafe { call::receive_into(port.id(), buffer.room(), Span::FOREVER)? };
    let (token, answer) = answered(&mut buffer, received, server);
    if !token.is_none() {
        // SAFETY: So much was written. Who waits no longer needs no answer.
        let _ = call::sys_reply(token, unsafe { buffer.filled(answer) });
    }
    Ok(())
}

/// Handles a message, and leaves the answer in the buffer. Returns who is to get it, and its length.
fn answered<S: Server, const N: usize>(
    buffer: &mut Buffer<N>,
    Received {
        length,
        sender,
        token,
    }: Received,
    server: &mut S,
) -> (ReplyToken, usize) {
    // SAFETY: The kernel wrote so much.
    let answer = match wire::decode(unsafe { buffer.filled(length) }) {
        Ok(notice) if token.is_none() => {
            server.notice(sender, notice);
            return (token, 0);
        }
        Ok(request) => server.call(sender, request),
        // A request we do not understand is the client's mistake, not ours.
        Err(_) => Err(Status::BAD_ARGUMENT),
    };
    match buffer.encode(&answer) {
        Ok(length) => (token, length),
        Err(_) => {
            answer_long(token, &answer);
            (ReplyToken::NONE, 0)
        }
    }
}

/// Gives an answer that is longer than most; an empty one if it is too long for a message.
#[cold]
#[inline(never)]
fn answer_long<Reply: Serialize>(token: ReplyToken, answer: &Result<Reply, Status>) {
    let mut buffer = <Buffer>::new();
    let length = buffer.encode(answer).unwrap_or(0);
    // SAFETY: So much was written. Who waits no longer needs no answer.
    let _ = call::sys_reply(token, unsafe { buffer.filled(length) });
}

impl RemotePort {
    /// Sends a request to a [`Server`] and waits for its reply.
    ///
    /// # Errors
    /// What [`RemotePort::call`] fails with; [`Error::Declined`] when the server refuses;
    /// [`Error::Malformed`] when it answers something else than a `Reply`.
    pub fn request<Reply: DeserializeOwned>(
        self,
        request: &(impl Serialize + ?Sized),
        timeout: Span,
    ) -> Result<Reply> {
        let mut buffer = <Buffer>::new();
        let length = buffer.encode(request)?;
        let (room, capacity) = buffer.room();
        // SAFETY: The request was written into the buffer, which nobody else uses.
        let length = unsafe {
            let (request, reply) = ((room.cast_const(), length), (room, capacity));
            call::call_into(self.id(), request, reply, timeout, WhenFrozen::Wait)?
        };
        // SAFETY: The kernel wrote so much.
        let answer = unsafe { buffer.filled(length) };
        wire::decode::<Result<Reply, Status>>(answer)?.map_err(Error::Declined)
    }

    /// Sends a message to a [`Server`] without waiting for its being handled.
    ///
    /// # Errors
    /// What [`RemotePort::send`] fails with.
    pub fn notify(self, notice: &(impl Serialize + ?Sized), timeout: Span) -> Result<()> {
        let mut buffer = <Buffer>::new();
        let length = buffer.encode(notice)?;
        // SAFETY: So much was written.
        self.send(unsafe { buffer.filled(length) }, timeout)
    }
}
