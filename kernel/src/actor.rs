//! Actors: what the kernel keeps about each.

use abi::layout::ARGUMENTS_MAX;
use abi::site::{ActorState, Rights};
use abi::start::PreviousEnd;
use abi::{ActorId, FaultRecord, Generation, Instant, Name, Slot, Span, Text};

use crate::delegation::{DELEGATED, Delegated};
use crate::due::{Position, Timed};
use crate::list::{Link, Linked, List};
use crate::mm::address_space::AddressSpace;
use crate::port::OWNED;
use crate::quick::Place;
use crate::region::Regions;
use crate::slot;
use crate::thread::{HOME, VISITOR};

/// Link to the other actors with news for the Restart Manager.
pub const NEWS: usize = 0;
/// Link to the owner's other persistent regions.
pub const KEPT: usize = 0;

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
    /// The actor that activates it: the manager of its subsystem, if it has one.
    pub manager: Option<Name>,
    /// How long it may stay without a kick; not watched if none.
    pub heartbeat: Option<Span>,
    /// How long it may take until it is ready; not watched if none.
    pub start_deadline: Option<Span>,
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
///
/// # Invariants
/// - Its [`Place`] is open only while it [runs](Actor::is_running).
pub struct Actor {
    /// The incarnation that runs or ran last.
    id: ActorId,
    /// What the site description says.
    pub declaration: Declaration,
    state: ActorState,
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
    /// Frames that queued messages take in its ports.
    pub message_frames: u32,
    /// Its Local Access Points.
    pub laps: List<{ crate::lap::OWNED }>,
    /// How many.
    pub lap_count: u32,
    /// What its ports are told of groups.
    pub subscriptions: List<{ crate::subscription::OWNED }>,
    /// Threads of others that are stopped in it.
    pub visitors: List<VISITOR>,
    /// What its callers have lent it.
    pub lendings: List<{ crate::lend::TO }>,
    /// Its handlers.
    pub handlers: List<{ crate::handler::OWNED }>,
    /// How many.
    pub handler_count: u32,
    /// Handlers of its exceptions: its own, and another actor's.
    pub exception_handlers: [u32; 2],
    /// Handler of aborts of threads in it.
    pub abort_handler: u32,
    /// When it has to be ready.
    pub start_due: Instant,
    /// When it has to have activated an actor that waits for it.
    pub activation_due: Instant,
    /// When it has to have kicked.
    pub heartbeat_due: Instant,
    /// Its place among those that are watched.
    pub watch: Position,
    /// Whether threads in it are sent back: it is frozen for good.
    pub deflects: bool,
    /// Its persistent regions.
    pub persistent: List<KEPT>,
    /// How many.
    pub persistent_count: u32,
    /// Frames in them.
    pub persistent_frames: u32,
    /// Blocks read from stable storage, by anybody, until the present restart began.
    pub block_reads: u64,
    /// Whether its pristine image was found damaged while it was being restarted from it.
    pub is_damaged: bool,
    /// Whether this incarnation has answered a call.
    pub has_replied: bool,
    news: Option<News>,
    /// Its place among those with news.
    pub link: Link,
    /// Actors that wait for it to activate them.
    pub delegations: List<DELEGATED>,
    /// Its thread that waits for one of those.
    pub activator: u32,
    /// Its activation, if that is its manager's to do.
    pub delegated: Option<Delegated>,
    /// Whether the manager has done it.
    pub is_approved: bool,
    /// Its place among those that wait for the same manager.
    pub delegated_link: Link,
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
    RestartRequested(ActorId),
}

impl Actor {
    /// A declared actor of which nothing exists yet.
    #[must_use]
    pub fn new(declaration: Declaration) -> Self {
        Self {
            declaration,
            id: ActorId::NONE,
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
            message_frames: 0,
            laps: List::EMPTY,
            lap_count: 0,
            subscriptions: List::EMPTY,
            visitors: List::EMPTY,
            lendings: List::EMPTY,
            handlers: List::EMPTY,
            handler_count: 0,
            exception_handlers: [slot::NONE; 2],
            abort_handler: slot::NONE,
            start_due: Instant::NEVER,
            activation_due: Instant::NEVER,
            heartbeat_due: Instant::NEVER,
            watch: Position::FREE,
            deflects: false,
            persistent: List::EMPTY,
            persistent_count: 0,
            persistent_frames: 0,
            block_reads: 0,
            is_damaged: false,
            has_replied: false,
            news: None,
            link: Link::FREE,
            delegations: List::EMPTY,
            activator: slot::NONE,
            delegated: None,
            is_approved: false,
            delegated_link: Link::FREE,
        }
    }

    /// Where it is in its life.
    #[must_use]
    pub const fn state(&self) -> ActorState {
        self.state
    }

    /// What the Restart Manager has to be told about it.
    #[must_use]
    pub const fn news(&self) -> Option<&News> {
        self.news.as_ref()
    }

    /// Lets threads run in an incarnation.
    pub fn run(&mut self, id: ActorId) {
        self.id = id;
        self.state = ActorState::RUNNING;
        if let (Some(place), Some(space)) = (Place::of(id.slot()), &self.space)
            && self.news.is_none()
        {
            place.open(id, space.root());
        }
    }

    /// Lets no thread run in it, until [`Actor::run`].
    pub fn stop(&mut self, state: ActorState) {
        debug_assert!(state != ActorState::RUNNING, "that is what `run` is for");
        self.state = state;
        self.news = None;
        self.shut();
    }

    /// Notes news, if there are none yet of the incarnation that runs. From here on no thread runs
    /// in it.
    pub fn note(&mut self, news: News) -> bool {
        let is_first = self.is_running();
        if is_first {
            self.news = Some(news);
            self.shut();
        }
        is_first
    }

    fn shut(&self) {
        if !self.id.is_none()
            && let Some(place) = Place::of(self.id.slot())
        {
            place.shut();
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

impl Timed for Actor {
    fn position(&mut self) -> &mut Position {
        &mut self.watch
    }

    fn position_ref(&self) -> &Position {
        &self.watch
    }
}

impl Actor {
    /// The earliest of its deadlines.
    #[must_use]
    pub fn watch_due(&self) -> Instant {
        self.start_due
            .min(self.heartbeat_due)
            .min(self.activation_due)
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
    /// How many of its frames have been zeroed. Until all are, nobody sees it.
    pub zeroed: u32,
    /// Its place among those of its owner.
    pub link: Link,
}

impl Linked<KEPT> for PersistentRegion {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    fn link_ref(&self) -> &Link {
        &self.link
    }
}
