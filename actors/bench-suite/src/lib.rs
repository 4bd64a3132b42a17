//! What the actors that measure say to each other.
//!
//! The *meter* runs the scenario of its site. It measures with the time-stamp counter, which counts
//! instructions under QEMU's `-icount shift=0`, keeps all samples, and prints them when a measure is
//! over, so that printing disturbs none; `cargo xtask bench` does the statistics. A *subject* is an
//! actor with much or little data, that writes to as much of it as it is told, and dies. The
//! *server* answers, and has Local Access Points that do nothing. The *yielder* gives way. A *member* is
//! one of many in a group. The *holder* has something of everything that an actor can have, and the
//! *guest* is inside it when it dies. The *probe* watches how long an interrupt takes to its handler,
//! whatever the others do.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod holding;
pub mod probe;
pub mod samples;
pub mod subject;

/// Name of the server's Local Access Point that does nothing.
pub const NULL: &str = "bench-null";
/// Name of the server's port, which answers with what it is asked.
pub const ECHO: &str = "bench-echo";
/// Name of the server's port that answers with the times at which it was called and answered.
pub const CLOCK: &str = "bench-clock";
/// Name of the yielder's port.
pub const YIELDER: &str = "bench-yielder";
/// Stack of a further thread.
pub const STACK: usize = 16 * 1024;
