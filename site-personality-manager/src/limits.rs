//! What a description may ask for.
//!
//! The kernel's tables are sized for these numbers, and the rules in
//! [`validate`](mod@crate::validate) hold descriptions to them. Each is far above what a site needs,
//! and far below what would make a table or a loop of the kernel large: their purpose is to refuse
//! nonsense, not to ration.

use abi::Span;
use abi::layout::PAGE_BYTES;

/// Most actors of one site: slots in the kernel's actor table.
pub const ACTORS_MAX: usize = 1024;

/// Most groups of one site, the kernel group included.
pub const GROUPS_MAX: usize = 256;

/// Most subsystems of one site.
pub const SUBSYSTEMS_MAX: usize = 32;

/// Most groups that one group may depend on. Freezing walks these edges with the scheduler at
/// work, so the walk must be short.
pub const EDGES_MAX: usize = 16;

/// Most grants of one actor. The kernel goes through them when a right is asked for.
pub const GRANTS_MAX: usize = 16;

/// Lowest priority of an actor; 0 is left to the kernel's idle threads.
pub const PRIORITY_MIN: u8 = 1;

/// Highest priority of an actor.
pub const PRIORITY_MAX: u8 = abi::layout::PRIORITY_MAX;

/// Priority of an actor that names none: in the lower half, so that there is more room above it
/// for what must not wait than below it for what can.
pub const PRIORITY_DEFAULT: u8 = 16;

/// Smallest first stack: one page holds the entry code and nothing deep.
pub const STACK_MIN: u64 = PAGE_BYTES;

/// Largest first stack.
pub const STACK_MAX: u64 = 16 << 20;

/// First stack of an actor that names no size: unoptimised Rust with formatting needs about 20 KiB.
pub const STACK_DEFAULT: u64 = 64 << 10;

/// Most frames in a budget: 4 GiB, more than any of our machines has.
pub const FRAMES_MAX: u32 = 1 << 20;

/// Most threads in a budget.
pub const THREADS_MAX: u32 = 1024;

/// Most ports in a budget.
pub const PORTS_MAX: u32 = 1024;

/// Shortest heartbeat or start deadline: the kernel's tick.
pub const WATCH_MIN: Span = Span::from_millis(1);

/// Longest heartbeat or start deadline: one hour. Who would wait longer is not being watched.
pub const WATCH_MAX: Span = Span::from_secs(3600);
