//! Syscalls about the life of actors and threads.

use abi::layout::{PANIC_MAX, PRIORITY_MAX, USER_END};
use abi::site::Rights;
use abi::{FaultKind, Name, Slot, Status, Text, ThreadId};
use restart_manager::{Event, GroupSlot};

use super::memory::Trim;
use super::{DONE, Next};
use crate::actor::News;
use crate::arch::clock;
use crate::arch::frame::TrapFrame;
use crate::fault::{Fault, Refusal};
use crate::kernel::Kernel;
use crate::mm::address_space::Progress;
use crate::mm::pages_for;
use crate::region::{Kind, RegionError};
use crate::rights::Target;
use crate::thread::{HOME, State};
use crate::user::UserSlice;

/// Largest stack of a thread, in pages: 64 MiB.
const STACK_PAGES_MAX: u64 = 16 * 1024;

impl Kernel {
    pub(super) fn exit(&mut self, code: u64) -> Next {
        if code == 0 {
            let thread = self.scheduler.current();
            self.announce(thread, News::Exited);
        } else {
            self.fail_current(Fault::with_code(FaultKind::UNCLEAN_EXIT, code), "");
        }
        Next::Blocked
    }

    pub(super) fn actor_panic(&mut self, actor: u32, text: UserSlice) -> Result<Next, Refusal> {
        let message: Text<PANIC_MAX> = self.text(actor, text)?;
        self.fail_current(Fault::with_code(FaultKind::PANIC, 0), message.as_str());
        Ok(Next::Blocked)
    }

    pub(super) fn thread_create(
        &mut self,
        actor: u32,
        [entry, argument]: [u64; 2],
        stack_bytes: u64,
        priority: u64,
    ) -> Result<Next, Refusal> {
        let record = self.actors.at(actor).ok_or(Status::DEAD)?;
        let declaration = record.declaration;
        let priority = u8::try_from(priority).map_err(|_| Status::BAD_ARGUMENT)?;
        let pages = pages_for(stack_bytes);
        let is_allowed = (1..=declaration.priority).contains(&priority)
            && (1..=STACK_PAGES_MAX).contains(&pages)
            && entry < USER_END;
        if !is_allowed {
            return Err(Status::BAD_ARGUMENT.into());
        }
        let thread = self.new_thread(actor, priority, pages, |top| {
            TrapFrame::user(entry, top, [argument, 0, 0])
        })?;
        self.make_ready(thread);
        Ok(Next::Return([self.thread_id(thread).raw(), 0, 0]))
    }

    /// Makes a stopped thread of an actor with a stack of `pages` pages; `frame` makes its first
    /// registers from the top of that stack.
    ///
    /// # Errors
    /// `LIMIT_REACHED`, or `NO_MEMORY` when no address or kernel memory is left for the stack.
    pub fn new_thread(
        &mut self,
        actor: u32,
        priority: u8,
        pages: u64,
        frame: impl FnOnce(u64) -> TrapFrame,
    ) -> Result<u32, Status> {
        let home = self.actor_id(actor);
        let record = self.actors.at_mut(actor).ok_or(Status::DEAD)?;
        if record.thread_count >= record.declaration.budget.threads {
            return Err(Status::LIMIT_REACHED);
        }
        let made = self.threads.make(priority, home);
        let (slot, thread) = made.map_err(|_| Status::LIMIT_REACHED)?;
        let stack = match record.regions.place(pages, 1, Kind::Stack) {
            Ok(stack) => stack,
            Err(error) => {
                self.threads.remove(slot);
                return Err(match error {
                    RegionError::NoRoom => Status::NO_MEMORY,
                    RegionError::TooMany => Status::LIMIT_REACHED,
                });
            }
        };
        *thread.frame_mut() = frame(stack.end.address());
        thread.context = &raw mut *thread.frame_mut();
        thread.stack = stack.start;
        record.thread_count += 1;
        record.threads.push_back(&mut self.threads, slot.0);
        Ok(slot.0)
    }

    pub(super) fn thread_exit(&mut self, actor: u32) -> Result<Next, Refusal> {
        if self
            .current_thread()
            .is_some_and(|thread| thread.depth() > 0)
        {
            return Err(Status::BAD_ARGUMENT.into());
        }
        if self
            .actors
            .at(actor)
            .is_some_and(|record| record.thread_count <= 1)
        {
            self.fail_current(
                Fault::with_code(FaultKind::UNCLEAN_EXIT, 0),
                "the last thread ended without an exit",
            );
            return Ok(Next::Blocked);
        }
        // The stack goes first, in as many turns as it takes: the thread is in a syscall and does
        // not need it.
        let thread = self.scheduler.current();
        if let Some(stack) = self.threads.at(thread).map(|record| record.stack)
            && self.trim_region(actor, stack, |kind| kind == Kind::Stack) == Trim::More
        {
            return Ok(Next::Again);
        }
        self.destroy_thread(thread);
        Ok(Next::Blocked)
    }

    /// Destroys a thread, whatever it is doing. Its stack stays.
    pub fn destroy_thread(&mut self, thread: u32) {
        let Some(record) = self.threads.at(thread) else {
            return;
        };
        // One that was stopped is in no queue, and waits for nothing.
        if record.state != State::Stopped {
            self.cancel_wait(thread);
            if thread != self.scheduler.current() {
                self.unready(thread);
            }
        }
        if thread == self.scheduler.current() {
            self.forget_current();
        }
        self.forget_visitor(thread);
        self.disown_thread(thread);
        self.threads.remove(Slot(thread));
    }

    /// Takes a thread off its actor's list. One that is a guest elsewhere lives on without it.
    pub fn disown_thread(&mut self, thread: u32) {
        let Some(record) = self.threads.at(thread) else {
            return;
        };
        let home = record.home.slot().0;
        if record.links[HOME].is_linked()
            && let Some(actor) = self.actors.at_mut(home)
        {
            actor.threads.remove(&mut self.threads, thread);
            actor.thread_count = actor.thread_count.saturating_sub(1);
        }
    }

    pub(super) fn thread_priority(
        &mut self,
        actor: u32,
        thread: u64,
        priority: u64,
    ) -> Result<Next, Refusal> {
        let slot = match ThreadId::from_raw(thread) {
            ThreadId::NONE
                if self
                    .current_thread()
                    .is_some_and(|thread| thread.is_guest()) =>
            {
                return Err(Status::NOT_OWNER.into());
            }
            ThreadId::NONE => self.scheduler.current(),
            id => {
                let record = self
                    .threads
                    .get(id.slot(), id.generation())
                    .ok_or(Status::NOT_FOUND)?;
                if record.home.slot() != Slot(actor) || record.is_guest() {
                    return Err(Status::NOT_OWNER.into());
                }
                id.slot().0
            }
        };
        let highest = self
            .actors
            .at(actor)
            .map_or(0, |record| record.declaration.priority);
        if !(1..=u64::from(highest.min(PRIORITY_MAX))).contains(&priority) {
            return Err(Status::BAD_ARGUMENT.into());
        }
        let previous = self.threads.at(slot).map_or(0, |record| record.priority);
        self.set_priority(slot, priority as u8);
        Ok(Next::Return([u64::from(previous), 0, 0]))
    }

    pub(super) fn restart(&mut self, actor: u32, target: u64) -> Result<Next, Refusal> {
        let by = self.actor_id(actor);
        if target == 0 {
            let thread = self.scheduler.current();
            self.announce(thread, News::RestartRequested(by));
            return Ok(Next::Blocked);
        }
        let slot = self.target_actor(target)?;
        self.check_right(Rights::RESTART, Target::Actor(slot))?;
        self.request_restart(slot, by);
        Ok(DONE)
    }

    pub(super) fn actor_kill(&mut self, actor: u32, target: u64) -> Result<Next, Refusal> {
        let slot = self.target_actor(target)?;
        self.check_right(Rights::KILL, Target::Actor(slot))?;
        let (actor, by) = (self.actor_id(slot), self.actor_id(actor));
        self.report(Event::KillRequested { actor, by });
        Ok(DONE)
    }

    pub(super) fn group_kill(&mut self, actor: u32, name: Name) -> Result<Next, Refusal> {
        let manager = &self.recovery.manager;
        let lives = |group: &GroupSlot| manager.group(*group).is_some_and(|it| !it.has_ended());
        let group = manager.group_named(&name).filter(lives);
        let group = group.ok_or(Status::NOT_FOUND)?;
        self.check_right(Rights::KILL, Target::Group(group))?;
        let by = self.actor_id(actor);
        self.report(Event::GroupKillRequested { group, by });
        Ok(DONE)
    }

    /// Subscribers are told before the caller goes on. Ends: nothing else makes notices before all
    /// are delivered, but others that become ready, each once.
    pub(super) fn ready(&mut self, actor: u32) -> Next {
        let id = self.actor_id(actor);
        self.note_ready(actor);
        let ready = Event::Ready { actor: id };
        // Nothing is to be decided about that: the notices of it are all there is to be done.
        self.recovery.manager.on_event(ready, clock::now());
        match self.deliver_notice() {
            Progress::Finished => DONE,
            Progress::More => Next::Again,
        }
    }
}
