//! The contract between the kernel and its actors.
//!
//! A leaf crate that both sides depend on: the syscall table, identifiers, status codes, fault
//! records, the start record, the ledger's entries and what handlers are told. It has no unsafe code
//! and no logic beyond encoding; whatever is decided, is decided elsewhere.
//!
//! # Why it is like this
//! Numbers the peer may extend (statuses, fault kinds) are newtypes with named constants, never
//! Rust enums: an actor built against an older ABI must be able to hold a newer number. Records
//! with structure travel as [postcard](https://docs.rs/postcard) bytes, so that the host tools
//! decode what an actor reads.

#![no_std]
#![forbid(unsafe_code)]

pub mod epitaph;
pub mod fault;
pub mod handler;
pub mod id;
pub mod layout;
pub mod ledger;
pub mod notice;
mod numbered;
pub mod site;
pub mod spawn;
pub mod start;
pub mod status;
pub mod syscall;
pub mod text;
pub mod time;
pub mod trace;

pub use epitaph::{Epitaph, SiteCause};
pub use fault::{FaultKind, FaultRecord, Registers};
pub use handler::{HandlerKind, Verdict};
pub use id::{ActorId, Generation, HandlerId, LapId, PortId, ReplyToken, Slot, ThreadId};
pub use ledger::{Advice, Cause, LedgerEntry, Outcome, Phases, Response};
pub use notice::{CauseKind, Delivery, Notice, NoticePhase};
pub use spawn::SpawnRequest;
pub use start::StartRecord;
pub use status::Status;
pub use text::{Name, Text};
pub use time::{Instant, Span};

/// Version of this contract. It grows by appending only, so the kernel does not check it.
pub const ABI_VERSION: u32 = 1;
