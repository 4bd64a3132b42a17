//! Actors: what the kernel keeps about each.

use abi::layout::ARGUMENTS_MAX;
use abi::site::ActorState;
use abi::start::PreviousEnd;
use abi::{ActorId, FaultRecord, Generation, Instant, Name, Slot, Span, Text};

use restart_manager::{GroupSlot, Parameters};

use crate::delegation::Delegated;
use crate::due::{Position, Timed};
use crate::freeze::Freeze;
use crate::list::{Link, Linked, List};
use crate::mm::address_space::AddressSpace;
use crate::port::OWNED;
use crate::quick::Place;
use crate::region::Regions;
use crate::rights::Held;
use crate::slot;
use crate::thread::{HOME, VISITOR};

/// Link to the other actors with news for the Restart Manager.
pub const NEWS: usize = 0;
/// Link to the other former members of its group.
pub const FORMER: usize = 1;
/// Link to the other actors that are being thawed.
pub const THAWING: usize = 2;
/// Link to the other actors that wait for the same manager.
pub const DELEGATED: usize = 3;
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
    pub held: Held,
    /// The subsystem that it is part of.
    pub subsystem: Name,
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

impl Budget {
    /// The numbers, in the order of the fields.
    #[must_use]
    pub const fn numbers(&self) -> [u32; 4] {
        [
            self.frames,
            self.threads,
            self.ports,
            self.persistent_frames,
        ]
    }
}

/// One actor, over all its incarnations.
///
/// # Invariants
/// - Its [`Place`] is open only while it [is at work](Actor::is_at_work).
pub struct Actor {
    /// The incarnation that runs or ran last.
    id: ActorId,
    /// What the site description says.
    pub declaration: Declaration,
    /// The group it belongs to for good.
    pub group: GroupSlot,
    /// The incarnation that spawned it; nobody for a direct one.
    pub spawner: ActorId,
    /// For an actor that the site describes as indirect: what policies are tuned by.
    pub described: Option<Parameters>,
    /// Whether its image has to be read from storage, though one of that name may be in memory.
    pub is_outdated: bool,
    /// What a freeze on request keeps of it.
    pub freeze: Freeze,
    state: ActorState,
    /// The generation of its first capability: older ones were somebody else's.
    pub first_generation: Generation,
    /// How many times it was started.
    pub incarnation: u32,
    /// Its place in the site record.
    pub note: u32,
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
    /// Actors that wait for it to activate them.
    pub delegations: List<DELEGATED>,
    /// Its thread that waits for one of those.
    pub activator: u32,
    /// Its activation, if that is its manager's to do.
    pub delegated: Option<Delegated>,
    /// Whether the manager has done it.
    pub is_approved: bool,
    links: [Link; 4],
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
    pub fn new(declaration: Declaration, group: GroupSlot) -> Self {
        Self {
            declaration,
            id: ActorId::NONE,
            group,
            spawner: ActorId::NONE,
            described: None,
            is_outdated: false,
            freeze: Freeze::OFF,
            state: ActorState::LOADING,
            first_generation: Generation::FIRST,
            incarnation: 0,
            note: slot::NONE,
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
            delegations: List::EMPTY,
            activator: slot::NONE,
            delegated: None,
            is_approved: false,
            links: [Link::FREE; 4],
        }
    }

    /// A former member that is spawned again, as `anew`: with its earlier names, and with what was
    /// kept of it.
    #[must_use]
    pub fn again(&mut self, anew: Self) -> Self {
        Self {
            first_generation: self.first_generation,
            regions: core::mem::take(&mut self.regions),
            persistent: self.persistent,
            persistent_count: self.persistent_count,
            persistent_frames: self.persistent_frames,
            image: self.image,
            is_outdated: self.is_outdated,
            described: self.described,
            note: self.note,
            incarnation: self.incarnation,
            ..anew
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
        self.open();
    }

    /// Freezes it, at somebody's request.
    pub fn freeze(&mut self) {
        self.freeze.is_on = true;
        self.shut();
    }

    /// Takes a freeze back.
    pub fn thaw(&mut self) {
        self.freeze.is_on = false;
        self.open();
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

    fn open(&self) {
        if let (Some(place), Some(space)) = (Place::of(self.id.slot()), &self.space)
            && self.is_at_work()
        {
            place.open(self.id, space.root());
        }
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

    /// Whether it runs and is not frozen.
    #[must_use]
    pub fn is_at_work(&self) -> bool {
        self.is_running() && !self.freeze.is_on
    }

    /// Whether there is no incarnation of it.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self.state, ActorState::TERMINATED | ActorState::ABSENT)
    }

    /// Gives it its deadlines anew, those that it still had: for some time it could not meet them.
    pub fn rewatch(&mut self, now: Instant) {
        let anew = |due: &mut Instant, span: Option<Span>| {
            if *due != Instant::NEVER
                && let Some(span) = span
            {
                *due = now.after(span);
            }
        };
        anew(&mut self.start_due, self.declaration.start_deadline);
        anew(&mut self.heartbeat_due, self.declaration.heartbeat);
    }
}

macro_rules! linked {
    ($($link:ident)*) => {
        $(impl Linked<$link> for Actor {
            fn link(&mut self) -> &mut Link {
                &mut self.links[$link]
            }

            fn link_ref(&self) -> &Link {
                &self.links[$link]
            }
        })*
    };
}
linked!(NEWS FORMER THAWING DELEGATED);
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
    /// Its place in the site record, once it can be seen.
    pub note: u32,
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
