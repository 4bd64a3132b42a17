//! The six kinds of handlers: LAPs that the kernel invokes (paper, 3.1).
//!
//! Trap, exception and abort handlers run in the thread concerned, as one more visit of it.
//! Interrupt, timeout and timer handlers have a thread of their own each, which belongs to the
//! handler's owner and waits for the *occasion*; occasions during a run are counted.
//!
//! All of an actor's handlers are disconnected by its freeze, before anything else of it is
//! touched, so that none ever runs in a later incarnation.

mod occasion;

use abi::layout::{RECORD_MAX, USER_END};
use abi::site::Rights;
use abi::{
    ActorId, FaultKind, FaultRecord, HandlerId, HandlerKind, LapId, Slot, Span, Status, ThreadId,
    Verdict,
};

use crate::actor::News;
use crate::arch::{clock, interrupts};
use crate::due::{Due, Position, Timed};
use crate::fault::{Fault, Refusal};
use crate::invoke::entrance_below;
use crate::kernel::Kernel;
use crate::lap::free_stack;
use crate::list::{Link, Linked};
use crate::rights::Target;
use crate::sched::Floating;
use crate::slot::{self, SlotTable};
use crate::syscall::Next;
use crate::thread::{Invocation, Kind, Manner, State, Wait};
use crate::user::UserSlice;

/// Link to the owner's other handlers.
pub const OWNED: usize = 0;

/// The most handlers there can be.
const HANDLERS_MAX: u32 = 1024;
/// The most handlers of one actor: what a tick has to look at is bounded by it.
const PER_ACTOR_MAX: u32 = 32;
/// Interrupt lines.
const LINES: usize = 16;
/// The lowest line an actor may have: the ones below are the tick, the keyboard and the cascade.
const FIRST_LINE: u64 = 3;
/// Trap vectors.
const TRAPS: usize = 16;
/// Shortest period of a timer: a tick.
const PERIOD_MIN: u64 = interrupts::TICK_NANOSECONDS;

/// Which exception handler is asked: the actor's own first, then the one another actor connected.
const ASKED: u8 = 2;

/// All handlers, and what leads to them.
pub struct Handlers {
    table: SlotTable<Handler>,
    /// Handlers that wait for a time, or to be tried again.
    timed: Due,
    lines: [u32; LINES],
    traps: [u32; TRAPS],
    /// The actor that serves each trap, over its restarts: a trap that comes while it is between
    /// two incarnations is no fault of the one who traps.
    servers: [u32; TRAPS],
}

/// One handler.
pub struct Handler {
    owner: ActorId,
    kind: HandlerKind,
    lap: LapId,
    subject: u64,
    period: Span,
    /// When it is due: a time, or for a virtual timer the ticks its thread will have run.
    due: u64,
    /// Occasions it has not been told of.
    pending: u64,
    /// Its own thread, for the kinds that have one.
    thread: u32,
    link: Link,
    position: Position,
}

impl Linked<OWNED> for Handler {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    fn link_ref(&self) -> &Link {
        &self.link
    }
}

impl Timed for Handler {
    fn position(&mut self) -> &mut Position {
        &mut self.position
    }

    fn position_ref(&self) -> &Position {
        &self.position
    }
}

impl Default for Handlers {
    fn default() -> Self {
        Self::new()
    }
}

impl Handlers {
    /// No handlers.
    #[must_use]
    pub fn new() -> Self {
        Self {
            table: SlotTable::new(HANDLERS_MAX),
            timed: Due::with_room_for(HANDLERS_MAX),
            lines: [slot::NONE; LINES],
            traps: [slot::NONE; TRAPS],
            servers: [slot::NONE; TRAPS],
        }
    }

    /// How many are connected.
    #[must_use]
    pub const fn used(&self) -> u32 {
        self.table.used()
    }
}

const fn has_thread(kind: HandlerKind) -> bool {
    matches!(
        kind,
        HandlerKind::INTERRUPT
            | HandlerKind::TIMEOUT
            | HandlerKind::TIMER
            | HandlerKind::VIRTUAL_TIMER
    )
}

impl Kernel {
    /// The syscall `handler_connect`.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn handler_connect(
        &mut self,
        actor: u32,
        kind: HandlerKind,
        lap: LapId,
        subject: u64,
        parameter: u64,
    ) -> Result<Next, Refusal> {
        self.check_own_lap(actor, lap)?;
        self.check_subject(actor, kind, subject, parameter)?;
        if self
            .actors
            .at(actor)
            .is_none_or(|record| record.handler_count >= PER_ACTOR_MAX)
        {
            return Err(Status::LIMIT_REACHED.into());
        }
        let handler = Handler {
            owner: self.actor_id(actor),
            kind,
            lap,
            subject,
            period: Span(parameter),
            due: clock::now().after(Span(parameter)).0,
            pending: 0,
            thread: slot::NONE,
            link: Link::FREE,
            position: Position::FREE,
        };
        let inserted = self.handlers.table.insert(handler);
        let (slot, generation) = inserted.map_err(|_| Status::LIMIT_REACHED)?;
        if has_thread(kind) {
            match self.handler_thread(actor) {
                Ok(thread) => self.set_handler_thread(slot.0, thread),
                Err(status) => {
                    self.handlers.table.remove(slot);
                    return Err(status.into());
                }
            }
        }
        if let Some(record) = self.actors.at_mut(actor) {
            record.handlers.push_back(&mut self.handlers.table, slot.0);
            record.handler_count += 1;
        }
        self.attach(actor, kind, subject, slot.0);
        Ok(Next::Return([HandlerId::new(slot, generation).raw(), 0, 0]))
    }

    fn check_subject(
        &mut self,
        actor: u32,
        kind: HandlerKind,
        subject: u64,
        parameter: u64,
    ) -> Result<(), Refusal> {
        match kind {
            HandlerKind::TRAP => {
                self.check_right(Rights::TRAP, Target::Site)?;
                let number = usize::try_from(subject).unwrap_or(TRAPS);
                let (Some(present), Some(server)) = (
                    self.handlers.traps.get(number),
                    self.handlers.servers.get(number),
                ) else {
                    return Err(Status::BAD_ARGUMENT.into());
                };
                if *present != slot::NONE || (*server != slot::NONE && *server != actor) {
                    return Err(Status::ALREADY_EXISTS.into());
                }
            }
            HandlerKind::INTERRUPT => {
                self.check_right(Rights::INTERRUPT, Target::Site)?;
                let place = self.handlers.lines.get(subject as usize);
                let is_ours = subject == u64::from(interrupts::LINE_SERIAL)
                    || subject == u64::from(self.disk_line);
                let place = place.filter(|_| subject >= FIRST_LINE && !is_ours);
                if *place.ok_or(Status::BAD_ARGUMENT)? != slot::NONE {
                    return Err(Status::ALREADY_EXISTS.into());
                }
            }
            HandlerKind::TIMEOUT => {}
            HandlerKind::TIMER if parameter >= PERIOD_MIN => {}
            HandlerKind::VIRTUAL_TIMER if parameter >= PERIOD_MIN => {
                let id = ThreadId::from_raw(subject);
                let thread = self.threads.get(id.slot(), id.generation());
                let thread = thread.ok_or(Status::NOT_FOUND)?;
                if thread.home.slot() != Slot(actor) {
                    return Err(Status::NOT_OWNER.into());
                }
            }
            HandlerKind::EXCEPTION => {
                let target = self.exception_target(actor, subject)?;
                let asked = usize::from(target != actor);
                let record = self.actors.at(target).ok_or(Status::DEAD)?;
                if record.exception_handlers[asked] != slot::NONE {
                    return Err(Status::ALREADY_EXISTS.into());
                }
            }
            HandlerKind::ABORT => {
                if self
                    .actors
                    .at(actor)
                    .is_none_or(|record| record.abort_handler != slot::NONE)
                {
                    return Err(Status::ALREADY_EXISTS.into());
                }
            }
            _ => return Err(Status::BAD_ARGUMENT.into()),
        }
        Ok(())
    }

    /// The actor whose exceptions are meant: the caller, or another one it holds the right over.
    fn exception_target(&mut self, actor: u32, subject: u64) -> Result<u32, Refusal> {
        let id = ActorId::from_raw(subject);
        if id.is_none() || id == self.actor_id(actor) {
            return Ok(actor);
        }
        let slot = self.target_actor(subject)?;
        self.check_right(Rights::HANDLE, Target::Actor(slot))?;
        Ok(slot)
    }

    fn attach(&mut self, actor: u32, kind: HandlerKind, subject: u64, slot: u32) {
        match kind {
            HandlerKind::TRAP => {
                self.handlers.traps[subject as usize % TRAPS] = slot;
                self.handlers.servers[subject as usize % TRAPS] = actor;
            }
            HandlerKind::INTERRUPT => {
                self.handlers.lines[subject as usize % LINES] = slot;
                // An earlier owner may have gone without acknowledging.
                interrupts::rearm(subject as u8);
                interrupts::unmask(subject as u8);
            }
            HandlerKind::TIMEOUT | HandlerKind::TIMER => {
                let table = &mut self.handlers.table;
                if let Some(due) = table.at(slot).map(|handler| handler.due) {
                    self.handlers.timed.set(table, slot, due);
                }
            }
            HandlerKind::VIRTUAL_TIMER => {
                let thread = ThreadId::from_raw(subject).slot().0;
                if let (Some(handler), Some(thread)) = (
                    self.handlers.table.at_mut(slot),
                    self.threads.at_mut(thread),
                ) {
                    handler.due = thread.ticks + handler.step();
                    thread.virtual_due = thread.virtual_due.min(handler.due);
                }
            }
            HandlerKind::EXCEPTION => {
                let id = ActorId::from_raw(subject);
                let target = if id.is_none() { actor } else { id.slot().0 };
                let asked = usize::from(target != actor);
                if let Some(record) = self.actors.at_mut(target) {
                    record.exception_handlers[asked] = slot;
                }
            }
            _ => {
                if let Some(record) = self.actors.at_mut(actor) {
                    record.abort_handler = slot;
                }
            }
        }
    }

    /// Makes a handler's own thread, which waits for the occasion.
    fn handler_thread(&mut self, actor: u32) -> Result<u32, Status> {
        let home = self.actor_id(actor);
        let record = self.actors.at_mut(actor).ok_or(Status::DEAD)?;
        if record.thread_count >= record.declaration.budget.threads {
            return Err(Status::LIMIT_REACHED);
        }
        let made = self.threads.make(record.declaration.priority, home);
        let (slot, thread) = made.map_err(|_| Status::LIMIT_REACHED)?;
        thread.state = State::Blocked;
        thread.wait = Wait::Occasion;
        record.thread_count += 1;
        record.threads.push_back(&mut self.threads, slot.0);
        Ok(slot.0)
    }

    fn set_handler_thread(&mut self, slot: u32, thread: u32) {
        if let Some(handler) = self.handlers.table.at_mut(slot) {
            handler.thread = thread;
        }
    }

    fn check_own_handler(&self, actor: u32, id: HandlerId) -> Result<u32, Status> {
        let handler = self
            .handlers
            .table
            .get(id.slot(), id.generation())
            .ok_or(Status::NOT_FOUND)?;
        if handler.owner == self.actor_id(actor) {
            Ok(id.slot().0)
        } else {
            Err(Status::NOT_OWNER)
        }
    }

    /// The syscall `handler_disconnect`.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_OWNER`.
    pub fn handler_disconnect(&mut self, actor: u32, id: HandlerId) -> Result<Next, Refusal> {
        let slot = self.check_own_handler(actor, id)?;
        let handler = self.handlers.table.at(slot);
        if let Some(handler) = handler.filter(|handler| handler.kind == HandlerKind::TRAP) {
            self.handlers.servers[handler.subject as usize % TRAPS] = slot::NONE;
        }
        self.disconnect(slot);
        Ok(Next::Return([0; 3]))
    }

    /// An actor has ended: the traps it served are nobody's.
    pub fn forget_server(&mut self, actor: u32) {
        for server in &mut self.handlers.servers {
            if *server == actor {
                *server = slot::NONE;
            }
        }
    }

    /// Disconnects a handler. One that is running finishes.
    pub fn disconnect(&mut self, slot: u32) {
        let Some(handler) = self.handlers.table.at(slot) else {
            return;
        };
        let (owner, kind, subject, thread) = (
            handler.owner.slot().0,
            handler.kind,
            handler.subject,
            handler.thread,
        );
        match kind {
            HandlerKind::TRAP => self.handlers.traps[subject as usize % TRAPS] = slot::NONE,
            HandlerKind::INTERRUPT => {
                interrupts::mask(subject as u8);
                self.handlers.lines[subject as usize % LINES] = slot::NONE;
            }
            HandlerKind::EXCEPTION => {
                let id = ActorId::from_raw(subject);
                let target = if id.is_none() { owner } else { id.slot().0 };
                if let Some(record) = self.actors.at_mut(target) {
                    for place in &mut record.exception_handlers {
                        if *place == slot {
                            *place = slot::NONE;
                        }
                    }
                }
            }
            HandlerKind::ABORT => {
                if let Some(record) = self.actors.at_mut(owner) {
                    record.abort_handler = slot::NONE;
                }
            }
            _ => {}
        }
        self.handlers.timed.remove(&mut self.handlers.table, slot);
        if let Some(record) = self.actors.at_mut(owner) {
            record.handlers.remove(&mut self.handlers.table, slot);
            record.handler_count = record.handler_count.saturating_sub(1);
        }
        self.handlers.table.remove(Slot(slot));
        let is_idle = self
            .threads
            .at(thread)
            .is_some_and(|record| matches!(record.wait, Wait::Occasion));
        if is_idle {
            self.destroy_thread(thread);
        }
    }

    /// The syscall `interrupt_acknowledge`.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_OWNER`, `BAD_ARGUMENT` for a handler of another kind.
    pub fn interrupt_acknowledge(&mut self, actor: u32, id: HandlerId) -> Result<Next, Refusal> {
        let slot = self.check_own_handler(actor, id)?;
        let handler = self.handlers.table.at(slot).ok_or(Status::NOT_FOUND)?;
        if handler.kind != HandlerKind::INTERRUPT {
            return Err(Status::BAD_ARGUMENT.into());
        }
        interrupts::rearm(handler.subject as u8);
        interrupts::unmask(handler.subject as u8);
        Ok(Next::Return([0; 3]))
    }

    /// A thread trapped. False when nobody serves the trap, nor will when it has been restarted.
    pub fn trapped(&mut self, number: u8) -> bool {
        let number = usize::from(number) % TRAPS;
        let Some(handler) = self.handlers.table.at(self.handlers.traps[number]) else {
            let is_expected = self.handlers.servers[number] != slot::NONE;
            if is_expected && let Some(thread) = self.current_thread() {
                thread.set_results(Status::FROZEN, [0; 3]);
            }
            return is_expected;
        };
        let (lap, owner) = (handler.lap, handler.owner);
        let thread = self.scheduler.current();
        let Some(frame) = self.threads.at(thread).map(|record| *record.frame()) else {
            return false;
        };
        let stack = self.check_lap(lap).ok().filter(|_| self.is_live(owner));
        let entered = stack.ok_or(Status::FROZEN.into()).and_then(|lap| {
            let stack = free_stack(lap).ok_or(Status::LIMIT_REACHED)?;
            let arguments = [number as u64, frame.rdi];
            let invocation = Invocation {
                arguments,
                memory: UserSlice::EMPTY,
                manner: Manner::Copy,
            };
            self.enter_lap(thread, lap, stack, &invocation, Kind::Trap)
        });
        match (entered, self.current_thread()) {
            (Ok(()), Some(thread)) => {
                thread.frame_mut().rcx = frame.rsi;
                thread.frame_mut().r8 = frame.rdx;
                self.enter_here(Floating::Cleared);
            }
            (Err(Refusal::Status(status, results)), Some(thread)) => {
                thread.set_results(status, results);
            }
            (Err(Refusal::Fault(_) | Refusal::Again), _) | (_, None) => return false,
        }
        true
    }

    /// The current thread had an exception: asks the actor's handlers. False when there is none.
    pub fn handle_exception(&mut self, fault: Fault) -> bool {
        let thread = self.scheduler.current();
        let Some(record) = self.threads.at_mut(thread) else {
            return false;
        };
        let asks = |visit: &crate::thread::Visit| matches!(visit.kind, Kind::Exception(_));
        if record.visits().iter().any(asks) {
            return false;
        }
        record.exception = Some(fault);
        self.ask(thread, 0)
    }

    /// Whether the current thread runs an exception handler, rather than something that called.
    #[must_use]
    pub fn is_handling_exception(&self) -> bool {
        let thread = self.threads.at(self.scheduler.current());
        let visit = thread.and_then(|record| record.visit());
        visit.is_some_and(|visit| matches!(visit.kind, Kind::Exception(_)))
    }

    /// Sends a thread into the first exception handler from number `asked` on. False when none
    /// takes it.
    fn ask(&mut self, thread: u32, asked: u8) -> bool {
        let Some(record) = self.threads.at(thread) else {
            return false;
        };
        let (here, Some(fault)) = (record.here, record.exception) else {
            return false;
        };
        let registers = record.frame().registers();
        let Some(actor) = self.actors.at(here.slot().0) else {
            return false;
        };
        let (handlers, incarnation) = (actor.exception_handlers, actor.incarnation);
        for asked in asked..ASKED {
            let Some(handler) = self.handlers.table.at(handlers[usize::from(asked)]) else {
                continue;
            };
            let (lap, owner) = (handler.lap, handler.owner);
            if !self.is_live(owner) {
                continue;
            }
            let Ok(lap) = self.check_lap(lap) else {
                continue;
            };
            let Some(stack) = free_stack(lap) else {
                continue;
            };
            let record = FaultRecord {
                actor: here,
                incarnation,
                thread: self.thread_id(thread),
                time: clock::now(),
                registers,
                ..fault.record()
            };
            if self.send_to_judge(thread, lap, stack, &record, asked) {
                return true;
            }
        }
        false
    }

    /// Enters an exception handler's LAP, with the record on its stack.
    fn send_to_judge(
        &mut self,
        thread: u32,
        lap: u32,
        stack: u32,
        record: &FaultRecord,
        asked: u8,
    ) -> bool {
        let mut bytes = [0; RECORD_MAX];
        let Ok(bytes) = postcard::to_slice(record, &mut bytes) else {
            return false;
        };
        let target = self.laps.at(lap);
        let Some((owner, start)) = target.map(|lap| (lap.owner.0, lap.start(stack))) else {
            return false;
        };
        let own = (start - bytes.len() as u64) & !15;
        let Ok(place) = UserSlice::new(own, bytes.len() as u64) else {
            return false;
        };
        if self.copy_out(owner, place, bytes).is_err() {
            return false;
        }
        let length = bytes.len() as u64;
        let arguments = [u64::from(record.kind.0), record.address];
        let invocation = Invocation {
            arguments,
            memory: UserSlice::EMPTY,
            manner: Manner::Copy,
        };
        if self
            .enter_lap(thread, lap, stack, &invocation, Kind::Exception(asked))
            .is_err()
        {
            return false;
        }
        if let Some(thread) = self.threads.at_mut(thread) {
            let frame = thread.frame_mut();
            (frame.rsp, frame.rcx, frame.r8) = (entrance_below(own), own, length);
        }
        if thread == self.scheduler.current() {
            self.enter_here(Floating::Kept);
        }
        true
    }

    /// An exception handler has answered. True when the thread goes on.
    pub fn judge(&mut self, thread: u32, asked: u8, verdict: u64, value: u64) -> bool {
        match Verdict(verdict) {
            Verdict::RESUME => true,
            Verdict::SKIP => {
                if let Some(record) = self.threads.at_mut(thread) {
                    let frame = record.frame_mut();
                    // Never beyond user addresses: the way back would fault in the kernel.
                    frame.rip = frame.rip.saturating_add(value).min(USER_END - 1);
                }
                true
            }
            Verdict::END => {
                self.announce(thread, News::Exited);
                false
            }
            _ => {
                if !self.ask(thread, asked + 1) {
                    let fault = self
                        .threads
                        .at_mut(thread)
                        .and_then(|record| record.exception.take());
                    let fault = fault.unwrap_or(Fault::with_code(FaultKind::OTHER_EXCEPTION, 0));
                    self.fail(thread, fault.record());
                } else if thread != self.scheduler.current() {
                    self.make_ready(thread);
                }
                false
            }
        }
    }

    /// The syscall `thread_abort`.
    ///
    /// # Errors
    /// `NOT_FOUND`, or `NOT_OWNER` for a thread that neither belongs to the caller nor is in it.
    pub fn thread_abort(&mut self, actor: u32, id: ThreadId) -> Result<Next, Refusal> {
        let target = self
            .threads
            .get(id.slot(), id.generation())
            .ok_or(Status::NOT_FOUND)?;
        let me = self.actor_id(actor);
        if target.home != me && target.here != me {
            return Err(Status::NOT_OWNER.into());
        }
        let thread = id.slot().0;
        let (here, state, wait) = (target.here, target.state, target.wait);
        let is_aborting = target
            .visits()
            .iter()
            .any(|visit| visit.kind == Kind::Abort);
        let is_out_of_reach = state == State::Stopped
            || matches!(wait, Wait::Occasion | Wait::Deflection)
            || target.is_aborted
            || is_aborting;
        if is_out_of_reach {
            return Ok(Next::Return([0; 3]));
        }
        if thread == self.scheduler.current()
            && let Some(record) = self.current_thread()
        {
            // What it comes back to is the end of this very call.
            record.set_results(Status::OK, [0; 3]);
        }
        // A parked thread is in no syscall that could end.
        let was_waiting = state == State::Blocked && !matches!(wait, Wait::Thaw);
        if was_waiting {
            self.finish_wait(thread, Status::ABORTED, [0; 3]);
        }
        if self.enter_abort(thread, here) {
            if thread == self.scheduler.current() {
                self.enter_here(Floating::Kept);
                return Ok(Next::Blocked);
            }
            return Ok(Next::Return([0; 3]));
        }
        if !was_waiting && let Some(record) = self.threads.at_mut(thread) {
            record.is_aborted = true;
        }
        Ok(Next::Return([0; 3]))
    }

    /// Sends a thread into the abort handler of the actor it is in, if there is one.
    fn enter_abort(&mut self, thread: u32, here: ActorId) -> bool {
        let handler = self
            .actors
            .at(here.slot().0)
            .map(|actor| actor.abort_handler);
        let lap = handler
            .and_then(|slot| self.handlers.table.at(slot))
            .map(|handler| handler.lap);
        let Some(lap) = lap.and_then(|lap| self.check_lap(lap).ok()) else {
            return false;
        };
        let Some(stack) = free_stack(lap) else {
            return false;
        };
        let invocation = Invocation {
            arguments: [0; 2],
            memory: UserSlice::EMPTY,
            manner: Manner::Copy,
        };
        self.enter_lap(thread, lap, stack, &invocation, Kind::Abort)
            .is_ok()
    }
}
