//! Further threads of this actor.
//!
//! There is no join: a thread ends by itself, and when the last one does, the actor has failed.
//! Threads share statics (atomics, locks); they all end with the incarnation.

use core::mem;

use abi::{ActorId, Instant, Span, ThreadId};

use crate::{Result, call};

/// A thread of this actor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thread {
    id: ThreadId,
}

impl Thread {
    /// The thread that asks.
    pub const CURRENT: Self = Self { id: ThreadId::NONE };

    /// Makes a thread that runs `body` with `argument` on a new stack of `stack_bytes`.
    ///
    /// `body` is a function or a closure that captures nothing: with one register to hand over,
    /// there is no room for more, and no heap to put more into.
    ///
    /// # Errors
    /// When there is no memory, the tables are full, or the priority is above the actor's.
    pub fn spawn<F>(body: F, argument: u64, stack_bytes: usize, priority: u8) -> Result<Self>
    where
        F: Fn(u64) + Copy + Send + 'static,
    {
        const {
            assert!(
                size_of::<F>() == 0,
                "a thread's closure may capture nothing"
            )
        };
        // What is needed of `body` is its type; there is only one value of that.
        let _ = body;
        let entry = (enter::<F> as extern "C" fn() -> !) as usize as u64;
        // SAFETY: `enter` is entered as the kernel enters threads and never returns; `F` may run
        // on another thread because it is `Send` and borrows nothing.
        unsafe { call::sys_thread_create(entry, argument, stack_bytes as u64, priority) }
            .map(|id| Self { id })
    }

    /// The same, for a body that works on something that lives for ever.
    ///
    /// # Errors
    /// As for [`Thread::spawn`].
    pub fn spawn_with<T, F>(
        context: &'static T,
        body: F,
        stack_bytes: usize,
        priority: u8,
    ) -> Result<Self>
    where
        T: Sync + 'static,
        F: Fn(&'static T) + Copy + Send + 'static,
    {
        const {
            assert!(
                size_of::<F>() == 0,
                "a thread's closure may capture nothing"
            )
        };
        let _ = body;
        let argument = core::ptr::from_ref(context).expose_provenance() as u64;
        let entry = (enter_with::<T, F> as extern "C" fn() -> !) as usize as u64;
        // SAFETY: as for `spawn`; the argument is what `run_with` takes it for.
        unsafe { call::sys_thread_create(entry, argument, stack_bytes as u64, priority) }
            .map(|id| Self { id })
    }

    /// Makes a handle of an identifier kept elsewhere; the kernel checks it at each use.
    #[must_use]
    pub fn from_id(id: ThreadId) -> Self {
        Self { id }
    }

    /// The thread's identifier.
    #[must_use]
    pub fn id(self) -> ThreadId {
        self.id
    }

    /// Tells it to give up what it does. What that means is said at
    /// [`Call::ThreadAbort`](abi::syscall::Call::ThreadAbort).
    ///
    /// # Errors
    /// When it is no more, or neither this actor's nor inside this actor.
    pub fn abort(self) -> Result<()> {
        call::lap::sys_thread_abort(self.id)
    }

    /// Sets its priority; returns what it was.
    ///
    /// # Errors
    /// When the thread is no more, or the priority is above the actor's.
    pub fn set_priority(self, priority: u8) -> Result<u8> {
        call::sys_thread_priority(self.id, priority)
    }
}

/// Ends the calling thread.
pub fn exit() -> ! {
    call::sys_thread_exit()
}

/// Lets other threads of the same priority run.
pub fn yield_now() {
    call::sys_thread_yield();
}

/// Sleeps for at least `span`, unless the thread is told to give up; see [`Thread::abort`].
pub fn sleep(span: Span) {
    // Who cares calls `sleep_whole`.
    let _ = sleep_whole(span);
}

/// Sleeps for at least `span`.
///
/// # Errors
/// [`Status::ABORTED`](abi::Status::ABORTED) when the thread is told to give up before that.
pub fn sleep_whole(span: Span) -> Result<()> {
    call::sys_sleep(span)
}

/// The calling thread, by its identifier: what others need to know to name it.
#[must_use]
pub fn current() -> Thread {
    Thread {
        id: call::lap::sys_thread_self().0,
    }
}

/// The actor that the calling thread belongs to: in a LAP, seldom the actor that runs the code.
#[must_use]
pub fn home() -> ActorId {
    call::lap::sys_thread_self().1
}

/// The time, which goes on over restarts.
#[must_use]
pub fn now() -> Instant {
    Instant(call::sys_clock())
}

/// Where the kernel enters a thread: an aligned stack, and the argument in RDI.
#[unsafe(naked)]
extern "C" fn enter<F: Fn(u64) + Copy + Send + 'static>() -> ! {
    // A zero frame pointer ends backtraces.
    core::arch::naked_asm!("xor ebp, ebp", "call {run}", "ud2", run = sym run::<F>)
}

extern "C" fn run<F: Fn(u64) + Copy + Send + 'static>(argument: u64) -> ! {
    // SAFETY: `F` has no bytes, and one value of it exists: the one that `spawn` was given. It is
    // `Copy`, so this may be a second one.
    let body: F = unsafe { mem::zeroed() };
    body(argument);
    exit()
}

/// The same, for a thread made by [`Thread::spawn_with`].
#[unsafe(naked)]
extern "C" fn enter_with<T, F>() -> !
where
    T: Sync + 'static,
    F: Fn(&'static T) + Copy + Send + 'static,
{
    core::arch::naked_asm!("xor ebp, ebp", "call {run}", "ud2", run = sym run_with::<T, F>)
}

extern "C" fn run_with<T, F>(context: *const T) -> !
where
    T: Sync + 'static,
    F: Fn(&'static T) + Copy + Send + 'static,
{
    // SAFETY: as in `run`.
    let body: F = unsafe { mem::zeroed() };
    // SAFETY: `spawn_with` made it of a reference that lives for ever and may be shared.
    body(unsafe { &*context });
    exit()
}
