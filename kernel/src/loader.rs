//! The loader: a kernel thread that reads images and builds what an actor is started from.
//!
//! It first brings the site up as its description says, then reads whatever a reload needs. It is
//! apart from the recovery thread so that nobody's hot restart waits for somebody's disk.

use core::fmt::{self, Write as _};

use abi::layout::PANIC_MAX;
use abi::site::ActorState;
use abi::{ActorId, FaultKind, FaultRecord, Name, Status, Text};
use alloc::vec;
use alloc::vec::Vec;
use restart_manager::{ActorDeclaration, ActorKind, DeclareError, Event, GroupSlot, Parameters};

use crate::actor::{Actor, Declaration};
use crate::arch::{clock, exit};
use crate::composition::{Composition, Known, Step};
use crate::entries;
use crate::fail;
use crate::image::{self, Image, ImageError};
use crate::kernel::{self, Kernel};
use crate::mm::address_space::{AddressSpace, Progress};
use crate::pristine;
use crate::recovery::Purpose;
use crate::site::adopt;
use crate::site::record::LifeEnd;
use crate::storage::{self, Disk, File, StorageError};

/// Priority of the loader: above nearly all actors, or one that computes could keep others from
/// ever being loaded; below the recovery thread. It sleeps while the disk works.
pub const PRIORITY: u8 = 58;

/// The file with the site's description.
const DESCRIPTION: &str = "site.postcard";

/// Why an image could not be made ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoadError {
    /// Its file could not be read.
    Storage(StorageError),
    /// Its file is no image that we start.
    Image(ImageError),
    /// There is no memory for it, or for the actor.
    NoMemory,
    /// The table of images is full.
    TooManyImages,
    /// The actor has ended meanwhile.
    Ended,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::Image(error) => error.fmt(f),
            Self::NoMemory => f.write_str("no memory for the pristine image"),
            Self::TooManyImages => f.write_str("too many images"),
            Self::Ended => f.write_str("the actor has ended meanwhile"),
        }
    }
}

impl LoadError {
    /// What whoever spawned the actor is told.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::NoMemory | Self::Storage(StorageError::OutOfMemory) => Status::NO_MEMORY,
            Self::Storage(_) => Status::NOT_FOUND,
            Self::Image(_) => Status::BAD_IMAGE,
            Self::TooManyImages => Status::LIMIT_REACHED,
            Self::Ended => Status::DEAD,
        }
    }

    /// The kind of failure this is.
    #[must_use]
    pub const fn kind(self) -> FaultKind {
        match self {
            Self::NoMemory | Self::Storage(StorageError::OutOfMemory) => FaultKind::OUT_OF_MEMORY,
            Self::Storage(_) | Self::Image(_) | Self::TooManyImages | Self::Ended => {
                FaultKind::BAD_IMAGE
            }
        }
    }
}

/// The loader thread: the site first, then whatever is asked for.
pub fn run(composition: &Composition) -> ! {
    let mut disk = Disk::unsought();
    let mut site = match bring_up(&mut disk, composition) {
        Ok(site) => site,
        Err(error) => {
            log::error!("no site: {error}");
            kernel::with(Kernel::record_rest);
            fail::end_of_site(exit::Code::Failed)
        }
    };
    loop {
        let load = kernel::with(|kernel| {
            let load = kernel.recovery.loads.pop_front();
            if load.is_none() {
                kernel.wait_for_event(None);
            }
            load
        });
        if let Some(load) = load {
            match load.purpose {
                Purpose::Reload => reload(&mut disk, load.actor),
                Purpose::Group(name) => site.start_again(&mut disk, name),
                Purpose::Spawn(waiter) => {
                    let result = first_load(&mut disk, load.actor);
                    let result = result.map(|()| load.actor).map_err(LoadError::status);
                    kernel::with(|kernel| kernel.finish_spawn(waiter, result));
                }
            }
        }
    }
}

/// The site as it is described, and the groups of that description as they are.
struct Site {
    steps: Vec<Step>,
    groups: Vec<Option<GroupSlot>>,
}

/// Reads the description and starts everything in it. An actor that cannot be loaded is in the
/// ledger; the site goes on without it. After a restart of the site the description is in memory.
fn bring_up(disk: &mut Disk, composition: &Composition) -> Result<Site, Text<PANIC_MAX>> {
    let steps = match adopt::description() {
        Some(description) => (composition.steps)(description, Known::Accepted)?,
        None => {
            let file = storage::read_file(disk, DESCRIPTION)
                .map_err(|error| text(format_args!("{DESCRIPTION}: {error}")))?;
            let steps = (composition.steps)(file.bytes(), Known::Nothing)?;
            adopt::keep_description(file);
            steps
        }
    };
    let groups = vec![None; steps.len()];
    let mut site = Site { steps, groups };
    site.start(disk, |_| true)?;
    kernel::with(Kernel::site_is_up);
    Ok(site)
}

impl Site {
    /// Declares the groups that are wanted, by their numbers, and starts their direct members.
    fn start(
        &mut self,
        disk: &mut Disk,
        is_wanted: impl Fn(usize) -> bool,
    ) -> Result<(), Text<PANIC_MAX>> {
        let mut declared = Vec::new();
        let mut number = 0;
        for step in &self.steps {
            match step {
                Step::Site { parameters } => kernel::with(|kernel| {
                    kernel.set_limits(parameters);
                    let manager = &mut kernel.recovery.manager;
                    manager.set_group_parameters(GroupSlot::KERNEL, *parameters)
                })
                .map_err(|error| text(format_args!("policy: {error:?}")))?,
                Step::Group {
                    name,
                    base,
                    parameters,
                } => {
                    number += 1;
                    if !is_wanted(number - 1) {
                        continue;
                    }
                    if let Some(end) = self.past_end(number - 1) {
                        let was_given_up = end == LifeEnd::GivenUp;
                        entries::room_for_group();
                        kernel::with(|kernel| {
                            let manager = &mut kernel.recovery.manager;
                            manager.note_ended_group(*name, was_given_up);
                        });
                        continue;
                    }
                    let base = base.and_then(|base| self.group(base));
                    entries::room_for_group();
                    let group = kernel::with(|kernel| {
                        let manager = &mut kernel.recovery.manager;
                        let group = manager.declare_group(*name, base)?;
                        manager.set_group_parameters(group, *parameters)?;
                        Ok(group)
                    });
                    let group = group.map_err(|error: DeclareError| {
                        text(format_args!("group {name}: {error:?}"))
                    })?;
                    self.groups[number - 1] = Some(group);
                }
                Step::Edge {
                    dependent,
                    base,
                    reaction,
                    reverse,
                } => {
                    let ends = (self.group(*dependent), self.group(*base));
                    if is_wanted(*dependent)
                        && let (Some(dependent), Some(base)) = ends
                    {
                        kernel::with(|kernel| {
                            let manager = &mut kernel.recovery.manager;
                            manager.declare_edge(dependent, base, *reaction, *reverse)
                        })
                        .map_err(|error| text(format_args!("a dependency: {error:?}")))?;
                    }
                }
                Step::Actor {
                    declaration,
                    group,
                    kind,
                    parameters,
                } => {
                    let slot = self.group(*group);
                    if let Some(slot) = slot.filter(|_| is_wanted(*group)) {
                        declared.extend(declare(declaration, slot, *kind, *parameters)?);
                    }
                }
            }
        }
        adopt::the_rest();
        // Only now: what is loaded runs at once, and may end before the next is declared.
        for actor in declared {
            // How it went is in the ledger.
            let _ = first_load(disk, actor);
        }
        Ok(())
    }

    /// How a group ended before the site was restarted: one whose direct members had all ended.
    fn past_end(&self, number: usize) -> Option<LifeEnd> {
        let members = self.steps.iter().filter_map(|step| match step {
            Step::Actor {
                declaration,
                group,
                kind: ActorKind::Direct,
                ..
            } if *group == number => Some(declaration.name),
            _ => None,
        });
        let mut end = None;
        for member in members {
            let life = kernel::with(|kernel| kernel.past_life(member))?;
            match life.end {
                LifeEnd::None => return None,
                LifeEnd::Ended => end = end.or(Some(LifeEnd::Ended)),
                LifeEnd::GivenUp => end = Some(LifeEnd::GivenUp),
            }
        }
        end
    }

    fn group(&self, number: usize) -> Option<GroupSlot> {
        self.groups.get(number).copied().flatten()
    }

    /// Starts a group anew that has ended.
    fn start_again(&mut self, disk: &mut Disk, name: Name) {
        let groups = self.steps.iter().filter_map(|step| match step {
            Step::Group { name, .. } => Some(*name),
            _ => None,
        });
        let number = groups.enumerate().find(|(_, group)| *group == name);
        let started = match number {
            Some((number, _)) => self.start(disk, |wanted| wanted == number),
            None => Ok(()),
        };
        if let Err(error) = started {
            log::error!("{name} is not started again: {error}");
        }
    }
}

/// Declares an actor; returns it if it is to be loaded. What is left of one that has ended makes
/// room.
fn declare(
    declaration: &Declaration,
    group: GroupSlot,
    kind: ActorKind,
    parameters: Parameters,
) -> Result<Option<ActorId>, Text<PANIC_MAX>> {
    let name = declaration.name;
    let past = kernel::with(|kernel| kernel.past_life(name));
    if kind == ActorKind::Direct && past.is_some_and(|life| life.end != LifeEnd::None) {
        // It had ended before the site was restarted.
        return Ok(None);
    }
    kernel::with(|kernel| kernel.forget_ended(name));
    let actor = kernel::with(|kernel| match kind {
        ActorKind::Direct => kernel.insert_actor(Actor::new(*declaration, group)),
        ActorKind::Indirect => kernel.describe(*declaration, group, parameters),
    });
    let actor = actor.ok_or_else(|| text(format_args!("too many actors")))?;
    adopt::actor(actor.slot().0);
    if kind == ActorKind::Indirect {
        return Ok(None);
    }
    entries::room_for_actor(actor.slot().0);
    let entry = ActorDeclaration {
        actor,
        name,
        group,
        kind,
        parameters,
        started: kernel::with(|kernel| kernel.started(actor.slot().0)),
    };
    kernel::with(|kernel| kernel.recovery.manager.declare_actor(entry))
        .map_err(|error| text(format_args!("actor {name}: {error:?}")))?;
    Ok(Some(actor))
}

fn text(arguments: fmt::Arguments<'_>) -> Text<PANIC_MAX> {
    let mut text = Text::EMPTY;
    // Text takes what fits and never fails.
    let _ = text.write_fmt(arguments);
    text
}

/// Starts an actor from the image in memory, or else from storage.
fn first_load(disk: &mut Disk, actor: ActorId) -> Result<(), LoadError> {
    let wanted = kernel::with(|kernel| {
        let record = kernel.actors.get(actor.slot(), actor.generation());
        let record = record.filter(|record| record.state() == ActorState::LOADING);
        let image = record.map(|record| record.declaration.image);
        // Shared with whoever has it already, who could give it up at any time: held at once.
        image.map(|name| (name, kernel.present_image(actor)))
    });
    let result = match wanted {
        None => Err(LoadError::Ended),
        Some((_, Some(index))) => Ok(index),
        Some((name, None)) => read_image(disk, name).map(|(index, _)| index),
    };
    clear_ahead();
    kernel::with(|kernel| {
        let result = result.and_then(|index| install(kernel, actor, index));
        kernel.tell_loaded(actor, result);
        result
    })
}

/// Clears what the start of an actor takes: after a restart of the site nobody has had the time to.
fn clear_ahead() {
    while kernel::with(Kernel::clear_for_start) == Progress::More {}
}

/// Reads an actor's image again and starts it from that; what it had is gone already.
fn reload(disk: &mut Disk, actor: ActorId) {
    let declaration = kernel::with(|kernel| {
        kernel
            .actors
            .at(actor.slot().0)
            .map(|record| record.declaration)
    });
    let Some(declaration) = declaration else {
        return;
    };
    let result = read_image(disk, declaration.image).and_then(|(index, reads)| {
        clear_ahead();
        kernel::with(|kernel| install(kernel, actor, index)).map(|()| reads)
    });
    kernel::with(|kernel| match result {
        Ok(block_reads) => {
            kernel.counters.reloads += 1;
            kernel.report(Event::Restarted { actor, block_reads });
        }
        Err(error) => {
            let fault = failure(actor, &declaration, error);
            kernel.report(Event::RestartFailed {
                actor,
                fault: &fault,
            });
        }
    });
}

/// The record of an image that could not be made ready, which is logged.
#[must_use]
pub fn failure(actor: ActorId, declaration: &Declaration, error: LoadError) -> FaultRecord {
    let message = text(format_args!("actors/{}.elf: {error}", declaration.image));
    log::error!("{}: {message}", declaration.name);
    FaultRecord {
        actor,
        time: clock::now(),
        message,
        ..FaultRecord::new(error.kind())
    }
}

/// Reads an image's file and lays out its pristine pages. Returns the slot of the image, which is
/// held for its first user, and the blocks read.
fn read_image(disk: &mut Disk, name: Name) -> Result<(u32, u64), LoadError> {
    let mut path = Text::<64>::EMPTY;
    let _ = write!(path, "actors/{name}.elf");
    let file: File = storage::read_file(disk, path.as_str()).map_err(LoadError::Storage)?;
    let plan = image::plan(file.bytes()).map_err(LoadError::Image)?;
    let frames = pristine::frames_for(plan.frames);
    let extent = kernel::with(|kernel| kernel.preserved.allocate(frames));
    let extent = extent.ok_or(LoadError::NoMemory)?;
    let mut image = Image::lay_out(name, plan, extent, file.bytes());
    let noted = image.noted();
    let slot = kernel::with(|kernel| {
        image.note = kernel.book.images.add(noted);
        let note = image.note;
        let slot = kernel.images.insert(image);
        if slot.is_err() {
            kernel.book.images.remove(note);
            kernel.preserved.free(extent);
        }
        slot
    });
    slot.map(|(slot, _)| (slot.0, file.block_reads))
        .map_err(|_| LoadError::TooManyImages)
}

/// Gives an actor a new address space with the regions of an image that is held for it.
///
/// # Errors
/// When there is no memory for it, or the actor has ended meanwhile.
pub fn install(kernel: &mut Kernel, actor: ActorId, index: u32) -> Result<(), LoadError> {
    let root = kernel.kernel_root;
    let image = kernel.images.at(index).ok_or(LoadError::NoMemory)?;
    let record = kernel.actors.get_mut(actor.slot(), actor.generation());
    let record = record.filter(|record| record.state() == ActorState::LOADING);
    let installed = record.ok_or(LoadError::Ended).and_then(|record| {
        record.image = Some(index);
        record.is_outdated = false;
        let space = AddressSpace::new(&mut kernel.frames, root);
        record.space = Some(space.map_err(|_| LoadError::NoMemory)?);
        let added = record.regions.insert_all(&image.regions);
        added.map_err(|_| LoadError::NoMemory)?;
        record.stop(ActorState::FROZEN);
        Ok(())
    });
    match installed {
        Ok(()) => {}
        Err(LoadError::Ended) => kernel.drop_image_user(index),
        Err(_) => kernel.unload(actor.slot().0),
    }
    installed
}
