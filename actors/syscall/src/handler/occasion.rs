//! Handlers of interrupts, times and aborts: told that it happened, and how often.

use core::marker::PhantomData;

use crate::lap::{Entry, conjure};

/// What a handler of an interrupt, a timeout or a timer is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Occasion {
    /// What the handler was made with.
    pub cookie: u64,
    /// The interrupt line; nothing for the others.
    pub line: u64,
    /// How often it happened since the handler was last told: 1, or more if it was late.
    pub count: u64,
}

/// A LAP that runs a function which gets an [`Occasion`].
pub(super) struct Handles<F>(PhantomData<F>);

impl<F: Fn(Occasion) + Copy + Send + 'static> Entry for Handles<F> {
    unsafe fn run([cookie, line, count, ..]: [u64; 6]) -> (u64, u64) {
        // SAFETY: the value was given to one of the functions of `Handler`.
        let handler: F = unsafe { conjure() };
        handler(Occasion {
            cookie,
            line,
            count,
        });
        (0, 0)
    }
}

/// A LAP that runs a function which gets the cookie.
pub(super) struct HandlesAbort<F>(PhantomData<F>);

impl<F: Fn(u64) + Copy + Send + 'static> Entry for HandlesAbort<F> {
    unsafe fn run([cookie, ..]: [u64; 6]) -> (u64, u64) {
        // SAFETY: the value was given to `Handler::abort`.
        let handler: F = unsafe { conjure() };
        handler(cookie);
        (0, 0)
    }
}
