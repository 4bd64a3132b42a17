//! What a kernel leaves behind when its site is restarted: why, and where it was.

use serde::{Deserialize, Serialize};

use crate::numbered::numbered;
use crate::{ActorId, Instant, Name, Registers, Text, ThreadId, layout};

/// The most return addresses an epitaph holds.
pub const BACKTRACE_MAX: usize = 16;

numbered! {
    /// Why a site is restarted, or rebooted.
    pub struct SiteCause(u16) {
        /// The kernel panicked.
        PANIC = 1 => "kernel panic",
        /// An exception in ring 0.
        EXCEPTION = 2 => "kernel exception",
        /// A double fault (#DF).
        DOUBLE_FAULT = 3 => "double fault",
        /// The kernel ran over the end of one of its stacks.
        STACK_OVERFLOW = 4 => "kernel stack overflow",
        /// The kernel's heap is damaged.
        HEAP = 5 => "kernel heap damaged",
        /// The watchdog was not kicked: interrupts were off for too long.
        WATCHDOG = 6 => "watchdog",
        /// A kernel thread did not come to the end of a step.
        HANG = 7 => "kernel thread hung",
        /// A non-maskable interrupt that is not the watchdog's.
        NMI = 8 => "non-maskable interrupt",
        /// A machine check (#MC).
        MACHINE_CHECK = 9 => "machine check",
        /// The restart policy decided it.
        POLICY = 10 => "policy",
        /// An actor that holds the right asked for it.
        REQUESTED = 11 => "requested",
    }
}

numbered! {
    /// Why a site that could have been restarted goes through the firmware instead.
    pub struct RebootCause(u8) {
        /// The site record is damaged, or of another version.
        RECORD = 1 => "the site record is damaged",
        /// The kernel's instructions or constants are not what they were.
        TEXT = 2 => "the kernel's text is damaged",
        /// The pristine copy of the kernel's data is not what it was.
        DATA = 3 => "the kernel's pristine data are damaged",
        /// The kernel ended before it had come up.
        UNFINISHED = 4 => "the kernel failed while the site was being restarted",
        /// The site was restarted too often.
        TOO_MANY = 5 => "too many site restarts",
        /// The restart policy decided it.
        POLICY = 6 => "the policy decided it",
        /// An actor that holds the right asked for it.
        REQUESTED = 7 => "an actor asked for it",
    }
}

/// The most events an epitaph holds.
pub const EVENTS_MAX: usize = 12;

numbered! {
    /// What happened to an actor, as the kernel saw it.
    pub struct EventKind(u8) {
        /// It failed.
        FAILED = 1 => "failed",
        /// It ended, or a restart was asked for.
        NEWS = 2 => "has news",
        /// Its freeze began.
        FREEZE = 3 => "freeze",
        /// Its restart from memory began.
        RESTART = 4 => "restart",
        /// Its restart from storage began.
        RELOAD = 5 => "reload",
        /// Its activation began.
        ACTIVATE = 6 => "activate",
        /// Its end began.
        TERMINATE = 7 => "terminate",
        /// The policy was asked.
        ASK = 8 => "the policy is asked",
        /// It is being spawned.
        SPAWN = 9 => "spawn",
        /// The site came up.
        UP = 10 => "the site is up",
    }
}

/// Something that happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TraceEvent {
    /// When.
    pub time: Instant,
    /// What.
    pub kind: EventKind,
    /// To whom; nobody if to the whole site.
    pub actor: ActorId,
}

impl TraceEvent {
    /// Nothing.
    pub const NONE: Self = Self {
        time: Instant::ZERO,
        kind: EventKind(0),
        actor: ActorId::NONE,
    };
}

/// The last words of a kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Epitaph {
    /// What ended it.
    pub cause: SiteCause,
    /// When, by the site's clock.
    pub time: Instant,
    /// What it said of it.
    pub message: Text<{ layout::PANIC_MAX }>,
    /// The registers, if an exception told them.
    pub registers: Registers,
    /// The address of the last page fault.
    pub address: u64,
    /// The current thread.
    pub thread: ThreadId,
    /// The actor that thread was in; empty for the kernel's own.
    pub actor: Name,
    /// Return addresses, the innermost first; zero where there are no more.
    pub backtrace: [u64; BACKTRACE_MAX],
    /// What happened last, the latest first.
    pub events: [TraceEvent; EVENTS_MAX],
}
