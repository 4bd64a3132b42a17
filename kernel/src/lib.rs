//! The Refrain microkernel: actors, threads, ports, regions, and the mechanism of restart.
//!
//! The kernel detects failures and carries out recoveries; what is done about a failure is decided
//! by the crate `restart-manager` on the advice of a policy. The binary in `main.rs` puts the two
//! together with a site.
//!
//! # How it works
//! One CPU. Whoever is in the kernel has interrupts off and holds the whole [`kernel::Kernel`];
//! there are no other locks. User threads never have state on a kernel stack, so stopping one
//! never waits for anything. Work that takes long is done by five kernel threads in bounded steps
//! with interrupts on in between.
//!
//! # Where is what
//! | module | its one idea |
//! |---|---|
//! | [`slot`], [`list`] | tables whose entries are named by slot and generation; queues through them |
//! | [`mm`], [`region`], [`image`], [`user`] | frames, page tables, what is where in an actor, its pristine image, user memory |
//! | `start` | the order in which everything comes up |
//! | `arch` | the machine |
//! | `kernel`, `sched`, `thread` | the state, who runs |
//! | `timer`, `due`, `errands` | deadlines, what is due next, and what is done in steps |
//! | `trap`, `syscall`, `fault` | the ways in, and what goes wrong there |
//! | `naming`, `ipc`, `port`, `handoff` | names over restarts, messages, and their quick way |
//! | `lap`, `invoke`, `lend` | Local Access Points, threads that go into them, memory they take along |
//! | `handler`, `watch` | the six kinds of handlers; heartbeats, deadlines, complaints |
//! | `actor`, `memory` | actors, their images and their pages |
//! | `spawn`, `former`, `freeze`, `rights` | actors that actors start, stopping them and letting them go on, who may |
//! | `entries` | memory for the Restart Manager's tables |
//! | `recovery`, `beginning`, `loader`, `storage` | freeze, restart, activate; reading images |
//! | `advice`, `subscription`, `delegation` | asking the policy; telling subscribers; activation by managers |
//! | `progress`, `watchdog`, `diagnosis` | noticing that the kernel hangs; what an exception in it means |
//! | `fail`, `epitaph`, `logger`, [`line`], `backlog`, `recording`, `console`, `hooks` | dying, talking, being recorded, listening, test hooks |
//!
//! The modules in brackets are pure and are tested on the host; the rest needs the machine.

#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod due;
pub mod fault;
pub mod image;
pub mod line;
pub mod list;
pub mod mm;
pub mod region;
pub mod site;
pub mod slot;
pub mod user;

#[cfg(target_os = "none")]
pub mod actor;
#[cfg(target_os = "none")]
pub mod advice;
#[cfg(target_os = "none")]
pub mod arch;
#[cfg(target_os = "none")]
pub mod backlog;
#[cfg(target_os = "none")]
pub mod beginning;
#[cfg(target_os = "none")]
pub mod composition;
#[cfg(target_os = "none")]
pub mod console;
#[cfg(target_os = "none")]
pub mod damage;
#[cfg(target_os = "none")]
pub mod delegation;
#[cfg(target_os = "none")]
pub mod diagnosis;
#[cfg(target_os = "none")]
pub mod entries;
#[cfg(target_os = "none")]
pub mod epitaph;
#[cfg(target_os = "none")]
pub mod errands;
#[cfg(target_os = "none")]
pub mod fail;
#[cfg(target_os = "none")]
pub mod former;
#[cfg(target_os = "none")]
pub mod freeze;
#[cfg(target_os = "none")]
pub mod handler;
#[cfg(target_os = "none")]
pub mod handoff;
#[cfg(target_os = "none")]
pub mod hooks;
#[cfg(target_os = "none")]
pub mod invoke;
#[cfg(target_os = "none")]
pub mod ipc;
#[cfg(target_os = "none")]
pub mod kernel;
#[cfg(target_os = "none")]
pub mod lap;
#[cfg(target_os = "none")]
pub mod lend;
#[cfg(target_os = "none")]
pub mod loader;
#[cfg(target_os = "none")]
pub mod logger;
#[cfg(target_os = "none")]
pub mod memory;
#[cfg(target_os = "none")]
pub mod naming;
#[cfg(target_os = "none")]
pub mod port;
#[cfg(target_os = "none")]
pub mod pristine;
#[cfg(target_os = "none")]
pub mod progress;
#[cfg(target_os = "none")]
pub mod quick;
#[cfg(target_os = "none")]
pub mod recording;
#[cfg(target_os = "none")]
pub mod recovery;
#[cfg(target_os = "none")]
pub mod rights;
#[cfg(target_os = "none")]
pub mod sched;
#[cfg(target_os = "none")]
pub mod spawn;
#[cfg(target_os = "none")]
pub mod start;
#[cfg(target_os = "none")]
pub mod storage;
#[cfg(target_os = "none")]
pub mod subscription;
#[cfg(target_os = "none")]
pub mod syscall;
#[cfg(target_os = "none")]
pub mod thread;
#[cfg(target_os = "none")]
pub mod timer;
#[cfg(target_os = "none")]
pub mod trap;
#[cfg(target_os = "none")]
pub mod watch;
#[cfg(target_os = "none")]
pub mod watchdog;
