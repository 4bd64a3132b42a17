//! What the probe can be told.

use serde::{Deserialize, Serialize};

/// Name of the probe, and of its port.
pub const NAME: &str = "bench-probe";

/// Interrupts of the real-time clock in two seconds.
pub const IN_TWO_SECONDS: u64 = 2048;

/// What the probe can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Begins to watch.
    Start,
    /// Ends it, and prints how long each interrupt took to its handler, under this name.
    Stop(syscall::abi::Name),
}
