//! Handlers: code of this actor that the kernel runs when something happens (paper, 3.1).
//!
//! | kind | made by | runs |
//! |---|---|---|
//! | trap | [`Handler::trap`] | in the thread that trapped, see [`trap`] |
//! | interrupt | [`Handler::interrupt`] | in a thread of its own; the line is masked meanwhile |
//! | timeout | [`Handler::timeout`] | in a thread of its own, once |
//! | timer | [`Handler::timer`] | in a thread of its own, every so often |
//! | virtual timer | [`Handler::virtual_timer`] | the same, by the time that one thread has run |
//! | exception | [`Handler::exception`] | in the thread that had the exception, see [`Verdict`] |
//! | abort | [`Handler::abort`] | in the thread that is told to give up |
//!
//! Each is a LAP without a name, and is disconnected when the actor is frozen: nothing of it
//! reaches a later incarnation. Handlers may capture nothing; the *cookie* tells them what it is
//! about.
//!
//! A handler with a thread of its own is not run again before it returns; what happens meanwhile
//! is counted, and told at the next run ([`Occasion::count`]).

mod exception;
mod occasion;
mod trap;

use abi::{ActorId, FaultRecord, HandlerId, HandlerKind, Span, ThreadId};

pub use exception::{Skip, Verdict};
pub use occasion::Occasion;
pub use trap::{Trap, raise};

use crate::lap::{Entry, Lap, RemoteLap, Stacks, create};
use crate::{Result, call};

/// The stack of a handler that has a thread of its own.
const OWN_THREAD: Stacks = Stacks::of_count(1);

/// A connected handler. Dropping it disconnects it.
#[derive(Debug)]
pub struct Handler {
    id: HandlerId,
    /// The LAP behind it, which must not go before the handler does.
    lap: Lap,
}

impl Handler {
    /// Handles the trap `number` (0 to 15) of every actor: what [`raise`] asks for. Needs a right.
    /// As many threads can be inside at once as there are stacks.
    ///
    /// # Errors
    /// When the right is missing, somebody has the number, or a table or budget is used up.
    pub fn trap<F>(number: u8, stacks: Stacks, cookie: u64, handler: F) -> Result<Self>
    where
        F: Fn(&Trap) -> (u64, u64) + Copy + Send + 'static,
    {
        let _ = handler;
        connect::<trap::Handles<F>>(HandlerKind::TRAP, stacks, cookie, u64::from(number), 0)
    }

    /// Handles the interrupt line `line` (3 to 15). Needs a right. The line is masked from the
    /// interrupt on until it is acknowledged, see [`acknowledge`].
    ///
    /// # Errors
    /// When the right is missing, somebody has the line, or a table or budget is used up.
    pub fn interrupt<F>(line: u8, cookie: u64, handler: F) -> Result<Self>
    where
        F: Fn(Occasion) + Copy + Send + 'static,
    {
        let _ = handler;
        occasional::<F>(HandlerKind::INTERRUPT, cookie, u64::from(line), Span::ZERO)
    }

    /// Runs once, `after` from now.
    ///
    /// # Errors
    /// When a table or budget is used up.
    pub fn timeout<F>(after: Span, cookie: u64, handler: F) -> Result<Self>
    where
        F: Fn(Occasion) + Copy + Send + 'static,
    {
        let _ = handler;
        occasional::<F>(HandlerKind::TIMEOUT, cookie, 0, after)
    }

    /// Runs every `period`.
    ///
    /// # Errors
    /// When the period is shorter than a tick, or a table or budget is used up.
    pub fn timer<F>(period: Span, cookie: u64, handler: F) -> Result<Self>
    where
        F: Fn(Occasion) + Copy + Send + 'static,
    {
        let _ = handler;
        occasional::<F>(HandlerKind::TIMER, cookie, 0, period)
    }

    /// Runs each time a thread of this actor's has run for `period`.
    ///
    /// # Errors
    /// When the thread is no more or not this actor's, the period is shorter than a tick, or a
    /// table or budget is used up.
    pub fn virtual_timer<F>(thread: ThreadId, period: Span, cookie: u64, handler: F) -> Result<Self>
    where
        F: Fn(Occasion) + Copy + Send + 'static,
    {
        let _ = handler;
        occasional::<F>(HandlerKind::VIRTUAL_TIMER, cookie, thread.raw(), period)
    }

    /// Handles the exceptions of an actor: this one for [`ActorId::NONE`], another one with the
    /// right to, who is asked first itself.
    ///
    /// # Errors
    /// When the right is missing, somebody handles the actor's exceptions, or a table or budget is
    /// used up.
    pub fn exception<F>(actor: ActorId, stacks: Stacks, cookie: u64, handler: F) -> Result<Self>
    where
        F: Fn(&FaultRecord) -> Verdict + Copy + Send + 'static,
    {
        let _ = handler;
        let kind = HandlerKind::EXCEPTION;
        connect::<exception::Handles<F>>(kind, stacks, cookie, actor.raw(), 0)
    }

    /// Runs in each thread that is told to give up while it is in this actor, before it does.
    /// `handler` gets the cookie.
    ///
    /// # Errors
    /// When there is one already, or a table or budget is used up.
    pub fn abort<F>(stacks: Stacks, cookie: u64, handler: F) -> Result<Self>
    where
        F: Fn(u64) + Copy + Send + 'static,
    {
        let _ = handler;
        connect::<occasion::HandlesAbort<F>>(HandlerKind::ABORT, stacks, cookie, 0, 0)
    }

    /// The number the kernel knows it by.
    #[must_use]
    pub fn id(&self) -> HandlerId {
        self.id
    }

    /// The LAP behind it, which this actor may hand to others as well.
    #[must_use]
    pub fn lap(&self) -> RemoteLap {
        self.lap.remote()
    }

    /// Keeps it connected for the rest of the incarnation, though nobody holds it.
    pub fn keep(self) -> HandlerId {
        let id = self.id;
        core::mem::forget(self);
        id
    }

    /// Disconnects it; dropping it does the same, but silently. A run that has begun finishes.
    ///
    /// # Errors
    /// When the kernel does not know it: a bug.
    pub fn disconnect(self) -> Result<()> {
        let result = call::lap::sys_handler_disconnect(self.id);
        // The second time, which says nothing new.
        drop(self);
        result
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        // A handler that is gone already is what we want. The LAP is dropped after this.
        let _ = call::lap::sys_handler_disconnect(self.id);
    }
}

/// Acknowledges an interrupt, so that its line may fire again.
///
/// # Errors
/// When the handler is no more, not this actor's, or of another kind.
pub fn acknowledge(handler: HandlerId) -> Result<()> {
    call::lap::sys_interrupt_acknowledge(handler)
}

/// Connects a handler with a thread of its own.
fn occasional<F>(kind: HandlerKind, cookie: u64, subject: u64, span: Span) -> Result<Handler>
where
    F: Fn(Occasion) + Copy + Send + 'static,
{
    connect::<occasion::Handles<F>>(kind, OWN_THREAD, cookie, subject, span.0)
}

/// Makes the LAP of a handler, and connects it. `E` must be what threads of this kind run.
fn connect<E: Entry>(
    kind: HandlerKind,
    stacks: Stacks,
    cookie: u64,
    subject: u64,
    parameter: u64,
) -> Result<Handler> {
    let lap = Lap::from_id(create::<E>("", stacks, cookie)?);
    // SAFETY: each caller above names the entry that takes this kind's registers.
    let id = unsafe { call::lap::sys_handler_connect(kind, lap.id(), subject, parameter) }?;
    Ok(Handler { id, lap })
}
