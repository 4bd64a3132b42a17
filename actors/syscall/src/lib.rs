//! The library every actor is written against.
//!
//! An actor is a static ELF program in ring 3 that talks to the rest of the world through the
//! syscalls of [`abi::syscall`]. This library is the only place where an actor meets `unsafe`:
//! everything it offers can be used from crates that forbid it.
//!
//! | module | what it is |
//! |---|---|
//! | [`entry`] | [`entry!`] makes the ELF entry point; [`Start`] is what the actor is told |
//! | [`server`] | owns the receive loop: implement [`Server`], hand it to [`serve`](server::serve) |
//! | [`port`] | [`Port`] (mine) and [`RemotePort`] (somebody's): messages and calls |
//! | [`lap`] | [`Lap`] (mine) and [`RemoteLap`] (somebody's): threads that come and go |
//! | [`handler`], [`probe`] | code that the kernel runs: traps, interrupts, times, exceptions, aborts |
//! | [`persistent`] | memory that survives a restart: [`PersistentCell`], [`PersistentRegion`] |
//! | [`checkpoint`], [`ring_log`] | on top of it: [`Checkpoint`], a value of any type, and [`RingLog`], records in order, both checked |
//! | [`region`], [`thread`] | private memory and further threads |
//! | [`published`] | where they, guests and handlers find what they share |
//! | [`spawn`] | further actors, in the own group |
//! | [`site`], [`ledger`] | what the kernel knows: counters, actors, failures |
//! | [`group`] | groups, and [`Subscription`](group::Subscription): what happens to them |
//! | [`log`](mod@log), [`panic`](mod@panic), [`heap`] | text out, last words, `alloc` (feature `heap`) |
//! | [`ticks`] | the time-stamp counter, to measure with |
//! | [`call`] | one thin safe function a syscall; `stub` below it holds the instruction |
//! | [`ways_to_die`] | how to fail on purpose, for demonstrations and tests |
//!
//! # Why it is like this
//! A call to a peer returns an answer or [`Error::Restarted`] with the peer's new capability and
//! how far the request had come. The library never tries again by itself: whether a request may
//! be repeated is known to its author only, so the retry is a line that the author writes.
//!
//! Handles are plain numbers that the kernel checks at each use. A handle of an earlier
//! incarnation is refused by its generation, so nothing here needs to be cleared at a restart:
//! the kernel puts every byte of this library's state back to what it was at the first start.

#![cfg_attr(not(test), no_std)]

pub use abi;
pub use durable;
pub use serde;

pub mod activation;
mod buffer;
pub mod call;
pub mod checkpoint;
pub mod entry;
mod error;
pub mod group;
pub mod handler;
#[cfg(feature = "heap")]
pub mod heap;
pub mod lap;
pub mod ledger;
pub mod log;
pub mod panic;
pub mod persistent;
pub mod plain;
pub mod port;
pub mod probe;
pub mod published;
pub mod region;
pub mod ring_log;
pub mod server;
pub mod site;
pub mod spawn;
mod stub;
pub mod thread;
pub mod ticks;
pub mod ways_to_die;
mod wire;

pub use checkpoint::Checkpoint;
pub use entry::Start;
pub use error::{Error, Result};
pub use handler::Handler;
pub use lap::{Invocation, Lap, RemoteLap, Stacks};
pub use persistent::{PersistentCell, PersistentRegion, PersistentWords};
pub use port::{Caller, Port, RemotePort};
pub use published::Published;
pub use region::Region;
pub use ring_log::RingLog;
pub use server::{Serve, Server};
pub use spawn::Spawn;
pub use thread::Thread;
pub use wire::{decode, encode};

/// What nearly every actor needs.
pub mod prelude {
    pub use abi::{ActorId, Instant, PortId, Span, Status};

    pub use crate::{
        Checkpoint, Error, PersistentCell, Port, RemotePort, Result, Serve, Server, Start, debug,
        entry, error, info, trace, warn,
    };
}
