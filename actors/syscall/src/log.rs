//! Text to the site's log.
//!
//! The macros [`error!`](crate::error!) to [`trace!`](crate::trace!) format into a buffer of one
//! line, so logging needs no heap and cannot fail: a line that is too long is cut.

use core::fmt::{self, Write as _};

use abi::{Text, layout};

use crate::call;

/// How much a line matters. The same numbers as in the `log` crate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Level(pub u64);

impl Level {
    /// Something is wrong, and what was asked for was not done.
    pub const ERROR: Self = Self(1);
    /// Something is wrong, but the actor could help itself.
    pub const WARN: Self = Self(2);
    /// Something worth a line in normal operation.
    pub const INFO: Self = Self(3);
    /// For the author of the actor.
    pub const DEBUG: Self = Self(4);
    /// For the author of the actor, and much of it.
    pub const TRACE: Self = Self(5);
}

/// Writes one line; called by the macros.
pub fn write(level: Level, line: fmt::Arguments<'_>) {
    let mut text = Text::<{ layout::LOG_MAX }>::EMPTY;
    // Writing to a `Text` cannot fail, and the kernel knows the level: nothing to handle.
    let _ = text.write_fmt(line);
    let _ = call::sys_log(level, text.as_str());
}

/// Logs a line at a [`Level`](crate::log::Level).
#[macro_export]
macro_rules! log {
    ($level:expr, $($line:tt)+) => {
        $crate::log::write($level, ::core::format_args!($($line)+))
    };
}

/// Logs an error.
#[macro_export]
macro_rules! error {
    ($($line:tt)+) => { $crate::log!($crate::log::Level::ERROR, $($line)+) };
}

/// Logs a warning.
#[macro_export]
macro_rules! warn {
    ($($line:tt)+) => { $crate::log!($crate::log::Level::WARN, $($line)+) };
}

/// Logs something worth a line.
#[macro_export]
macro_rules! info {
    ($($line:tt)+) => { $crate::log!($crate::log::Level::INFO, $($line)+) };
}

/// Logs something for the author.
#[macro_export]
macro_rules! debug {
    ($($line:tt)+) => { $crate::log!($crate::log::Level::DEBUG, $($line)+) };
}

/// Logs much, for the author.
#[macro_export]
macro_rules! trace {
    ($($line:tt)+) => { $crate::log!($crate::log::Level::TRACE, $($line)+) };
}
