//! Memory that is another by the time a message comes, while all else is as it was the last time.
//!
//! The kernel keeps in mind where memory is. Whoever waits for a message does not look again; so it
//! is up to the one who comes with it, though that one has just been seen to be in order itself.

use core::sync::atomic::{AtomicU64, Ordering};

use syscall::abi::ReplyToken;
use syscall::call::{sys_receive, sys_reply_receive};
use syscall::prelude::*;
use syscall::ways_to_die::messages;
use syscall::{Region, Thread};

use super::{STACK, call, echoing, end, must_end};
use crate::check::{Must, must_be_refused};
use crate::ledger::Reader;

const BYTES: usize = 4096;

/// Where messages are waited for.
static BUFFER: AtomicU64 = AtomicU64::new(0);

/// A region which is there, and is waited in.
#[track_caller]
fn region() -> Region {
    let mut region = Region::allocate(BYTES).must("a region");
    region.fill(1);
    BUFFER.store(region.address(), Ordering::SeqCst);
    region
}

/// Another one at the same address.
#[track_caller]
fn instead_of(region: Region) -> Region {
    let address = region.address();
    region.free().must("the end of a region");
    let region = self::region();
    check_eq!(region.address(), address, "it is not the same place");
    region
}

/// Takes calls in that memory, and answers with nothing.
fn receive_there(port: u64) {
    let buffer = (BUFFER.load(Ordering::SeqCst), BYTES);
    let (port, mut caller) = (PortId::from_raw(port), ReplyToken::NONE);
    loop {
        let answer = (caller, (0, 0));
        let (status, next) = messages::reply_receive(answer, (port, buffer), Span::FOREVER);
        if status != Status::OK {
            return;
        }
        caller = next;
    }
}

/// Calls, to be answered in that memory.
fn call_there(port: u64) {
    let buffer = (BUFFER.load(Ordering::SeqCst), BYTES);
    let port = PortId::from_raw(port);
    end(0, messages::call(port, (0, 0), buffer, Span::FOREVER, 0).0);
}

/// Calls three times.
fn call_often(port: u64) {
    let port = PortId::from_raw(port);
    for _ in 0..3 {
        check_eq!(call(port, [1, 1], Span::FOREVER).0, Status::OK);
    }
    end(1, Status::OK);
}

pub(crate) fn memory_is_another(_: &Start) {
    let echoing = echoing(20);
    let echo = echoing.remote();
    for round in 1..4 {
        // That of the one who is called.
        let port = Port::private(4).must("a port");
        let before = region();
        Thread::spawn(receive_there, port.id().raw(), STACK, 20).must("a thread");
        let (request, mut reply) = ([round; 16], [0; 16]);
        let mut send = |to: RemotePort| to.call(&request, &mut reply, Span::FOREVER).map(|_| ());
        for to in [echo, port.remote(), port.remote()] {
            send(to).must("an answer");
        }
        check_eq!(before[..16], request);
        let after = instead_of(before);
        for to in [echo, echo, port.remote()] {
            send(to).must("an answer");
        }
        check_eq!(after[..16], request, "it went elsewhere");
        port.destroy().must("the end of a port");
        after.free().must("the end of a region");

        // That of the one who calls.
        let port = Port::private(4).must("a port");
        let before = region();
        Thread::spawn(call_there, port.id().raw(), STACK, 20).must("a thread");
        let mut buffer = [0; 16];
        let waiting = sys_receive(port.id(), &mut buffer, Span::FOREVER).must("a call");
        let after = instead_of(before);
        Thread::spawn(call_often, port.id().raw(), STACK, 20).must("a thread");
        let message = [round; 8];
        let mut other = ReplyToken::NONE;
        for _ in 0..3 {
            let next = sys_reply_receive(other, &message, port.id(), &mut buffer, Span::FOREVER);
            other = next.must("a call").token;
        }
        for token in [waiting.token, other] {
            let short = Span::from_millis(1);
            let next = sys_reply_receive(token, &message, port.id(), &mut buffer, short);
            must_be_refused(next, Status::TIMED_OUT, "another call");
        }
        check_eq!((must_end(0), must_end(1)), (Status::OK, Status::OK));
        check_eq!(after[..8], message, "it went elsewhere");
    }
    Reader::at_start().must_be_at_end();
}
