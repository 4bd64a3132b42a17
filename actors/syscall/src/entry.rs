//! How an actor begins, and how it ends when its main function returns.

use core::sync::atomic::{AtomicU64, Ordering};

use abi::start::{PreviousEnd, StartArea, StartRecord};
use abi::{ActorId, Name, layout};

use crate::{Error, Result, call, wire};

/// Makes the ELF entry point `_start`, which calls the function named.
///
/// The function takes a [`Start`] and returns anything that is an [`Ending`]: nothing, a
/// [`Result`], or a [`Serve`](crate::Serve) that serves a port for the rest of the incarnation.
///
/// ```ignore
/// syscall::entry!(main);
/// fn main(start: Start) -> Result<()> { … }
/// ```
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        extern "C" fn _start() -> ! {
            // The kernel enters with a 16-byte aligned stack and the arguments of `begin` in the
            // registers of the C calling convention. A zero frame pointer ends backtraces.
            ::core::arch::naked_asm!(
                "xor ebp, ebp",
                "call {begin}",
                "ud2",
                begin = sym __begin,
            )
        }

        extern "C" fn __begin(
            _actor: u64,
            _incarnation: u64,
            told: &'static $crate::abi::start::StartArea,
        ) -> ! {
            $crate::entry::run(told, $main)
        }
    };
}

/// What an actor is told when it starts.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    told: &'static StartArea,
}

impl Start {
    /// The capability of this incarnation.
    #[must_use]
    pub fn actor(&self) -> ActorId {
        ActorId::from_raw(self.told.actor)
    }

    /// How many times the actor has been started; the first is 1.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        self.told.incarnation
    }

    /// The actor's name, the same in every incarnation.
    #[must_use]
    pub fn name(&self) -> &'static str {
        // SAFETY: A name is valid UTF-8 wherever it comes from, and the kernel has laid this one down.
        unsafe { core::str::from_utf8_unchecked(self.told.name.as_bytes()) }
    }

    /// The actor's name, as a value.
    #[must_use]
    pub fn own_name(&self) -> Name {
        self.told.name
    }

    /// The actor's arguments, as one text.
    #[must_use]
    pub fn arguments(&self) -> &'static str {
        self.told.arguments.as_str()
    }

    /// The argument `index`, counted from 0, where arguments are separated by white space.
    #[must_use]
    pub fn argument(&self, index: usize) -> Option<&'static str> {
        self.arguments().split_whitespace().nth(index)
    }

    /// Why the previous incarnation ended.
    #[must_use]
    pub fn previous(&self) -> PreviousEnd {
        self.told.previous()
    }

    /// The whole record, as the kernel keeps it.
    #[must_use]
    pub fn record(&self) -> StartRecord {
        self.told.record()
    }
}

/// What a main function may return, and what becomes of the actor then.
pub trait Ending {
    /// Ends the actor.
    fn end(self) -> !;
}

/// Returning says that the actor is done: a clean exit.
impl Ending for () {
    fn end(self) -> ! {
        call::sys_exit(0)
    }
}

/// An error is a failure of the actor: a panic with the error as its message.
impl<T: Ending> Ending for Result<T> {
    fn end(self) -> ! {
        match self {
            Ok(value) => value.end(),
            Err(error) => panic!("main returned an error: {error}"),
        }
    }
}

/// This incarnation's capability; nobody's until it is asked for. It is not set at the start: that would
/// cost every incarnation a page of its own.
static OWN: AtomicU64 = AtomicU64::new(0);

/// The capability of this incarnation.
///
/// # Panics
/// When the kernel does not tell it.
#[must_use]
pub fn own_actor() -> ActorId {
    let known = ActorId::from_raw(OWN.load(Ordering::Relaxed));
    if !known.is_none() {
        return known;
    }
    let actor = read().expect("the start record").actor;
    OWN.store(actor.raw(), Ordering::Relaxed);
    actor
}

/// Runs an actor from its entry to its end; called by what [`entry!`] makes.
pub fn run<E: Ending>(told: &'static StartArea, main: fn(Start) -> E) -> ! {
    main(Start { told }).end()
}

/// Reads the start record from the kernel.
fn read() -> Result<StartRecord> {
    let mut buffer = [0; layout::RECORD_MAX];
    let length = call::sys_start_read(&mut buffer)?;
    wire::decode(buffer.get(..length).ok_or(Error::Malformed)?)
}
