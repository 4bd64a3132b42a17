//! The restart policies shipped with Refrain, and the one table that registers them.
//!
//! Each policy is a module of its own, a unit struct that implements [`RestartPolicy`] and keeps
//! nothing: what it is tuned by comes with every question, in the parameters of the actor and of
//! the groups below. [`Compose`] makes one out of several; a new one is registered by one line in
//! the table below.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod always_hot;
mod backoff;
mod budget;
mod chorus;
mod compose;
mod erratic;
mod escalating;
mod never;
pub mod otp;
#[cfg(test)]
mod table;

pub use always_hot::AlwaysHot;
pub use backoff::Backoff;
pub use budget::Budget;
pub use chorus::Chorus;
pub use compose::{Arm, Compose, Condition};
pub use erratic::Erratic;
pub use escalating::Escalating;
pub use never::Never;
pub use otp::Otp;
use restart_manager::RestartPolicy;

/// Registers every policy by name.
macro_rules! policies {
    ($($name:literal => $policy:ident,)*) => {
        /// The names of all policies.
        pub const NAMES: &[&str] = &[$($name),*];

        /// The policy of that name. Usable in constants, so that a name fixed at build time is
        /// checked at build time.
        #[must_use]
        pub const fn named(name: &str) -> Option<&'static dyn RestartPolicy> {
            $(if is_same(name, $name) {
                return Some(&$policy);
            })*
            None
        }

        #[cfg(test)]
        const REGISTERED: &[(&str, &dyn RestartPolicy)] = &[$(($name, &$policy)),*];
    };
}

policies! {
    "never" => Never,
    "always-hot" => AlwaysHot,
    "budget" => Budget,
    "escalating" => Escalating,
    "backoff" => Backoff,
    "chorus" => Chorus,
    "otp" => Otp,
    // For tests of the kernel only: it breaks the contract in every way.
    "erratic" => Erratic,
}

/// The policy of a site that names none.
pub const DEFAULT: &str = "chorus";

/// Compares text at compile time, where `==` is not to be had yet.
const fn is_same(left: &str, right: &str) -> bool {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    loop {
        match (left, right) {
            ([], []) => return true,
            ([first, left_rest @ ..], [second, right_rest @ ..]) if *first == *second => {
                (left, right) = (left_rest, right_rest);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What the kernel's binary does; that it compiles is the test.
    const CHOSEN: &dyn RestartPolicy = match named(DEFAULT) {
        Some(policy) => policy,
        None => panic!("unknown policy"),
    };

    #[test]
    fn a_policy_is_found_by_the_name_it_gives_itself() {
        assert_eq!(CHOSEN.name(), DEFAULT);
        assert_eq!(REGISTERED.len(), NAMES.len());
        for (name, policy) in REGISTERED {
            assert_eq!(policy.name(), *name);
            assert_eq!(named(name).map(RestartPolicy::name), Some(*name));
        }
    }

    #[test]
    fn unknown_names_are_not_found() {
        for name in ["", "neve", "neverr", "Never"] {
            assert!(named(name).is_none(), "{name:?}");
        }
    }
}
