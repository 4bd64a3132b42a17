//! A small file system in memory that survives its owner.
//!
//! It lies in a persistent region of the manager of the POSIX-like subsystem, and has to be whole
//! after that actor died at any instruction: what was reported as done is there, and what was not
//! is there entirely or not at all.
//!
//! # How
//! There is one table, kept twice, which says what files there are, of which blocks each is made,
//! and the checksum of each block. A change writes new content to blocks that the table does not
//! use, then the whole new table over the copy that is not in use, and the store that completes that
//! copy is the change ([`durable::slots`], of which the table is a record).
//! Whatever an owner leaves behind that died before it is overwritten by the next change; there is
//! nothing to repair. Blocks are checked when they are read, the table when the next owner mounts
//! it.
//!
//! # Why it is our own
//! Crates for this are for flash, and pay for what memory does not need. `littlefs2` needs a C
//! compiler for the bare machine. `sequential-storage` changes one key at a time, so that blocks
//! and length of a file could disagree. `ekv` has transactions, and we tried it: version 1.0.0
//! writes the header of a new page for its own records before what they say, and the tests in this
//! crate lost every file when the owner died between the two.
//!
//! # Bounds
//! See [`limits`]. There is one directory. A file that is open cannot be deleted.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod files;
pub mod limits;
mod memory;
mod name;
mod table;
#[cfg(test)]
mod tests;

pub use durable::Memory;
pub use files::{File, Files, Trouble, WhenMissing, WhenThere};
pub use name::FileName;
