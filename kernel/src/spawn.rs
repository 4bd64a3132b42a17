//! Indirect actors: those that another actor spawns.
//!
//! An indirect actor is a member of its spawner's group and never more than its spawner is. It
//! ends whenever its group is restarted. Its record stays, as that of a [former member], with its
//! slot and generations, so that it is the same actor when it is spawned again.
//!
//! The syscall checks the request, and the thread waits. The recovery thread does the rest, one
//! step for each of: declaring the actor, and making its memory from an image; or the loader does,
//! if the image has to be read.
//!
//! [former member]: crate::former

use abi::site::{ActorState, Rights};
use abi::spawn::REQUEST_MAX;
use abi::{ActorId, FaultRecord, Name, Slot, SpawnRequest, Status, ThreadId};
use restart_manager::{ActorDeclaration, ActorKind, DeclareError, Event, GroupSlot, Parameters};

use crate::actor::{Actor, Budget, Declaration};
use crate::fault::Refusal;
use crate::image::Image;
use crate::kernel::{ACTORS_MAX, Kernel};
use crate::loader::{self, LoadError};
use crate::mm::address_space::Progress;
use crate::mm::heap;
use crate::naming::What;
use crate::recovery::{Load, Purpose};
use crate::rights::Target;
use crate::syscall::Next;
use crate::thread::Wait;
use crate::user::UserSlice;

/// The most spawned members a group may have, and the most former ones it is remembered for. What
/// one group can take of the table of actors is an eighth: a spawner that runs wild is refused
/// long before others are.
pub const SPAWNED_MAX: u32 = 64;

/// Who waits for a spawned actor to be started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiter {
    thread: ThreadId,
    /// The number of its call, so that no other wait of that thread is taken for this.
    call: u32,
}

/// The next step of starting a spawned actor.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "in a short queue, whose memory is there already"
)]
pub enum Start {
    /// To declare it.
    Declare(Wanted, Waiter),
    /// To make its memory, from an image that is held for it.
    Install(ActorId, u32, Waiter),
}

/// The most that are being started at once. The recovery thread goes through them at once, so only
/// threads that are more urgent than that can ever find it full.
pub const STARTS_MAX: usize = 64;

/// What a spawned actor is to be.
#[derive(Debug)]
pub struct Wanted {
    declaration: Declaration,
    parameters: Parameters,
    group: GroupSlot,
    spawner: ActorId,
    /// The slot of the former member it was.
    former: Option<u32>,
}

impl Kernel {
    /// The syscall `spawn`.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn spawn(&mut self, spawner: u32, request: UserSlice) -> Result<Next, Refusal> {
        let group = self.actors.at(spawner).ok_or(Status::DEAD)?.group;
        self.check_right(Rights::SPAWN, Target::Group(group))?;
        let request = self.spawn_request(spawner, request)?;
        let wanted = self.wanted(spawner, &request)?;
        if self.make_room(&wanted)? == Progress::More {
            return Ok(Next::Again);
        }
        self.calls = self.calls.wrapping_add(1);
        let thread = self.scheduler.current();
        let waiter = Waiter {
            thread: self.thread_id(thread),
            call: self.calls,
        };
        self.block_current(Wait::Spawn(waiter.call));
        self.recovery
            .starts
            .push_back(Start::Declare(wanted, waiter));
        self.wake_recovery();
        Ok(Next::Blocked)
    }

    /// Does the next step of starting a spawned actor. It is the recovery thread's, so that nobody
    /// who has all he needs in memory waits for somebody's disk.
    pub fn start_spawned(&mut self, start: Start) {
        match start {
            Start::Declare(wanted, waiter) if self.grow_for_spawned(&wanted) => {
                let again = Start::Declare(wanted, waiter);
                self.recovery.starts.push_front(again);
            }
            Start::Declare(wanted, waiter) => match self.declare_spawned(&wanted) {
                Err(status) => self.finish_spawn(waiter, Err(status)),
                Ok(actor) => match self.present_image(actor) {
                    Some(image) => {
                        let next = Start::Install(actor, image, waiter);
                        self.recovery.starts.push_front(next);
                    }
                    None => self.request_load(Load {
                        actor,
                        purpose: Purpose::Spawn(waiter),
                    }),
                },
            },
            Start::Install(actor, image, waiter) => {
                let result = loader::install(self, actor, image);
                self.tell_loaded(actor, result);
                self.finish_spawn(waiter, result.map(|()| actor).map_err(LoadError::status));
            }
        }
    }

    fn spawn_request(&mut self, actor: u32, request: UserSlice) -> Result<SpawnRequest, Refusal> {
        let length = request.length() as usize;
        let mut bytes = [0; REQUEST_MAX];
        let bytes = bytes.get_mut(..length).ok_or(Status::TOO_LONG)?;
        self.copy_in(actor, request, bytes)?;
        match postcard::take_from_bytes::<SpawnRequest>(bytes) {
            Ok((request, [])) if is_acceptable(&request) => Ok(request),
            Ok(_) | Err(_) => Err(Status::BAD_ARGUMENT.into()),
        }
    }

    /// Checks a request against what there is and what the spawner may.
    fn wanted(&self, spawner: u32, request: &SpawnRequest) -> Result<Wanted, Refusal> {
        let record = self.actors.at(spawner).ok_or(Status::DEAD)?;
        let (group, own) = (record.group, &record.declaration);
        let former = self.names.get(What::Actor, request.name);
        let of_former = former.and_then(|slot| self.actors.at(slot));
        if of_former.is_some_and(|it| it.state() != ActorState::ABSENT || it.group != group) {
            return Err(Status::ALREADY_EXISTS.into());
        }
        let described = of_former.and_then(|it| it.described);
        let declaration = match (of_former, request.image.is_empty()) {
            (Some(former), true) => former.declaration.within(own),
            (None, true) => return Err(Status::NOT_FOUND.into()),
            (_, false) if described.is_some() => return Err(Status::BAD_ARGUMENT.into()),
            (_, false) => {
                self.check_gift(own, request.name, request.rights)?;
                let priority = match request.priority {
                    0 => own.priority,
                    priority if priority <= own.priority => priority,
                    _ => return Err(Status::BAD_ARGUMENT.into()),
                };
                Declaration {
                    name: request.name,
                    image: request.image,
                    arguments: request.arguments,
                    priority,
                    held: own.held.part(request.rights),
                    heartbeat: None,
                    start_deadline: None,
                    ..*own
                }
            }
        };
        let manager = &self.recovery.manager;
        let inherited = manager.actor(Slot(spawner)).ok_or(Status::DEAD)?;
        Ok(Wanted {
            declaration,
            parameters: described.unwrap_or(*inherited.parameters()),
            group,
            spawner: self.actor_id(spawner),
            former,
        })
    }

    /// Sees to it that there may be a further member, a step at a time: a group that has spawned
    /// under ever new names loses the memory of the first of them.
    fn make_room(&mut self, wanted: &Wanted) -> Result<Progress, Status> {
        let group = self.recovery.manager.group(wanted.group);
        let spawned = group.ok_or(Status::DEAD)?.spawned_members();
        let has_room = self.recovery.loads.len() < ACTORS_MAX as usize
            && self.recovery.starts.len() < STARTS_MAX;
        if spawned >= SPAWNED_MAX || !has_room {
            return Err(Status::LIMIT_REACHED);
        }
        let is_full =
            self.formers.count(wanted.group) >= SPAWNED_MAX || self.actors.used() >= ACTORS_MAX;
        if wanted.former.is_some() || !is_full {
            return Ok(Progress::Finished);
        }
        let oldest = self.oldest_former(wanted.group);
        self.forget_former(oldest.ok_or(Status::LIMIT_REACHED)?);
        Ok(Progress::More)
    }

    /// The image in memory that a declared actor can be started from, with a user more: the one it
    /// had itself, else the latest of that name. None if it has to be read.
    pub fn present_image(&mut self, actor: ActorId) -> Option<u32> {
        let record = self.actors.at_mut(actor.slot().0)?;
        let (name, is_outdated) = (record.declaration.image, record.is_outdated);
        let kept = record.image.take();
        let is_usable = |image: &Image| image.name == name && !image.is_damaged;
        match kept {
            Some(kept) if self.images.at(kept).is_some_and(is_usable) => return Some(kept),
            Some(kept) => {
                self.drop_image_user(kept);
                self.note_image_released(actor.slot().0);
            }
            None if is_outdated => return None,
            None => {}
        }
        let images = self.images.iter();
        let usable = images.filter(|(_, image)| is_usable(image));
        let (slot, _) = usable.max_by_key(|(_, image)| image.read_at)?;
        self.images.at_mut(slot.0)?.users += 1;
        Some(slot.0)
    }

    /// Makes entries of the Restart Manager's for a spawned actor, if it needs any: a step of its own.
    fn grow_for_spawned(&mut self, wanted: &Wanted) -> bool {
        let slot = wanted.former.unwrap_or_else(|| self.actors.next());
        self.grow_for_actor(slot)
    }

    /// Declares a spawned actor, in its old slot if it was there before.
    fn declare_spawned(&mut self, wanted: &Wanted) -> Result<ActorId, Status> {
        // Somebody else may have taken the name since it was asked for, or the spawner failed.
        let present = self.names.get(What::Actor, wanted.declaration.name);
        let is_free = match wanted.former {
            Some(slot) => self.actors.at(slot).is_some_and(|record| {
                present == Some(slot) && record.state() == ActorState::ABSENT
            }),
            None => present.is_none(),
        };
        if !is_free {
            return Err(Status::ALREADY_EXISTS);
        }
        if !self.is_live(wanted.spawner) {
            return Err(Status::FROZEN);
        }
        let record = || {
            let mut record = Actor::new(wanted.declaration, wanted.group);
            record.spawner = wanted.spawner;
            record
        };
        let actor = match wanted.former {
            // What it was is still there, should this be refused.
            Some(slot) => {
                let generation = self
                    .actors
                    .rename(Slot(slot))
                    .ok_or(Status::LIMIT_REACHED)?;
                ActorId::new(Slot(slot), generation)
            }
            None => {
                let actor = self.insert_actor(record());
                let actor = actor.ok_or(Status::LIMIT_REACHED)?;
                // Of regions there are none: what had no owner when the site came up is given up.
                let _ = self.adopt_actor(actor.slot().0);
                actor
            }
        };
        let declaration = ActorDeclaration {
            actor,
            name: wanted.declaration.name,
            group: wanted.group,
            kind: ActorKind::Indirect,
            parameters: wanted.parameters,
            started: self.started(actor.slot().0),
        };
        if let Err(error) = self.recovery.manager.declare_actor(declaration) {
            if wanted.former.is_none() {
                self.remove_actor(actor.slot().0);
            }
            return Err(status_of(error));
        }
        if let Some(slot) = wanted.former {
            self.leave_formers(slot);
            if let Some(old) = self.actors.at_mut(slot) {
                *old = old.again(record());
            }
            self.note_actor(slot);
        }
        Ok(actor)
    }

    /// Puts a new actor into the table and gives it its name. `None` when there is no room. It is still
    /// to be [given back](Kernel::adopt_actor) what the site record has of that name.
    pub fn insert_actor(&mut self, record: Actor) -> Option<ActorId> {
        let name = record.declaration.name;
        if !heap::has_room() {
            return None;
        }
        let (slot, generation) = self.actors.insert(record).ok()?;
        if let Some(record) = self.actors.at_mut(slot.0) {
            record.first_generation = generation;
        }
        self.names.insert(What::Actor, name, slot.0);
        Some(ActorId::new(slot, generation))
    }

    /// How many times the actor in a slot was started.
    #[must_use]
    pub fn started(&self, slot: u32) -> u32 {
        self.actors.at(slot).map_or(0, |record| record.incarnation)
    }

    /// Takes an actor of this name that has ended out of the table, so that another can be declared.
    pub fn forget_ended(&mut self, name: Name) {
        let ended = self.names.get(What::Actor, name).filter(|slot| {
            let record = self.actors.at(*slot);
            record.is_some_and(|record| record.state() == ActorState::TERMINATED)
        });
        if let Some(slot) = ended {
            self.watched.remove(&mut self.actors, slot);
            self.remove_actor(slot);
        }
    }

    /// Takes an actor of which nothing is left out of the table.
    pub fn remove_actor(&mut self, slot: u32) {
        if let Some(record) = self.actors.remove(Slot(slot)) {
            self.names.remove(What::Actor, record.declaration.name);
            self.book.remove_actor(record.note);
        }
    }

    /// Tells the Restart Manager how the first load of an actor went.
    pub fn tell_loaded(&mut self, actor: ActorId, result: Result<(), LoadError>) {
        match result {
            Ok(()) => self.report(Event::Loaded { actor }),
            Err(error) => {
                let record = self.actors.at(actor.slot().0);
                let fault = record.map_or(FaultRecord::new(error.kind()), |record| {
                    loader::failure(actor, &record.declaration, error)
                });
                self.report(Event::LoadFailed {
                    actor,
                    fault: &fault,
                });
            }
        }
    }

    /// Tells the thread that spawned an actor how that went, if it still waits.
    pub fn finish_spawn(&mut self, waiter: Waiter, result: Result<ActorId, Status>) {
        let slot = waiter.thread.slot();
        let thread = self.threads.get(slot, waiter.thread.generation());
        let waits = thread
            .is_some_and(|thread| matches!(thread.wait, Wait::Spawn(call) if call == waiter.call));
        if waits {
            let (status, actor) = match result {
                Ok(actor) => (Status::OK, actor),
                Err(status) => (status, ActorId::NONE),
            };
            self.finish_wait(slot.0, status, [actor.raw(), 0, 0]);
        }
    }
}

impl Declaration {
    /// This, but no more than another actor has. Of rights on particular targets it keeps those
    /// that the other has on everything.
    #[must_use]
    fn within(&self, other: &Self) -> Self {
        let (own, most) = (self.budget, other.budget);
        Self {
            priority: self.priority.min(other.priority),
            held: self.held.within(&other.held),
            budget: Budget {
                frames: own.frames.min(most.frames),
                threads: own.threads.min(most.threads),
                ports: own.ports.min(most.ports),
                persistent_frames: own.persistent_frames.min(most.persistent_frames),
            },
            ..*self
        }
    }
}

/// Whether a request has names that can be names, and arguments that do not garble the log.
fn is_acceptable(request: &SpawnRequest) -> bool {
    request.name.is_identifier()
        && (request.image.is_empty() || request.image.is_identifier())
        && !request.arguments.as_str().chars().any(char::is_control)
}

const fn status_of(error: DeclareError) -> Status {
    match error {
        DeclareError::GroupEnding | DeclareError::GroupStopping => Status::FROZEN,
        DeclareError::NoSlot
        | DeclareError::SlotTaken
        | DeclareError::NameTaken
        | DeclareError::NoGroup
        | DeclareError::GivenUp
        | DeclareError::Cycle
        | DeclareError::BadParameters => Status::LIMIT_REACHED,
    }
}
