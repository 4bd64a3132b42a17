//! Threads that are told to give up, freezes, and times that are over, in the middle of a call.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use syscall::abi::ReplyToken;
use syscall::call::{WhenFrozen, sys_receive, sys_reply_receive};
use syscall::prelude::*;
use syscall::ways_to_die::vector;
use syscall::{Thread, site, thread};
use test_suite::partner::{Exchange, Memory, Order};

use super::{Partner, STACK, call, echoing, end, must_end, must_not_end, status_of};
use crate::check::{Must, must_be_refused};
use crate::ledger::Reader;
use crate::victim::PATIENCE;

/// A port that threads are to use.
static PORT: AtomicU64 = AtomicU64::new(0);
/// Whether threads that compute go on.
static GO: AtomicBool = AtomicBool::new(false);
/// What came of that: the first byte of an answer.
static FIRST: AtomicU64 = AtomicU64::new(0);

fn port() -> PortId {
    PortId::from_raw(PORT.load(Ordering::SeqCst))
}

/// Answers each call after as many milliseconds as its first byte says, with its second byte.
fn serve_slowly(port: u64) {
    let port = PortId::from_raw(port);
    let (mut token, mut buffer, mut answer) = (ReplyToken::NONE, [0; 8], 0);
    loop {
        let received = sys_reply_receive(token, &[answer], port, &mut buffer, Span::FOREVER);
        let Ok(received) = received else { return };
        token = received.token;
        let [delay, byte, ..] = buffer;
        answer = byte;
        if delay > 0 {
            thread::sleep(Span::from_millis(delay.into()));
        }
    }
}

/// A port with threads like that.
#[track_caller]
fn slow(threads: usize) -> Port {
    let port = Port::private(4).must("a port");
    for _ in 0..threads {
        Thread::spawn(serve_slowly, port.id().raw(), STACK, 20).must("a thread");
    }
    port
}

/// Times that are over, and those that were in time and must be forgotten.
pub(crate) fn deadlines(_: &Start) {
    let slow = slow(2);
    let single = self::slow(1);
    let millis = Span::from_millis;
    for _ in 0..3 {
        // Too late; and the late answer is not that to the next call, of the same thread.
        let before = thread::now();
        check_eq!(call(slow.id(), [30, 5], millis(10)).0, Status::TIMED_OUT);
        let took = thread::now().since(before);
        check!(took >= millis(10) && took < millis(20), "{took}");
        check_eq!(call(slow.id(), [60, 6], Span::FOREVER), (Status::OK, 6));
        // In time, and then something that takes longer.
        for port in [&slow, &single] {
            check_eq!(call(port.id(), [0, 7], millis(10)), (Status::OK, 7));
            check_eq!(call(port.id(), [30, 8], Span::FOREVER), (Status::OK, 8));
        }
    }
    two_at_a_time(slow);
    let slow = self::slow(2);
    // The one who is called waits with a deadline.
    let own = Port::private(4).must("a port");
    PORT.store(own.id().raw(), Ordering::SeqCst);
    let mut token = ReplyToken::NONE;
    for round in 0..3 {
        let calling = |number| end(number, call(port(), [0, 0], Span::FOREVER).0);
        Thread::spawn(calling, 0, STACK, 20).must("a thread");
        let mut buffer = [0; 8];
        let received = sys_reply_receive(token, &[], own.id(), &mut buffer, millis(20));
        token = received.must("a call").token;
        // That is forgotten while it calls on its part.
        check_eq!(
            call(slow.id(), [40, round], Span::FOREVER),
            (Status::OK, round)
        );
        let before = thread::now();
        let next = sys_reply_receive(token, &[], own.id(), &mut buffer, millis(10));
        must_be_refused(next, Status::TIMED_OUT, "waiting for nobody");
        check!(thread::now().since(before) >= millis(10));
        check_eq!(must_end(0), Status::OK);
        token = ReplyToken::NONE;
    }
    Reader::at_start().must_be_at_end();
}

/// Two threads serve two callers at a time, and both are told when their port ends.
#[track_caller]
fn two_at_a_time(slow: Port) {
    PORT.store(slow.id().raw(), Ordering::SeqCst);
    let calling = |number| end(number, call(port(), [100, 1], Span::FOREVER).0);
    Thread::spawn(calling, 0, STACK, 30).must("a thread");
    let before = thread::now();
    thread::sleep(Span::from_millis(5));
    check_eq!(call(slow.id(), [0, 2], Span::FOREVER), (Status::OK, 2));
    let took = thread::now().since(before);
    check!(
        took < Span::from_millis(50),
        "the second thread did not serve: {took}"
    );
    Thread::spawn(calling, 1, STACK, 30).must("a thread");
    thread::sleep(Span::from_millis(5));
    slow.destroy().must("the end of a port");
    check_eq!((must_end(0), must_end(1)), (Status::DEAD, Status::DEAD));
}

/// Computes until it is told to go on, and then makes a call.
fn compute_and_call(number: u64) {
    while !GO.load(Ordering::SeqCst) {
        core::hint::spin_loop();
    }
    end(number, call(port(), [0, 1], Span::FOREVER).0);
    // Told once, it gives up once.
    end(number + 1, call(port(), [0, 1], Span::FOREVER).0);
}

/// Takes a call, computes until it is told to go on, and answers it.
fn compute_and_answer(number: u64) {
    let mut buffer = [0; 8];
    let received = sys_receive(port(), &mut buffer, Span::FOREVER).must("a call");
    while !GO.load(Ordering::SeqCst) {
        core::hint::spin_loop();
    }
    let next = sys_reply_receive(received.token, &[3], port(), &mut buffer, PATIENCE);
    end(number, status_of(next));
}

/// Calls with a delay and two answers.
fn call_slowly(number: u64) {
    end(number, call(port(), [50, 1], Span::FOREVER).0);
    let (status, first) = call(port(), [80, 2], Span::FOREVER);
    FIRST.store(first.into(), Ordering::SeqCst);
    end(number + 1, status);
}

/// Threads are told to give up before a call, during it, and before an answer.
pub(crate) fn aborts(_: &Start) {
    let slow = slow(2);
    let own = Port::private(4).must("a port");
    for _ in 0..3 {
        // While it waits. Its next call is not answered with the answer to the last.
        PORT.store(slow.id().raw(), Ordering::SeqCst);
        let caller = Thread::spawn(call_slowly, 0, STACK, 30).must("a thread");
        thread::sleep(Span::from_millis(5));
        caller.abort().must("an abort");
        check_eq!(must_end(0), Status::ABORTED);
        check_eq!((must_end(1), FIRST.load(Ordering::SeqCst)), (Status::OK, 2));

        // While it computes.
        GO.store(false, Ordering::SeqCst);
        let caller = Thread::spawn(compute_and_call, 0, STACK, 10).must("a thread");
        thread::sleep(Span::from_millis(5));
        caller.abort().must("an abort");
        GO.store(true, Ordering::SeqCst);
        check_eq!((must_end(0), must_end(1)), (Status::ABORTED, Status::OK));

        // While it serves: the answer is given, but it does not wait for the next call.
        GO.store(false, Ordering::SeqCst);
        PORT.store(own.id().raw(), Ordering::SeqCst);
        let server = Thread::spawn(compute_and_answer, 0, STACK, 10).must("a thread");
        thread::sleep(Span::from_millis(5));
        let calling = |number| {
            let (status, first) = call(port(), [0, 0], Span::FOREVER);
            FIRST.store(first.into(), Ordering::SeqCst);
            end(number, status);
        };
        Thread::spawn(calling, 1, STACK, 30).must("a thread");
        thread::sleep(Span::from_millis(5));
        server.abort().must("an abort");
        GO.store(true, Ordering::SeqCst);
        check_eq!((must_end(1), FIRST.load(Ordering::SeqCst)), (Status::OK, 3));
        check_eq!(must_end(0), Status::ABORTED);
    }
    Reader::at_start().must_be_at_end();
}

/// Has the partner do something, and ends when that is done.
fn order(number: u64) {
    let partner = Partner {
        name: "partner",
        port: RemotePort::from(port()),
    };
    let own = PortId::from_raw(FIRST.load(Ordering::SeqCst));
    let order = if own.is_none() {
        Order::Pause(10)
    } else {
        Order::Call(Exchange {
            port: own,
            request: (Memory::Data(0), 8),
            reply: (Memory::Zeroed(0), 8),
        })
    };
    end(
        number,
        partner
            .try_order(order)
            .map_or_else(|error| error.status(), |told| told.status),
    );
}

/// Either side is frozen, and goes on when it is thawed.
pub(crate) fn freezes(_: &Start) {
    let partner = Partner::find("partner");
    let own = Port::private(4).must("a port");
    PORT.store(partner.port.id().raw(), Ordering::SeqCst);
    for _ in 0..3 {
        // The callee, while it waits for calls.
        FIRST.store(0, Ordering::SeqCst);
        partner.must_echo(1);
        site::freeze(partner.actor()).must("a freeze");
        let refused = partner
            .port
            .call_when_frozen(&[0xff], &mut [0; 8], PATIENCE, WhenFrozen::Refuse)
            .map(|_| ());
        must_be_refused(refused, Status::FROZEN, "a call of a frozen actor");
        Thread::spawn(order, 0, STACK, 20).must("a thread");
        must_not_end(0);
        site::thaw(partner.actor()).must("a thaw");
        check_eq!(must_end(0), Status::OK);

        // While it serves.
        Thread::spawn(order, 0, STACK, 20).must("a thread");
        thread::sleep(Span::from_millis(5));
        site::freeze(partner.actor()).must("a freeze");
        must_not_end(0);
        site::thaw(partner.actor()).must("a thaw");
        check_eq!(must_end(0), Status::OK);

        // The caller, while it waits for an answer, which it gets.
        FIRST.store(own.id().raw(), Ordering::SeqCst);
        Thread::spawn(order, 0, STACK, 20).must("a thread");
        let mut buffer = [0; 16];
        let received = sys_receive(own.id(), &mut buffer, Span::FOREVER).must("a call");
        site::freeze(partner.actor()).must("a freeze");
        let short = Span::from_millis(1);
        let next = sys_reply_receive(received.token, &[1], own.id(), &mut buffer, short);
        must_be_refused(next, Status::TIMED_OUT, "another call");
        must_not_end(0);
        site::thaw(partner.actor()).must("a thaw");
        check_eq!(must_end(0), Status::OK);
    }
    vectors(partner);
    Reader::at_start().must_be_at_end();
}

/// Vector registers are each thread's own, whoever runs next.
#[track_caller]
fn vectors(partner: Partner) {
    let other = Partner::find("other");
    PORT.store(other.port.id().raw(), Ordering::SeqCst);
    for number in 0..2 {
        let calling = |number| {
            let is_kept = vector::is_kept_over_call(0x1000, port(), Span::FOREVER)
                && vector::is_kept_over_call(0x2000, port(), PATIENCE);
            end(
                number,
                if is_kept {
                    Status::OK
                } else {
                    Status::BAD_ARGUMENT
                },
            );
        };
        Thread::spawn(calling, number, STACK, 20).must("a thread");
        check_eq!(
            must_end(number),
            Status::OK,
            "registers are lost over a call"
        );
    }
    check_eq!(
        other.order(Order::LookAtVectors).first,
        1,
        "registers of a caller"
    );
    PORT.store(partner.port.id().raw(), Ordering::SeqCst);
    for _ in 0..2 {
        let looking = |number| {
            let partner = Partner {
                name: "partner",
                port: RemotePort::from(port()),
            };
            let told = partner
                .try_order(Order::FillVectors(number))
                .must("an answer");
            let is_as_expected = vector::is_clear() && told.length == 0;
            end(
                number,
                if is_as_expected {
                    Status::OK
                } else {
                    Status::BAD_ARGUMENT
                },
            );
        };
        Thread::spawn(looking, 1, STACK, 20).must("a thread");
        check_eq!(must_end(1), Status::OK, "registers of a callee");
    }
    // Three in a row, and back.
    let echo = echoing(10);
    let exchange = Exchange {
        port: other.port.id(),
        request: (Memory::Data(0), 0),
        reply: (Memory::Zeroed(0), 64),
    };
    for _ in 0..4 {
        check_eq!(partner.order(Order::Call(exchange)).status, Status::OK);
        check_eq!(call(echo.id(), [1, 2], Span::FOREVER), (Status::OK, 1));
    }
}
