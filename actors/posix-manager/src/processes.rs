//! Who is a process, whose child, and how it ended.

use posix::limits::{DECLARED_MAX, PROCESSES_MAX};
use posix::process;
use posix::{Errno, Result};
use syscall::abi::layout::RECORD_MAX;
use syscall::abi::site::{ActorInfo, ActorState};
use syscall::abi::{ActorId, Name, Status};
use syscall::{Caller, Error, Handler, call, decode, site};

use crate::descriptors::Descriptors;
use crate::guest;

/// Most children of one process that are expected at the same time: as many of its threads can
/// spawn at once. Without an end to it, one process could take all the room with no child at all.
const EXPECTED_MAX: usize = 4;

/// Where it comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// The site.
    Declared,
    /// Another process, of this number; of none any more if that has ended.
    Spawned(Option<u32>),
}

/// Where it is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Life {
    /// There is room for it, and it has made no call yet.
    Expected,
    /// It is there.
    Runs(ActorId),
    /// It has ended, and its parent has not waited for it.
    Ended(process::Status),
}

/// One process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) id: u32,
    name: Name,
    pub(crate) origin: Origin,
    pub(crate) life: Life,
    pub(crate) descriptors: Descriptors,
    /// Its thread that waits for a child.
    pub(crate) waiter: Option<Caller>,
    /// Handles its exceptions, if it was spawned.
    handler: Option<Handler>,
}

/// All processes.
pub(crate) struct Processes {
    table: [Option<Process>; PROCESSES_MAX + DECLARED_MAX],
}

impl Processes {
    pub(crate) const EMPTY: Self = Self {
        table: [const { None }; PROCESSES_MAX + DECLARED_MAX],
    };

    fn all(&mut self) -> impl Iterator<Item = &mut Process> {
        self.table.iter_mut().flatten()
    }

    /// The process with this capability.
    pub(crate) fn of(&mut self, actor: ActorId) -> Option<&mut Process> {
        self.all().find(|process| process.life == Life::Runs(actor))
    }

    /// The process of this number.
    pub(crate) fn numbered(&mut self, id: u32) -> Option<&mut Process> {
        self.all().find(|process| process.id == id)
    }

    /// A declared process that has failed since: its actor has another capability now.
    pub(crate) fn predecessor(&mut self, name: Name) -> Option<u32> {
        let mut all = self.all();
        let found = all.find(|it| it.name == name && it.origin == Origin::Declared);
        found.map(|process| process.id)
    }

    /// Adds a process.
    ///
    /// # Errors
    /// `EAGAIN` when there is no room.
    pub(crate) fn add(&mut self, id: u32, name: Name, origin: Origin, life: Life) -> Result<()> {
        let is_sibling = |it: &&mut Process| it.life == Life::Expected && it.origin == origin;
        if life == Life::Expected && self.all().filter(is_sibling).count() >= EXPECTED_MAX {
            return Err(Errno::EAGAIN);
        }
        let is_declared = |origin| origin == Origin::Declared;
        let of_this_kind = |it: &&mut Process| is_declared(it.origin) == is_declared(origin);
        let most = if is_declared(origin) {
            DECLARED_MAX
        } else {
            PROCESSES_MAX
        };
        if self.all().filter(of_this_kind).count() >= most {
            return Err(Errno::EAGAIN);
        }
        let free = self.table.iter_mut().find(|place| place.is_none());
        *free.ok_or(Errno::EAGAIN)? = Some(Process {
            id,
            name,
            origin,
            life,
            descriptors: Descriptors::EMPTY,
            waiter: None,
            handler: None,
        });
        Ok(())
    }

    /// Takes on an actor that was expected under its name. False if none was.
    ///
    /// # Errors
    /// `EAGAIN` when there is no room for the handler of its exceptions: it may try again.
    pub(crate) fn take_on(&mut self, actor: ActorId, name: Name) -> Result<bool> {
        let mut all = self.all();
        let Some(process) = all.find(|it| it.life == Life::Expected && it.name == name) else {
            return Ok(false);
        };
        process.handler = Some(guest::handle_exceptions(actor)?);
        process.life = Life::Runs(actor);
        Ok(true)
    }

    /// Removes a process.
    pub(crate) fn remove(&mut self, id: u32) {
        let is_it = |process: &Process| process.id == id;
        for place in &mut self.table {
            // With its handler: one that runs just now finishes.
            drop(place.take_if(|process| is_it(process)));
        }
    }

    /// A process has ended: its children have no parent any more, and who has ended among them is
    /// forgotten. One that is expected may still come.
    pub(crate) fn orphan(&mut self, parent: u32) {
        for place in &mut self.table {
            let is_child = |process: &&mut Process| process.origin == Origin::Spawned(Some(parent));
            let Some(child) = place.as_mut().filter(is_child) else {
                continue;
            };
            child.origin = Origin::Spawned(None);
            if matches!(child.life, Life::Ended(_)) {
                *place = None;
            }
        }
    }

    /// A child that has ended, and how; nothing if all go on.
    ///
    /// # Errors
    /// `ECHILD` when there is no child.
    pub(crate) fn ended_child(&mut self, parent: u32) -> Result<Option<(u32, process::Status)>> {
        let mut has_child = false;
        for process in self.all() {
            if process.origin == Origin::Spawned(Some(parent)) {
                has_child = true;
                if let Life::Ended(status) = process.life {
                    return Ok(Some((process.id, status)));
                }
            }
        }
        if has_child {
            Ok(None)
        } else {
            Err(Errno::ECHILD)
        }
    }

    /// A process whose actor is there no more, though it did not say so: it ended by a native call,
    /// perhaps before its first call to us, or its group was restarted.
    pub(crate) fn gone(&mut self) -> Option<u32> {
        let mut all = self.all();
        let gone = all.find(|process| match (process.life, process.origin) {
            (Life::Runs(actor), _) => is_gone(actor, process.name),
            (Life::Expected, origin) => match site::find(process.name.as_str()) {
                Ok(_) => false,
                Err(Error::Refused(Status::NOT_FOUND)) => origin == Origin::Spawned(None),
                // There was one of that name.
                Err(_) => true,
            },
            (Life::Ended(_), _) => false,
        });
        gone.map(|process| process.id)
    }

    /// Whether somebody waits for a child.
    pub(crate) fn are_waited_for(&mut self) -> bool {
        self.all().any(|process| process.waiter.is_some())
    }
}

/// The name of the actor with this capability, if that is the present one.
pub(crate) fn name_of(actor: ActorId) -> Option<Name> {
    let info = info(actor).filter(|info| info.actor == actor);
    info.map(|info| info.name)
}

fn is_gone(actor: ActorId, name: Name) -> bool {
    let is_there = |info: &ActorInfo| {
        let is_over = matches!(info.state, ActorState::ABSENT | ActorState::TERMINATED);
        info.actor == actor && info.name == name && !is_over
    };
    !info(actor).as_ref().is_some_and(is_there)
}

/// What the kernel says about the actor in the same slot.
fn info(actor: ActorId) -> Option<ActorInfo> {
    let mut buffer = [0; RECORD_MAX];
    let slot = u64::from(actor.slot().0);
    let (length, _) = call::sys_actor_info(slot, &mut buffer).ok()?;
    decode(buffer.get(..length)?).ok()
}
