//! The kernel's whole state, and how to get hold of it.
//!
//! There is one [`Kernel`] and one CPU. Whoever works on it has interrupts off, so there are no
//! locks to order and none to be found held by the dead. Handlers of traps and syscalls get it
//! from the entry code; kernel threads borrow it with [`with`] for one bounded step at a time, and
//! whatever is more urgent runs between two steps.

use alloc::boxed::Box;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

use abi::{ActorId, PortId, Slot, Status, ThreadId};

use crate::actor::{Actor, PersistentRegion};
use crate::arch::{clock, cpu, entry};
use crate::console::Console;
use crate::due::Due;
use crate::entries::Entries;
use crate::fault::Refusal;
use crate::former::Formers;
use crate::handler::Handlers;
use crate::image::Image;
use crate::lap::Lap;
use crate::lend::Lending;
use crate::mm::Frame;
use crate::mm::extent::ExtentMap;
use crate::mm::frame::{FrameList, Frames};
use crate::naming::{self, Names, successor};
use crate::port::{Message, Port};
use crate::progress;
use crate::recovery::Recovery;
use crate::sched::Scheduler;
use crate::site::book::Book;
use crate::site::record::Counters;
use crate::slot::SlotTable;
use crate::subscription::Notifier;
use crate::thread::Thread;
use crate::timer::Timers;

/// The most actors there can be.
pub const ACTORS_MAX: u32 = 1024;
/// The most threads there can be.
pub const THREADS_MAX: u32 = 2048;
/// The most ports there can be.
pub const PORTS_MAX: u32 = 4096;
/// The most Local Access Points there can be.
pub const LAPS_MAX: u32 = 4096;
/// The most lendings there can be at once.
pub const LENDINGS_MAX: u32 = 4096;
/// The most queued messages there can be.
pub const MESSAGES_MAX: u32 = 16384;
/// The most pristine images there can be.
pub const IMAGES_MAX: u32 = 1024;
/// The most persistent regions there can be.
pub const PERSISTENT_MAX: u32 = 1024;

/// Everything the kernel knows.
pub struct Kernel {
    /// Ordinary memory.
    pub frames: Frames,
    /// Preserved memory.
    pub preserved: Box<ExtentMap>,
    /// The root table with nothing but the kernel's half.
    pub kernel_root: Frame,
    /// Actors.
    pub actors: SlotTable<Actor>,
    /// Threads.
    pub threads: SlotTable<Thread>,
    /// Ports.
    pub ports: SlotTable<Port>,
    /// Queued messages.
    pub messages: SlotTable<Message>,
    /// Pristine images.
    pub images: SlotTable<Image>,
    /// Persistent regions.
    pub persistent: SlotTable<PersistentRegion>,
    /// Former members of groups.
    pub formers: Formers,
    /// Names of actors, ports and LAPs.
    pub names: Names,
    /// Local Access Points.
    pub laps: SlotTable<Lap>,
    /// Memory lent with invocations.
    pub lendings: SlotTable<Lending>,
    /// Handlers and what they are connected to.
    pub handlers: Handlers,
    /// Who runs.
    pub scheduler: Scheduler,
    /// Deadlines.
    pub timers: Timers,
    /// Who is told what happens to groups.
    pub notifier: Notifier,
    /// The Restart Manager and what it is doing.
    pub recovery: Recovery,
    /// Memory for the Restart Manager's tables.
    pub entries: Entries,
    /// What was typed and who waits for it.
    pub console: Console,
    /// Calls made so far: numbers each, for its reply.
    pub calls: u32,
    /// Interrupt line of the disk; 0 for none.
    pub disk_line: u8,
    /// Which image, and which of its pages, is checked next.
    pub scrubbed: (u32, u32),
    /// When actors may miss a deadline.
    pub watched: Due,
    /// The site record.
    pub book: Book,
    /// What happened so far, in the site record.
    pub counters: &'static mut Counters,
    /// How often the site was restarted before this kernel.
    pub site_restarts: u64,
    /// Blocks that had been read when this kernel started.
    pub reads_before: u64,
    /// The errand thread.
    pub errands: u32,
    /// Frames taken by a test hook.
    pub held_frames: FrameList,
}

struct Holder(UnsafeCell<Option<Kernel>>);

// SAFETY: Only reached with interrupts off on the one CPU, and `BUSY` refuses a second borrow.
unsafe impl Sync for Holder {}

static KERNEL: Holder = Holder(UnsafeCell::new(None));
static BUSY: AtomicBool = AtomicBool::new(false);

/// Sets the kernel's state at its start.
///
/// # Safety
/// Called once per kernel start, before anything borrows it.
pub unsafe fn set(kernel: Kernel) {
    // SAFETY: Nobody else has it yet.
    unsafe { *KERNEL.0.get() = Some(kernel) };
}

/// The kernel's state, for the entry code.
///
/// # Safety
/// Interrupts are off and nobody else holds it: the caller was just entered from ring 3 or from a
/// kernel thread that had interrupts on. So it is there: before that, there are no threads.
#[inline(always)]
pub unsafe fn entered() -> &'static mut Kernel {
    debug_assert!(!BUSY.load(Ordering::Relaxed));
    // SAFETY: As the caller promises.
    unsafe { (*KERNEL.0.get()).as_mut().unwrap_unchecked() }
}

/// The kernel's state, whoever holds it: for what can still be told by a dying kernel. It may be
/// in the middle of a change.
///
/// # Safety
/// Interrupts are off, and whoever holds it never runs again.
pub unsafe fn of_the_dead() -> Option<&'static mut Kernel> {
    // SAFETY: As the caller promises.
    unsafe { (*KERNEL.0.get()).as_mut() }
}

/// Runs one bounded step on the kernel's state, with interrupts off.
///
/// # Panics
/// When it is borrowed already, or not there yet: a bug of the kernel.
pub fn with<R>(step: impl FnOnce(&mut Kernel) -> R) -> R {
    let were_on = cpu::interrupts_enabled();
    cpu::disable();
    let start = clock::counter();
    assert!(
        !BUSY.swap(true, Ordering::Relaxed),
        "the kernel's state is borrowed twice"
    );
    // SAFETY: Interrupts are off and `BUSY` was free: this is the only borrow.
    let kernel = unsafe { &mut *KERNEL.0.get() };
    let kernel = kernel.as_mut().expect("the kernel has started");
    let result = step(kernel);
    progress::step_done(kernel.scheduler.current());
    let requested = kernel.scheduler.is_requested();
    BUSY.store(false, Ordering::Relaxed);
    clock::note_interrupts_off(start);
    if were_on {
        if requested {
            give_up_cpu();
        }
        cpu::enable();
    }
    result
}

/// Lets the scheduler choose anew: for kernel threads, between two steps.
pub fn give_up_cpu() {
    // SAFETY: The vector's handler saves and restores everything.
    unsafe {
        core::arch::asm!("int {vector}", vector = const entry::RESCHEDULE_VECTOR);
    }
}

impl Kernel {
    /// The current thread.
    pub fn current_thread(&mut self) -> Option<&mut Thread> {
        self.threads.at_mut(self.scheduler.current())
    }

    /// The slot of the actor on whose behalf the kernel was entered.
    #[must_use]
    pub fn current_actor(&self) -> Option<u32> {
        let here = self.threads.at(self.scheduler.current())?.here;
        (!here.is_none()).then_some(here.slot().0)
    }

    /// The present capability of the actor in a slot.
    #[must_use]
    pub fn actor_id(&self, slot: u32) -> ActorId {
        let generation = self.actors.generation(Slot(slot));
        generation.map_or(ActorId::NONE, |generation| {
            ActorId::new(Slot(slot), generation)
        })
    }

    /// The identity of the thread in a slot.
    #[must_use]
    pub fn thread_id(&self, slot: u32) -> ThreadId {
        let generation = self.threads.generation(Slot(slot));
        generation.map_or(ThreadId::NONE, |generation| {
            ThreadId::new(Slot(slot), generation)
        })
    }

    /// The present capability of the port in a slot.
    #[must_use]
    pub fn port_id(&self, slot: u32) -> PortId {
        let generation = self.ports.generation(Slot(slot));
        generation.map_or(PortId::NONE, |generation| {
            PortId::new(Slot(slot), generation)
        })
    }

    /// The slot of the actor a capability names: the one place where capabilities are checked.
    ///
    /// # Errors
    /// `RESTARTED` with the present capability for that of an earlier incarnation; `DEAD` for any
    /// other.
    pub fn check_actor(&self, id: ActorId) -> Result<u32, (Status, ActorId)> {
        let slot = id.slot().0;
        let actor = self.actors.at(slot);
        let actor = actor.filter(|actor| !actor.is_gone());
        let actor = actor.ok_or((Status::DEAD, ActorId::NONE))?;
        let present = self.actor_id(slot);
        let checked = naming::check(
            id.generation(),
            actor.first_generation,
            present.generation(),
        );
        checked.map_err(|status| (status, ActorId::from_raw(successor(status, present.raw()))))?;
        Ok(slot)
    }

    /// The slot of the actor that a syscall is about.
    ///
    /// # Errors
    /// As [`Kernel::check_actor`], with the present capability as the second result.
    pub fn target_actor(&self, raw: u64) -> Result<u32, Refusal> {
        self.check_actor(ActorId::from_raw(raw))
            .map_err(|(status, new)| Refusal::Status(status, [0, new.raw(), 0]))
    }
}
