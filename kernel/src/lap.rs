//! Local Access Points: places in an actor where threads of others may enter (paper, 3.1.1).
//!
//! A LAP owns the stacks on which its guests run, so that entering allocates nothing. Over a
//! restart a named LAP is to its owner what a named port is (see [`crate::port`]): its next
//! capability is named at the freeze, and it is absent until the new incarnation makes it again.

use abi::layout::{LAP_STACKS_MAX, PAGE_BYTES, USER_END};
use abi::status::Progress;
use abi::{ActorId, Generation, LapId, Name, Slot, Status};

use crate::fault::Refusal;
use crate::invoke::entrance_below;
use crate::ipc::BATCH;
use crate::kernel::Kernel;
use crate::list::{Link, Linked, List};
use crate::mm::address_space::Progress as Done;
use crate::mm::{Page, heap, pages_for};
use crate::naming::{self, WayIn, What, successor};
use crate::port::Presence;
use crate::quick::Gate;
use crate::region::Kind;
use crate::syscall::Next;
use crate::syscall::memory::Trim;
use crate::thread::{QUEUE, Wait};

/// Link to the owner's other LAPs.
pub const OWNED: usize = 0;
/// Link to the other LAPs whose stacks are to be freed.
pub const CLOSING: usize = 1;

/// Largest stack of a LAP, in pages: 256 KiB.
const STACK_PAGES_MAX: u64 = 64;

/// One Local Access Point.
pub struct Lap {
    /// The actor it belongs to.
    pub owner: Slot,
    /// Its name, if it has one.
    pub name: Option<Name>,
    /// Whether the present incarnation has made it.
    pub presence: Presence,
    /// The generation of its first capability: older ones were somebody else's.
    pub first_generation: Generation,
    /// The incarnation that made it.
    pub callee: ActorId,
    /// Where its guests start.
    pub entry: u64,
    /// What they are handed.
    pub cookie: u64,
    /// The first page of the first stack. The others follow, each above an unmapped page.
    pub first_stack: Page,
    /// Pages of each stack.
    pub stack_pages: u64,
    /// The stack pointer with which a guest starts on each.
    pub starts: [u64; LAP_STACKS_MAX as usize],
    /// Which stacks there are; its gate knows which are free.
    pub all: u32,
    /// Whether it goes when its last guest has left.
    pub is_closing: bool,
    /// Threads that wait to be let in.
    pub waiting: List<QUEUE>,
    /// Its place among the owner's LAPs.
    pub link: Link,
    /// Its place among those whose stacks are to be freed.
    pub closing_link: Link,
}

impl Linked<OWNED> for Lap {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    fn link_ref(&self) -> &Link {
        &self.link
    }
}

impl Linked<CLOSING> for Lap {
    fn link(&mut self) -> &mut Link {
        &mut self.closing_link
    }

    fn link_ref(&self) -> &Link {
        &self.closing_link
    }
}

impl Lap {
    fn stack_start(&self, stack: u32) -> Page {
        Page(self.first_stack.0 + u64::from(stack) * (self.stack_pages + 1))
    }

    /// The stack pointer with which a guest starts on a stack.
    #[must_use]
    pub fn start(&self, stack: u32) -> u64 {
        self.starts.get(stack as usize).copied().unwrap_or_default()
    }
}

impl Kernel {
    /// Makes a LAP of the current actor's. One with a name is made in turns: it is noted, gets its
    /// stacks, and is opened; until then it is absent.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn lap_create(
        &mut self,
        actor: u32,
        [entry, cookie]: [u64; 2],
        name: Option<Name>,
        stack_bytes: u64,
        stack_count: u64,
    ) -> Result<Next, Refusal> {
        let stack_pages = pages_for(stack_bytes);
        let count = u32::try_from(stack_count)
            .ok()
            .filter(|count| (1..=LAP_STACKS_MAX).contains(count));
        let count = count.filter(|_| (1..=STACK_PAGES_MAX).contains(&stack_pages));
        let count = count
            .filter(|_| entry < USER_END)
            .ok_or(Status::BAD_ARGUMENT)?;
        let present = name.and_then(|name| self.names.get(What::Lap, name));
        if let Some(lap) = present.and_then(|slot| self.laps.at(slot))
            && (lap.owner.0 != actor || lap.presence == Presence::Open)
        {
            return Err(Status::ALREADY_EXISTS.into());
        }
        let slot = match present {
            Some(slot) => slot,
            None => {
                let slot = self.lap_insert(actor, name)?;
                if name.is_some() {
                    return Ok(Next::Again);
                }
                slot
            }
        };
        let callee = self.actor_id(actor);
        let lap = self.laps.at_mut(slot).ok_or(Status::DEAD)?;
        (lap.entry, lap.cookie) = (entry, cookie);
        if lap.all != 0 {
            return self.open_lap(slot);
        }
        let owner = self.actors.at_mut(actor).ok_or(Status::DEAD)?;
        let Ok(first) = owner.regions.place(stack_pages, count, Kind::Stack) else {
            if lap.callee.is_none() {
                self.remove_lap(slot);
            }
            return Err(Status::LIMIT_REACHED.into());
        };
        lap.callee = callee;
        (lap.first_stack, lap.stack_pages) = (first.start, stack_pages);
        for stack in 0..count {
            let end = lap.stack_start(stack).address() + stack_pages * PAGE_BYTES;
            lap.starts[stack as usize] = entrance_below(end);
        }
        lap.all = u32::MAX >> (LAP_STACKS_MAX - count);
        Gate::of(slot).set_free(lap.all);
        if name.is_some() {
            Ok(Next::Again)
        } else {
            self.open_lap(slot)
        }
    }

    /// Lets those in who wait for an absent LAP, as many as there are stacks for, and tells those
    /// who look for its name; in as many turns as it takes. Then it is open.
    fn open_lap(&mut self, slot: u32) -> Result<Next, Refusal> {
        let id = self.lap_id(slot).raw();
        for _ in 0..BATCH {
            let name = self.laps.at(slot).ok_or(Status::DEAD)?.name;
            let is_done = self.admit_guest(slot) == Done::Finished
                && name.is_none_or(|name| self.tell_finder(What::Lap, name, id) == Done::Finished);
            if is_done {
                if let Some(lap) = self.laps.at_mut(slot) {
                    lap.presence = Presence::Open;
                }
                self.open_gate(slot);
                return Ok(Next::Return([id, 0, 0]));
            }
        }
        Ok(Next::Again)
    }

    fn lap_insert(&mut self, actor: u32, name: Option<Name>) -> Result<u32, Status> {
        let lap = Lap {
            owner: Slot(actor),
            name,
            presence: Presence::Absent,
            first_generation: Generation::FIRST,
            callee: ActorId::NONE,
            entry: 0,
            cookie: 0,
            first_stack: Page(0),
            stack_pages: 0,
            starts: [0; LAP_STACKS_MAX as usize],
            all: 0,
            is_closing: false,
            waiting: List::EMPTY,
            link: Link::FREE,
            closing_link: Link::FREE,
        };
        if name.is_some() && !heap::has_room() {
            return Err(Status::LIMIT_REACHED);
        }
        let owner = self.actors.at_mut(actor).ok_or(Status::DEAD)?;
        // LAPs count as ports: both are ways into the actor.
        if owner.lap_count >= owner.declaration.budget.ports {
            return Err(Status::LIMIT_REACHED);
        }
        let (slot, generation) = self.laps.insert(lap).map_err(|_| Status::LIMIT_REACHED)?;
        owner.lap_count += 1;
        owner.laps.push_back(&mut self.laps, slot.0);
        if let Some(lap) = self.laps.at_mut(slot.0) {
            lap.first_generation = generation;
        }
        if let Some(name) = name {
            self.names.insert(What::Lap, name, slot.0);
        }
        Ok(slot.0)
    }

    /// Destroys a LAP of the current actor's; its guests finish first.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn lap_destroy(&mut self, actor: u32, id: LapId) -> Result<Next, Refusal> {
        let slot = id.slot().0;
        let lap = self.laps.get(id.slot(), id.generation());
        if !lap.is_some_and(|lap| lap.owner.0 == actor && lap.is_closing) {
            self.check_own_lap(actor, id)?;
        }
        if let Some(lap) = self.laps.at_mut(slot) {
            lap.is_closing = true;
            Gate::of(slot).shut();
            if let Some(name) = lap.name.take() {
                self.names.remove(What::Lap, name);
            }
        }
        for _ in 0..BATCH {
            if self.turn_one_away(WayIn::Lap(slot)) == Done::Finished {
                self.close_if_empty(slot);
                return Ok(Next::Return([0; 3]));
            }
        }
        Ok(Next::Again)
    }

    /// Somebody who waits at a LAP for a capability that is over.
    pub fn waits_at_lap(&self, slot: u32) -> Option<(u32, Progress)> {
        let lap = self.laps.at(slot)?;
        let is_over = lap.is_closing || lap.presence == Presence::Ended;
        let present = self.lap_id(slot);
        let waits_for = |thread: u32| match self.threads.at(thread).map(|record| record.wait) {
            Some(Wait::Enter { lap, .. }) => lap,
            _ => LapId::NONE,
        };
        // Those who wait for the next incarnation already are behind those of this one.
        let first = lap.waiting.first();
        let thread = first.filter(|thread| is_over || waits_for(*thread) != present)?;
        Some((thread, Progress::NOT_ENTERED))
    }

    /// Nobody waits any more for a LAP's capability that is over: one that has ended goes, one that
    /// will be made again has no stacks.
    pub fn clear_lap(&mut self, slot: u32) -> Done {
        match self.laps.at_mut(slot) {
            Some(lap) if lap.presence == Presence::Absent => {
                lap.all = 0;
                Gate::of(slot).set_free(0);
            }
            Some(lap) if lap.presence == Presence::Ended => self.remove_lap(slot),
            _ => {}
        }
        Done::Finished
    }

    /// Removes a closing LAP when its last guest has left; the recovery thread frees its stacks.
    pub fn close_if_empty(&mut self, slot: u32) {
        let Some(lap) = self.laps.at(slot) else {
            return;
        };
        if lap.is_closing && Gate::of(slot).free() == lap.all {
            self.recovery.closing.push_back(&mut self.laps, slot);
            self.wake_recovery();
        }
    }

    /// Frees a part of the stacks of a LAP that nobody will enter again, and then the LAP.
    pub fn close_some(&mut self, slot: u32) {
        let Some(lap) = self.laps.at(slot) else {
            return;
        };
        let (owner, Some(stack)) = (lap.owner.0, free_stack(slot)) else {
            return self.remove_lap(slot);
        };
        let start = lap.stack_start(stack);
        if self.trim_region(owner, start, |kind| kind == Kind::Stack) == Trim::More {
            return;
        }
        let gate = Gate::of(slot);
        gate.set_free(gate.free() & !(1 << stack));
    }

    /// Lets threads take the quick way through a LAP, if nothing stands in it.
    pub fn open_gate(&mut self, slot: u32) {
        let id = self.lap_id(slot);
        let Some(lap) = self.laps.at(slot) else {
            return;
        };
        if lap.presence == Presence::Open && !lap.is_closing && lap.waiting.is_empty() {
            let stacks = &raw const lap.starts;
            Gate::of(slot).open(id, lap.callee, lap.entry, lap.cookie, stacks.cast());
        }
    }

    fn remove_lap(&mut self, slot: u32) {
        Gate::of(slot).shut();
        let Some(owner) = self.laps.at(slot).map(|lap| lap.owner) else {
            return;
        };
        if let Some(owner) = self.actors.at_mut(owner.0) {
            owner.laps.remove(&mut self.laps, slot);
            owner.lap_count = owner.lap_count.saturating_sub(1);
        }
        self.recovery.closing.remove(&mut self.laps, slot);
        if let Some(name) = self.laps.remove(Slot(slot)).and_then(|lap| lap.name) {
            self.names.remove(What::Lap, name);
        }
    }

    /// The present capability of the LAP in a slot.
    #[must_use]
    pub fn lap_id(&self, slot: u32) -> LapId {
        let generation = self.laps.generation(Slot(slot));
        generation.map_or(LapId::NONE, |generation| LapId::new(Slot(slot), generation))
    }

    /// The slot of the LAP a capability names: the one place where they are checked.
    ///
    /// # Errors
    /// `RESTARTED` with the present capability for that of an earlier incarnation, else `DEAD`.
    pub fn check_lap(&self, id: LapId) -> Result<u32, Refusal> {
        let slot = id.slot().0;
        let lap = self
            .laps
            .at(slot)
            .filter(|lap| !lap.is_closing && lap.presence != Presence::Ended)
            .ok_or(Status::DEAD)?;
        let present = self.lap_id(slot);
        let checked = naming::check(id.generation(), lap.first_generation, present.generation());
        checked
            .map_err(|status| Refusal::Status(status, [0, successor(status, present.raw()), 0]))?;
        Ok(slot)
    }

    /// The slot of a LAP that is the current actor's and open.
    ///
    /// # Errors
    /// `NOT_OWNER`, or as [`Kernel::check_lap`].
    pub fn check_own_lap(&self, actor: u32, id: LapId) -> Result<u32, Refusal> {
        let slot = self.check_lap(id)?;
        let lap = self.laps.at(slot).filter(|lap| lap.owner.0 == actor);
        let lap = lap.ok_or(Status::NOT_OWNER)?;
        if lap.presence == Presence::Open {
            Ok(slot)
        } else {
            Err(Status::DEAD.into())
        }
    }

    /// What a caller is told of a LAP whose owner has failed: its successor, if it has one.
    #[must_use]
    pub fn fate_of_lap(&self, id: LapId) -> (Status, LapId) {
        match self.check_lap(id) {
            Err(Refusal::Status(Status::RESTARTED, [_, new, _])) => {
                (Status::RESTARTED, LapId::from_raw(new))
            }
            _ => (Status::DEAD, LapId::NONE),
        }
    }
}

/// The lowest stack of the LAP in a slot that nobody is on.
#[must_use]
pub fn free_stack(slot: u32) -> Option<u32> {
    let free = Gate::of(slot).free();
    (free != 0).then(|| free.trailing_zeros())
}
