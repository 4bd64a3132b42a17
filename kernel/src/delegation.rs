//! Activation by the subsystem responsible (paper, 3.1.2).
//!
//! An actor whose subsystem has a manager gets its first thread when the manager says so. The
//! kernel keeps the actors that wait for it in a list of the manager's; a thread of the manager
//! fetches them one by one, sees to whatever their environment needs, and activates them.
//!
//! # If the manager fails
//! Nothing is lost: whoever waits goes back to the Restart Manager as *postponed* at the manager's
//! freeze, and is asked for again, unless it is being restarted with the manager. A manager that
//! lets an actor wait for longer than [`PATIENCE`] has hung.
//!
//! # Invariants
//! - An actor that is delegated is in its manager's list, or, once the manager has activated it, in
//!   that of recovery, which gives it its thread.

use abi::site::ActorState;
use abi::start::PreviousEnd;
use abi::{ActorId, FaultKind, FaultRecord, Instant, Span, Status, Text};
use restart_manager::Event;

use crate::actor::{Actor, DELEGATED};
use crate::arch::clock;
use crate::fault::Refusal;
use crate::kernel::Kernel;
use crate::list::List;
use crate::mm::address_space::Progress;
use crate::naming::What;
use crate::slot::{self, SlotTable};
use crate::syscall::{DONE, Next};
use crate::thread::Wait;

/// How long a manager may take for its next activation. It is meant to prepare memory and ports,
/// not to wait for people; and a test on a loaded machine must not come near it.
const PATIENCE: Span = Span::from_secs(5);

/// An activation that is the manager's to do.
#[derive(Clone, Copy, Debug)]
pub struct Delegated {
    previous: PreviousEnd,
    incarnation: u32,
}

impl Kernel {
    /// Activates an actor, or leaves that to the manager of its subsystem.
    pub fn activate(&mut self, id: ActorId, previous: PreviousEnd, incarnation: u32) {
        let actor = self.actors.at(id.slot().0);
        let Some(name) = actor.and_then(|actor| actor.declaration.manager) else {
            return self.start_actor(id, previous, incarnation);
        };
        let manager = self.names.get(What::Actor, name);
        let is_there = |slot: &u32| {
            let manager = self.actors.at(*slot);
            manager.is_some_and(|manager| manager.state() != ActorState::TERMINATED)
        };
        let Some(manager) = manager.filter(is_there) else {
            let fault = FaultRecord {
                actor: id,
                time: clock::now(),
                message: Text::truncated("the manager of its subsystem has ended"),
                ..FaultRecord::new(FaultKind::DEPENDENCY)
            };
            return self.report(Event::ActivationFailed {
                actor: id,
                fault: &fault,
            });
        };
        let slot = id.slot().0;
        if let Some(actor) = self.actors.at_mut(slot) {
            actor.delegated = Some(Delegated {
                previous,
                incarnation,
            });
        }
        self.change_delegations(manager, |list, actors| list.push_back(actors, slot));
        self.expect_activation(manager);
        self.tell_activator(manager);
    }

    /// Changes the list of those who wait for a manager. It is copied out and back, for its links are
    /// in the table that the manager is in.
    fn change_delegations(
        &mut self,
        manager: u32,
        change: impl FnOnce(&mut List<DELEGATED>, &mut SlotTable<Actor>),
    ) {
        let Some(mut list) = self.actors.at(manager).map(|record| record.delegations) else {
            return;
        };
        change(&mut list, &mut self.actors);
        if let Some(record) = self.actors.at_mut(manager) {
            record.delegations = list;
        }
    }

    /// A manager has until a while from now for its next activation, if there is one.
    pub fn expect_activation(&mut self, manager: u32) {
        let due = match self.actors.at(manager) {
            Some(record) if record.delegations.first().is_some() => clock::now().after(PATIENCE),
            _ => Instant::NEVER,
        };
        if let Some(record) = self.actors.at_mut(manager) {
            record.activation_due = due;
        }
        self.expect(manager);
    }

    /// The first actor that waits for a manager.
    fn first_delegation(&self, manager: u32) -> Option<ActorId> {
        let first = self.actors.at(manager)?.delegations.first()?;
        Some(self.actor_id(first))
    }

    /// Tells the thread that waits for it that there is an actor to activate.
    fn tell_activator(&mut self, manager: u32) {
        let Some(first) = self.first_delegation(manager) else {
            return;
        };
        let thread = self.actors.at(manager).map(|record| record.activator);
        if let Some(thread) = thread.filter(|thread| *thread != slot::NONE) {
            self.finish_wait(thread, Status::OK, [first.raw(), 0, 0]);
        }
    }

    /// The syscall `activation_wait`.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn activation_wait(&mut self, manager: u32, timeout: Span) -> Result<Next, Refusal> {
        if let Some(first) = self.first_delegation(manager) {
            return Ok(Next::Return([first.raw(), 0, 0]));
        }
        if timeout == Span::ZERO {
            return Err(Status::TIMED_OUT.into());
        }
        let thread = self.scheduler.current();
        let record = self.actors.at_mut(manager).ok_or(Status::DEAD)?;
        if record.activator != slot::NONE {
            return Err(Status::LIMIT_REACHED.into());
        }
        record.activator = thread;
        self.block_current(Wait::Activation { manager });
        self.set_deadline(thread, timeout);
        Ok(Next::Blocked)
    }

    /// A manager's thread does not wait for an activation any more.
    pub fn stop_activating(&mut self, manager: u32) {
        if let Some(record) = self.actors.at_mut(manager) {
            record.activator = slot::NONE;
        }
    }

    /// The syscall `actor_activate`.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn actor_activate(&mut self, manager: u32, actor: ActorId) -> Result<Next, Refusal> {
        let slot = self
            .check_actor(actor)
            .map_err(|(status, new)| Refusal::Status(status, [0, new.raw(), 0]))?;
        let own_name = self.actors.at(manager).map(|own| own.declaration.name);
        let record = self.actors.at(slot).ok_or(Status::DEAD)?;
        if record.declaration.manager.is_none() || record.declaration.manager != own_name {
            return Err(Status::NOT_OWNER.into());
        }
        let is_waiting = record.delegated.is_some() && !record.is_approved;
        if !is_waiting {
            return Err(Status::NOT_FOUND.into());
        }
        self.change_delegations(manager, |list, actors| list.remove(actors, slot));
        if let Some(record) = self.actors.at_mut(slot) {
            record.is_approved = true;
        }
        self.recovery.approved.push_back(&mut self.actors, slot);
        self.expect_activation(manager);
        self.wake_recovery();
        Ok(DONE)
    }

    /// Gives the next actor that its manager has activated its first thread.
    pub fn start_approved(&mut self) -> Progress {
        let Some(slot) = self.recovery.approved.pop_front(&mut self.actors) else {
            return Progress::Finished;
        };
        let id = self.actor_id(slot);
        if let Some(record) = self.actors.at_mut(slot)
            && let Some(delegated) = record.delegated.take()
        {
            record.is_approved = false;
            self.start_actor(id, delegated.previous, delegated.incarnation);
        }
        Progress::More
    }

    /// The Restart Manager does not want an activation any more: if the manager has not done it, it
    /// need not.
    pub fn withdraw_one(&mut self) -> Progress {
        let Some(actor) = self.recovery.manager.next_withdrawal() else {
            return Progress::Finished;
        };
        let slot = actor.slot().0;
        let manager = self.actors.at(slot).and_then(|record| {
            let is_waiting = record.delegated.is_some() && !record.is_approved;
            record.declaration.manager.filter(|_| is_waiting)
        });
        if let Some(manager) = manager.and_then(|name| self.names.get(What::Actor, name)) {
            self.postpone(manager, slot);
            self.expect_activation(manager);
        }
        Progress::More
    }

    /// A manager is being frozen: one of those who wait for it goes back to the Restart Manager.
    pub fn postpone(&mut self, manager: u32, slot: u32) {
        self.change_delegations(manager, |list, actors| list.remove(actors, slot));
        if let Some(record) = self.actors.at_mut(slot) {
            record.delegated = None;
        }
        let actor = self.actor_id(slot);
        self.report(Event::ActivationPostponed { actor });
    }
}
