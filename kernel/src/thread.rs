//! Threads: what runs, and what a stopped one is waiting for.
//!
//! A user thread's whole state is its [`TrapFrame`] and what it [waits](Wait) for. Nothing of it
//! is ever on a kernel stack, so it can be stopped, answered or destroyed at any time by whoever
//! holds the kernel: a freeze never waits for a thread to come out of somewhere.

use abi::layout::LAP_DEPTH_MAX;
use abi::{ActorId, LapId, Name, PortId, Slot};

use crate::arch::cpu::FloatingPoint;
use crate::arch::frame::TrapFrame;
use crate::due::{Position, Timed};
use crate::fault::Fault;
use crate::handoff::Sight;
use crate::list::{Link, Linked};
use crate::mm::Page;
use crate::naming::What;
use crate::quick::{self, Place};
use crate::sched::SLICE_TICKS;
use crate::slot::{Blank, Full, SlotTable};
use crate::user::UserSlice;

/// Link through which a thread is ready, or waits at a port, for a name or for the console.
pub const QUEUE: usize = 0;
/// Link to the other threads of its home actor.
pub const HOME: usize = 1;
/// Link to the other threads that are stopped as guests in the same actor.
pub const VISITOR: usize = 2;

/// One thread.
///
/// A thread that invokes a LAP goes on in the LAP's owner with a further frame; the frames below
/// keep the registers of its callers until it returns.
///
/// # Invariants
/// - `frames[..=depth]` and `visits[..depth]` are in use; `visits[i]` says how the thread came
///   from `frames[i]` to `frames[i + 1]`.
/// - `here` is the callee of the last visit, or `home` if there is none.
#[repr(C)]
pub struct Thread {
    /// The registers of a user thread, of each actor it is in. First, so that they are aligned;
    /// see `arch::entry`.
    frames: [TrapFrame; LAP_DEPTH_MAX + 1],
    visits: [Visit; LAP_DEPTH_MAX],
    depth: usize,
    /// Floating-point registers; meaningless until `uses_floating_point`.
    pub floating_point: FloatingPoint,
    /// Where to continue: its frame for a user thread, on its own stack for a kernel thread.
    pub context: *mut TrapFrame,
    /// Whether the thread ever used floating point.
    pub uses_floating_point: bool,
    /// Priority, 0 (lowest) to 63.
    pub priority: u8,
    /// Whether it may run.
    pub state: State,
    /// What it waits for.
    pub wait: Wait,
    /// Its place among those with a deadline.
    pub deadline: Position,
    /// Ticks left of its turn, when it does not run.
    pub slice: u32,
    /// Number of its latest call, counted over all threads: tells one call's reply from another's.
    pub call: u32,
    /// The incarnation it belongs to; nobody for kernel threads.
    pub home: ActorId,
    /// Where that runs.
    pub home_place: &'static Place,
    /// The incarnation it is in: on its behalf it makes syscalls, to it belong its faults.
    pub here: ActorId,
    /// Whether it was told to give up and has not been yet.
    pub is_aborted: bool,
    /// The exception its innermost exception handler is asked about.
    pub exception: Option<Fault>,
    /// Ticks it has run for, for virtual timers.
    pub ticks: u64,
    /// How many there must be for the next virtual timer.
    pub virtual_due: u64,
    /// Where memory was that it got a message in.
    pub incoming: Sight,
    /// Where the page was that it last sent a message from.
    pub outgoing: Sight,
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
        /// The port.
        port: PortId,
        /// The message, still in the sender's memory.
        message: UserSlice,
    },
    /// The reply to a call.
    Call {
        /// The port.
        port: PortId,
        /// The request, still in the caller's memory until it is taken.
        request: UserSlice,
        /// Where the reply goes.
        reply: UserSlice,
        /// How far the call has come.
        stage: Stage,
    },
    /// Something of this name.
    Find(What, Name),
    /// To be let into a LAP: for its owner, or for a stack.
    Enter {
        /// The LAP.
        lap: LapId,
        /// What it wants there.
        invocation: Invocation,
    },
    /// To be sent back to its caller: the actor it is in has failed and is about to be frozen.
    Deflection,
    /// For the thread of a handler: for the thing it handles.
    Occasion,
    /// For an actor that its own actor, a manager, is to activate.
    Activation {
        /// The manager's slot.
        manager: u32,
    },
    /// Something typed.
    Console(UserSlice),
    /// The start of an actor that it spawns; the number is that of its call.
    Spawn(u32),
    /// The thaw of the actor it is in. It was ready when it was parked, and in no syscall.
    Thaw,
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

/// What a thread wants of a LAP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invocation {
    /// The two arguments.
    pub arguments: [u64; 2],
    /// The memory argument.
    pub memory: UserSlice,
    /// How that is given.
    pub manner: Manner,
}

/// How a memory argument is given to a callee.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// A copy, which is lost.
    Copy,
    /// A copy, which is copied back on return.
    CopyBack,
    /// The pages themselves, to be read.
    Lend,
    /// The pages themselves, to be read and written.
    LendWritable,
}

/// How a thread came into an actor that is not its own, or into one of its own actor's LAPs.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Visit {
    /// Why.
    pub kind: Kind,
    /// The LAP.
    pub lap: LapId,
    /// The incarnation that owns it.
    pub callee: ActorId,
    /// The incarnation from which the thread came.
    pub caller: ActorId,
    /// Which of the LAP's stacks it is on.
    pub stack: u32,
    /// The memory argument.
    pub memory: Memory,
    /// Whether the callee has said that the invocation had its effect.
    pub is_done: bool,
}

/// Why a thread is in a LAP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Kind {
    /// It invoked it.
    Invoke = layout::KIND_INVOKE,
    /// It trapped.
    Trap,
    /// It had an exception; the number says which handler is being asked.
    Exception(u8),
    /// It was told to give up.
    Abort,
    /// It is the thread of the handler in this slot.
    Handler(u32),
}

/// The memory argument of a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Memory {
    /// Nothing is to be done on return.
    None = layout::MEMORY_NONE,
    /// The copy is to be copied back.
    Copied {
        /// The caller's memory.
        theirs: UserSlice,
        /// Where the copy is.
        own: u64,
    },
    /// The pages in this slot of the table of lendings are to be taken back.
    Lent(u32),
}

/// Where the assembly of the quick way finds what.
#[expect(
    missing_docs,
    reason = "each is the place of the field it is named after"
)]
pub mod layout {
    use core::mem::offset_of;

    use super::{Thread, Visit};

    pub const DEPTH: usize = offset_of!(Thread, depth);
    pub const HERE: usize = offset_of!(Thread, here);
    pub const CONTEXT: usize = offset_of!(Thread, context);
    pub const USES_FLOATING_POINT: usize = offset_of!(Thread, uses_floating_point);
    pub const VISITS: usize = offset_of!(Thread, visits);
    pub const VISIT_BYTES: usize = size_of::<Visit>();
    pub const VISIT_KIND: usize = offset_of!(Visit, kind);
    pub const VISIT_LAP: usize = offset_of!(Visit, lap);
    pub const VISIT_CALLEE: usize = offset_of!(Visit, callee);
    pub const VISIT_CALLER: usize = offset_of!(Visit, caller);
    pub const VISIT_STACK: usize = offset_of!(Visit, stack);
    pub const VISIT_MEMORY: usize = offset_of!(Visit, memory);
    pub const VISIT_IS_DONE: usize = offset_of!(Visit, is_done);
    /// The tag of [`Kind::Invoke`](super::Kind::Invoke), first in its value.
    pub const KIND_INVOKE: u32 = 0;
    /// The tag of [`Memory::None`](super::Memory::None), first in its value.
    pub const MEMORY_NONE: u32 = 0;
}

const NO_VISIT: Visit = Visit {
    kind: Kind::Invoke,
    lap: LapId::NONE,
    callee: ActorId::NONE,
    caller: ActorId::NONE,
    stack: 0,
    memory: Memory::None,
    is_done: false,
};

/// A thread that is stopped and in no list, at the lowest priority and nobody's.
impl Blank for Thread {
    const BLANK: Self = Self {
        // The quick way into a LAP leaves the segments as they are.
        frames: [TrapFrame::user(0, 0, [0; 3]); LAP_DEPTH_MAX + 1],
        visits: [NO_VISIT; LAP_DEPTH_MAX],
        depth: 0,
        floating_point: FloatingPoint::INITIAL,
        context: core::ptr::null_mut(),
        uses_floating_point: false,
        priority: 0,
        state: State::Stopped,
        wait: Wait::Nothing,
        deadline: Position::FREE,
        slice: SLICE_TICKS,
        call: 0,
        home: ActorId::NONE,
        home_place: &quick::NOWHERE,
        here: ActorId::NONE,
        is_aborted: false,
        exception: None,
        ticks: 0,
        virtual_due: u64::MAX,
        incoming: Sight::NONE,
        outgoing: Sight::NONE,
        stack: Page(0),
        links: [Link::FREE; 3],
    };
}

impl SlotTable<Thread> {
    /// Makes a thread that is stopped and in no list.
    ///
    /// # Errors
    /// As [`SlotTable::insert`].
    pub fn make(&mut self, priority: u8, home: ActorId) -> Result<(Slot, &mut Thread), Full> {
        let (slot, _, thread) = self.insert_blank()?;
        thread.priority = priority;
        thread.home = home;
        thread.home_place = Place::of(home.slot()).unwrap_or(&quick::NOWHERE);
        thread.here = home;
        Ok((slot, thread))
    }
}

impl Thread {
    /// The registers of the actor it is in.
    #[must_use]
    pub const fn frame(&self) -> &TrapFrame {
        &self.frames[self.depth]
    }

    /// The registers of the actor it is in.
    pub const fn frame_mut(&mut self) -> &mut TrapFrame {
        &mut self.frames[self.depth]
    }

    /// How many invocations it is inside of.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// The visit it is on, if any.
    #[must_use]
    pub fn visit(&self) -> Option<&Visit> {
        self.visits[..self.depth].last()
    }

    /// The visit it is on, if any.
    pub fn visit_mut(&mut self) -> Option<&mut Visit> {
        self.visits[..self.depth].last_mut()
    }

    /// All visits, outermost first.
    #[must_use]
    pub fn visits(&self) -> &[Visit] {
        &self.visits[..self.depth]
    }

    /// The incarnation from which it came on its present visit.
    #[must_use]
    pub fn caller(&self) -> ActorId {
        self.visit().map_or(self.home, |visit| visit.caller)
    }

    /// Whether it is in another incarnation than its own.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        self.here != self.home
    }

    /// Whether it is at home and has no registers but those in its frame.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        !self.is_guest() && !self.uses_floating_point
    }

    /// Ends its wait. It is ready, and in no list.
    #[inline(always)]
    pub fn go_on(&mut self) {
        self.state = State::Ready;
        self.wait = Wait::Nothing;
    }

    /// Goes on a visit, with these registers. False when it is on as many as it may be.
    pub fn begin_visit(&mut self, visit: Visit, frame: TrapFrame) -> bool {
        if self.depth >= LAP_DEPTH_MAX {
            return false;
        }
        self.visits[self.depth] = visit;
        self.depth += 1;
        self.frames[self.depth] = frame;
        self.here = visit.callee;
        self.context = &raw mut self.frames[self.depth];
        true
    }

    /// Ends the visit it is on: it is back where it came from.
    pub fn end_visit(&mut self) -> Option<Visit> {
        let visit = *self.visit()?;
        self.here = visit.caller;
        self.depth -= 1;
        self.context = &raw mut self.frames[self.depth];
        Some(visit)
    }

    /// Sets what the syscall the thread is in returns.
    pub fn set_results(&mut self, status: abi::Status, results: [u64; 3]) {
        let frame = self.frame_mut();
        frame.rax = status.0;
        frame.rdx = results[0];
        frame.rdi = results[1];
        frame.rsi = results[2];
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
linked!(QUEUE HOME VISITOR);

impl Timed for Thread {
    fn position(&mut self) -> &mut Position {
        &mut self.deadline
    }

    fn position_ref(&self) -> &Position {
        &self.deadline
    }
}
