//! Records and values in memory that survives its owner.
//!
//! An actor may die at any instruction, and what it keeps in persistent memory has to be whole
//! after that. Here is how, for every owner of such memory, over any memory, so that it is tested
//! on the host: by an owner that dies at each store.
//!
//! | module | what it is |
//! |---|---|
//! | [`memory`] | words, written in order |
//! | [`slots`] | a ring of records with numbers and checksums, of which one is to spare: two slots are a value and its predecessor, more are a log |
//! | [`value`] | values of a type as records, with [postcard](https://docs.rs/postcard) |
//! | [`layout`] | what a type looks like, so that no value is taken for one of another type |
//!
//! # Why it is our own
//! Crates for this are for flash, where a word cannot be written twice and a page is erased at
//! once; memory needs nothing of that, and they pay for it.

#![cfg_attr(not(any(test, feature = "mortal")), no_std)]
#![forbid(unsafe_code)]

pub mod layout;
pub mod memory;
#[cfg(any(test, feature = "mortal"))]
pub mod mortal;
pub mod slots;
#[cfg(test)]
mod tests;
pub mod value;

pub use memory::Memory;
pub use slots::{Condition, Shape, Slots, Trouble};
