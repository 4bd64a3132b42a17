//! What the judge and its victims share.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

// The same numbers as in the tests of LAPs.
pub use judging::random;

/// The file that a ticker writes a byte to, again and again.
pub const TICKS: &str = "ticks";
