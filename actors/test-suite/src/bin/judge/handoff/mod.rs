//! The quick way of a call and of its answer (`handoff.rs` in the kernel), from every side.
//!
//! What is seen must not depend on which way was taken, but for the time. So `cost` shows that
//! the quick way is taken, and all others, that nobody could tell. Most calls wait for ever, since
//! deadlines are a detour of the quick way; a test that hangs is noticed by the harness.

pub(crate) mod cost;
pub(crate) mod ends;
pub(crate) mod memory;
pub(crate) mod order;
pub(crate) mod stale;
pub(crate) mod stops;

use core::sync::atomic::{AtomicU64, Ordering};

use syscall::abi::ReplyToken;
use syscall::call::{WhenFrozen, sys_call, sys_reply_receive};
use syscall::prelude::*;
use syscall::{Thread, decode, encode, site, thread};
use test_suite::partner::{Order, Told};

use crate::check::{Must, wait_until};
use crate::victim::PATIENCE;

/// Bytes of a thread's stack.
const STACK: usize = 32 * 1024;

/// A partner, of whichever incarnation.
#[derive(Clone, Copy, Debug)]
struct Partner {
    name: &'static str,
    port: RemotePort,
}

impl Partner {
    #[track_caller]
    fn find(name: &'static str) -> Self {
        let port = RemotePort::find(name, PATIENCE).must(name);
        Self { name, port }
    }

    #[track_caller]
    fn actor(self) -> ActorId {
        site::find(self.name).must(self.name)
    }

    /// Has it do something.
    fn try_order(self, order: Order) -> Result<Told> {
        let (mut request, mut reply) = ([0; 64], [0; 64]);
        let request = encode(&order, &mut request)?;
        decode(self.port.call(request, &mut reply, Span::FOREVER)?)
    }

    /// Has it do something that it lives through.
    #[track_caller]
    fn order(self, order: Order) -> Told {
        self.try_order(order).must(self.name)
    }

    /// Has it answer with what it is told.
    #[track_caller]
    fn must_echo(self, byte: u8) {
        let request = [test_suite::partner::ECHO, byte];
        let mut reply = [0; 8];
        let answer = self.port.call(&request, &mut reply, PATIENCE);
        check_eq!(answer, Ok(&request[..]), "{}", self.name);
    }
}

/// How the threads below ended, by their number: the status, plus one.
static ENDED: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];

fn end(number: u64, status: Status) {
    if let Some(place) = ENDED.get(number as usize) {
        place.store(status.0 + 1, Ordering::SeqCst);
    }
}

/// How a thread has ended, if it has.
fn ended(number: u64) -> Option<Status> {
    let place = ENDED.get(number as usize)?;
    place.load(Ordering::SeqCst).checked_sub(1).map(Status)
}

/// Waits for a thread to end, and returns how it did.
#[track_caller]
fn must_end(number: u64) -> Status {
    check!(
        wait_until(PATIENCE, || ended(number).is_some()),
        "thread {number} does not end"
    );
    let status = ended(number).must("an end");
    if let Some(place) = ENDED.get(number as usize) {
        place.store(0, Ordering::SeqCst);
    }
    status
}

/// Checks that something does not happen, for some time.
#[track_caller]
fn must_not_end(number: u64) {
    thread::sleep(Span::from_millis(20));
    check!(
        ended(number).is_none(),
        "thread {number} has ended: {:?}",
        ended(number)
    );
}

fn status_of<T>(result: Result<T>) -> Status {
    result.map_or_else(|error| error.status(), |_| Status::OK)
}

/// Answers every call at a port with the same bytes, for ever.
fn echo(port: u64) {
    let port = PortId::from_raw(port);
    let (mut request, mut reply) = ([0; 4096], [0; 4096]);
    let (mut token, mut length) = (ReplyToken::NONE, 0);
    loop {
        let answer = reply.get(..length).unwrap_or_default();
        let received = sys_reply_receive(token, answer, port, &mut request, Span::FOREVER);
        let Ok(received) = received else { return };
        (token, length) = (received.token, received.length);
        reply.copy_from_slice(&request);
    }
}

/// A port that is served by [`echo`], at a priority.
#[track_caller]
fn echoing(priority: u8) -> Port {
    let port = Port::private(4).must("a port");
    Thread::spawn(echo, port.id().raw(), STACK, priority).must("a thread");
    port
}

/// Calls a port with two bytes, and returns the status and the first byte of the answer.
fn call(port: PortId, bytes: [u8; 2], timeout: Span) -> (Status, u8) {
    let mut reply = [0; 8];
    let called = sys_call(port, &bytes, &mut reply, timeout, WhenFrozen::Wait);
    (status_of(called), reply[0])
}
