//! Traps: how one actor serves another one's `INT` instructions, as a system-call personality does.

use core::arch::asm;
use core::marker::PhantomData;

use abi::{ActorId, Status};

use crate::call::lap::lap_done;
use crate::lap::{Entry, conjure, copy_from_caller, copy_to_caller};
use crate::stub::Answer;
use crate::{Error, Result};

/// A trap as its handler sees it. The handler runs in the thread that trapped.
#[derive(Debug)]
pub struct Trap {
    /// What the handler was made with.
    pub cookie: u64,
    /// The number of the trap.
    pub number: u64,
    /// What the trapping thread had in RDI, RSI and RDX.
    pub arguments: [u64; 3],
    caller: ActorId,
    /// It speaks of the thread that trapped, and of no other.
    thread: PhantomData<*const ()>,
}

impl Trap {
    /// The actor that trapped.
    #[must_use]
    pub fn caller(&self) -> ActorId {
        self.caller
    }

    /// Copies from that actor's memory at `theirs`, at most 4096 bytes.
    ///
    /// # Errors
    /// [`Status::BAD_ARGUMENT`] when that is not its own; when it is no more.
    pub fn copy_from_caller(&self, theirs: u64, own: &mut [u8]) -> Result<()> {
        copy_from_caller(theirs, own)
    }

    /// Copies to that actor's memory at `theirs`, at most 4096 bytes.
    ///
    /// # Errors
    /// [`Status::BAD_ARGUMENT`] when that is not its to write to; when it is no more.
    pub fn copy_to_caller(&self, own: &[u8], theirs: u64) -> Result<()> {
        copy_to_caller(self.caller, own, theirs)
    }
}

/// A LAP that runs a function which gets a [`Trap`].
pub(super) struct Handles<F>(PhantomData<F>);

impl<F: Fn(&Trap) -> (u64, u64) + Copy + Send + 'static> Entry for Handles<F> {
    unsafe fn run([cookie, number, first, second, third, caller]: [u64; 6]) -> (u64, u64) {
        // SAFETY: the value was given to `Handler::trap`.
        let handler: F = unsafe { conjure() };
        handler(&Trap {
            cookie,
            number,
            arguments: [first, second, third],
            caller: ActorId::from_raw(caller),
            thread: PhantomData,
        })
    }
}

/// Executes `INT 0x90 + NUMBER`, with three numbers for whoever handles that trap, and returns the
/// two numbers that come back.
///
/// The handler can read and write this actor's memory: trapping is trusting the personality.
///
/// # Errors
/// As for [`Request::invoke`](crate::lap::Request::invoke). If nobody handles the trap, it is
/// whatever the kernel says to that.
pub fn raise<const NUMBER: u8>(arguments: [u64; 3]) -> Result<(u64, u64)> {
    const {
        assert!(NUMBER < 16, "there are sixteen traps");
    }
    let [first, second, third] = arguments;
    let status: u64;
    let (value, second_value, third_value): (u64, u64, u64);
    // SAFETY: the kernel changes these registers only; whatever the handler does to our memory is
    // done behind the compiler's back, but not to anything that safe code could hold: it is told
    // no address but those in the arguments.
    unsafe {
        asm!(
            "int {vector}",
            vector = const 0x90 + NUMBER as u32,
            // Should nothing come back, this is no status at all.
            inlateout("rax") u64::MAX => status,
            inlateout("rdi") first => second_value,
            inlateout("rsi") second => third_value,
            inlateout("rdx") third => value,
            lateout("rcx") _,
            lateout("r8") _,
            lateout("r9") _,
            lateout("r10") _,
            lateout("r11") _,
        );
    }
    if status == u64::MAX {
        return Err(Error::Refused(Status::NOT_FOUND));
    }
    lap_done(Answer {
        status: Status(status),
        values: [value, second_value, third_value],
    })
    .map(|()| (value, second_value))
}
