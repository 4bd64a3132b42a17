//! What an actor may ask about the site: counters and the list of actors.

use serde::{Deserialize, Serialize};

use crate::numbered::numbered;
use crate::{ActorId, Name};

/// Defines a set of named bits with no unsafe code and a stable encoding.
macro_rules! named_bits {
    (
        $(#[$meta:meta])*
        $type:ident { $($(#[$doc:meta])* $constant:ident = $bit:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
        pub struct $type(pub u32);

        impl $type {
            $($(#[$doc])* pub const $constant: Self = Self(1 << $bit);)*

            /// No right at all.
            pub const NONE: Self = Self(0);

            /// Every right with the name the site description uses for it.
            pub const NAMED: &'static [(&'static str, Self)] =
                &[$((stringify!($constant), Self::$constant)),*];

            /// Whether every right of `other` is in this set.
            #[must_use]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// The rights of both sets.
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
    };
}

/// Counters of the whole site. All are totals since the site's first start unless they say `free`
/// or `used`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct SiteInfo {
    /// The name of the restart policy.
    pub policy: Name,
    /// Frames of 4 KiB that nobody owns.
    pub free_frames: u64,
    /// Frames of 4 KiB in persistent regions and pristine images.
    pub preserved_frames: u64,
    /// Actors that exist.
    pub used_actors: u32,
    /// Threads that exist, the kernel's included.
    pub used_threads: u32,
    /// Ports that exist.
    pub used_ports: u32,
    /// Messages in queues.
    pub used_messages: u32,
    /// Local Access Points that exist.
    pub used_laps: u32,
    /// Memory arguments that are lent at present.
    pub used_lendings: u32,
    /// Handlers that are connected.
    pub used_handlers: u32,
    /// Persistent regions that exist.
    pub persistent_regions: u32,
    /// Bytes of the kernel heap in use.
    pub heap_used: u64,
    /// 512-byte blocks read from stable storage.
    pub block_reads: u64,
    /// Longest stretch with interrupts off since the counters were last read, in nanoseconds.
    pub interrupts_off: u64,
    /// Hot restarts of actors.
    pub hot_restarts: u64,
    /// Reloads of actors.
    pub reloads: u64,
    /// Restarts of the site since it was booted.
    pub site_restarts: u64,
    /// Persistent regions that were found damaged at one of those: nobody has them.
    pub quarantined_regions: u64,
}

/// How a site is restarted by the syscall `site_restart`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum SiteRestart {
    /// From memory.
    Hot = 0,
    /// Through the firmware.
    Reboot = 1,
}

numbered! {
    /// Where an actor is in its life.
    pub struct ActorState(u8) {
        /// Running, as far as the kernel knows.
        RUNNING = 1 => "running",
        /// Stopped: no thread of it runs.
        FROZEN = 2 => "frozen",
        /// Its memory is being put back.
        RESTARTING = 3 => "restarting",
        /// Its image is being read from stable storage.
        LOADING = 4 => "loading",
        /// It ended and will not come back.
        TERMINATED = 5 => "terminated",
        /// None of its threads runs until it is thawed: `actor_freeze`.
        STOPPED = 6 => "stopped",
        /// Indirect and not there: its group lives, and may spawn it.
        ABSENT = 7 => "absent",
    }
}

/// What is known about one actor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ActorInfo {
    /// Its present capability.
    pub actor: ActorId,
    /// Its name.
    pub name: Name,
    /// The name of its group.
    pub group: Name,
    /// The name of the subsystem that its group is part of.
    pub subsystem: Name,
    /// How many times it was started.
    pub incarnation: u32,
    /// Where it is in its life.
    pub state: ActorState,
    /// Threads it has.
    pub threads: u32,
    /// Ports it has.
    pub ports: u32,
    /// Private frames it holds (dirtied data, stacks, private regions).
    pub private_frames: u32,
}

numbered! {
    /// How far the restart, or other change, of a group has come.
    pub struct GroupState(u8) {
        /// Nothing is to be done.
        AT_REST = 1 => "at rest",
        /// Its members are being frozen.
        FREEZING = 2 => "freezing",
        /// Members that do not come back are being terminated.
        ENDING = 3 => "ending",
        /// It waits for the end of a backoff, or for groups below it.
        DELAYED = 4 => "delayed",
        /// Its members' memory is being put back.
        RESTARTING = 5 => "restarting",
        /// Its members are being started.
        ACTIVATING = 6 => "activating",
        /// It is kept frozen for a debugger.
        HELD = 7 => "held",
        /// The restart of the site was asked for on its account.
        ESCALATED = 8 => "escalated",
        /// Its last member has ended.
        ENDED = 9 => "ended",
    }
}

/// What is known about one group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupInfo {
    /// Its name.
    pub name: Name,
    /// The name of the group it stands on; `kernel` for the root of the tree.
    pub base: Name,
    /// How many actors are in it.
    pub members: u32,
    /// How far its restart has come.
    pub state: GroupState,
    /// Whether it was given up: it ends, and is not started again until that is cleared.
    pub is_given_up: bool,
    /// How many ports are subscribed to it.
    pub subscribers: u32,
}

named_bits! {
    /// What an actor may do beyond its own affairs. Granted by the site description: on everything,
    /// or for those of [`Rights::TARGETED`] on particular actors and groups.
    Rights {
        /// End the site: `shutdown`.
        SHUTDOWN = 0,
        /// Read the console: `console_read`.
        CONSOLE = 1,
        /// Restart an actor, and so its group: `restart`. Let a group that was given up be started
        /// again: `group_clear`.
        RESTART = 2,
        /// Use the kernel's test hooks: `hook`.
        HOOK = 3,
        /// Stop an actor and let it go on: `actor_freeze`, `actor_thaw`.
        FREEZE = 4,
        /// Kill an actor or a group: `actor_kill`, `group_kill`.
        KILL = 5,
        /// Be told of a group's failures and restarts: `group_subscribe`.
        SUBSCRIBE = 6,
        /// Run further actors in the own group: `spawn`.
        SPAWN = 7,
        /// Report another actor as broken: `complain`.
        COMPLAIN = 8,
        /// Connect handlers to interrupt lines.
        INTERRUPT = 9,
        /// Connect handlers to trap vectors.
        TRAP = 10,
        /// Handle the exceptions of other actors.
        HANDLE = 11,
        /// Restart the whole site: `site_restart`.
        SITE = 12,
    }
}

impl Rights {
    /// Those that can be granted on particular actors and groups.
    pub const TARGETED: Self = Self::RESTART
        .union(Self::FREEZE)
        .union(Self::KILL)
        .union(Self::SUBSCRIBE)
        .union(Self::SPAWN)
        .union(Self::COMPLAIN)
        .union(Self::HANDLE);

    /// The rights that are in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

numbered! {
    /// What the kernel's test hooks do; see [`Call::Hook`](crate::syscall::Call::Hook).
    pub struct Hook(u64) {
        /// Panics in the kernel.
        KERNEL_PANIC = 1 => "kernel panic",
        /// Loads an empty IDT and faults, so that the CPU shuts down.
        TRIPLE_FAULT = 2 => "triple fault",
        /// Spins with interrupts off.
        HANG = 3 => "hang",
        /// Leaves QEMU with the code of success, but without the end-of-test line.
        EXIT_EARLY = 4 => "exit early",
        /// Flips a bit in a page of a pristine image, of data that the actor has changed; the
        /// argument is the actor's capability.
        CORRUPT_IMAGE = 5 => "corrupt image",
        /// Starts (argument 1) or stops (0) the real-time clock's periodic interrupt on line 8,
        /// 1024 times a second.
        RTC = 7 => "real-time clock",
        /// As `CORRUPT_IMAGE`, of the actor's instructions.
        CORRUPT_TEXT = 8 => "corrupt text",
        /// Takes frames until `argument` are left free; 0 gives all of them back. The value is
        /// the number of frames held.
        HOLD_FRAMES = 6 => "hold frames",
        /// Raises the exception with vector `argument` in the kernel: 0, 6, 8, 13 or 14.
        EXCEPTION = 20 => "exception",
        /// The recovery thread spins with interrupts on.
        HANG_IN_THREAD = 21 => "hang in a thread",
        /// The tick comes no more.
        MASK_TICK = 22 => "mask the tick",
        /// Runs over the end of the CPU's stack.
        OVERFLOW_CPU_STACK = 23 => "overflow of the CPU's stack",
        /// The recovery thread runs over the end of its stack.
        OVERFLOW_THREAD_STACK = 24 => "overflow of a thread's stack",
        /// Writes a byte past the end of memory of the kernel's heap, and frees that.
        HEAP_OVERRUN = 25 => "heap overrun",
        /// Writes a byte before the start of memory of the kernel's heap, and frees that.
        HEAP_UNDERRUN = 26 => "heap underrun",
        /// Frees memory of the kernel's heap twice.
        HEAP_FREED_TWICE = 27 => "heap freed twice",
        /// Writes to free memory of the kernel's heap, and allocates: the chain of holes goes on
        /// nowhere (argument 0), or outside the heap (1), or begins again (2).
        HEAP_HOLE = 28 => "heap hole damaged",
        /// Panics when the first of two new page tables is in place.
        PANIC_IN_PAGE_TABLES = 29 => "panic in the page tables",
        /// Panics at the next switch of threads.
        PANIC_IN_SCHEDULER = 30 => "panic in the scheduler",
        /// Panics when the Restart Manager has been told of the next failure.
        PANIC_IN_RESTART_MANAGER = 31 => "panic in the Restart Manager",
        /// Panics with the heap locked.
        PANIC_IN_ALLOCATOR = 32 => "panic in the allocator",
        /// The log writer panics with the serial port locked.
        PANIC_IN_LOG_WRITER = 33 => "panic in the log writer",
        /// Does what a kernel does to its watchdog before it is restarted (argument 0), or what the
        /// next one does, when the former has left it running for a while (1). With interrupts off
        /// for longer than any kernel should, it then panics (0) or hangs (1).
        WATCHDOG_HANDED_ON = 34 => "watchdog handed on",
        /// The watchdog runs out within milliseconds, whatever the kernel does.
        WATCHDOG_TOO_SOON = 35 => "watchdog too soon",
        /// Flips a bit of the word that the site record begins with.
        DAMAGE_MAGIC = 40 => "damage magic",
        /// Flips a bit of the site record's version.
        DAMAGE_VERSION = 41 => "damage version",
        /// Flips a bit of the note of what the kernel consists of.
        DAMAGE_HEADER = 42 => "damage header",
        /// Flips a bit of the highest generation that was given out.
        DAMAGE_GENERATIONS = 43 => "damage generations",
        /// Flips a bit of the word that says whether the kernel has come up.
        DAMAGE_STAGE = 44 => "damage stage",
        /// Flips a bit of the note of an actor's first persistent region; the argument is the
        /// actor's capability.
        DAMAGE_REGION = 45 => "damage region",
        /// Lets the note of an actor's first persistent region speak for the memory of its second;
        /// the argument is the actor's capability.
        DAMAGE_OVERLAP = 46 => "damage overlap",
        /// Lets the note of an actor's first persistent region speak for memory up to beyond the
        /// end of all there is; the argument is the actor's capability.
        DAMAGE_OUTSIDE = 47 => "damage outside",
        /// Flips a bit in the pristine page with an actor's entry; the argument is the actor's
        /// capability.
        DAMAGE_ENTRY = 48 => "damage entry",
        /// Flips a bit of the checksums of an actor's pristine image; the argument is the actor's
        /// capability.
        DAMAGE_CHECKS = 49 => "damage checks",
        /// Flips a bit of the note of an actor's pristine image; the argument is the actor's
        /// capability.
        DAMAGE_IMAGE = 50 => "damage image",
        /// Flips a bit of the note of an actor; the argument is its capability.
        DAMAGE_ACTOR = 51 => "damage actor",
        /// Flips a bit of the note of what became of an actor; the argument is its capability.
        DAMAGE_LIFE = 52 => "damage life",
        /// Flips a bit of what is kept of a ledger entry; the argument is its number.
        DAMAGE_LEDGER = 53 => "damage ledger",
        /// Flips a bit behind the last of the kernel's constants.
        DAMAGE_CONSTANTS = 54 => "damage constants",
        /// Flips a bit of a kernel instruction that is not on the way to the next kernel.
        DAMAGE_TEXT = 55 => "damage text",
        /// Flips a bit of the pristine copy of the kernel's data.
        DAMAGE_DATA = 56 => "damage data",
        /// Flips a bit of the copy of what the loader told.
        DAMAGE_BOOT = 57 => "damage boot",
        /// Flips a bit of the site's description.
        DAMAGE_DESCRIPTION = 58 => "damage description",
        /// Ends the kernel with last words of which one bit is flipped.
        DAMAGE_EPITAPH = 59 => "damage epitaph",
    }
}
