//! Memory that outlives who writes to it, word by word.

use core::sync::atomic::{AtomicU64, Ordering, compiler_fence};

/// Bytes of a word.
pub const WORD: usize = size_of::<u64>();

/// Words that stay when the owner dies.
pub trait Memory {
    /// Reads the word `index`; 0 beyond the end.
    fn load(&self, index: usize) -> u64;

    /// Writes the word `index` with one store; beyond the end it does nothing. Stores happen in
    /// the order of the calls.
    fn store(&self, index: usize, word: u64);
}

impl Memory for [AtomicU64] {
    fn load(&self, index: usize) -> u64 {
        let word = self.get(index);
        word.map_or(0, |word| word.load(Ordering::Acquire))
    }

    fn store(&self, index: usize, word: u64) {
        if let Some(place) = self.get(index) {
            // Release: after every store before it, for whoever looks at the memory later.
            place.store(word, Ordering::Release);
            // The owner may end here, and its successor sees what was stored so far: to the
            // compiler that is a signal handler, for which it must not leave the store out.
            compiler_fence(Ordering::SeqCst);
        }
    }
}

impl<M: Memory + ?Sized> Memory for &M {
    fn load(&self, index: usize) -> u64 {
        (**self).load(index)
    }

    fn store(&self, index: usize, word: u64) {
        (**self).store(index, word);
    }
}
