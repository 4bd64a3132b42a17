//! Indirect actors: those that another actor spawns.
//!
//! An indirect actor is a member of its spawner's group and never more than its spawner is. It
//! ends whenever its group is restarted. Its record stays, as that of a *former member*: with its
//! slot and generations, so that it is the same actor when it is spawned again; after a hot restart
//! with its image and persistent regions too, so that this needs no disk and loses nothing that a
//! direct member would keep. When the group has ended, all of that is given back.
//!
//! Actors that the site describes as indirect are former members from the beginning.

use alloc::vec;
use alloc::vec::Vec;

use abi::site::{ActorState, Rights};
use abi::spawn::REQUEST_MAX;
use abi::{ActorId, FaultRecord, Slot, SpawnRequest, Status, ThreadId};
use restart_manager::{
    ActorDeclaration, ActorKind, DeclareError, Event, GROUPS_MAX, GroupSlot, Parameters, Remains,
};

use crate::actor::{Actor, Budget, Declaration, FORMER};
use crate::fault::Refusal;
use crate::image::Image;
use crate::kernel::{ACTORS_MAX, Kernel};
use crate::list::List;
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

/// The former members of each group, the one that ended first in front.
pub struct Formers(Vec<(List<FORMER>, u32)>);

impl Default for Formers {
    fn default() -> Self {
        Self::new()
    }
}

impl Formers {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self(vec![(List::EMPTY, 0); GROUPS_MAX])
    }

    fn first(&self, group: GroupSlot) -> Option<u32> {
        self.0.get(group.index())?.0.first()
    }

    fn count(&self, group: GroupSlot) -> u32 {
        self.0.get(group.index()).map_or(0, |(_, count)| *count)
    }
}

/// What a spawned actor is to be.
struct Wanted {
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
        let actor = self.declare_spawned(&wanted)?;
        let waiter = self.thread_id(self.scheduler.current());
        self.block_current(Wait::Spawn(actor));
        match self.present_image(actor) {
            // Nobody who has all he needs in memory waits for somebody's disk.
            Some(image) => {
                let start = (actor, image, waiter);
                self.recovery.starts.push_back(start);
                self.wake_recovery();
            }
            None => self.request_load(Load {
                actor,
                purpose: Purpose::Spawn(waiter),
            }),
        }
        Ok(Next::Blocked)
    }

    /// Starts a spawned actor from an image that is held for it.
    pub fn start_spawned(&mut self, (actor, image, waiter): (ActorId, u32, ThreadId)) {
        let result = loader::install(self, actor, image);
        self.tell_loaded(actor, result);
        self.finish_spawn(waiter, actor, result.map_err(LoadError::status));
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
        let waiting = self.recovery.loads.len().max(self.recovery.starts.len());
        if spawned >= SPAWNED_MAX || waiting >= ACTORS_MAX as usize {
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

    /// The former member of a group that ended first, but for those that the site describes.
    ///
    /// Ends: there are at most as many as `SPAWNED_MAX` and described ones.
    fn oldest_former(&self, group: GroupSlot) -> Option<u32> {
        let (list, _) = self.formers.0.get(group.index())?;
        let mut next = list.first();
        while let Some(slot) = next {
            if self.actors.at(slot)?.described.is_none() {
                return Some(slot);
            }
            next = list.after(&self.actors, slot);
        }
        None
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
            Some(kept) => self.drop_image_user(kept),
            None if is_outdated => return None,
            None => {}
        }
        let images = self.images.iter();
        let usable = images.filter(|(_, image)| is_usable(image));
        let (slot, _) = usable.max_by_key(|(_, image)| image.read_at)?;
        self.images.at_mut(slot.0)?.users += 1;
        Some(slot.0)
    }

    /// Declares a spawned actor, in its old slot if it was there before.
    fn declare_spawned(&mut self, wanted: &Wanted) -> Result<ActorId, Refusal> {
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
            None => self.insert_actor(record()).ok_or(Status::LIMIT_REACHED)?,
        };
        let declaration = ActorDeclaration {
            actor,
            name: wanted.declaration.name,
            group: wanted.group,
            kind: ActorKind::Indirect,
            parameters: wanted.parameters,
        };
        if let Err(error) = self.recovery.manager.declare_actor(declaration) {
            if wanted.former.is_none() {
                self.remove_actor(actor.slot().0);
            }
            return Err(status_of(error).into());
        }
        if let Some(slot) = wanted.former {
            self.leave_formers(slot);
            if let Some(old) = self.actors.at_mut(slot) {
                *old = old.again(record());
            }
        }
        Ok(actor)
    }

    /// Puts a new actor into the table and gives it its name. `None` when there is no room.
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

    fn remove_actor(&mut self, slot: u32) {
        if let Some(record) = self.actors.remove(Slot(slot)) {
            self.names.remove(What::Actor, record.declaration.name);
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

    /// The loader is done with an actor that a thread waits to have spawned.
    pub fn finish_spawn(&mut self, waiter: ThreadId, actor: ActorId, result: Result<(), Status>) {
        let slot = waiter.slot();
        let waits = self
            .threads
            .get(slot, waiter.generation())
            .is_some_and(|thread| matches!(thread.wait, Wait::Spawn(awaited) if awaited == actor));
        if waits {
            match result {
                Ok(()) => self.finish_wait(slot.0, Status::OK, [actor.raw(), 0, 0]),
                Err(status) => self.finish_wait(slot.0, status, [0; 3]),
            }
        }
    }

    /// Adds an actor that the site describes as indirect: nobody has spawned it yet.
    pub fn describe(
        &mut self,
        declaration: Declaration,
        group: GroupSlot,
        parameters: Parameters,
    ) -> Option<ActorId> {
        let mut record = Actor::new(declaration, group);
        record.stop(ActorState::ABSENT);
        record.described = Some(parameters);
        let actor = self.insert_actor(record)?;
        self.join_formers(actor.slot().0);
        Some(actor)
    }

    /// An indirect actor has ended: it is a former member of its group from now on.
    pub fn become_former(&mut self, slot: u32, remains: Remains) {
        if remains == Remains::Nothing {
            self.release_image(slot);
        }
        if let Some(record) = self.actors.at_mut(slot) {
            record.stop(ActorState::ABSENT);
            record.spawner = ActorId::NONE;
            record.is_outdated = remains == Remains::Nothing;
            self.watched.remove(&mut self.actors, slot);
            self.join_formers(slot);
        }
    }

    fn join_formers(&mut self, slot: u32) {
        let group = self.actors.at(slot).map(|record| record.group);
        let formers = group.and_then(|group| self.formers.0.get_mut(group.index()));
        if let Some((list, count)) = formers {
            list.push_back(&mut self.actors, slot);
            *count += 1;
        }
    }

    fn leave_formers(&mut self, slot: u32) {
        let group = self.actors.at(slot).map(|record| record.group);
        let formers = group.and_then(|group| self.formers.0.get_mut(group.index()));
        if let Some((list, count)) = formers {
            list.remove(&mut self.actors, slot);
            *count = count.saturating_sub(1);
        }
    }

    /// Gives back one thing that was kept of a former member, at last its slot and its name. One
    /// that the site describes keeps those: it stays known as ended.
    pub fn forget_former(&mut self, slot: u32) {
        self.release_image(slot);
        if self.drop_one_persistent(slot) == Progress::More {
            return;
        }
        self.leave_formers(slot);
        match self.actors.at_mut(slot) {
            Some(record) if record.described.is_some() => record.stop(ActorState::TERMINATED),
            _ => self.remove_actor(slot),
        }
    }

    /// Gives back one thing of the former members of a group that has ended.
    pub fn forget_formers(&mut self, group: GroupSlot) -> Progress {
        match self.formers.first(group) {
            Some(slot) => {
                self.forget_former(slot);
                Progress::More
            }
            None => Progress::Finished,
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
