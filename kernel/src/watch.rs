//! Finding actors that are broken without a fault: heartbeats, start deadlines, complaints.
//!
//! Heartbeats are checked by the tick, not by a thread, so an actor that spins at the highest
//! priority is found as well.

use abi::layout::PANIC_MAX;
use abi::site::{ActorState, Rights};
use abi::{FaultKind, FaultRecord, Instant, Text};

use crate::actor::{Actor, News};
use crate::arch::clock;
use crate::fault::Refusal;
use crate::kernel::Kernel;
use crate::mm::address_space::Progress;
use crate::rights::Target;
use crate::syscall::Next;
use crate::user::UserSlice;

impl Kernel {
    /// Starts watching an actor that was just activated.
    pub fn watch(&mut self, slot: u32) {
        let now = clock::now();
        let Some(actor) = self.actors.at_mut(slot) else {
            return;
        };
        let declaration = &actor.declaration;
        actor.start_due = declaration
            .start_deadline
            .map_or(Instant::NEVER, |span| now.after(span));
        // Whoever has a deadline for its start is not expected to kick before it is ready.
        actor.heartbeat_due = match (declaration.heartbeat, declaration.start_deadline) {
            (Some(period), None) => now.after(period),
            _ => Instant::NEVER,
        };
        self.expect_activation(slot);
    }

    /// Sees to it that an actor is looked at when its next deadline has come, or earlier.
    pub fn expect(&mut self, slot: u32) {
        let due = self
            .actors
            .at(slot)
            .map_or(Instant::NEVER, Actor::watch_due);
        if due != Instant::NEVER {
            self.watched.hasten(&mut self.actors, slot, due.0);
        }
    }

    /// An actor said that it is ready to serve.
    pub fn note_ready(&mut self, slot: u32) {
        if let Some(actor) = self.actors.at_mut(slot) {
            actor.start_due = Instant::NEVER;
        }
        self.note_kick(slot);
    }

    /// An actor said that it is alive.
    pub fn note_kick(&mut self, slot: u32) {
        let Some(actor) = self.actors.at_mut(slot) else {
            return;
        };
        if let Some(period) = actor.declaration.heartbeat
            && actor.start_due == Instant::NEVER
        {
            actor.heartbeat_due = clock::now().after(period);
            self.expect(slot);
        }
    }

    /// Looks at the first of the actors that may have missed a deadline, if there is one: it may
    /// have kicked since then.
    pub fn serve_watch(&mut self, now: Instant) -> Progress {
        let due = self.watched.first().filter(|(_, due)| *due <= now.0);
        let Some((slot, _)) = due else {
            return Progress::Finished;
        };
        self.watched.remove(&mut self.actors, slot);
        // One that is frozen is watched again from its thaw on.
        let running =
            |actor: &&mut Actor| actor.state() == ActorState::RUNNING && !actor.freeze.is_on;
        let Some(actor) = self.actors.at_mut(slot).filter(running) else {
            return Progress::More;
        };
        let kind = if actor.start_due <= now {
            FaultKind::START_TIMEOUT
        } else if actor.heartbeat_due <= now || actor.activation_due <= now {
            FaultKind::HUNG
        } else {
            self.expect(slot);
            return Progress::More;
        };
        let message = if actor.activation_due <= now {
            Text::truncated("an actor waits for it to be activated")
        } else {
            Text::EMPTY
        };
        (actor.start_due, actor.heartbeat_due) = (Instant::NEVER, Instant::NEVER);
        actor.activation_due = Instant::NEVER;
        self.fail_from_outside(slot, kind, message);
        Progress::More
    }

    /// The syscall `complain`.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn complain(&mut self, actor: u32, target: u64, text: UserSlice) -> Result<Next, Refusal> {
        let message: Text<PANIC_MAX> = self.text(actor, text)?;
        let slot = self.target_actor(target)?;
        self.check_right(Rights::COMPLAIN, Target::Actor(slot))?;
        self.fail_from_outside(slot, FaultKind::COMPLAINT, message);
        Ok(Next::Return([0; 3]))
    }

    /// An actor has failed by somebody else's account; the registers are those of its first
    /// thread.
    fn fail_from_outside(&mut self, slot: u32, kind: FaultKind, message: Text<PANIC_MAX>) {
        let Some(actor) = self.actors.at(slot) else {
            return;
        };
        let incarnation = actor.incarnation;
        let first = actor.threads.first();
        let thread = first.and_then(|thread| self.threads.at(thread));
        let record = FaultRecord {
            actor: self.actor_id(slot),
            incarnation,
            thread: first.map_or(abi::ThreadId::NONE, |thread| self.thread_id(thread)),
            time: clock::now(),
            registers: thread
                .map(|thread| thread.frame().registers())
                .unwrap_or_default(),
            message,
            ..FaultRecord::new(kind)
        };
        self.post_news(slot, News::Failed(record));
    }
}
