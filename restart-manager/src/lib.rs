//! The Restart Manager: decides what is restarted, how and when. It never acts.
//!
//! The kernel tells what happened ([`Event`]), asks what to do ([`RestartManager::poll`]), does it,
//! and tells how that went. A [`RestartPolicy`] advises on failures. Everything in between, who is
//! frozen with whom, in which order, what a failure in the middle means, what is written down, is
//! here.
//!
//! ```text
//!  kernel ── Event ──▶ manager ── Question ──▶ kernel ── Situation ──▶ policy
//!    ▲                  │   ▲                  │   ▲                     │
//!    └──── Action ──────┘   └──── answer ──────┘   └────── Decision ─────┘
//! ```
//!
//! The policy is asked by the kernel and not by the manager, on a stack that can be given up.
//!
//! | module | its one idea |
//! |---|---|
//! | [`event`], [`action`] | the two closed lists at the border to the kernel |
//! | [`lifecycle`] | the states of an actor and every legal transition, as one table |
//! | [`actor`], [`group`] | what is kept for an actor and for a group; the member lists |
//! | [`manager`] | events in, actions out |
//! | [`policy`], [`parameters`], [`history`] | what a policy sees, is tuned by, and answers |
//! | [`question`] | a copy of all that, for a policy that thinks while others go on |
//! | [`tree`] | what a policy sees of the groups below |
//! | [`fallback`] | the built-in policy, which stands in for one that fails |
//! | [`notice`] | what subscribers are told, and how the kernel must fetch it |
//! | [`mod@rehearse`] | recorded failures put to a policy again |
//! | [`ledger`] | the bounded record of everything that ended and what was done about it |
//!
//! # Why it is like this
//! Nothing here can fail, block, allocate or look at a clock: storage is lent by the kernel, time
//! is an argument, and every event is answered in every state, if only by counting it as
//! [ignored](manager::Ignored). So the whole of the decision logic runs under `cargo test`, and a
//! bug in the kernel's reports cannot take down what is meant to recover from bugs.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

pub mod action;
pub mod actor;
pub mod event;
pub mod fallback;
pub mod group;
pub mod history;
pub mod ledger;
pub mod lifecycle;
pub mod manager;
pub mod notice;
pub mod parameters;
pub mod policy;
pub mod question;
mod recent;
pub mod rehearse;
mod set;
pub mod tree;

pub use abi;
pub use action::{Action, Fate, Remains, Source};
pub use actor::{ActorDeclaration, ActorEntry, ActorKind, DeclareError};
pub use event::Event;
pub use group::{GroupEntry, GroupSlot, Reaction};
pub use history::History;
pub use ledger::Ledger;
pub use lifecycle::State;
pub use manager::{Polled, RestartManager, SiteReboot, SiteReturn, Storage};
pub use notice::{Audience, Notice};
pub use parameters::{Backoff, Parameters, Strategy};
pub use policy::{
    ActorFacts, Decision, GroupFacts, Peers, Response, RestartPolicy, Situation, Unanswered,
};
pub use question::Question;
pub use rehearse::{Rehearsed, rehearse};
pub use set::GROUPS_MAX;
pub use tree::{AncestorFacts, LAYERS_MAX, Tree};
