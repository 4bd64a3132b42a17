//! The Site Personality Manager: what a site is made of, and the order in which it is loaded.
//!
//! A *site* is one machine. Its description says which subsystems it has, which groups of actors
//! they consist of, how those groups depend on each other, and what each actor may use. A person
//! writes it as TOML in `sites/`; `xtask` reads it with [`host::parse`], shows every mistake at
//! once, and puts [`compile`]d bytes on the disk beside the actors' images; the kernel [`load`]s
//! those bytes and follows [`order::boot`].
//!
//! | module | what it knows |
//! |---|---|
//! | [`site`] | the description, as plain data |
//! | [`limits`] | what a description may ask for |
//! | [`mod@validate`] | every rule a description must keep, checked on the plain data |
//! | [`encode`] | the bytes on the disk, and how damage to them is noticed |
//! | [`order`] | the sequence of steps that brings a site up |
//! | `host` | TOML in, drawings out (feature `host`, needs std) |
//!
//! # Why it is like this
//! The rules are kept apart from the reading of TOML because they are checked twice: on the host,
//! where a mistake can still be corrected, and at boot, where the bytes may have been damaged or
//! come from another build. This crate decides nothing at run time: what happens when an actor
//! fails is the Restart Manager's affair, and it only finds the parameters for that here.

#![cfg_attr(not(feature = "host"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod encode;
mod graph;
#[cfg(feature = "host")]
pub mod host;
pub mod limits;
pub mod order;
pub mod site;
pub mod validate;

pub use encode::{SiteError, compile, load, load_again};
pub use site::{Actor, ActorIndex, Budget, Edge, Grant, Group, GroupIndex, Reaction, Site};
pub use site::{Subsystem, SubsystemIndex, Target};
pub use validate::{Violation, validate};
