//! Invocation: a thread goes into a LAP, comes back, or is sent back.
//!
//! The thread itself goes: its next frame is the callee's, in the same record, and the way out of
//! the kernel continues there. Nothing is allocated and nobody is scheduled.
//!
//! # How a failure meets a guest (DESIGN section 6)
//! - A thread that is stopped in a failed actor, or is about to run there, is *deflected*: the
//!   visit ends with what its caller is told, in the innermost caller that still lives.
//! - A thread further in is left alone. When it comes back to an actor that is over, that visit
//!   ends as well, and so on outwards.
//! - A thread whose own actor is over goes on as a guest; it ends where it would have come home.

use abi::layout::{LAP_DEPTH_MAX, MESSAGE_MAX, PAGE_BYTES};
use abi::status::Progress;
use abi::syscall::{COPY_FROM_CALLER, COPY_TO_CALLER, LAP_LEND, LAP_WRITABLE};
use abi::{ActorId, FaultKind, LapId, Span, Status};

use crate::arch::cpu::FloatingPoint;
use crate::arch::frame::{
    FLAG_INTERRUPTS, FLAG_RESERVED, LAP_VECTOR, TrapFrame, USER_CODE, USER_DATA,
};
use crate::fault::{Fault, Refusal};
use crate::kernel::Kernel;
use crate::lap::{Lap, free_stack};
use crate::memory::Blame;
use crate::mm::address_space::Progress as Done;
use crate::port::Presence;
use crate::quick::Gate;
use crate::sched::Floating;
use crate::syscall::Next;
use crate::thread::{Invocation, Kind, Manner, Memory, State, VISITOR, Visit, Wait};
use crate::user::UserSlice;

impl Kernel {
    /// Whether an incarnation is there and threads may run in it.
    #[must_use]
    pub fn is_live(&self, id: ActorId) -> bool {
        self.actors
            .get(id.slot(), id.generation())
            .is_some_and(|actor| actor.is_running())
    }

    /// The syscall `lap_invoke`.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn lap_invoke(
        &mut self,
        id: LapId,
        arguments: [u64; 2],
        memory: u64,
        mode: u64,
        timeout: Span,
    ) -> Result<Next, Refusal> {
        let slot = self.check_lap(id)?;
        let invocation = invocation(arguments, memory, mode)?;
        let thread = self.scheduler.current();
        if self
            .threads
            .at(thread)
            .is_some_and(|record| record.depth() >= LAP_DEPTH_MAX)
        {
            return Err(Status::TOO_DEEP.into());
        }
        let lap = self.laps.at(slot).ok_or(Status::DEAD)?;
        let is_absent =
            lap.presence == Presence::Absent || !self.is_at_work(self.actor_id(lap.owner.0));
        match free_stack(slot) {
            Some(stack) if !is_absent => {
                self.enter_lap(thread, slot, stack, &invocation, Kind::Invoke)?;
                self.enter_here(Floating::Cleared);
                Ok(Next::Blocked)
            }
            _ if timeout == Span::ZERO => {
                let status = if is_absent {
                    Status::FROZEN
                } else {
                    Status::LIMIT_REACHED
                };
                Err(status.into())
            }
            _ => {
                self.block_current(Wait::Enter {
                    lap: id,
                    invocation,
                });
                if let Some(lap) = self.laps.at_mut(slot) {
                    lap.waiting.push_back(&mut self.threads, thread);
                    Gate::of(slot).shut();
                }
                self.set_deadline(thread, timeout);
                Ok(Next::Blocked)
            }
        }
    }

    /// Sends a thread into a LAP, on a stack that is free. It continues there when it runs next.
    ///
    /// # Errors
    /// The caller's fault, or a status for it.
    pub fn enter_lap(
        &mut self,
        thread: u32,
        slot: u32,
        stack: u32,
        invocation: &Invocation,
        kind: Kind,
    ) -> Result<(), Refusal> {
        let lap = self.laps.at(slot).ok_or(Status::DEAD)?;
        let (owner, entry, cookie) = (lap.owner.0, lap.entry, lap.cookie);
        let mut start = lap.start(stack);
        let callee = self.actor_id(owner);
        let caller = self
            .threads
            .at(thread)
            .map_or(ActorId::NONE, |record| record.here);
        let (address, memory) = self.give_memory(caller, callee, &mut start, invocation)?;
        let visit = Visit {
            kind,
            lap: self.lap_id(slot),
            callee,
            caller,
            stack,
            memory,
            is_done: false,
        };
        let frame = TrapFrame {
            rsp: start,
            rip: entry,
            rdi: cookie,
            rsi: invocation.arguments[0],
            rdx: invocation.arguments[1],
            rcx: address,
            r8: mode_of(invocation),
            r9: caller.raw(),
            vector: LAP_VECTOR,
            cs: USER_CODE,
            ss: USER_DATA,
            rflags: FLAG_INTERRUPTS | FLAG_RESERVED,
            ..TrapFrame::ZERO
        };
        let has_begun = self
            .threads
            .at_mut(thread)
            .is_some_and(|record| record.begin_visit(visit, frame));
        if !has_begun {
            self.take_back(memory);
            return Err(Status::TOO_DEEP.into());
        }
        let gate = Gate::of(slot);
        gate.set_free(gate.free() & !(1 << stack));
        Ok(())
    }

    /// Gives a callee the memory argument; a copy goes on the stack. Returns where the callee finds
    /// it.
    fn give_memory(
        &mut self,
        caller: ActorId,
        callee: ActorId,
        start: &mut u64,
        invocation: &Invocation,
    ) -> Result<(u64, Memory), Refusal> {
        let theirs = invocation.memory;
        if theirs.length() == 0 {
            return Ok((0, Memory::None));
        }
        match invocation.manner {
            Manner::Copy | Manner::CopyBack => {
                let own = (*start - theirs.length()) & !15;
                let copy = UserSlice::new(own, theirs.length())?;
                match self.copy_across((caller.slot().0, theirs), (callee.slot().0, copy)) {
                    Ok(()) => {}
                    Err(Blame::Sender(fault)) => return Err(fault.into()),
                    Err(Blame::Receiver(_)) => return Err(Status::NO_MEMORY.into()),
                }
                *start = entrance_below(own);
                let memory = match invocation.manner {
                    Manner::CopyBack => Memory::Copied { theirs, own },
                    _ => Memory::None,
                };
                Ok((own, memory))
            }
            Manner::Lend | Manner::LendWritable => {
                self.lend(caller, callee, theirs, invocation.manner)
            }
        }
    }

    /// The syscall `lap_return`.
    ///
    /// # Errors
    /// A fault outside any invocation.
    pub fn lap_return(&mut self, values: [u64; 2]) -> Result<Next, Refusal> {
        let thread = self.scheduler.current();
        if self
            .threads
            .at(thread)
            .is_none_or(|record| record.depth() == 0)
        {
            let number = abi::syscall::number::lap_return;
            return Err(Fault::with_code(FaultKind::UNKNOWN_SYSCALL, number).into());
        }
        self.leave(thread, Status::OK, [values[0], values[1], 0]);
        Ok(Next::Blocked)
    }

    /// The syscall `lap_done`.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` outside any invocation.
    pub fn lap_done(&mut self) -> Result<Next, Refusal> {
        let visit = self.current_thread().and_then(|thread| thread.visit_mut());
        visit.ok_or(Status::BAD_ARGUMENT)?.is_done = true;
        Ok(Next::Return([0; 3]))
    }

    /// The syscall `lap_copy`.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn lap_copy(
        &mut self,
        actor: u32,
        direction: u64,
        own: u64,
        theirs: u64,
        length: u64,
    ) -> Result<Next, Refusal> {
        let own = UserSlice::new(own, length)?;
        if length > MESSAGE_MAX as u64 {
            return Err(Status::TOO_LONG.into());
        }
        let thread = self.current_thread().ok_or(Status::DEAD)?;
        match thread.visit() {
            None => return Err(Status::BAD_ARGUMENT.into()),
            Some(visit) if visit.kind != Kind::Trap => return Err(Status::NOT_PERMITTED.into()),
            Some(_) => {}
        }
        let caller = thread.caller();
        if !self.is_live(caller) {
            return Err(Status::DEAD.into());
        }
        let theirs = UserSlice::new(theirs, length).map_err(|_| Status::BAD_ARGUMENT)?;
        let (mine, other) = ((actor, own), (caller.slot().0, theirs));
        let (from, to) = match direction {
            COPY_FROM_CALLER => (other, mine),
            COPY_TO_CALLER => (mine, other),
            _ => return Err(Status::BAD_ARGUMENT.into()),
        };
        let blame = self.copy_across(from, to);
        match (blame, direction) {
            (Ok(()), _) => Ok(Next::Return([0; 3])),
            (Err(Blame::Sender(fault)), COPY_TO_CALLER)
            | (Err(Blame::Receiver(fault)), COPY_FROM_CALLER) => Err(fault.into()),
            (Err(_), _) => Err(Status::BAD_ARGUMENT.into()),
        }
    }

    /// Ends a thread's visit, and every further one that brings it to an actor that is over.
    /// Each turn ends one visit.
    pub fn leave(&mut self, thread: u32, mut status: Status, mut results: [u64; 3]) {
        loop {
            let Some(record) = self.threads.at_mut(thread) else {
                return;
            };
            let Some(visit) = record.end_visit() else {
                return;
            };
            let back = record.here;
            let is_home = record.depth() == 0;
            if self.release(&visit, back, status) == CopyBack::Failed {
                status = Status::BAD_ARGUMENT;
                results = [0, 0, Progress::COMPLETED.0];
            }
            match self.standing(back) {
                Standing::Live => return self.come_back(thread, &visit, status, results),
                Standing::Failing => {
                    // It will be frozen and then restarted, or held: the thread waits for that.
                    if let Some(record) = self.threads.at_mut(thread) {
                        record.set_results(status, results);
                    }
                    return self.turn_away(thread);
                }
                Standing::Over if is_home => return self.destroy_thread(thread),
                Standing::Over => (status, results) = self.outcome(thread),
            }
        }
    }

    /// A thread is back in an actor that lives: it learns how its visit went, and goes on.
    fn come_back(&mut self, thread: u32, visit: &Visit, status: Status, results: [u64; 3]) {
        match visit.kind {
            Kind::Invoke | Kind::Trap => {
                if let Some(record) = self.threads.at_mut(thread) {
                    record.set_results(status, results);
                }
            }
            Kind::Abort => {}
            Kind::Exception(asked) => {
                let verdict = if status == Status::OK { results[0] } else { 0 };
                if !self.judge(thread, asked, verdict, results[1]) {
                    return;
                }
            }
            Kind::Handler(handler) => return self.handled(thread, handler),
        }
        let registers = floating(visit.kind);
        if thread == self.scheduler.current() {
            self.enter_here(registers);
            return;
        }
        if registers == Floating::Cleared
            && let Some(record) = self.threads.at_mut(thread)
        {
            record.floating_point = FloatingPoint::INITIAL;
        }
        self.make_ready(thread);
    }

    /// What the caller of a thread's present visit is told, if the callee is over.
    fn outcome(&self, thread: u32) -> (Status, [u64; 3]) {
        let Some(record) = self.threads.at(thread) else {
            return (Status::DEAD, [0; 3]);
        };
        let Some(visit) = record.visit() else {
            return (Status::DEAD, [0; 3]);
        };
        let progress = if visit.is_done {
            Progress::COMPLETED
        } else if record.frame().vector == LAP_VECTOR {
            // Every way into the kernel after its first instruction writes another vector.
            Progress::NOT_ENTERED
        } else {
            Progress::MAYBE_EXECUTED
        };
        let (status, successor) = self.fate_of_lap(visit.lap);
        (status, [0, successor.raw(), progress.0])
    }

    /// The current thread was interrupted. If that was before its first instruction in a LAP, it
    /// has not entered yet, and its frame says so again. Nobody else stands at the entry with the
    /// stack as the kernel gave it, but a callee that goes back there, and so says it of itself.
    pub fn note_unbegun(&mut self) {
        let Some(thread) = self.threads.at_mut(self.scheduler.current()) else {
            return;
        };
        let Some(visit) = thread.visit() else { return };
        let lap = self.laps.get(visit.lap.slot(), visit.lap.generation());
        let Some((entry, start)) = lap.map(|lap| (lap.entry, lap.start(visit.stack))) else {
            return;
        };
        let frame = thread.frame_mut();
        // A copied argument lies at the end of the stack, and RCX points to it.
        let is_at_start = frame.rsp == start || frame.rsp == entrance_below(frame.rcx);
        if frame.rip == entry && is_at_start {
            frame.vector = LAP_VECTOR;
        }
    }

    /// Sends a guest back from an actor that is over.
    pub fn deflect(&mut self, thread: u32) {
        self.cancel_wait(thread);
        self.forget_visitor(thread);
        let (status, results) = self.outcome(thread);
        self.leave(thread, status, results);
    }

    /// A thread is in an incarnation in which it may not run: its own stops there, a guest is
    /// sent back, or waits until it is known what to tell it.
    pub fn turn_away(&mut self, thread: u32) {
        let Some(record) = self.threads.at_mut(thread) else {
            return;
        };
        let here = record.here;
        if !record.is_guest() {
            record.state = State::Stopped;
            if thread == self.scheduler.current() {
                self.scheduler.request();
            }
            return;
        }
        if self.standing(here) == Standing::Over {
            return self.deflect(thread);
        }
        if let Some(record) = self.threads.at_mut(thread) {
            record.state = State::Blocked;
            record.wait = Wait::Deflection;
        }
        self.note_visitor(thread, here.slot().0);
        if thread == self.scheduler.current() {
            self.scheduler.request();
        }
    }

    /// Notes that a guest is stopped in an actor, so that a freeze finds it.
    pub fn note_visitor(&mut self, thread: u32, host: u32) {
        if let Some(host) = self.actors.at_mut(host) {
            host.visitors.push_back(&mut self.threads, thread);
        }
    }

    /// Takes a guest off the list of those that are stopped in an actor.
    pub fn forget_visitor(&mut self, thread: u32) {
        let Some(record) = self.threads.at(thread) else {
            return;
        };
        if !record.links[VISITOR].is_linked() {
            return;
        }
        let host = record.here.slot().0;
        if let Some(host) = self.actors.at_mut(host) {
            host.visitors.remove(&mut self.threads, thread);
        }
    }

    fn standing(&self, id: ActorId) -> Standing {
        match self.actors.get(id.slot(), id.generation()) {
            None => Standing::Over,
            Some(actor) if actor.is_running() => Standing::Live,
            Some(actor) if actor.deflects || actor.is_gone() => Standing::Over,
            Some(_) => Standing::Failing,
        }
    }

    /// Gives back what a visit had: the stack, and the memory argument.
    fn release(&mut self, visit: &Visit, caller: ActorId, status: Status) -> CopyBack {
        let mut result = CopyBack::Done;
        if let Memory::Copied { theirs, own } = visit.memory
            && status == Status::OK
            && self.is_live(caller)
            && let Ok(copy) = UserSlice::new(own, theirs.length())
        {
            let from = (visit.callee.slot().0, copy);
            if self.copy_across(from, (caller.slot().0, theirs)).is_err() {
                result = CopyBack::Failed;
            }
        }
        self.take_back(visit.memory);
        let slot = visit.lap.slot();
        if let Some(lap) = self.laps.get(slot, visit.lap.generation()) {
            let gate = Gate::of(slot.0);
            gate.set_free(gate.free() | (1 << visit.stack) & lap.all);
            self.admit_guests(slot.0);
            self.open_gate(slot.0);
            self.close_if_empty(slot.0);
        }
        result
    }

    /// Lets waiting threads into a LAP, as many as there are stacks for: usually one.
    fn admit_guests(&mut self, slot: u32) {
        let is_open = |lap: &Lap| lap.presence == Presence::Open;
        while self.laps.at(slot).is_some_and(is_open) && self.admit_guest(slot) == Done::More {}
    }

    /// Lets the first of the threads that wait for a LAP in, if there is a stack.
    pub fn admit_guest(&mut self, slot: u32) -> Done {
        let Some(lap) = self.laps.at(slot) else {
            return Done::Finished;
        };
        let (Some(thread), Some(stack)) = (lap.waiting.first(), free_stack(slot)) else {
            return Done::Finished;
        };
        let wait = self.threads.at(thread).map(|record| record.wait);
        let Some(Wait::Enter { invocation, .. }) = wait else {
            return Done::Finished;
        };
        self.cancel_wait(thread);
        self.forget_visitor(thread);
        match self.enter_lap(thread, slot, stack, &invocation, Kind::Invoke) {
            Ok(()) => self.make_ready(thread),
            Err(refusal) => self.conclude(thread, Err(refusal)),
        }
        Done::More
    }
}

/// The stack pointer of a guest that enters: as if called, misaligned by the return address there
/// is none of.
pub const fn entrance_below(top: u64) -> u64 {
    top.wrapping_sub(8)
}

/// What happens to floating-point registers at both ends of a visit.
const fn floating(kind: Kind) -> Floating {
    match kind {
        Kind::Invoke | Kind::Trap | Kind::Handler(_) => Floating::Cleared,
        Kind::Exception(_) | Kind::Abort => Floating::Kept,
    }
}

/// What has become of an incarnation, for a thread in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// It may run.
    Live,
    /// It has failed, or is held; nobody is told anything yet.
    Failing,
    /// It is over, and what callers are told is known.
    Over,
}

/// Whether a copied memory argument came back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum CopyBack {
    Done,
    /// The caller's memory is gone: the invocation was completed, its result is lost.
    Failed,
}

/// The `mode` a callee is told: the memory argument's length, and what it may do with it.
const fn mode_of(invocation: &Invocation) -> u64 {
    let flags = match invocation.manner {
        Manner::Copy => 0,
        Manner::CopyBack => LAP_WRITABLE,
        Manner::Lend => LAP_LEND,
        Manner::LendWritable => LAP_LEND | LAP_WRITABLE,
    };
    invocation.memory.length() | flags
}

/// Checks what a caller wants of a LAP.
fn invocation(arguments: [u64; 2], memory: u64, mode: u64) -> Result<Invocation, Refusal> {
    let length = mode & 0xffff_ffff;
    let flags = mode & !0xffff_ffff;
    let manner = match flags {
        0 => Manner::Copy,
        LAP_WRITABLE => Manner::CopyBack,
        LAP_LEND => Manner::Lend,
        flags if flags == LAP_LEND | LAP_WRITABLE => Manner::LendWritable,
        _ => return Err(Status::BAD_ARGUMENT.into()),
    };
    let memory = UserSlice::new(memory, length)?;
    let most = match manner {
        Manner::Copy | Manner::CopyBack => MESSAGE_MAX as u64,
        Manner::Lend | Manner::LendWritable => abi::layout::LENT_MAX,
    };
    if length > most {
        return Err(Status::TOO_LONG.into());
    }
    let is_whole = (memory.address() | length).is_multiple_of(PAGE_BYTES);
    if flags & LAP_LEND != 0 && !is_whole {
        return Err(Status::BAD_ARGUMENT.into());
    }
    Ok(Invocation {
        arguments,
        memory,
        manner,
    })
}
