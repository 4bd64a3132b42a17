//! Local Access Points: places where threads of other actors enter this one, and the way there.
//!
//! A [`Lap`] is this actor's: a function, and stacks for the threads that run it. A [`RemoteLap`]
//! is a capability, of this or another actor's LAP, that can be copied, handed on and invoked. The
//! thread that invokes it runs the function itself, in the owner's memory, and comes back with two
//! numbers. Memory goes along as a copy or is lent for that long; see [`Request`].
//!
//! After its owner's restart a capability is stale; using it gives [`Error::LapRestarted`] with the
//! LAP's new one. Those who are inside when the owner fails are told the same, with how far they
//! had come.
//!
//! [`Error::LapRestarted`]: crate::Error::LapRestarted
//!
//! # Why it is like this
//! The function may capture nothing, because several threads run it at once and there is one
//! register to tell them what it is about: the *cookie*. Shared state lives in statics, or in
//! something that lives for ever and is handed over as the context ([`Lap::with_context`]).

mod enter;
mod invocation;
mod request;

use abi::LapId;

pub(crate) use enter::{Entry, conjure, create};
pub use invocation::{Invocation, Lent, Memory};
pub(crate) use invocation::{copy_from_caller, copy_to_caller};
pub use request::{RemoteLap, Request};

use crate::{Result, call};

/// The stacks on which the guests of a LAP run: as many can be inside at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stacks {
    /// How many: 1 to [`LAP_STACKS_MAX`](abi::layout::LAP_STACKS_MAX).
    pub count: u32,
    /// Bytes of each, rounded up to pages. A copied memory argument lies on it too.
    pub bytes: usize,
}

impl Stacks {
    /// So many stacks of 16 KiB: enough for code that keeps no large buffers of its own.
    #[must_use]
    pub const fn of_count(count: u32) -> Self {
        Self {
            count,
            bytes: 16 * 1024,
        }
    }
}

/// A LAP of this actor.
#[derive(Debug)]
pub struct Lap {
    id: LapId,
}

impl Lap {
    /// Makes a LAP that others find by its name; with an empty name, one for those that are told
    /// its capability. Each thread that enters runs `handler` and takes the two numbers with it.
    ///
    /// # Errors
    /// When another actor has the name, there are too few or too many stacks, or the tables or
    /// the actor's budget are used up.
    pub fn create<F>(name: &str, stacks: Stacks, cookie: u64, handler: F) -> Result<Self>
    where
        F: Fn(&mut Invocation<'_>) -> (u64, u64) + Copy + Send + 'static,
    {
        let _ = handler;
        create::<invocation::Plain<F>>(name, stacks, cookie).map(|id| Self { id })
    }

    /// The same, with state that all invocations share instead of a cookie.
    ///
    /// # Errors
    /// As for [`Lap::create`].
    pub fn with_context<T, F>(
        name: &str,
        stacks: Stacks,
        context: &'static T,
        handler: F,
    ) -> Result<Self>
    where
        T: Sync + 'static,
        F: Fn(&'static T, &mut Invocation<'_>) -> (u64, u64) + Copy + Send + 'static,
    {
        let _ = handler;
        let cookie = core::ptr::from_ref(context).expose_provenance() as u64;
        create::<invocation::WithContext<T, F>>(name, stacks, cookie).map(|id| Self { id })
    }

    /// Takes over a LAP that was just made.
    pub(crate) fn from_id(id: LapId) -> Self {
        Self { id }
    }

    /// Its capability, to be handed to others.
    #[must_use]
    pub fn id(&self) -> LapId {
        self.id
    }

    /// The LAP as others see it.
    #[must_use]
    pub fn remote(&self) -> RemoteLap {
        RemoteLap::from(self.id)
    }

    /// Keeps it for the rest of the incarnation, though nobody holds it.
    pub fn keep(self) -> RemoteLap {
        let remote = self.remote();
        core::mem::forget(self);
        remote
    }

    /// Destroys the LAP; dropping it does the same, but silently. Threads that are inside finish.
    ///
    /// # Errors
    /// When it is no more.
    pub fn destroy(self) -> Result<()> {
        let id = self.id;
        core::mem::forget(self);
        call::lap::sys_lap_destroy(id)
    }
}

impl Drop for Lap {
    fn drop(&mut self) {
        // A LAP that is gone already is what we want.
        let _ = call::lap::sys_lap_destroy(self.id);
    }
}

/// Says that the invocation the calling thread is in has had its effect: should this actor fail
/// before the thread returns, its caller is told [`COMPLETED`](abi::status::Progress::COMPLETED).
///
/// # Errors
/// Outside any invocation.
pub fn done() -> Result<()> {
    call::lap::sys_lap_done()
}
