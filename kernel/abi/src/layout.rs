//! Where things are in an actor's address space, and the limits of one call.
//!
//! ```text
//! 0x0000_0000_0000_0000  never mapped (null pointers fault)
//! 0x0000_0000_0020_0000  the image: text, read-only data, data, zeroed data
//! 0x0000_0000_8000_0000  end of the image window
//! 0x0000_0010_0000_0000  stacks and private regions, each between unmapped guard pages
//! 0x0000_0020_0000_0000  end of the private window
//! 0x0000_0030_0000_0000  memory lent by callers, for as long as they are inside
//! 0x0000_0040_0000_0000  persistent regions, at the same address in every incarnation
//! 0x0000_0080_0000_0000  end of the persistent window
//! 0x0000_8000_0000_0000  end of user addresses
//! ```

/// Bytes in a page.
pub const PAGE_BYTES: u64 = 4096;

/// First address an image may occupy. Everything below stays unmapped, whatever an ELF file says.
pub const IMAGE_START: u64 = 0x0000_0000_0001_0000;
/// End of the window for images; within reach of 32-bit relocations.
pub const IMAGE_END: u64 = 0x0000_0000_8000_0000;

/// Start of the window for stacks and private regions.
pub const PRIVATE_START: u64 = 0x0000_0010_0000_0000;
/// End of the window for stacks and private regions.
pub const PRIVATE_END: u64 = 0x0000_0020_0000_0000;

/// Start of the window for memory lent by callers.
pub const LENT_START: u64 = 0x0000_0030_0000_0000;
/// Most memory that can be lent with one invocation, in bytes.
pub const LENT_MAX: u64 = 16 * PAGE_BYTES;
/// Most stacks a LAP can have: how many threads can be inside at once.
pub const LAP_STACKS_MAX: u32 = 32;
/// Most invocations a thread can be inside of at once.
pub const LAP_DEPTH_MAX: usize = 8;

/// Start of the window for persistent regions.
pub const PERSISTENT_START: u64 = 0x0000_0040_0000_0000;
/// End of the window for persistent regions.
pub const PERSISTENT_END: u64 = 0x0000_0080_0000_0000;

/// End of the lower half, where user addresses stop.
pub const USER_END: u64 = 0x0000_8000_0000_0000;

/// Longest message, in bytes: one page, so that queueing one costs one frame.
pub const MESSAGE_MAX: usize = 4096;

/// Longest line of the log, in bytes. Longer text is cut.
pub const LOG_MAX: usize = 255;

/// Longest panic message kept in a fault record, in bytes.
pub const PANIC_MAX: usize = 120;

/// Longest argument text of an actor, in bytes.
pub const ARGUMENTS_MAX: usize = 120;

/// Highest thread priority an actor may have. The lowest is 1; 0 is the kernel's idle thread.
pub const PRIORITY_MAX: u8 = 63;

/// Bytes of the largest encoded record (ledger entry, start record, site or actor information).
pub const RECORD_MAX: usize = 768;
