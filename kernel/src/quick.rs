//! What the quick way through a LAP needs to know, where assembly finds it.
//!
//! A thread that invokes a LAP with registers only, finds it open and a stack free, and comes back
//! to a caller that runs, takes the quick way ([`crate::arch::quick`]): no call is decoded, no
//! frame copied. Whatever is different takes the long way of [`crate::invoke`], which says what
//! everything means. Both leave a thread in the same state, but for one thing: the callee's
//! registers are in the CPU and not yet in a frame, which the next way into the kernel writes as a
//! whole.
//!
//! # Invariants
//! - A gate's or a place's key is the capability of what may be entered through it, or [`SHUT`].
//!   Shut is always right, and only slower. So whoever changes anything shuts first, and
//!   what is open was opened by the one function that looks at all there is to look at:
//!   [`Kernel::open_gate`](crate::kernel::Kernel::open_gate) for a LAP, [`Actor::run`] for an
//!   actor.
//! - Which of a LAP's stacks are free is known to its gate alone.
//!
//! [`Actor::run`]: crate::actor::Actor::run

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use abi::{ActorId, LapId, Slot};

use crate::kernel::{ACTORS_MAX, LAPS_MAX};
use crate::mm::Frame;

/// The key of what is shut. As a capability it would name a slot that is in no table.
const SHUT: u64 = u64::MAX;

/// What is to be known of one LAP to go in and out.
#[repr(C, align(64))]
pub struct Gate {
    key: AtomicU64,
    free: AtomicU32,
    callee: AtomicU64,
    entry: AtomicU64,
    cookie: AtomicU64,
    stacks: AtomicU64,
}

/// What is to be known of one actor to go on in it.
#[repr(C)]
pub struct Place {
    key: AtomicU64,
    root: AtomicU64,
}

/// The gates, by slots of LAPs.
pub static GATES: [Gate; LAPS_MAX as usize] = [const { Gate::new() }; LAPS_MAX as usize];
/// The place of threads that are in no actor.
pub static NOWHERE: Place = Place::new();
/// The places, by slots of actors.
pub static PLACES: [Place; ACTORS_MAX as usize] = [const { Place::new() }; ACTORS_MAX as usize];

/// Where assembly finds what.
#[expect(
    missing_docs,
    reason = "each is the place of the field it is named after"
)]
pub mod layout {
    use core::mem::offset_of;

    use super::{Gate, Place};

    pub const GATE_SHIFT: u32 = size_of::<Gate>().ilog2();
    pub const GATE_KEY: usize = offset_of!(Gate, key);
    pub const GATE_FREE: usize = offset_of!(Gate, free);
    pub const GATE_CALLEE: usize = offset_of!(Gate, callee);
    pub const GATE_ENTRY: usize = offset_of!(Gate, entry);
    pub const GATE_COOKIE: usize = offset_of!(Gate, cookie);
    pub const GATE_STACKS: usize = offset_of!(Gate, stacks);
    pub const PLACE_SHIFT: u32 = size_of::<Place>().ilog2();
    pub const PLACE_KEY: usize = offset_of!(Place, key);
    pub const PLACE_ROOT: usize = offset_of!(Place, root);
}

/// Shuts everything: nothing has been opened yet.
pub fn initialise() {
    for gate in &GATES {
        gate.shut();
    }
    for place in PLACES.iter().chain([&NOWHERE]) {
        place.shut();
    }
}

impl Gate {
    const fn new() -> Self {
        Self {
            key: AtomicU64::new(0),
            free: AtomicU32::new(0),
            callee: AtomicU64::new(0),
            entry: AtomicU64::new(0),
            cookie: AtomicU64::new(0),
            stacks: AtomicU64::new(0),
        }
    }

    /// The gate of the LAP in a slot.
    #[must_use]
    pub fn of(slot: u32) -> &'static Self {
        // Slots are below the limit of the table.
        &GATES[slot as usize]
    }

    /// Which stacks nobody is on.
    #[must_use]
    pub fn free(&self) -> u32 {
        self.free.load(Ordering::Relaxed)
    }

    /// Sets which stacks nobody is on.
    pub fn set_free(&self, stacks: u32) {
        self.free.store(stacks, Ordering::Relaxed);
    }

    /// Lets threads in and out, onto stacks of which `stacks` are the stack pointers. They stay
    /// where they are until it is shut.
    pub fn open(&self, lap: LapId, callee: ActorId, entry: u64, cookie: u64, stacks: *const u64) {
        self.callee.store(callee.raw(), Ordering::Relaxed);
        self.entry.store(entry, Ordering::Relaxed);
        self.cookie.store(cookie, Ordering::Relaxed);
        self.stacks.store(stacks as u64, Ordering::Relaxed);
        self.key.store(lap.raw(), Ordering::Relaxed);
    }

    /// Sends threads the long way.
    pub fn shut(&self) {
        self.key.store(SHUT, Ordering::Relaxed);
    }
}

impl Place {
    const fn new() -> Self {
        Self {
            key: AtomicU64::new(0),
            root: AtomicU64::new(0),
        }
    }

    /// The place of the actor in a slot.
    #[must_use]
    pub fn of(slot: Slot) -> Option<&'static Self> {
        PLACES.get(slot.index())
    }

    /// Lets threads go on in an incarnation, which runs in the address space `root`.
    pub fn open(&self, actor: ActorId, root: Frame) {
        self.root.store(root.address(), Ordering::Relaxed);
        self.key.store(actor.raw(), Ordering::Relaxed);
    }

    /// Whether threads may go on in an incarnation.
    #[must_use]
    pub fn is_open_to(&self, actor: ActorId) -> bool {
        self.key.load(Ordering::Relaxed) == actor.raw()
    }

    /// The root table of its address space.
    #[must_use]
    pub fn root(&self) -> u64 {
        self.root.load(Ordering::Relaxed)
    }

    /// Sends threads the long way.
    pub fn shut(&self) {
        self.key.store(SHUT, Ordering::Relaxed);
    }
}
