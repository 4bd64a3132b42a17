//! A server: the loop that receives, decodes, answers and goes on, written once.
//!
//! The author writes a struct that holds all state and says what one request does to it. Requests
//! and replies are any values that `serde` knows; on the wire a reply is the postcard encoding of
//! `Result<Reply, Status>`, so a refusal reaches the client as [`Error::Declined`].

use abi::layout::MESSAGE_MAX;
use abi::{ActorId, Span, Status};
use serde::Serialize;
use serde::de::DeserializeOwned;

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

/// Serves a port until that is impossible; returns why.
pub fn serve<S: Server>(port: &Port, server: &mut S) -> Error {
    let mut request = [0; MESSAGE_MAX];
    let mut reply = [0; MESSAGE_MAX];
    let mut answer: &[u8] = &[];
    let mut caller = None;
    call::sys_ready();
    loop {
        let message = match port.reply_receive(caller.take(), answer, &mut request, Span::FOREVER) {
            Ok(message) => message,
            Err(error) => return error,
        };
        caller = message.caller;
        answer = handle(
            server,
            message.sender,
            message.bytes,
            caller.is_some(),
            &mut reply,
        );
    }
}

/// Lets the server handle one message and returns the bytes of its answer.
fn handle<'r, S: Server>(
    server: &mut S,
    sender: ActorId,
    bytes: &[u8],
    is_call: bool,
    reply: &'r mut [u8],
) -> &'r [u8] {
    let answer = match wire::decode(bytes) {
        Ok(request) if is_call => server.call(sender, request),
        Ok(notice) => {
            server.notice(sender, notice);
            return &[];
        }
        // A request we do not understand is the client's mistake, not ours.
        Err(_) => Err(Status::BAD_ARGUMENT),
    };
    wire::encode(&answer, reply).unwrap_or(&[])
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
        let mut buffer = [0; MESSAGE_MAX];
        let mut answer = [0; MESSAGE_MAX];
        let bytes = wire::encode(request, &mut buffer)?;
        let answer = self.call(bytes, &mut answer, timeout)?;
        wire::decode::<Result<Reply, Status>>(answer)?.map_err(Error::Declined)
    }

    /// Sends a message to a [`Server`] without waiting for its being handled.
    ///
    /// # Errors
    /// What [`RemotePort::send`] fails with.
    pub fn notify(self, notice: &(impl Serialize + ?Sized), timeout: Span) -> Result<()> {
        let mut buffer = [0; MESSAGE_MAX];
        self.send(wire::encode(notice, &mut buffer)?, timeout)
    }
}
