//! A place where one thread puts what all threads, guests and handlers may use from then on.
//!
//! Handlers and threads capture nothing, so what they share is in statics. What cannot be made at
//! compile time is made when the actor starts, and published.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// A place for something that lives for ever. Empty at each start of the actor.
#[derive(Debug)]
pub struct Published<T: Sync + 'static> {
    // Invariant: null, or made of a `&'static T`.
    place: AtomicPtr<T>,
}

impl<T: Sync + 'static> Published<T> {
    /// An empty place.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            place: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Puts something there, instead of what was there.
    pub fn publish(&self, value: &'static T) {
        self.place
            .store(ptr::from_ref(value).cast_mut(), Ordering::Release);
    }

    /// What was put there last.
    #[must_use]
    pub fn get(&self) -> Option<&'static T> {
        // SAFETY: the invariant; it is only ever read through, and may be shared between threads.
        unsafe { self.place.load(Ordering::Acquire).as_ref() }
    }
}

impl<T: Sync + 'static> Default for Published<T> {
    fn default() -> Self {
        Self::new()
    }
}
