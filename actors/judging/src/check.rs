//! Assertions that end the site.

use core::fmt;
use core::panic::Location;

use syscall::prelude::*;
use syscall::{site, thread};

/// Ends the site as failed, with a reason.
#[macro_export]
macro_rules! fail {
    ($($reason:tt)+) => {
        $crate::check::fail_at(::core::panic::Location::caller(), format_args!($($reason)+))
    };
}

/// Ends the site as failed unless a condition holds.
#[macro_export]
macro_rules! check {
    ($condition:expr) => {
        if !$condition {
            $crate::fail!("not so: {}", stringify!($condition))
        }
    };
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            $crate::fail!($($reason)+)
        }
    };
}

/// Ends the site as failed unless two values are equal.
#[macro_export]
macro_rules! check_eq {
    ($found:expr, $expected:expr) => {
        match (&$found, &$expected) {
            (found, expected) => {
                if *found != *expected {
                    $crate::fail!("{} is {found:?}, not {expected:?}", stringify!($found))
                }
            }
        }
    };
    ($found:expr, $expected:expr, $($about:tt)+) => {
        match (&$found, &$expected) {
            (found, expected) => {
                if *found != *expected {
                    $crate::fail!(
                        "{}: {} is {found:?}, not {expected:?}",
                        format_args!($($about)+),
                        stringify!($found),
                    )
                }
            }
        }
    };
}

/// What the macros call.
pub fn fail_at(place: &Location<'_>, reason: fmt::Arguments<'_>) -> ! {
    error!("assertion failed at {}:{}", place.file(), place.line());
    error!("{reason}");
    end(site::shutdown(1))
}

/// What comes after the end of the site: nothing, unless that is refused.
pub fn end(refused: Result<()>) -> ! {
    error!("the site does not end: {refused:?}");
    loop {
        thread::sleep(Span::FOREVER);
    }
}

/// Takes what must be there.
pub trait Must<T> {
    /// Returns the value, or ends the site as failed.
    #[track_caller]
    fn must(self, what: &str) -> T;
}

impl<T, E: fmt::Debug> Must<T> for Result<T, E> {
    #[track_caller]
    fn must(self, what: &str) -> T {
        match self {
            Ok(value) => value,
            Err(error) => fail!("{what}: {error:?}"),
        }
    }
}

impl<T> Must<T> for Option<T> {
    #[track_caller]
    fn must(self, what: &str) -> T {
        match self {
            Some(value) => value,
            None => fail!("{what}: nothing"),
        }
    }
}

/// Takes the error that must be there.
#[track_caller]
pub fn must_fail<T>(result: Result<T>, what: &str) -> Error {
    match result {
        Ok(_) => fail!("{what}: succeeds"),
        Err(error) => error,
    }
}

/// Checks that something is refused with a status.
#[track_caller]
pub fn must_be_refused<T>(result: Result<T>, status: Status, what: &str) {
    let error = must_fail(result, what);
    check_eq!(error.status(), status, "{what}");
}

/// Waits until a condition holds, for as long as `span` at most; returns whether it does.
pub fn wait_until(span: Span, mut condition: impl FnMut() -> bool) -> bool {
    let end = thread::now().after(span);
    loop {
        if condition() {
            return true;
        }
        if thread::now() >= end {
            return false;
        }
        thread::sleep(Span::from_millis(2));
    }
}
