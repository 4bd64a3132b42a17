//! Memory whose owner dies at a chosen store: for the tests of whatever must survive that.

use std::boxed::Box;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::vec::Vec;

use crate::memory::Memory;

/// Memory whose owner dies at a store.
#[derive(Debug)]
pub struct Mortal {
    /// What is in it.
    pub words: RefCell<Vec<u64>>,
    /// Stores so far.
    pub stores: Cell<u64>,
    /// Stores until the owner dies.
    left: Cell<u64>,
}

/// How an owner ends.
struct Death;

impl Mortal {
    /// Memory that holds this, whose owner lives.
    #[must_use]
    pub fn of(words: Vec<u64>) -> Self {
        Self {
            words: RefCell::new(words),
            stores: Cell::new(0),
            left: Cell::new(u64::MAX),
        }
    }

    /// Runs something in an owner that dies after so many stores. `None` if it died.
    pub fn until_death<T>(&self, stores: u64, body: impl FnOnce() -> T) -> Option<T> {
        self.left.set(stores);
        let result = panic::catch_unwind(AssertUnwindSafe(body));
        self.left.set(u64::MAX);
        match result {
            Ok(value) => Some(value),
            Err(death) if death.is::<Death>() => None,
            Err(other) => panic::resume_unwind(other),
        }
    }
}

impl Memory for Mortal {
    fn load(&self, index: usize) -> u64 {
        self.words.borrow()[index]
    }

    fn store(&self, index: usize, word: u64) {
        if self.left.get() == 0 {
            // Without the message of a panic, of which there would be thousands.
            panic::resume_unwind(Box::new(Death));
        }
        self.left.set(self.left.get() - 1);
        self.stores.set(self.stores.get() + 1);
        self.words.borrow_mut()[index] = word;
    }
}
