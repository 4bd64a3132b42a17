//! How a run ended: one enum, from QEMU's exit status and the serial port together.
//!
//! The guest ends a run by writing a code to QEMU's isa-debug-exit device, which makes QEMU exit
//! with `2 * code + 1`. Exit status 0 is never a pass: that is how QEMU leaves on a reset or a
//! triple fault under `-no-reboot`. And exit status 33 alone is not a pass either: a kernel that
//! jumps into the exit path by accident would be believed. So the last witness is a line that the
//! guest prints only after it has judged itself.

use std::fmt;

use abi::SiteCause;

/// What the guest prints, alone on a line, when it has found itself correct.
pub const END_OF_TEST: &str = "refrain: end of test, passed";

/// The guest's own codes on the isa-debug-exit port.
pub mod guest {
    /// All is well.
    pub const PASSED: u8 = 0x10;
    /// A test's assertion failed.
    pub const ASSERT_FAILED: u8 = 0x11;
    /// The kernel panicked.
    pub const KERNEL_PANIC: u8 = 0x12;
    /// The loader could not start the kernel.
    pub const LOADER_ERROR: u8 = 0x13;
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Exit 33 and the end-of-test line.
    Passed,
    /// Exit 35: an assertion in the guest failed.
    AssertFailed,
    /// Exit 37: the kernel ended and the site stayed down. Or it was restarted, and nobody had said
    /// that it would be: see [`kernel_ends`].
    KernelPanic,
    /// Exit 39: the loader refused the kernel, or found too little memory.
    LoaderError,
    /// Exit 0: the machine was reset, which is what a triple fault does.
    ResetOrTripleFault,
    /// Exit 1: QEMU did not like its arguments, or could not open a file.
    QemuError,
    /// It was still running when its time was up, and was killed.
    Timeout,
    /// Exit 33, but the end-of-test line was never printed.
    NoSentinel,
    /// Any other exit status; 128 + n if signal n ended QEMU.
    Unknown(i32),
}

/// How the QEMU process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this status; 128 + n if signal n ended it.
    Exited(i32),
    /// We killed it because its time was up.
    OutOfTime,
}

impl Outcome {
    /// Judges a run by how QEMU ended and what the serial port said.
    #[must_use]
    pub fn judge(ending: Ending, serial: &str) -> Self {
        match ending {
            Ending::OutOfTime => Self::Timeout,
            Ending::Exited(status) => match status {
                0 => Self::ResetOrTripleFault,
                1 => Self::QemuError,
                33 if has_end_of_test(serial) => Self::Passed,
                33 => Self::NoSentinel,
                35 => Self::AssertFailed,
                37 => Self::KernelPanic,
                39 => Self::LoaderError,
                other => Self::Unknown(other),
            },
        }
    }
}

/// Returns the exit status of QEMU after the guest writes `code` to isa-debug-exit.
#[must_use]
pub const fn exit_status(code: u8) -> i32 {
    ((code as i32) << 1) | 1
}

/// The lines in which a kernel says what ended it.
pub fn kernel_ends(serial: &str) -> impl Iterator<Item = &str> {
    let is_end = |line: &&str| {
        let said = line.strip_prefix("refrain: ");
        said.and_then(|said| said.split_once(": "))
            .is_some_and(|(cause, _)| SiteCause::KNOWN.iter().any(|known| known.name() == cause))
    };
    serial.lines().map(str::trim).filter(is_end)
}

/// Tells whether the end-of-test line is there, alone on a line.
#[must_use]
pub fn has_end_of_test(serial: &str) -> bool {
    serial.lines().any(|line| line.trim() == END_OF_TEST)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::AssertFailed => f.write_str("an assertion failed in the guest (exit 35)"),
            Self::KernelPanic => {
                f.write_str("the kernel ended (exit 37, or a restart that nobody expected)")
            }
            Self::LoaderError => f.write_str("the loader could not start the kernel (exit 39)"),
            Self::ResetOrTripleFault => f.write_str("reset or triple fault (exit 0)"),
            Self::QemuError => f.write_str("QEMU could not start the machine (exit 1)"),
            Self::Timeout => f.write_str("still running when its time was up"),
            Self::NoSentinel => {
                f.write_str("exited as passed (33), but never printed the end-of-test line")
            }
            Self::Unknown(status) if *status > 128 => {
                write!(f, "QEMU was ended by signal {}", status - 128)
            }
            Self::Unknown(status) => write!(f, "unknown exit status {status}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "booting\r\nrefrain: end of test, passed\r\n";

    #[test]
    fn each_exit_status_has_its_own_outcome() {
        let table = [
            (0, Outcome::ResetOrTripleFault),
            (1, Outcome::QemuError),
            (33, Outcome::Passed),
            (35, Outcome::AssertFailed),
            (37, Outcome::KernelPanic),
            (39, Outcome::LoaderError),
            (2, Outcome::Unknown(2)),
            (137, Outcome::Unknown(137)),
        ];
        for (status, outcome) in table {
            assert_eq!(
                Outcome::judge(Ending::Exited(status), GOOD),
                outcome,
                "{status}"
            );
        }
    }

    #[test]
    fn guest_codes_arrive_as_the_statuses_judged() {
        assert_eq!(exit_status(guest::PASSED), 33);
        assert_eq!(exit_status(guest::ASSERT_FAILED), 35);
        assert_eq!(exit_status(guest::KERNEL_PANIC), 37);
        assert_eq!(exit_status(guest::LOADER_ERROR), 39);
    }

    #[test]
    fn pass_needs_the_line_as_well() {
        for serial in ["", "booting\n", "not refrain: end of test, passed!\n"] {
            assert_eq!(
                Outcome::judge(Ending::Exited(33), serial),
                Outcome::NoSentinel
            );
        }
    }

    #[test]
    fn line_alone_is_not_a_pass() {
        for status in [0, 1, 35, 37, 39, 3] {
            assert_ne!(
                Outcome::judge(Ending::Exited(status), GOOD),
                Outcome::Passed
            );
        }
        assert_eq!(Outcome::judge(Ending::OutOfTime, GOOD), Outcome::Timeout);
    }
}
