//! Either side ends while the other waits for it.

use core::sync::atomic::{AtomicU64, Ordering};

use syscall::abi::status::Progress;
use syscall::abi::{ReplyToken, Response};
use syscall::call::{sys_receive, sys_reply_receive};
use syscall::prelude::*;
use syscall::{Caller, Thread, site, thread};
use test_suite::partner::{Exchange, Memory, Order};

use super::{Partner, STACK, call, echoing, end, must_end, status_of};
use crate::check::{Must, must_be_refused, must_fail, wait_until};
use crate::ledger::{self, Reader};
use crate::victim::PATIENCE;

/// A partner to which threads give their orders.
static PORT: AtomicU64 = AtomicU64::new(0);
/// What the thread of [`order_pause`] was told: how far its call had come, plus one.
static PROGRESS: AtomicU64 = AtomicU64::new(0);

fn served() -> RemotePort {
    RemotePort::from(PortId::from_raw(PORT.load(Ordering::SeqCst)))
}

/// Waits for a partner that answers after 50 ms, if it is left alone.
fn order_pause(number: u64) {
    let partner = Partner {
        name: "partner",
        port: served(),
    };
    let told = partner.try_order(Order::Pause(50));
    let progress = told.as_ref().err().and_then(|error| error.progress());
    PROGRESS.store(
        progress.map_or(0, |progress| progress.0 + 1),
        Ordering::SeqCst,
    );
    end(number, status_of(told));
}

/// Has a thread wait for a partner's answer.
#[track_caller]
fn pause(partner: Partner, number: u64) {
    PORT.store(partner.port.id().raw(), Ordering::SeqCst);
    Thread::spawn(order_pause, number, STACK, 35).must("a thread");
    thread::sleep(Span::from_millis(5));
}

/// Checks what that thread was told.
#[track_caller]
fn must_be_told(number: u64, status: Status) {
    check_eq!(must_end(number), status);
    let progress = PROGRESS.swap(0, Ordering::SeqCst);
    check_eq!(progress, Progress::MAYBE_EXECUTED.0 + 1);
}

/// The callee ends in every way there is while it serves.
pub(crate) fn callees_end_while_they_serve(_: &Start) {
    let mut reader = Reader::at_start();
    let mut partner = Partner::find("partner");
    for round in 0..3 {
        // By itself.
        match must_fail(partner.try_order(Order::Die), "a death") {
            Error::Restarted { new, progress } => {
                check_eq!(progress, Progress::MAYBE_EXECUTED);
                partner.port = new.into();
            }
            other => fail!("{other:?}"),
        }
        let entry = reader.take();
        ledger::must_be_done(&entry, Response::HOT_RESTART);
        // So that it waits already: its first call is handed over, if that were allowed.
        thread::sleep(Span::from_millis(10));
        partner.must_echo(round);
        // Its first answer ended the recovery, and no later one did.
        let entry = ledger::finished(entry.sequence);
        check!(
            entry.phases.first_reply > Span::ZERO,
            "no first answer: {entry:?}"
        );
        partner.must_echo(round);
        check_eq!(ledger::finished(entry.sequence).phases, entry.phases);

        // By another's wish.
        pause(partner, 0);
        site::restart(partner.actor()).must("a restart");
        must_be_told(0, Status::RESTARTED);
        partner = Partner::find("partner");
        partner.must_echo(round);
        reader.skip();

        // Its port.
        pause(partner, 0);
        must_be_refused(
            partner.try_order(Order::Move),
            Status::DEAD,
            "a call of a port that ends",
        );
        check_eq!(must_end(0), Status::OK);
        partner = Partner::find("partner");
        partner.must_echo(round);
    }
    // For good.
    let other = Partner::find("other");
    other.must_echo(1);
    pause(other, 1);
    site::kill_group("other").must("the end of a group");
    must_be_told(1, Status::DEAD);
    must_be_refused(
        other.try_order(Order::Die),
        Status::DEAD,
        "a call of the dead",
    );
    partner.must_echo(9);
}

/// Has the partner call a port of ours, on behalf of a thread that waits for what came of it.
fn order_call(port: u64) {
    let exchange = Exchange {
        port: PortId::from_raw(port),
        request: (Memory::Data(0), 8),
        reply: (Memory::Zeroed(0), 8),
    };
    let partner = Partner {
        name: "partner",
        port: served(),
    };
    match partner.try_order(Order::Call(exchange)) {
        Ok(told) => {
            PROGRESS.store(told.first.into(), Ordering::SeqCst);
            end(0, told.status);
        }
        Err(error) => end(0, error.status()),
    }
}

/// Has the partner call a port of ours, and takes the call.
#[track_caller]
fn called_at(port: &Port, partner: Partner) -> ReplyToken {
    PORT.store(partner.port.id().raw(), Ordering::SeqCst);
    Thread::spawn(order_call, port.id().raw(), STACK, 20).must("a thread");
    let mut buffer = [0; 16];
    // Not the first call that is waited for like this: it is handed over.
    let received = sys_receive(port.id(), &mut buffer, Span::FOREVER).must("a call");
    check_eq!(received.sender, partner.actor());
    check_eq!(received.length, 8);
    received.token
}

/// Answers, and waits for next to no time: nothing else comes.
#[track_caller]
fn answer(port: &Port, token: ReplyToken, byte: u8) {
    let mut buffer = [0; 16];
    let next = sys_reply_receive(
        token,
        &[byte; 4],
        port.id(),
        &mut buffer,
        Span::from_millis(1),
    );
    must_be_refused(next, Status::TIMED_OUT, "a message from nowhere");
}

/// The caller ends while its callee serves; and only the callee answers, at the port of the call.
pub(crate) fn callers_end_while_they_are_served(_: &Start) {
    let mut reader = Reader::at_start();
    let mut partner = Partner::find("partner");
    let other = Partner::find("other");
    let (port, second) = (
        Port::private(4).must("a port"),
        Port::private(4).must("a port"),
    );
    // As it should be.
    let token = called_at(&port, partner);
    answer(&port, token, 7);
    check_eq!(
        (must_end(0), PROGRESS.load(Ordering::SeqCst)),
        (Status::OK, 7)
    );
    for byte in 1..5 {
        let old = called_at(&port, partner);
        site::restart(partner.actor()).must("a restart");
        check_eq!(must_end(0), Status::RESTARTED);
        partner = Partner::find("partner");
        reader.skip();
        answer(&port, old, 100);

        // Its next incarnation calls, perhaps with the same thread: what is late is not for it.
        let token = called_at(&port, partner);
        answer(&port, old, 100);
        // Nor does another actor answer.
        check_eq!(
            other.order(Order::Forge(token, port.id())).status,
            Status::NOT_OWNER
        );
        check_eq!(
            other.order(Order::Forge(token, other.port.id())).status,
            Status::TIMED_OUT
        );
        answer(&port, token, byte);
        check_eq!(
            (must_end(0), PROGRESS.load(Ordering::SeqCst)),
            (Status::OK, byte.into())
        );
        // And only once.
        answer(&port, token, 100);

        // Whoever answers may wait at another port. The first is in order after that.
        let token = called_at(&port, partner);
        answer(&second, token, byte);
        check_eq!(
            (must_end(0), PROGRESS.load(Ordering::SeqCst)),
            (Status::OK, byte.into())
        );
        let token = called_at(&port, partner);
        answer(&port, token, byte);
        check_eq!(must_end(0), Status::OK);

        // A thread has no answer for itself.
        answer(&port, token_of_myself(&port), 100);
    }
    messages_come_before_calls(&port);
    let token = called_at(&port, partner);
    port.destroy().must("the end of a port");
    check_eq!(must_end(0), Status::DEAD);
    let late = Caller::from_token(token).reply(&[1]);
    must_be_refused(late, Status::NO_CALLER, "an answer to nobody");
    called_at(&second, partner);
    second.destroy().must("the end of a port");
    check_eq!(must_end(0), Status::DEAD);
    partner.must_echo(3);
    reader.must_be_at_end();
}

/// The token of a call that this thread has made, when it was over.
#[track_caller]
fn token_of_myself(port: &Port) -> ReplyToken {
    let answering = |port| {
        let port = PortId::from_raw(port);
        let received = sys_receive(port, &mut [0; 8], PATIENCE).must("a call");
        PROGRESS.store(received.token.raw(), Ordering::SeqCst);
        Caller::from_token(received.token)
            .reply(&[])
            .must("a caller");
    };
    Thread::spawn(answering, port.id().raw(), STACK, 10).must("a thread");
    check_eq!(call(port.id(), [0; 2], Span::FOREVER).0, Status::OK);
    ReplyToken::from_raw(PROGRESS.load(Ordering::SeqCst))
}

/// Whoever answers gets what was sent meanwhile, at once.
#[track_caller]
fn messages_come_before_calls(port: &Port) {
    let echo = echoing(5);
    let calling = |port| {
        let (status, first) = call(PortId::from_raw(port), [1, 1], Span::FOREVER);
        check_eq!(first, 9);
        end(2, status);
    };
    Thread::spawn(calling, port.id().raw(), STACK, 20).must("a thread");
    let mut buffer = [0; 16];
    let received = sys_receive(port.id(), &mut buffer, Span::FOREVER).must("a call");
    port.remote()
        .send(b"sent", Span::ZERO)
        .must("a place in the queue");
    let next = sys_reply_receive(received.token, &[9], port.id(), &mut buffer, Span::ZERO);
    check_eq!(next.must("what was sent").length, 4);
    check_eq!(must_end(2), Status::OK);

    Thread::spawn(calling, port.id().raw(), STACK, 20).must("a thread");
    let received = sys_receive(port.id(), &mut buffer, Span::FOREVER).must("a call");
    port.remote()
        .send(b"again", Span::ZERO)
        .must("a place in the queue");
    let next = sys_reply_receive(received.token, &[9], port.id(), &mut buffer, PATIENCE);
    check_eq!(next.must("what was sent").length, 5);
    check_eq!(must_end(2), Status::OK);

    // Whoever does not wait at all is told so at once, before the caller runs.
    Thread::spawn(calling, port.id().raw(), STACK, 20).must("a thread");
    let received = sys_receive(port.id(), &mut buffer, Span::FOREVER).must("a call");
    let next = sys_reply_receive(received.token, &[9], port.id(), &mut buffer, Span::ZERO);
    must_be_refused(next, Status::TIMED_OUT, "no message");
    check!(super::ended(2).is_none(), "it waited");
    check_eq!(must_end(2), Status::OK);
    check!(wait_until(PATIENCE, || call(
        echo.id(),
        [1, 2],
        Span::FOREVER
    )
    .0 == Status::OK));
}
