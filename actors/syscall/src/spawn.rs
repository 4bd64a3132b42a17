//! Starting further actors, in the own group.
//!
//! ```ignore
//! let worker = Spawn::new("worker-1", "worker").arguments("queue-1").start()?;
//! ```
//!
//! A spawned actor is *indirect*: it is stopped with its spawner's group, and the system does not
//! start it again. The next incarnation of the spawner does, with the same line, which reads no
//! disk then: the image is still in memory. So an actor that spawns does it at each start, before
//! it serves.

use abi::site::Rights;
use abi::spawn::REQUEST_MAX;
use abi::{ActorId, Name, SpawnRequest, Status, Text, layout};

use crate::{Error, Result, call, wire};

/// An actor to be started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "nothing happens before `start`"]
pub struct Spawn {
    request: SpawnRequest,
    /// A text was too long to be kept whole.
    is_cut: bool,
}

impl Spawn {
    /// An actor of this name that runs an image: the file `actors/<image>.elf` of the archive.
    /// Unless more is said, it has no arguments, the spawner's priority, and none of its rights.
    pub fn new(name: &str, image: &str) -> Self {
        let (name, image) = (Name::new(name), Name::new(image));
        Self {
            is_cut: name.is_none() || image.is_none(),
            request: SpawnRequest {
                name: name.unwrap_or(Name::EMPTY),
                image: image.unwrap_or(Name::EMPTY),
                arguments: Text::EMPTY,
                priority: 0,
                rights: Rights::NONE,
            },
        }
    }

    /// An actor that the site describes as indirect, or one that was spawned before: with the
    /// image, the arguments and all else that it was described with, or first spawned with.
    pub fn known(name: &str) -> Self {
        Self::new(name, "")
    }

    /// What it is told at its start.
    pub fn arguments(mut self, arguments: &str) -> Self {
        match Text::<{ layout::ARGUMENTS_MAX }>::new(arguments) {
            Some(arguments) => self.request.arguments = arguments,
            None => self.is_cut = true,
        }
        self
    }

    /// The priority of its first thread and the highest of any: at most the spawner's.
    pub fn priority(mut self, priority: u8) -> Self {
        self.request.priority = priority;
        self
    }

    /// Which of the spawner's rights it has too, each where the spawner has it.
    pub fn rights(mut self, rights: Rights) -> Self {
        self.request.rights = rights;
        self
    }

    /// Starts it, and waits until its image is loaded. Needs the right to spawn.
    ///
    /// # Errors
    /// [`Status::NOT_PERMITTED`] without the right, or if it is to have rights that the spawner
    /// lacks; [`Status::ALREADY_EXISTS`] when somebody has the name; [`Status::NOT_FOUND`] and
    /// [`Status::BAD_IMAGE`] for its image; [`Status::LIMIT_REACHED`] when the group has spawned as
    /// many as it may; [`Status::BAD_ARGUMENT`] for a name that cannot be one, or a higher
    /// priority; [`Status::TOO_LONG`] for a text.
    pub fn start(&self) -> Result<ActorId> {
        if self.is_cut {
            return Err(Error::Refused(Status::TOO_LONG));
        }
        let mut buffer = [0; REQUEST_MAX];
        call::actor::sys_spawn(wire::encode(&self.request, &mut buffer)?)
    }
}
