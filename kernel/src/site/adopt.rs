//! What the next kernel takes over.
//!
//! First the memory: see [`super::claim`]. Then, as the loader declares the actors anew, each gets back what
//! its name stands for.

use abi::epitaph::{BACKTRACE_MAX, EVENTS_MAX, EventKind, TraceEvent};
use abi::layout::PAGE_BYTES;
use abi::site::ActorState;
use abi::{
    ActorId, Epitaph, FaultKind, FaultRecord, Generation, Instant, Name, Registers, Slot, Span,
    Text, ThreadId,
};
use alloc::vec::Vec;
use restart_manager::{GroupSlot, Parameters};

use super::book::{Book, Past};
use super::claim::Doubt;
use super::index::Index;
use super::note::Found;
use super::reboot;
use super::record::{ActorNote, DescriptionNote, LastWords, LifeEnd, LifeNote, UNKNOWN};
use super::verdict::Limits;
use crate::actor::{Actor, Budget, Declaration, PersistentRegion};
use crate::arch::{clock, cpu};
use crate::kernel::{self, Kernel};
use crate::mm::extent::Extent;
use crate::mm::{Frame, Page, direct};
use crate::region::{Kind, Region, RegionError};
use crate::rights::Held;
use crate::slot::NONE;
use crate::storage::File;

/// Persistent regions that are given back in one step.
const REGIONS_AT_ONCE: usize = 8;

/// Finds the actors that there were. Of one whose note is damaged nothing is known any more: it
/// starts as if for the first time.
pub fn actors(book: &mut Book) {
    let mut damaged = Vec::new();
    let mut known = Index::with_room_for(book.actors.count());
    for (index, note) in book.actors.iter() {
        match note.value() {
            Found::Whole(actor) => known.insert(actor.name, index),
            Found::Damaged => damaged.push(index),
            Found::Free => {}
        }
    }
    book.past.actors = known;
    for index in damaged {
        book.remove_actor(index);
    }
}

/// What stands for the last words of a kernel that has left none.
#[must_use]
pub fn no_words(now: Instant) -> LastWords {
    LastWords {
        epitaph: Epitaph {
            cause: UNKNOWN,
            time: now,
            message: Text::truncated("the kernel left no word"),
            registers: Registers::default(),
            address: 0,
            thread: ThreadId::NONE,
            actor: Name::EMPTY,
            backtrace: [0; BACKTRACE_MAX],
            events: [TraceEvent::NONE; EVENTS_MAX],
        },
        because: None,
    }
}

/// An epitaph as the record of a failure.
#[must_use]
pub fn fault_of(epitaph: &Epitaph) -> FaultRecord {
    FaultRecord {
        time: epitaph.time,
        thread: epitaph.thread,
        address: epitaph.address,
        registers: epitaph.registers,
        message: epitaph.message,
        ..FaultRecord::new(FaultKind::SITE)
    }
}

/// The site's description, if the kernel before has left it and it is what it was.
#[must_use]
pub fn description() -> Option<&'static [u8]> {
    let note = kernel::with(|kernel| kernel.book.header())?.description?;
    let start = direct::pointer(Frame(note.extent.start));
    // SAFETY: The extent was claimed for it at the start, and is only read from then on.
    let bytes = unsafe {
        if cpu::checksum_of(start, memory_bytes(note.extent)) != note.check {
            log::error!("the site's description is damaged: it is read again");
            return None;
        }
        core::slice::from_raw_parts(start, memory_bytes(note.extent))
    };
    bytes.get(note.start as usize..(note.start + note.length) as usize)
}

/// Keeps the file with the site's description for the next kernel.
pub fn keep_description(file: File) {
    let (extent, start, length) = file.keep();
    let first = direct::pointer(Frame(extent.start));
    let note = DescriptionNote {
        extent,
        start: start as u32,
        length: length as u32,
        // SAFETY: The file's memory, which nobody writes any more.
        check: unsafe { cpu::checksum_of(first, memory_bytes(extent)) },
    };
    kernel::with(|kernel| {
        let mut old = None;
        kernel
            .book
            .change_header(|header| old = header.description.replace(note));
        if let Some(old) = old {
            kernel.preserved.free(old.extent);
        }
    });
}

/// Gives an actor that was just put into the table what the kernel before had of that name.
pub fn actor(slot: u32) {
    let first = kernel::with(|kernel| kernel.adopt_actor(slot));
    give_back(slot, first);
}

/// Gives an actor its persistent regions back, a few in each step, from this one on.
fn give_back(slot: u32, first: Option<u32>) {
    let mut next = first;
    while let Some(region) = next {
        next = kernel::with(|kernel| kernel.adopt_regions(slot, region));
    }
}

/// Takes over the actors that others had spawned: they are former members of their groups, and come
/// back when they are spawned again. What nobody has a claim to any more is given up. To be called
/// when all that the site describes is declared.
pub fn the_rest() {
    let actors = kernel::with(|kernel| core::mem::take(&mut kernel.book.past.actors));
    for (name, note) in actors.into_rest() {
        if let Some((spawned, group)) = kernel::with(|kernel| kernel.sort_out(name, note)) {
            let adopted = kernel::with(|kernel| kernel.adopt_former(&spawned, group, note));
            if let Some((slot, first)) = adopted {
                give_back(slot, first);
            }
        }
    }
    let regions = kernel::with(|kernel| core::mem::take(&mut kernel.book.past.regions));
    for (_, mut regions) in regions.into_rest() {
        while kernel::with(|kernel| {
            let region = regions.pop_front(&mut kernel.persistent);
            region.map(|region| kernel.quarantine(region, Doubt::NoOwner))
        })
        .is_some()
        {}
    }
}

/// Puts a persistent region where its owner had it.
#[inline]
fn adopt_region(actor: &mut Actor, slot: u32, kept: &mut PersistentRegion) -> Result<(), Doubt> {
    let frames = kept.extent.frames;
    let region = Region {
        start: kept.page,
        end: Page(kept.page.0.saturating_add(u64::from(frames))),
        kind: Kind::Persistent {
            first: Frame(kept.extent.start),
        },
    };
    if !region.is_persistent_place() {
        return Err(Doubt::Outside);
    }
    actor.regions.insert(region).map_err(|error| match error {
        RegionError::NoRoom => Doubt::Contradicted,
        RegionError::TooMany => Doubt::NoMemory,
    })?;
    kept.owner = Slot(slot);
    actor.persistent_frames += frames;
    actor.persistent_count += 1;
    Ok(())
}

impl Kernel {
    /// Gives an actor back what is known of its name, and notes it in the site record. Returns the first
    /// of its persistent regions, which are still to be given back.
    pub fn adopt_actor(&mut self, slot: u32) -> Option<u32> {
        let name = self.actors.at(slot).map(|actor| actor.declaration.name);
        let past = name.and_then(|name| self.book.past.actors.take(&name));
        self.adopt_noted(slot, past)
    }

    /// The same for one whose earlier note was found already.
    fn adopt_noted(&mut self, slot: u32, past: Option<u32>) -> Option<u32> {
        let name = self.actors.at(slot)?.declaration.name;
        // It is not the one that has ended, and that is not to be found beside it.
        if let Some(ended) = self.book.ended.remove(&name) {
            self.book.remove_actor(ended);
        }
        let known = past.and_then(|index| match self.book.actors.get(index) {
            Found::Whole(note) => Some((index, note, self.book.life(index))),
            Found::Free | Found::Damaged => None,
        });
        if let Some((index, note, life)) = known
            && let Some(actor) = self.actors.at_mut(slot)
        {
            actor.note = index;
            actor.incarnation = life.incarnation;
            let image = self.book.past.images.get(&life.image).copied();
            if let Some(image) = image.and_then(|slot| self.images.at_mut(slot)) {
                image.users += 1;
            }
            actor.image = image;
            // It was being reloaded, or was to be when it is spawned again.
            actor.is_outdated = life.image == NONE && life.incarnation > 0;
            // Capabilities from before are known as those of earlier incarnations.
            if note.slot == slot {
                actor.first_generation = Generation(note.first_generation);
            }
        }
        self.note_actor(slot);
        let owned = self.book.past.regions.take(&name)?;
        self.actors.at_mut(slot)?.persistent = owned;
        owned.first()
    }

    /// Writes down what an actor is.
    pub fn note_actor(&mut self, slot: u32) {
        let Some(actor) = self.actors.at(slot) else {
            return;
        };
        let group = self.group_name(actor.group);
        let declaration = &actor.declaration;
        let note = ActorNote {
            name: declaration.name,
            group,
            image: declaration.image,
            arguments: declaration.arguments,
            priority: declaration.priority,
            is_spawned: !actor.spawner.is_none()
                || actor.described.is_some()
                || actor.state() == ActorState::ABSENT,
            slot,
            first_generation: actor.first_generation.0,
            rights: declaration.held.everywhere().0,
            stack_bytes: declaration.stack_bytes,
            budget: declaration.budget.numbers(),
        };
        let (index, incarnation) = (actor.note, actor.incarnation);
        if index != NONE {
            return self.book.actors.set(index, note);
        }
        let index = self.book.actors.add(note);
        if let Some(actor) = self.actors.at_mut(slot) {
            actor.note = index;
        }
        let life = LifeNote {
            incarnation,
            ..LifeNote::NEW
        };
        self.book.set_life(index, life);
    }

    /// Writes down what became of an actor.
    pub fn note_life(&mut self, slot: u32, end: LifeEnd) {
        if let Some(actor) = self.actors.at(slot) {
            let image = actor.image.and_then(|image| self.images.at(image));
            let life = LifeNote {
                incarnation: actor.incarnation,
                end,
                image: image.map_or(NONE, |image| image.note),
            };
            self.book.set_life(actor.note, life);
        }
    }

    /// Writes down that an actor's image was given up. Its place may be another one's soon.
    pub fn note_image_released(&mut self, slot: u32) {
        if let Some(actor) = self.actors.at(slot) {
            let life = self.book.life(actor.note);
            self.book.set_life(
                actor.note,
                LifeNote {
                    image: NONE,
                    ..life
                },
            );
        }
    }

    /// Gives an actor some of its persistent regions back, from this one on; says which is the next.
    fn adopt_regions(&mut self, slot: u32, first: u32) -> Option<u32> {
        let mut next = Some(first);
        for _ in 0..REGIONS_AT_ONCE {
            let region = next?;
            let actor = self.actors.at_mut(slot)?;
            let kept = self.persistent.at_mut(region)?;
            next = kept.link.next();
            if let Err(doubt) = adopt_region(actor, slot, kept) {
                actor.persistent.remove(&mut self.persistent, region);
                self.quarantine(region, doubt);
            }
        }
        next
    }

    /// What is known of an actor that is not there yet: its life so far.
    #[must_use]
    pub fn past_life(&self, name: Name) -> Option<LifeNote> {
        let index = self.book.past.actors.get(&name)?;
        Some(self.book.life(*index))
    }

    /// Whether one whom the site's description does not name was spawned, into which group. One that
    /// had ended is remembered as that; of any other nothing is known any more.
    fn sort_out(&mut self, name: Name, index: u32) -> Option<(ActorNote, GroupSlot)> {
        let note = self.book.actors.get(index);
        let group = match &note {
            Found::Whole(note) if note.is_spawned => self.recovery.manager.group_named(&note.group),
            _ => None,
        };
        match (note, group) {
            (Found::Whole(note), Some(group)) => return Some((note, group)),
            (Found::Whole(_), None) if self.book.life(index).end != LifeEnd::None => {
                self.book.ended.insert(name, index);
            }
            _ => self.book.remove_actor(index),
        }
        None
    }

    /// Sets how often the site may be restarted, and rebooted: as the policy's parameters of the
    /// kernel group say.
    pub fn set_limits(&mut self, parameters: &Parameters) {
        self.book.change_header(|header| {
            header.limits = Limits {
                restarts: parameters.hot_limit,
                window: parameters.window,
                reboots: parameters.reload_limit,
                stable_after: parameters.stable_after,
            };
        });
    }

    /// Notes that something happened to an actor.
    pub fn note_event(&mut self, kind: EventKind, actor: ActorId) {
        self.book.events.note(clock::now(), kind, actor);
    }

    /// How many reboots in a row there may be.
    #[must_use]
    pub fn reboot_limit(&self) -> u32 {
        let header = self.book.header();
        header.map_or(0, |header| header.limits.reboots)
    }

    /// All that came with the site has been started. From here on it can be restarted.
    pub fn site_is_up(&mut self) {
        self.book.past = Past::default();
        for slot in 0..self.images.end() {
            // Nobody has taken it over.
            if self.images.at(slot).is_some_and(|image| image.users == 0) {
                self.remove_image(slot);
            }
        }
        let now = clock::now();
        let stable_after = self.book.header().map(|header| header.limits.stable_after);
        self.book.stable_at = now.after(stable_after.unwrap_or(Span::ZERO));
        self.note_event(EventKind::UP, ActorId::NONE);
        self.book.set_up();
        if self.site_restarts > 0 {
            reboot::withdraw();
        }
        let block_reads = self.counters.block_reads - self.reads_before;
        self.recovery.manager.note_site_activated(block_reads, now);
    }

    /// Puts one that was spawned into the table, as a former member of its group. Returns its slot, and
    /// the first of its persistent regions, which are still to be given back.
    fn adopt_former(
        &mut self,
        spawned: &ActorNote,
        group: GroupSlot,
        note: u32,
    ) -> Option<(u32, Option<u32>)> {
        let mut record = Actor::new(declaration(spawned), group);
        record.stop(ActorState::ABSENT);
        let slot = self.insert_actor(record)?.slot().0;
        self.join_formers(slot);
        Some((slot, self.adopt_noted(slot, Some(note))))
    }
}

const fn memory_bytes(extent: Extent) -> usize {
    extent.frames as usize * PAGE_BYTES as usize
}

/// An actor as it was spawned. Rights on particular targets do not outlive the kernel: whoever spawns
/// it again gives it what it has.
fn declaration(note: &ActorNote) -> Declaration {
    let [frames, threads, ports, persistent_frames] = note.budget;
    Declaration {
        name: note.name,
        image: note.image,
        arguments: note.arguments,
        priority: note.priority,
        stack_bytes: note.stack_bytes,
        budget: Budget {
            frames,
            threads,
            ports,
            persistent_frames,
        },
        held: Held::new(abi::site::Rights(note.rights), &[]),
        subsystem: Name::EMPTY,
        manager: None,
        heartbeat: None,
        start_deadline: None,
    }
}
