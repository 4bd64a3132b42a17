//! Occasions: when a handler that has a thread of its own runs.
//!
//! An interrupt, or a time that has come, is an occasion. One that comes while the handler's thread
//! is busy is counted, and told of when it is back; one for which the Local Access Point has no free
//! stack is tried again at each tick.

use abi::{HandlerKind, Instant};

use super::{Handler, Handlers, LINES};
use crate::arch::clock;
use crate::arch::interrupts::{self, TICK_NANOSECONDS};
use crate::kernel::Kernel;
use crate::lap::free_stack;
use crate::mm::address_space::Progress;
use crate::thread::{Invocation, Kind, Manner, State, Wait};
use crate::user::UserSlice;

impl Handler {
    /// The time between two occasions: in ticks of its thread for a virtual timer.
    pub(super) const fn step(&self) -> u64 {
        match self.kind {
            HandlerKind::VIRTUAL_TIMER => self.period.0.div_ceil(TICK_NANOSECONDS),
            _ => self.period.0,
        }
    }

    /// Counts the occasions there have been until `reached`.
    fn count(&mut self, reached: u64) {
        if reached < self.due {
            return;
        }
        if self.kind == HandlerKind::TIMEOUT {
            self.pending = 1;
            self.due = u64::MAX;
        } else {
            let times = (reached - self.due) / self.step().max(1) + 1;
            self.pending += times;
            self.due += times * self.step();
        }
    }
}

impl Kernel {
    /// A line of an actor's has fired: it is masked until the actor acknowledges.
    pub fn interrupt(&mut self, line: u8) {
        let slot = self.handlers.lines[usize::from(line) % LINES];
        interrupts::mask(line);
        if line == self.disk_line {
            self.wake_loader();
        }
        if let Some(handler) = self.handlers.table.at_mut(slot) {
            handler.pending += 1;
            self.fire(slot);
        }
    }

    /// Counts a tick of the running thread, and serves its virtual timers.
    pub fn count_tick(&mut self) {
        let slot = self.scheduler.current();
        if let Some(thread) = self.threads.at_mut(slot) {
            thread.ticks += 1;
            if thread.ticks >= thread.virtual_due {
                self.virtual_time_reached(slot);
            }
        }
    }

    /// Counts the occasions of a thread's virtual timers, and lets those that have some run as if
    /// their time in the world had come. All of them are handlers of one actor, of which there are
    /// few.
    fn virtual_time_reached(&mut self, thread: u32) {
        let now = clock::now().0;
        let id = self.thread_id(thread);
        let Some(record) = self.threads.at_mut(thread) else {
            return;
        };
        record.virtual_due = u64::MAX;
        let Some(owner) = self.actors.at(record.home.slot().0) else {
            return;
        };
        let mut next = owner.handlers.first();
        while let Some(slot) = next {
            let table = &mut self.handlers.table;
            next = owner.handlers.after(table, slot);
            let Some(handler) = table.at_mut(slot) else {
                return;
            };
            let is_its_own =
                handler.kind == HandlerKind::VIRTUAL_TIMER && handler.subject == id.raw();
            if !is_its_own {
                continue;
            }
            handler.count(record.ticks);
            record.virtual_due = record.virtual_due.min(handler.due);
            if handler.pending > 0 {
                self.handlers.timed.hasten(table, slot, now);
            }
        }
    }

    /// Serves the first of the handlers whose time has come, if there is one.
    pub fn serve_handler(&mut self, now: Instant) -> Progress {
        let Handlers { table, timed, .. } = &mut self.handlers;
        let Some((slot, _)) = timed.first().filter(|(_, due)| *due <= now.0) else {
            return Progress::Finished;
        };
        timed.remove(table, slot);
        if let Some(handler) = table.at_mut(slot) {
            match handler.kind {
                HandlerKind::TIMEOUT => handler.count(now.0),
                HandlerKind::TIMER => {
                    handler.count(now.0);
                    let due = handler.due;
                    timed.set(table, slot, due);
                }
                _ => {}
            }
        }
        self.fire(slot);
        Progress::More
    }

    /// Lets a handler's thread run, if it has occasions and is idle.
    fn fire(&mut self, slot: u32) {
        let Some(handler) = self.handlers.table.at(slot) else {
            return;
        };
        let (thread, lap, owner) = (handler.thread, handler.lap, handler.owner);
        let arguments = [handler.subject, handler.pending];
        let is_idle = self
            .threads
            .at(thread)
            .is_some_and(|record| matches!(record.wait, Wait::Occasion));
        if handler.pending == 0 || !is_idle || !self.is_live(owner) {
            return;
        }
        let Ok(lap) = self.check_lap(lap) else { return };
        let invocation = Invocation {
            arguments,
            memory: UserSlice::EMPTY,
            manner: Manner::Copy,
        };
        let has_entered = free_stack(lap).is_some_and(|stack| {
            self.enter_lap(thread, lap, stack, &invocation, Kind::Handler(slot))
                .is_ok()
        });
        let Handlers { table, timed, .. } = &mut self.handlers;
        if !has_entered {
            let again = clock::now().0 + TICK_NANOSECONDS;
            timed.hasten(table, slot, again);
            return;
        }
        if let Some(handler) = table.at_mut(slot) {
            handler.pending = 0;
        }
        self.make_ready(thread);
    }

    /// A handler's thread has come back: it waits for the next occasion, or is done for good.
    pub fn handled(&mut self, thread: u32, slot: u32) {
        let handler = self
            .handlers
            .table
            .at(slot)
            .filter(|handler| handler.thread == thread);
        let Some(handler) = handler else {
            return self.destroy_thread(thread);
        };
        let kind = handler.kind;
        if let Some(record) = self.threads.at_mut(thread) {
            record.state = State::Blocked;
            record.wait = Wait::Occasion;
        }
        if thread == self.scheduler.current() {
            self.scheduler.request();
        }
        if kind == HandlerKind::TIMEOUT {
            self.disconnect(slot);
        } else {
            self.fire(slot);
        }
    }
}
