//! How much there may be of what. What goes beyond is refused with the error that POSIX has for it.

/// Most spawned processes at once, those included that have ended and were not waited for
/// ([`EAGAIN`](crate::Errno::EAGAIN)).
pub const PROCESSES_MAX: usize = 16;

/// Most declared applications. They have room of their own, which spawned ones cannot take.
pub const DECLARED_MAX: usize = 8;

/// Most files that one process may have open ([`EMFILE`](crate::Errno::EMFILE)).
pub const DESCRIPTORS_MAX: usize = 16;

/// Most bytes that one `read` or `write` transfers: more is a short transfer, as POSIX allows.
pub const TRANSFER_MAX: usize = 2048;

/// Longest name of a file ([`ENAMETOOLONG`](crate::Errno::ENAMETOOLONG)), without the `/` that may
/// be in front of it.
pub const NAME_MAX: usize = 32;
