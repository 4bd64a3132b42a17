//! A server: has LAPs in which guests run programs, and does to itself whatever the judge says.
//!
//! Its arguments, in any order:
//!
//! | argument | |
//! |---|---|
//! | `next=NAME` | the server that nested invocations go to |
//! | `slow=MS` | takes so long to come back, but not the first time |
//! | `unready` | never says that it is ready, every other time |
//! | `dead-on-arrival` | dies in its second incarnation before it makes its LAPs |
//! | `kick` | gives signs of life every 5 ms |

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod guest;
mod handlers;
mod requests;
mod storm;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use lap_suite::journal::{self, Journal};
use lap_suite::server::STACKS;
use lap_suite::storm::Notes;
use syscall::abi::LapId;
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{Lap, PersistentRegion, Published, RemoteLap, Stacks, Thread, site, thread};

use crate::requests::Answers;

/// What a server's threads and guests share.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) incarnation: u32,
    pub(crate) next: String,
    pub(crate) journal: Journal,
    /// Guests that wait in `receive` wait here.
    pub(crate) gate: Port,
    /// Whether those who spin may go on.
    pub(crate) is_open: AtomicBool,
    /// How many guests are inside.
    pub(crate) inside: AtomicU64,
    /// Where a memory argument was.
    pub(crate) noted: AtomicU64,
    /// Whether the kicking thread goes on.
    pub(crate) kicks: AtomicBool,
    /// What it remembers in the randomized test.
    pub(crate) notes: Published<Notes>,
    wide: AtomicU64,
    narrow: AtomicU64,
}

/// For handlers, which have no other way to it.
pub(crate) static SERVER: Published<Server> = Published::new();

impl Server {
    pub(crate) fn wide(&self) -> RemoteLap {
        LapId::from_raw(self.wide.load(Ordering::SeqCst)).into()
    }

    pub(crate) fn narrow(&self) -> RemoteLap {
        LapId::from_raw(self.narrow.load(Ordering::SeqCst)).into()
    }

    /// Makes both LAPs.
    fn open(&'static self) -> Result<()> {
        let wide = Lap::with_context(&self.name, Stacks::of_count(STACKS), self, guest::guest)?;
        self.wide.store(wide.keep().id().raw(), Ordering::SeqCst);
        let name = self.name.clone() + "-null";
        Lap::create(&name, Stacks::of_count(1), 0, |_| (0, 0))?.keep();
        let name = self.name.clone() + "-narrow";
        let narrow = Lap::with_context(&name, Stacks::of_count(1), self, guest::guest)?;
        self.narrow
            .store(narrow.keep().id().raw(), Ordering::SeqCst);
        Ok(())
    }
}

/// The value of the argument `name=VALUE`.
fn value<'s>(start: &'s Start, name: &str) -> Option<&'s str> {
    let mut arguments = start.arguments().split_whitespace();
    arguments.find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
}

fn number(start: &Start, name: &str) -> Option<u64> {
    value(start, name)?.parse().ok()
}

fn has(start: &Start, name: &str) -> bool {
    start
        .arguments()
        .split_whitespace()
        .any(|word| word == name)
}

fn start(start: Start) -> Result<Serve<Answers>> {
    let is_first = start.incarnation() == 1;
    if has(&start, "unready") && !start.incarnation().is_multiple_of(2) {
        thread::sleep(Span::FOREVER);
    }
    if let Some(millis) = number(&start, "slow")
        && !is_first
    {
        thread::sleep(Span::from_millis(millis));
    }
    if has(&start, "dead-on-arrival") && start.incarnation() == 2 {
        Way::NullWrite.die();
    }
    let region = PersistentRegion::open(journal::REGION, journal::BYTES)?;
    let server: &'static Server = Box::leak(Box::new(Server {
        name: start.name().to_string(),
        incarnation: start.incarnation(),
        next: value(&start, "next").unwrap_or_default().to_string(),
        journal: Journal::of(region.into_words()),
        gate: Port::private(64)?,
        is_open: AtomicBool::new(false),
        inside: AtomicU64::new(0),
        noted: AtomicU64::new(0),
        kicks: AtomicBool::new(true),
        notes: Published::new(),
        wide: AtomicU64::new(0),
        narrow: AtomicU64::new(0),
    }));
    SERVER.publish(server);
    server.open()?;
    if has(&start, "kick") {
        Thread::spawn_with(server, kick, 16 * 1024, 1)?;
    }
    storm::start(server)?;
    Serve::under(start.name(), Answers { server })
}

/// Gives signs of life, at the lowest priority: so that none comes while anything else spins.
fn kick(server: &'static Server) {
    while server.kicks.load(Ordering::SeqCst) {
        site::kick();
        thread::sleep(Span::from_millis(5));
    }
}

entry!(start);
