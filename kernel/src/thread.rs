//! Threads: what runs, and what a stopped one is waiting for.
//!
//! A user thread's whole state is its [`TrapFrame`] and what it [waits](Wait) for. Nothing of it
//! is ever on a kernel stack, so it can be stopped, answered or destroyed at any time by whoever
//! holds the kernel: a freeze never waits for a thread to come out of somewhere.

use abi::{Name, Slot};

use crate::arch::cpu::FloatingPoint;
use crate::arch::frame::TrapFrame;
use crate::list::{Link, Linked};
use crate::mm::Page;
use crate::user::UserSlice;

/// Link through which a thread is ready, or waits at a port, for a name or for the console.
pub const QUEUE: usize = 0;
/// Link through which a thread has a deadline.
pub const TIMER: usize = 1;
/// Link to the other threads of its home actor.
pub const HOME: usize = 2;

/// One thread.
#[repr(C)]
pub struct Thread {
    /// The registers of a user thread. First, so that it is aligned; see `arch::entry`.
    pub frame: TrapFrame,
    /// Floating-point registers; meaningless until `uses_floating_point`.
    pub floating_point: FloatingPoint,
    /// Where to continue: `frame` for a user thread, on its own stack for a kernel thread.
    pub context: *mut TrapFrame,
    /// Whether the thread ever used floating point.
    pub uses_floating_point: bool,
    /// Priority, 0 (lowest) to 63.
    pub priority: u8,
    /// Whether it may run.
    pub state: State,
    /// What it waits for.
    pub wait: Wait,
    /// When it stops waiting, in ticks.
    pub deadline: u64,
    /// Number of its latest call: tells one call's reply from another's.
    pub call: u32,
    /// The actor it belongs to; `None` for kernel threads.
    pub home: Option<Slot>,
    /// Its stack: the first page, as a region of its home actor.
    pub stack: Page,
    /// Its places in lists.
    pub links: [Link; 3],
}

// SAFETY: `context` points into the thread's own record or its own kernel stack.
unsafe impl Send for Thread {}

/// Whether a thread may run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// In a ready queue, or running.
    Ready,
    /// Waits for what its `wait` says.
    Blocked,
    /// Stopped for good: its actor is frozen, or it failed.
    Stopped,
}

/// What a blocked thread waits for.
#[derive(Clone, Copy, Debug)]
pub enum Wait {
    /// Nothing.
    Nothing,
    /// Its deadline.
    Sleep,
    /// A message at a port of its own.
    Receive {
        /// The port's slot.
        port: u32,
        /// Where the message goes.
        buffer: UserSlice,
    },
    /// Room in a port's queue.
    Send {
        /// The port's slot.
        port: u32,
        /// The message, still in the sender's memory.
        message: UserSlice,
    },
    /// The reply to a call.
    Call {
        /// The port's slot.
        port: u32,
        /// The request, still in the caller's memory until it is taken.
        request: UserSlice,
        /// Where the reply goes.
        reply: UserSlice,
        /// How far the call has come.
        stage: Stage,
    },
    /// A port of this name.
    Find(Name),
    /// Something typed.
    Console(UserSlice),
    /// A kernel thread: to be woken by name.
    Event,
}

/// How far a call has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The port's owner has not made it yet.
    Absent,
    /// In the port's queue, as this message.
    Queued(u32),
    /// Taken by the callee.
    Taken,
}

impl Thread {
    /// A thread that is stopped and in no list.
    #[must_use]
    pub fn new(priority: u8, home: Option<Slot>) -> Self {
        Self {
            frame: TrapFrame::default(),
            floating_point: FloatingPoint::INITIAL,
            context: core::ptr::null_mut(),
            uses_floating_point: false,
            priority,
            state: State::Stopped,
            wait: Wait::Nothing,
            deadline: 0,
            call: 0,
            home,
            stack: Page(0),
            links: [Link::FREE; 3],
        }
    }

    /// Sets what the syscall the thread is in returns.
    pub fn set_results(&mut self, status: abi::Status, results: [u64; 3]) {
        self.frame.rax = status.0;
        self.frame.rdx = results[0];
        self.frame.rdi = results[1];
        self.frame.rsi = results[2];
    }
}

macro_rules! linked {
    ($($link:ident)*) => {
        $(impl Linked<$link> for Thread {
            fn link(&mut self) -> &mut Link {
                &mut self.links[$link]
            }

            fn link_ref(&self) -> &Link {
                &self.links[$link]
            }
        })*
    };
}
linked!(QUEUE TIMER HOME);
