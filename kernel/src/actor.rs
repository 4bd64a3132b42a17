//! Actors: what the kernel keeps about each.

use abi::layout::ARGUMENTS_MAX;
use abi::site::{ActorState, Rights};
use abi::start::PreviousEnd;
use abi::{FaultRecord, Generation, Name, Slot, Text};

use crate::list::{Link, Linked, List};
use crate::mm::address_space::AddressSpace;
use crate::port::OWNED;
use crate::region::Regions;
use crate::thread::HOME;

/// Link to the other actors with news for the Restart Manager.
pub const NEWS: usize = 0;

/// What the site description says about an actor, as the kernel needs it.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// Its name.
    pub name: Name,
    /// Its image: the file `actors/<image>.elf` of the archive.
    pub image: Name,
    /// What it is told at each start.
    pub arguments: Text<ARGUMENTS_MAX>,
    /// Priority of its first thread, and the highest of any.
    pub priority: u8,
    /// Size of its first thread's stack.
    pub stack_bytes: u64,
    /// What it may use at most.
    pub budget: Budget,
    /// What it may do beyond its own affairs.
    pub rights: Rights,
}

/// What an actor may use at most.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Private frames.
    pub frames: u32,
    /// Threads.
    pub threads: u32,
    /// Ports.
    pub ports: u32,
    /// Frames in persistent regions.
    pub persistent_frames: u32,
}

/// One actor, over all its incarnations.
pub struct Actor {
    /// What the site description says.
    pub declaration: Declaration,
    /// Where it is in its life.
    pub state: ActorState,
    /// The generation of its first capability: older ones were somebody else's.
    pub first_generation: Generation,
    /// How many times it was started.
    pub incarnation: u32,
    /// Why the previous incarnation ended.
    pub previous: PreviousEnd,
    /// The slot of its pristine image.
    pub image: Option<u32>,
    /// Its memory.
    pub space: Option<AddressSpace>,
    /// What is where in its memory.
    pub regions: Regions,
    /// Whether the CPU may remember translations that no longer hold.
    pub stale_translations: bool,
    /// Its threads.
    pub threads: List<HOME>,
    /// How many.
    pub thread_count: u32,
    /// Its ports.
    pub ports: List<OWNED>,
    /// How many.
    pub port_count: u32,
    /// Frames in its persistent regions.
    pub persistent_frames: u32,
    /// Blocks read from stable storage for the present restart.
    pub block_reads: u64,
    /// Whether this incarnation has answered a call.
    pub has_replied: bool,
    /// What the Restart Manager has to be told about it.
    pub news: Option<News>,
    /// Its place among those with news.
    pub link: Link,
}

/// Something the Restart Manager has to be told about an actor. There is at most one thing at a
/// time: the first failure of an incarnation stops it, and later ones change nothing.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "kept in place: failing must not allocate"
)]
pub enum News {
    /// It failed.
    Failed(FaultRecord),
    /// It said that it was done.
    Exited,
    /// A restart was asked for, by this actor.
    RestartRequested(abi::ActorId),
}

impl Actor {
    /// A declared actor of which nothing exists yet.
    #[must_use]
    pub fn new(declaration: Declaration) -> Self {
        Self {
            declaration,
            state: ActorState::LOADING,
            first_generation: Generation::FIRST,
            incarnation: 0,
            previous: PreviousEnd::None,
            image: None,
            space: None,
            regions: Regions::new(),
            stale_translations: false,
            threads: List::EMPTY,
            thread_count: 0,
            ports: List::EMPTY,
            port_count: 0,
            persistent_frames: 0,
            block_reads: 0,
            has_replied: false,
            news: None,
            link: Link::FREE,
        }
    }

    /// Whether threads may run in it.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == ActorState::RUNNING && self.news.is_none()
    }
}

impl Linked<NEWS> for Actor {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    fn link_ref(&self) -> &Link {
        &self.link
    }
}

/// A persistent region: frames that belong to the table, not to an incarnation.
pub struct PersistentRegion {
    /// The actor it belongs to.
    pub owner: Slot,
    /// Its name, unique within the actor.
    pub name: Name,
    /// Its frames.
    pub extent: crate::mm::extent::Extent,
    /// Its first page, the same in every incarnation.
    pub page: crate::mm::Page,
}
