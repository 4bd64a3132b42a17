//! The site record: what one kernel leaves to the next.
//!
//! It lies at the start of preserved memory, at an address that follows from the memory map alone.
//! Each thing in it is a [`Note`] of its own, kept up to date while the site runs: when the kernel
//! ends, nothing has to be collected from memory that may be in the middle of a change.
//!
//! ```text
//! header      what the kernel consists of, and where the rest is; written at the first boot
//! live        counters, times of restarts, generations given out
//! last words  the epitaph
//! actors, images, regions, ledger    tables of notes
//! ```
//!
//! Everything in it is plain data. The next kernel has the same instructions, which the header's
//! checksum of the text makes sure of, so the layout is the compiler's.

use abi::{Epitaph, Instant, LedgerEntry, Name, SiteCause, Text, layout};

use super::events::Events;
use super::note::Note;
use super::verdict::{Limits, Stage, Times};
use crate::image::ImagePlan;
use crate::mm::Page;
use crate::mm::extent::Extent;
use crate::slot::NONE;

/// What a record begins with.
pub const MAGIC: [u8; 8] = *b"REFRAIN\0";
/// Version of the layout. Goes up with each change of what is here.
pub const VERSION: u32 = 2;

/// Notes of actors, of images and of persistent regions.
pub const ENTRIES: usize = 1024;
/// Notes of the ledger.
pub const LEDGER_ENTRIES: usize = 256;

/// What one kernel leaves to the next.
#[repr(C, align(4096))]
pub struct SiteRecord {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`VERSION`].
    pub version: u64,
    /// What the kernel consists of.
    pub header: Note<Header>,
    /// What changes all the time.
    pub live: Live,
    /// What happened last.
    pub events: Events,
    /// What the kernel that ended last said.
    pub epitaph: Note<LastWords>,
    /// The actors that there are, and were.
    pub actors: [Note<ActorNote>; ENTRIES],
    /// What became of them.
    pub lives: [Note<LifeNote>; ENTRIES],
    /// The pristine images.
    pub images: [Note<ImageNote>; ENTRIES],
    /// The persistent regions.
    pub regions: [Note<RegionNote>; ENTRIES],
    /// The ledger, each entry where its number says.
    pub ledger: [Note<LedgerEntry>; LEDGER_ENTRIES],
}

/// What the kernel consists of, and what it is entered with. Addresses are physical.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Checksum of text and constants.
    pub text: u64,
    /// Where the pristine copy of the data is.
    pub data: u64,
    /// Its size in bytes.
    pub data_bytes: u64,
    /// Its checksum.
    pub data_check: u64,
    /// Where the copy of what the loader told is, two pages.
    pub boot: u64,
    /// Its checksum.
    pub boot_check: u64,
    /// The first frame of preserved memory that is not the record's.
    pub free: u32,
    /// The clock: counter at its zero, and its scale.
    pub clock: (u64, u64),
    /// How often what may be done.
    pub limits: Limits,
    /// The site's description, if it was read.
    pub description: Option<DescriptionNote>,
}

/// Where the site's description is.
#[derive(Clone, Copy, Debug)]
pub struct DescriptionNote {
    /// Its memory.
    pub extent: Extent,
    /// Its first byte there.
    pub start: u32,
    /// Its bytes.
    pub length: u32,
    /// Checksum of the memory.
    pub check: u64,
}

/// What happened so far, over all kernels since the last boot.
#[derive(Clone, Copy, Default, Debug)]
#[repr(C)]
pub struct Counters {
    /// 512-byte blocks read from stable storage.
    pub block_reads: u64,
    /// Hot restarts of actors.
    pub hot_restarts: u64,
    /// Reloads of actors.
    pub reloads: u64,
    /// Persistent regions that were found damaged, and are kept but not used.
    pub quarantined: u64,
}

/// What changes all the time.
#[repr(C)]
pub struct Live {
    /// Whether the kernel has come up.
    pub stage: Stage,
    /// When the site was restarted.
    pub times: Times,
    /// The highest generation that may have been given out, twice: as it is, and inverted.
    pub generations: (u32, u32),
    /// How far the tables were ever filled.
    pub actors_end: End,
    /// The same of images.
    pub images_end: End,
    /// The same of persistent regions.
    pub regions_end: End,
    /// What happened so far.
    pub counters: Counters,
}

/// How far a table was ever filled: as it is, and inverted. So nobody looks at the rest of it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct End(u32, u32);

impl End {
    /// Not at all.
    pub const NONE: Self = Self(0, !0);

    /// How far, for a table of so many places: to its end, if that was damaged.
    #[must_use]
    pub const fn get(&self, places: usize) -> usize {
        if self.0 == !self.1 && (self.0 as usize) < places {
            self.0 as usize
        } else {
            places
        }
    }

    /// Notes that it was filled so far. To be called before it is.
    pub const fn set(&mut self, end: usize) {
        *self = Self(end as u32, !(end as u32));
    }
}

/// The epitaph, and what is to be done about it.
#[derive(Clone, Copy, Debug)]
pub struct LastWords {
    /// What the kernel said.
    pub epitaph: Epitaph,
    /// The ledger entry on whose account it ended, if it was a decision.
    pub because: Option<u64>,
}

/// A persistent region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegionNote {
    /// The name of the actor it belongs to.
    pub owner: Name,
    /// Its own name.
    pub name: Name,
    /// Its frames.
    pub extent: Extent,
    /// The same again: if the note is damaged, its memory can still be told, unless it is just that
    /// which is damaged.
    pub extent_again: Extent,
    /// Where its owner has it.
    pub page: Page,
}

/// A pristine image. Behind its pages, in the same extent, are their checksums.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ImageNote {
    /// The name of the file.
    pub name: Name,
    /// What is where in it.
    pub plan: ImagePlan,
    /// Its frames.
    pub extent: Extent,
    /// Checksum of the checksums.
    pub check: u64,
    /// When it was read.
    pub read_at: Instant,
}

/// An actor: what it is in all its incarnations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ActorNote {
    /// Its name.
    pub name: Name,
    /// The name of its group.
    pub group: Name,
    /// The name of its image.
    pub image: Name,
    /// What it is told at each start.
    pub arguments: Text<{ layout::ARGUMENTS_MAX }>,
    /// Priority of its first thread.
    pub priority: u8,
    /// Whether another actor spawned it.
    pub is_spawned: bool,
    /// Its slot.
    pub slot: u32,
    /// The generation of its first capability.
    pub first_generation: u32,
    /// What it may do.
    pub rights: u32,
    /// Size of its first thread's stack.
    pub stack_bytes: u64,
    /// What it may use at most: frames, threads, ports, frames of persistent regions.
    pub budget: [u32; 4],
}

/// What became of an actor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LifeNote {
    /// How many times it was started.
    pub incarnation: u32,
    /// Whether it is over for good.
    pub end: LifeEnd,
    /// The place of its pristine image; `NONE` if it has to be read.
    pub image: u32,
}

/// Whether an actor is over for good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LifeEnd {
    /// It is not.
    None,
    /// It has ended.
    Ended,
    /// It has ended, and its group was given up.
    GivenUp,
}

impl LifeNote {
    /// Of one that was never started.
    pub const NEW: Self = Self {
        incarnation: 0,
        end: LifeEnd::None,
        image: NONE,
    };
}

impl SiteRecord {
    /// Makes an empty record of memory that may hold anything. All but the header is set.
    pub fn clear(&mut self) {
        self.magic = MAGIC;
        self.version = u64::from(VERSION);
        self.header.clear();
        self.events = Events::NONE;
        self.epitaph.clear();
        self.live = Live {
            stage: Stage::BOOTED,
            times: Times::NONE,
            generations: (0, !0),
            actors_end: End::NONE,
            images_end: End::NONE,
            regions_end: End::NONE,
            counters: Counters::default(),
        };
        self.actors.iter_mut().for_each(Note::clear);
        self.lives.iter_mut().for_each(Note::clear);
        self.images.iter_mut().for_each(Note::clear);
        self.regions.iter_mut().for_each(Note::clear);
        self.ledger.iter_mut().for_each(Note::clear);
    }

    /// Whether it is a record of this kernel's layout.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.magic == MAGIC && self.version == u64::from(VERSION)
    }
}

impl Live {
    /// The highest generation that may have been given out; `None` if it was damaged.
    #[must_use]
    pub const fn generations(&self) -> Option<u32> {
        let (given, inverted) = self.generations;
        if given == !inverted {
            Some(given)
        } else {
            None
        }
    }

    /// Notes that generations up to this one may be given out.
    pub const fn note_generations(&mut self, given: u32) {
        self.generations = (given, !given);
    }
}

/// What ended a kernel that has left nothing to say so.
pub const UNKNOWN: SiteCause = SiteCause(0);
