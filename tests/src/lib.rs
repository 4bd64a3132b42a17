//! Boots sites in QEMU and judges them.
//!
//! A test names a [`Scenario`]: a site (from site-personality-manager/sites), a policy and a
//! timeout. It boots in a [`qemu::Machine`] of its own, on a disk of its own, and ends as exactly
//! one [`Outcome`]. A pass needs two independent witnesses, QEMU's exit status and the end-of-test
//! line on the serial port; and everything that was printed is kept as a [`Transcript`] beside the
//! command that printed it, so that a failure can be repeated by hand.
//!
//! A run can be [recorded](trace): then the failures in it can be put to another policy, in a
//! [rehearsal].
//!
//! `cargo xtask run`, `debug` and `bench` compose their QEMU commands here too, so that what a
//! person runs is what the tests run. The images are built by `cargo xtask test`, which then runs
//! this package's tests; see [`artifacts`].

#![forbid(unsafe_code)]

pub mod artifacts;
pub mod outcome;
pub mod process;
pub mod qemu;
pub mod rehearsal;
pub mod scenario;
pub mod trace;
pub mod transcript;

pub use outcome::Outcome;
pub use rehearsal::Rehearsal;
pub use scenario::{Live, Report, Scenario};
pub use trace::Trace;
pub use transcript::Transcript;
