//! Why something was refused, with the numbers that they have on Linux.

use core::fmt;

use syscall::Error;
use syscall::abi::Status;
use syscall::abi::status::Progress;

/// The result of whatever may be refused.
pub type Result<T, E = Errno> = core::result::Result<T, E>;

/// Why something was refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Errno(pub u32);

macro_rules! errnos {
    ($($(#[$doc:meta])+ $name:ident = $number:literal,)+) => {
        impl Errno {
            $($(#[$doc])+ pub const $name: Self = Self($number);)+

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                    Self(_) => "unknown",
                }
            }
        }
    };
}

errnos! {
    /// The caller is no application of the subsystem, or lacks a right.
    EPERM = 1,
    /// No such file.
    ENOENT = 2,
    /// The thread was told to give up.
    EINTR = 4,
    /// The manager failed in the middle; the call may have had its effect. Or a file is damaged.
    EIO = 5,
    /// Arguments too long.
    E2BIG = 7,
    /// The image cannot be started.
    ENOEXEC = 8,
    /// No such open file, or it was not opened for that.
    EBADF = 9,
    /// No child to wait for.
    ECHILD = 10,
    /// Not now: too many processes, or a manager that is just being restarted.
    EAGAIN = 11,
    /// No memory.
    ENOMEM = 12,
    /// The address is not the caller's.
    EFAULT = 14,
    /// The file is open.
    EBUSY = 16,
    /// The file exists.
    EEXIST = 17,
    /// An argument makes no sense.
    EINVAL = 22,
    /// Too many open files.
    EMFILE = 24,
    /// The file would be too long.
    EFBIG = 27,
    /// No room for a further file or more content.
    ENOSPC = 28,
    /// The name is too long.
    ENAMETOOLONG = 36,
    /// No such call.
    ENOSYS = 38,
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

/// What the kernel says of a trap that its handler did not answer, or of a native call.
impl From<Error> for Errno {
    fn from(error: Error) -> Self {
        match (error.progress(), error.status()) {
            (Some(Progress::NOT_ENTERED), _) => Self::EAGAIN,
            (Some(_), _) => Self::EIO,
            (None, status) => Self::from(status),
        }
    }
}

impl From<Status> for Errno {
    fn from(status: Status) -> Self {
        match status {
            Status::ABORTED => Self::EINTR,
            Status::BAD_ARGUMENT => Self::EINVAL,
            Status::BAD_IMAGE => Self::ENOEXEC,
            Status::NO_MEMORY => Self::ENOMEM,
            Status::NOT_FOUND => Self::ENOENT,
            Status::NOT_PERMITTED => Self::EPERM,
            Status::TOO_LONG => Self::E2BIG,
            Status::FROZEN | Status::LIMIT_REACHED => Self::EAGAIN,
            _ => Self::EIO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_entered_can_be_tried_again_and_what_was_cannot() {
        let dead = |progress| Errno::from(Error::Dead { progress });
        assert_eq!(dead(Progress::NOT_ENTERED), Errno::EAGAIN);
        assert_eq!(dead(Progress::MAYBE_EXECUTED), Errno::EIO);
        assert_eq!(dead(Progress::COMPLETED), Errno::EIO);
        assert_eq!(Errno::from(Error::Refused(Status::FROZEN)), Errno::EAGAIN);
        assert_eq!(std::format!("{:?}", Errno::ENOENT), "ENOENT (2)");
    }
}
