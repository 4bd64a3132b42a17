//! Freezing an actor because somebody asks for it, and letting it go on (CHORUS `actorStop` and
//! `actorStart`).
//!
//! This freeze ends nothing: memory, ports and threads stay as they are. No thread is looked for.
//! One that comes up to run in a frozen actor, its own or a guest, is *parked* there by the
//! scheduler, and the recovery thread lets the parked go on after the thaw, a few at a time. Time
//! goes on: deadlines pass, timers count, and whoever calls the actor waits as for a slow one.
//!
//! A restart ends the freeze: parked threads are stopped, or sent back, like all others.

use abi::site::{ActorState, Rights};
use abi::{ActorId, Status};

use crate::actor::THAWING;
use crate::arch::clock;
use crate::fault::Refusal;
use crate::kernel::Kernel;
use crate::lap::Lap;
use crate::list::List;
use crate::mm::address_space::Progress;
use crate::port::Presence;
use crate::rights::Target;
use crate::syscall::Next;
use crate::thread::{QUEUE, State, Wait};

/// What a freeze on request keeps of an actor.
#[derive(Clone, Copy, Debug)]
pub struct Freeze {
    /// Whether it is frozen.
    pub is_on: bool,
    /// Threads that came up to run in it.
    pub parked: List<QUEUE>,
    /// LAPs whose waiting guests are still to be let in after a thaw.
    laps: u32,
}

impl Freeze {
    /// Not frozen.
    pub const OFF: Self = Self {
        is_on: false,
        parked: List::EMPTY,
        laps: 0,
    };
}

impl Kernel {
    /// Whether an incarnation runs, and is not frozen.
    #[must_use]
    pub fn is_at_work(&self, id: ActorId) -> bool {
        self.actors
            .get(id.slot(), id.generation())
            .is_some_and(|actor| actor.is_at_work())
    }

    /// The syscall `actor_freeze`.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn actor_freeze(&mut self, actor: u32, target: u64) -> Result<Next, Refusal> {
        let slot = self.freezable(actor, target)?;
        if let Some(record) = self.actors.at_mut(slot) {
            record.freeze();
            self.recovery.thawing.remove(&mut self.actors, slot);
        }
        // Perhaps it is the current thread that has to stop.
        self.scheduler.request();
        Ok(Next::Return([0; 3]))
    }

    /// The syscall `actor_thaw`.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn actor_thaw(&mut self, actor: u32, target: u64) -> Result<Next, Refusal> {
        let slot = self.freezable(actor, target)?;
        let now = clock::now();
        if let Some(record) = self.actors.at_mut(slot)
            && record.freeze.is_on
        {
            record.thaw();
            record.freeze.laps = record.lap_count;
            record.rewatch(now);
            self.expect(slot);
            self.recovery.thawing.push_back(&mut self.actors, slot);
            self.wake_recovery();
        }
        Ok(Next::Return([0; 3]))
    }

    /// The slot of an actor that the current one may freeze and that runs.
    fn freezable(&self, actor: u32, target: u64) -> Result<u32, Refusal> {
        let slot = if target == 0 {
            actor
        } else {
            self.target_actor(target)?
        };
        self.check_right(Rights::FREEZE, Target::Actor(slot))?;
        let record = self.actors.at(slot).ok_or(Status::DEAD)?;
        if record.is_running() {
            Ok(slot)
        } else {
            Err(Status::FROZEN.into())
        }
    }

    /// Parks a thread that came up to run in a frozen actor. It was ready and is in no list.
    pub fn park(&mut self, thread: u32) {
        let Some(record) = self.threads.at_mut(thread) else {
            return;
        };
        record.state = State::Blocked;
        record.wait = Wait::Thaw;
        let (host, is_guest) = (record.here.slot().0, record.is_guest());
        if is_guest {
            self.note_visitor(thread, host);
        }
        if let Some(host) = self.actors.at_mut(host) {
            host.freeze.parked.push_back(&mut self.threads, thread);
        }
    }

    /// Takes a thread off the list of the parked ones.
    pub fn unpark(&mut self, thread: u32) {
        let Some(host) = self.threads.at(thread).map(|record| record.here.slot().0) else {
            return;
        };
        if let Some(host) = self.actors.at_mut(host) {
            host.freeze.parked.remove(&mut self.threads, thread);
        }
    }

    /// An actor is being restarted, or ends: it is stopped for that now.
    pub fn forget_freeze(&mut self, slot: u32) {
        if let Some(record) = self.actors.at_mut(slot) {
            record.thaw();
            self.recovery.thawing.remove(&mut self.actors, slot);
        }
    }

    /// One step of letting a thawed actor's threads and guests go on: those of the first one in
    /// the list.
    pub fn thaw_step(&mut self, slot: u32) -> Progress {
        let Some(record) = self.actors.at_mut(slot) else {
            return Progress::Finished;
        };
        if let Some(thread) = record.freeze.parked.first() {
            self.cancel_wait(thread);
            self.make_ready(thread);
            return Progress::More;
        }
        if record.freeze.laps > 0
            && let Some(lap) = record.laps.first()
        {
            let is_open = |lap: &Lap| lap.presence == Presence::Open;
            if self.laps.at(lap).is_some_and(is_open) && self.admit_guest(lap) == Progress::More {
                return Progress::More;
            }
            if let Some(record) = self.actors.at_mut(slot) {
                record.freeze.laps -= 1;
                record.laps.rotate(&mut self.laps);
            }
            return Progress::More;
        }
        self.recovery.thawing.remove(&mut self.actors, slot);
        Progress::Finished
    }

    /// How others are told of an actor's state.
    #[must_use]
    pub fn reported_state(&self, slot: u32) -> ActorState {
        let Some(record) = self.actors.at(slot) else {
            return ActorState::TERMINATED;
        };
        if record.freeze.is_on {
            ActorState::STOPPED
        } else {
            record.state()
        }
    }
}

/// Actors whose threads are being let go on.
pub type Thawing = List<THAWING>;
