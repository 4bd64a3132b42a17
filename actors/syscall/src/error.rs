//! Why a syscall was refused.

use core::fmt;

use abi::status::Progress;
use abi::{ActorId, LapId, PortId, Status};
use durable::Trouble;

use crate::checkpoint;

/// The result of everything that may be refused.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why a syscall was refused.
///
/// The statuses that bring something along have a variant of their own; every other is
/// [`Error::Refused`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The port's owner was restarted: the handle is of an earlier incarnation, or the callee
    /// failed while we waited for its answer.
    Restarted {
        /// The port's present capability.
        new: PortId,
        /// How far the request had come.
        progress: Progress,
    },
    /// The LAP's owner was restarted: the handle is of an earlier incarnation, or the callee failed
    /// while we were inside or waited to get in.
    LapRestarted {
        /// The LAP's present capability.
        new: LapId,
        /// How far the invocation had come.
        progress: Progress,
    },
    /// There is no such port or LAP, and there will be none.
    Dead {
        /// How far the request had come.
        progress: Progress,
    },
    /// The actor named was restarted in the meantime.
    ActorRestarted {
        /// Its present capability.
        new: ActorId,
    },
    /// The buffer is too small; nothing is lost.
    BufferTooSmall {
        /// The bytes it would take.
        needed: usize,
    },
    /// Refused with this status.
    Refused(Status),
    /// The peer's server refused the request with this status.
    Declined(Status),
    /// The bytes are not what they should be: a record or a reply of another version.
    Malformed,
    /// What is kept in persistent memory cannot be used, or something cannot be kept there.
    Kept(Trouble),
}

impl Error {
    /// Whether the deadline passed.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        *self == Self::Refused(Status::TIMED_OUT)
    }

    /// How far a request had come that was cut off by its callee's failure.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        match *self {
            Self::Restarted { progress, .. }
            | Self::LapRestarted { progress, .. }
            | Self::Dead { progress } => Some(progress),
            _ => None,
        }
    }

    /// The status behind the error.
    #[must_use]
    pub fn status(&self) -> Status {
        match *self {
            Self::Restarted { .. } | Self::LapRestarted { .. } | Self::ActorRestarted { .. } => {
                Status::RESTARTED
            }
            Self::Dead { .. } => Status::DEAD,
            Self::BufferTooSmall { .. } => Status::BUFFER_TOO_SMALL,
            Self::Refused(status) | Self::Declined(status) => status,
            Self::Kept(Trouble::TooLong) => Status::TOO_LONG,
            Self::Kept(Trouble::NoSuchRecord) => Status::NOT_FOUND,
            Self::Malformed | Self::Kept(_) => Status::BAD_ARGUMENT,
        }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restarted { new, progress } => write!(f, "restarted as {new}, {progress}"),
            Self::LapRestarted { new, progress } => write!(f, "restarted as {new}, {progress}"),
            Self::Dead { progress } => write!(f, "dead, {progress}"),
            Self::ActorRestarted { new } => write!(f, "restarted as {new}"),
            Self::BufferTooSmall { needed } => write!(f, "buffer too small for {needed} bytes"),
            Self::Refused(status) => write!(f, "{status}"),
            Self::Declined(status) => write!(f, "declined: {status}"),
            Self::Malformed => f.write_str("malformed"),
            Self::Kept(trouble) => checkpoint::describe(*trouble, f),
        }
    }
}

impl core::error::Error for Error {}
