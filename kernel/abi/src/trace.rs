//! What the kernel tells a host that records it.
//!
//! A machine of QEMU's may have a debug console: a port that takes bytes and keeps nobody waiting.
//! Where there is one, the kernel writes its ledger there as it grows. Each record is a [`Record`]
//! in postcard's bytes, framed by COBS: it ends with a zero byte, and has none in it. So a reader
//! that finds half a record, because the machine was stopped, or bytes that are none of ours, goes
//! on at the next zero.

use serde::{Deserialize, Serialize};

use crate::{Epitaph, LedgerEntry, Name};

/// The port, and what it reads as if somebody listens (QEMU's `isa-debugcon`).
pub const PORT: u16 = 0xe9;

/// Version of the records. Goes up whenever the layout of one of them changes, entries included.
pub const VERSION: u32 = 2;

/// No record is longer, frame included.
pub const RECORD_MAX: usize = 1024;

/// One record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "made on the stack and written at once"
)]
pub enum Record {
    /// The first one: a kernel starts.
    Start {
        /// [`VERSION`] of what follows.
        version: u32,
        /// The policy it was built with.
        policy: Name,
        /// How often the site was restarted since it was booted. A kernel of which this is 0 was
        /// booted: its ledger begins anew.
        restarts: u64,
    },
    /// An entry of the ledger as it is now. It comes again when it has changed, and the last one
    /// with a number is the one that counts. Numbers that never come were overwritten before
    /// they could be written out.
    Entry(LedgerEntry),
    /// The last words of the kernel before, as told by the next one, or on the way to a reset.
    Epitaph(Epitaph),
}
