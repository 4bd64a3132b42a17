//! Who runs next: fixed priorities, round robin within one, preemption.
//!
//! # Invariants
//! - A thread in state `Ready` is the current one or in the ready queue of its priority.
//! - The bitmap has exactly the bits of the non-empty queues.
//! - The idle thread is always there, at the lowest priority, and never blocks.
//! - The errand thread is in no queue: it comes before all of them.

use abi::layout::PRIORITY_MAX;

use crate::arch::cpu::{self, FloatingPoint};
use crate::arch::entry;
use crate::arch::frame::TrapFrame;
use crate::errands;
use crate::hooks::{self, Place};
use crate::kernel::Kernel;
use crate::list::List;
use crate::mm::Frame;
use crate::quick;
use crate::slot;
use crate::thread::{QUEUE, State, Thread, VISITOR, Wait};

/// Priorities there are.
const LEVELS: usize = PRIORITY_MAX as usize + 1;

/// How long a thread runs before others of its priority do, in ticks of a millisecond. Long
/// against the cost of a switch, short against what a person notices.
pub const SLICE_TICKS: u32 = 10;

/// The ready queues and the current thread.
pub struct Scheduler {
    ready: [List<QUEUE>; LEVELS],
    occupied: u64,
    /// The errand thread, if it is ready.
    first: u32,
    current: u32,
    slice: u32,
    /// Whether the CPU's floating-point registers are usable, that is, are the current thread's.
    floating_point: bool,
    /// Whether the next way out of the kernel must choose anew.
    reschedule: bool,
}

/// What happens to a thread's floating-point registers when it changes actors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Floating {
    /// They are cleared: by convention nothing is kept in them over a call, and nothing of one
    /// actor may be seen by another.
    Cleared,
    /// They are kept: the thread was interrupted. A handler that uses them puts them back.
    Kept,
}

/// Where in its queue a thread that stops running goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// First: it was preempted and keeps its turn.
    Front,
    /// Last: its turn is over.
    Back,
}

impl Scheduler {
    /// A scheduler with nothing to run.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "there is one, made once")]
    pub const fn new() -> Self {
        Self {
            ready: [List::EMPTY; LEVELS],
            occupied: 0,
            first: slot::NONE,
            current: slot::NONE,
            slice: SLICE_TICKS,
            floating_point: false,
            reschedule: false,
        }
    }

    /// The current thread's slot.
    #[must_use]
    pub const fn current(&self) -> u32 {
        self.current
    }

    /// Whether a thread of this priority that becomes ready when the current one, a user thread,
    /// waits runs next. (The errand thread is never ready while a user thread runs.)
    #[must_use]
    pub const fn is_clear_for(&self, priority: u8) -> bool {
        self.occupied.wrapping_shr(priority as u32) == 0
    }

    /// Makes the next way out of the kernel choose anew.
    pub const fn request(&mut self) {
        self.reschedule = true;
    }

    /// Whether the next way out of the kernel chooses anew.
    #[must_use]
    pub const fn is_requested(&self) -> bool {
        self.reschedule
    }
}

impl Kernel {
    /// Makes a thread that is in no list ready to run. Whether it may run where it is, is seen when
    /// it is its turn.
    pub fn make_ready(&mut self, thread: u32) {
        let Some(record) = self.threads.at_mut(thread) else {
            return;
        };
        record.state = State::Ready;
        record.wait = Wait::Nothing;
        if record.links[VISITOR].is_linked() {
            self.forget_visitor(thread);
        }
        let Some(record) = self.threads.at(thread) else {
            return;
        };
        if thread == self.scheduler.current {
            return;
        }
        let priority = record.priority;
        self.enqueue(thread, End::Back);
        let current = self.scheduler.current;
        if self
            .threads
            .at(current)
            .is_none_or(|running| running.priority < priority)
        {
            self.scheduler.request();
        }
    }

    /// Takes a thread out of its ready queue.
    pub fn unready(&mut self, thread: u32) {
        let Some(priority) = self.threads.at(thread).map(|record| record.priority) else {
            return;
        };
        let Some(queue) = self.scheduler.ready.get_mut(usize::from(priority)) else {
            return;
        };
        queue.remove(&mut self.threads, thread);
        if queue.is_empty() {
            self.scheduler.occupied &= !(1 << priority);
        }
        if thread == self.scheduler.current {
            self.scheduler.request();
        }
    }

    /// Blocks the current thread.
    pub fn block_current(&mut self, wait: Wait) {
        let current = self.scheduler.current;
        if let Some(record) = self.threads.at_mut(current) {
            record.state = State::Blocked;
            record.wait = wait;
            record.incoming.forget();
            if record.is_guest() {
                let host = record.here.slot().0;
                self.note_visitor(current, host);
            }
        }
        self.scheduler.request();
    }

    /// Ends the current thread's turn.
    pub fn yield_current(&mut self) {
        self.scheduler.slice = 0;
        self.scheduler.request();
    }

    /// Changes a thread's priority, and its queue if it is ready.
    pub fn set_priority(&mut self, thread: u32, priority: u8) {
        let is_ready = self
            .threads
            .at(thread)
            .is_some_and(|record| record.state == State::Ready);
        let is_current = thread == self.scheduler.current;
        if is_ready && !is_current {
            self.unready(thread);
        }
        if let Some(record) = self.threads.at_mut(thread) {
            record.priority = priority.min(PRIORITY_MAX);
        }
        if is_ready && !is_current {
            self.enqueue(thread, End::Back);
        }
        self.scheduler.request();
    }

    /// Counts a tick of the current thread's turn.
    pub fn count_slice(&mut self) {
        self.scheduler.slice = self.scheduler.slice.saturating_sub(1);
        if self.scheduler.slice == 0 {
            self.scheduler.request();
        }
    }

    /// Chooses the thread to continue with, and prepares the CPU for it.
    pub fn choose(&mut self) -> *mut TrapFrame {
        if core::mem::take(&mut self.scheduler.reschedule) {
            self.switch();
        }
        let current = self.scheduler.current;
        self.threads
            .at(current)
            .map_or(core::ptr::null_mut(), |record| record.context)
    }

    /// Continues with a thread that has just become ready, in the place of the current one, which
    /// waits. Nobody else is to be run first, and neither uses floating point.
    #[inline(always)]
    pub fn switch_to(
        &mut self,
        previous: &mut Thread,
        (next, record): (u32, &mut Thread),
        place: &quick::Place,
    ) -> *mut TrapFrame {
        previous.slice = self.scheduler.slice;
        self.scheduler.current = next;
        self.scheduler.slice = record.slice;
        // SAFETY: It is the next thread, and thread records never move. Its place is open, so the
        // root is that of its actor, which has the kernel's half.
        unsafe {
            entry::set_current(record);
            cpu::set_root_address(place.root());
        }
        record.context
    }

    fn switch(&mut self) {
        let previous = self.scheduler.current;
        let still_ready = self
            .threads
            .at(previous)
            .is_some_and(|record| record.state == State::Ready);
        if still_ready {
            let end = if self.scheduler.slice == 0 {
                End::Back
            } else {
                End::Front
            };
            self.enqueue(previous, end);
        }
        let slice = self.scheduler.slice;
        let context = self.threads.at_mut(previous).map(|record| {
            // What is left of its turn; a preempted thread goes on with that.
            record.slice = if slice == 0 { SLICE_TICKS } else { slice };
            record.context
        });
        // Nobody is current while threads are turned away, the previous one perhaps among them.
        self.scheduler.current = slot::NONE;
        hooks::pass(Place::Scheduler);
        let next = self.take_runnable();
        self.scheduler.current = next;
        let left = self.threads.at(next).map(|record| record.slice);
        self.scheduler.slice = left.unwrap_or(SLICE_TICKS);
        if next != previous {
            self.leave_floating_point(previous);
            self.enter(next);
        } else if context != self.threads.at(next).map(|record| record.context) {
            self.enter_here(Floating::Cleared);
        }
    }

    /// The first thread of the highest priority that may run. A thread that is in an incarnation
    /// that is over, or about to be, is turned away here: this is how a freeze reaches threads
    /// that were ready; one that is in a frozen actor is parked. After a few the errand thread runs, so
    /// that interrupts get their turn; when it waits again, the choice goes on. The idle thread is in
    /// no actor.
    fn take_runnable(&mut self) -> u32 {
        for _ in 0..errands::BATCH {
            let next = self.take_highest();
            let Some(record) = self.threads.at_mut(next) else {
                return next;
            };
            let here = record.here;
            if here.is_none() || self.is_at_work(here) {
                return next;
            }
            if self.is_live(here) {
                self.park(next);
            } else {
                self.turn_away(next);
            }
        }
        self.run_errands();
        self.take_highest()
    }

    /// The first thread of the highest priority. There is always the idle thread.
    fn take_highest(&mut self) -> u32 {
        if self.scheduler.first != slot::NONE {
            return core::mem::replace(&mut self.scheduler.first, slot::NONE);
        }
        let priority = 63 - self.scheduler.occupied.leading_zeros().min(63);
        let Some(queue) = self.scheduler.ready.get_mut(priority as usize) else {
            return slot::NONE;
        };
        let thread = queue.pop_front(&mut self.threads);
        if queue.is_empty() {
            self.scheduler.occupied &= !(1 << priority);
        }
        thread.unwrap_or(slot::NONE)
    }

    fn enqueue(&mut self, thread: u32, end: End) {
        let Some(priority) = self.threads.at(thread).map(|record| record.priority) else {
            return;
        };
        let Some(queue) = self.scheduler.ready.get_mut(usize::from(priority)) else {
            self.scheduler.first = thread;
            return;
        };
        match end {
            End::Front => queue.push_front(&mut self.threads, thread),
            End::Back => queue.push_back(&mut self.threads, thread),
        }
        self.scheduler.occupied |= 1 << priority;
    }

    /// Makes the CPU ready for a thread: address space, floating point, the way back in.
    fn enter(&mut self, thread: u32) {
        let Some(record) = self.threads.at_mut(thread) else {
            return;
        };
        let here = record.here;
        if record.uses_floating_point {
            cpu::allow_floating_point();
            record.floating_point.load();
            self.scheduler.floating_point = true;
        }
        if here.is_none() {
            return;
        }
        // SAFETY: It is the next thread, and thread records never move.
        unsafe { entry::set_current(record) };
        self.enter_space(here.slot().0);
    }

    /// Continues the current thread in another actor: after it went on a visit or came back.
    pub fn enter_here(&mut self, registers: Floating) {
        let current = self.scheduler.current;
        let Some(record) = self.threads.at_mut(current) else {
            return;
        };
        if record.uses_floating_point && registers == Floating::Cleared {
            FloatingPoint::INITIAL.load();
        }
        let here = record.here;
        // SAFETY: It is the current thread, and thread records never move.
        unsafe { entry::set_current(record) };
        self.enter_space(here.slot().0);
        let actor = self.actors.at(here.slot().0);
        if actor.is_some_and(|actor| actor.freeze.is_on) {
            // To be parked there.
            self.scheduler.request();
        }
    }

    fn enter_space(&mut self, actor: u32) {
        let Some(actor) = self.actors.at_mut(actor) else {
            return;
        };
        let Some(space) = &actor.space else { return };
        let root = space.root();
        if root != cpu::root() || core::mem::take(&mut actor.stale_translations) {
            // SAFETY: Every actor's root has the kernel's half.
            unsafe { cpu::set_root(root) };
        }
    }

    /// Saves the floating-point registers of a thread that stops running, if it uses them.
    fn leave_floating_point(&mut self, thread: u32) {
        if !core::mem::take(&mut self.scheduler.floating_point) {
            return;
        }
        if let Some(record) = self.threads.at_mut(thread) {
            record.floating_point.save();
        }
        cpu::trap_floating_point();
    }

    /// Gives the current thread, which has just used floating point for the first time, its
    /// registers.
    pub fn start_floating_point(&mut self) {
        let current = self.scheduler.current;
        if let Some(record) = self.threads.at_mut(current) {
            record.uses_floating_point = true;
            cpu::allow_floating_point();
            record.floating_point.load();
            self.scheduler.floating_point = true;
        }
    }

    /// Forgets the current thread, which is being destroyed.
    pub fn forget_current(&mut self) {
        if core::mem::take(&mut self.scheduler.floating_point) {
            cpu::trap_floating_point();
        }
        self.scheduler.current = slot::NONE;
        self.scheduler.request();
    }

    /// Leaves an address space that is about to be freed.
    pub fn leave_root(&mut self, root: Frame) {
        if cpu::root() == root {
            // SAFETY: The kernel's own root.
            unsafe { cpu::set_root(self.kernel_root) };
        }
    }
}
