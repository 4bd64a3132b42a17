//! Ports: what arrives, in which order, and what is refused.

use core::sync::atomic::{AtomicU64, Ordering};

use syscall::abi::ReplyToken;
use syscall::abi::layout::MESSAGE_MAX;
use syscall::call::sys_receive;
use syscall::prelude::*;
use syscall::{Caller, Thread, site, thread};
use test_suite::Request;

use crate::check::{Must, must_be_refused, must_fail, wait_until};
use crate::counters;
use crate::ledger::Reader;
use crate::victim::{PATIENCE, Victim};

/// Messages of every length arrive whole, in order, from who sent them.
pub(crate) fn messages(start: &Start) {
    let victim = Victim::find("victim");
    let port = Port::private(4).must("a port");
    let mut buffer = [0; MESSAGE_MAX];
    for length in [
        0,
        1,
        7,
        8,
        63,
        64,
        65,
        500,
        2048,
        MESSAGE_MAX - 1,
        MESSAGE_MAX,
    ] {
        let status = victim.status(Request::SendTo(port.id(), length as u64));
        check_eq!(status, Status::OK, "{length} bytes");
        let message = port.receive(&mut buffer, PATIENCE).must("a message");
        check_eq!(message.bytes.len(), length);
        check!(
            message
                .bytes
                .iter()
                .enumerate()
                .all(|(index, byte)| *byte == index as u8)
        );
        check_eq!(message.sender, victim.actor());
        check!(message.caller.is_none());
    }
    let status = victim.status(Request::SendTo(port.id(), MESSAGE_MAX as u64 + 1));
    check_eq!(status, Status::TOO_LONG);

    // In order, our own among them.
    for number in 1..=4 {
        port.remote()
            .send(&[number], Span::ZERO)
            .must("a place in the queue");
    }
    check_eq!(site::info().must("the site's counters").used_messages, 4);
    for number in 1..=4 {
        let message = port.receive(&mut buffer, Span::ZERO).must("a message");
        check_eq!(
            (message.bytes, message.sender),
            (&[number][..], start.actor())
        );
    }
    check_eq!(site::info().must("the site's counters").used_messages, 0);

    // Too long for the buffer: it stays, and we are told how long it is.
    port.remote()
        .send(&[5; 100], Span::ZERO)
        .must("a place in the queue");
    let error = must_fail(
        port.receive(&mut buffer[..99], Span::ZERO),
        "a short buffer",
    );
    check_eq!(error, Error::BufferTooSmall { needed: 100 });
    check_eq!(
        port.receive(&mut buffer, Span::ZERO)
            .must("a message")
            .bytes,
        &[5; 100][..]
    );

    // Messages in the queue go with the port.
    port.remote()
        .send(&[6; 1000], Span::ZERO)
        .must("a place in the queue");
    let free = site::info().must("the site's counters").free_frames;
    port.destroy().must("the end of a port");
    let counters = site::info().must("the site's counters");
    check_eq!(counters.used_messages, 0);
    check!(counters.free_frames > free, "the message's memory is lost");
    Reader::at_start().must_be_at_end();
}

/// The port of the thread made by [`serve`].
static SERVED: AtomicU64 = AtomicU64::new(0);
/// How the last answer of that thread ended: its status, plus one.
static ANSWERED: AtomicU64 = AtomicU64::new(0);
/// A token that another actor may try its luck with.
static TOKEN: AtomicU64 = AtomicU64::new(0);

/// Answers each call after as many milliseconds as its first byte says, with its second byte so
/// often as its third byte says; then tries to answer once more.
fn serve(_: u64) {
    let port = Port::private(8).must("a port");
    SERVED.store(port.id().raw(), Ordering::SeqCst);
    let mut buffer = [0; 64];
    loop {
        let message = port.receive(&mut buffer, Span::FOREVER).must("a message");
        let Some(caller) = message.caller else {
            continue;
        };
        let [delay, byte, count] = *message.bytes else {
            continue;
        };
        TOKEN.store(caller.token().raw(), Ordering::SeqCst);
        thread::sleep(Span::from_millis(delay.into()));
        let token = caller.token();
        let answer = [byte; 64];
        let answered = caller.reply(answer.get(..count.into()).must("an answer"));
        let status = answered.map_or_else(|error| error.status(), |()| Status::OK);
        let twice = must_fail(Caller::from_token(token).reply(b"again"), "answering twice");
        check_eq!(twice.status(), Status::NO_CALLER);
        ANSWERED.store(status.0 + 1, Ordering::SeqCst);
    }
}

#[track_caller]
fn server() -> RemotePort {
    Thread::spawn(serve, 0, 32 * 1024, 10).must("a thread");
    check!(
        wait_until(PATIENCE, || SERVED.load(Ordering::SeqCst) != 0),
        "no server"
    );
    RemotePort::from(PortId::from_raw(SERVED.load(Ordering::SeqCst)))
}

/// Waits for the server to have answered, and returns how that ended.
#[track_caller]
fn answered() -> Status {
    check!(
        wait_until(PATIENCE, || ANSWERED.load(Ordering::SeqCst) != 0),
        "no answer"
    );
    Status(ANSWERED.swap(0, Ordering::SeqCst) - 1)
}

/// Each call is answered once, by whom it was made to, while the caller waits.
pub(crate) fn replies(_: &Start) {
    let server = server();
    let victim = Victim::find("victim");
    let mut reply = [0; 64];
    check_eq!(
        server.call(&[0, 7, 10], &mut reply, PATIENCE),
        Ok(&[7; 10][..])
    );
    check_eq!(answered(), Status::OK);
    check_eq!(server.call(&[0, 7, 0], &mut reply, PATIENCE), Ok(&[][..]));
    check_eq!(answered(), Status::OK);

    // The caller has gone.
    let short = Span::from_millis(20);
    must_be_refused(
        server.call(&[60, 1, 1], &mut reply, short),
        Status::TIMED_OUT,
        "a short wait",
    );
    check_eq!(answered(), Status::NO_CALLER);
    // And the answer to its call is not the answer to its next one.
    must_be_refused(
        server.call(&[60, 1, 1], &mut reply, short),
        Status::TIMED_OUT,
        "a short wait",
    );
    check_eq!(
        server.call(&[0, 2, 2], &mut reply, PATIENCE),
        Ok(&[2; 2][..])
    );
    check!(
        wait_until(PATIENCE, || ANSWERED.load(Ordering::SeqCst) == 1),
        "no second answer"
    );
    ANSWERED.store(0, Ordering::SeqCst);

    // The answer is too long for the caller.
    let error = must_fail(
        server.call(&[0, 3, 9], &mut reply[..8], PATIENCE),
        "a short buffer",
    );
    check_eq!(error.status(), Status::BUFFER_TOO_SMALL);
    answered();

    // A token is good for the owner of the port only.
    let waiting = |_| {
        let server = RemotePort::from(PortId::from_raw(SERVED.load(Ordering::SeqCst)));
        let mut reply = [0; 64];
        check_eq!(
            server.call(&[100, 4, 1], &mut reply, PATIENCE),
            Ok(&[4][..])
        );
    };
    TOKEN.store(0, Ordering::SeqCst);
    Thread::spawn(waiting, 0, 16 * 1024, 10).must("a caller");
    check!(
        wait_until(PATIENCE, || TOKEN.load(Ordering::SeqCst) != 0),
        "no call"
    );
    let token = ReplyToken::from_raw(TOKEN.load(Ordering::SeqCst));
    check_eq!(victim.status(Request::AnswerTo(token)), Status::NO_CALLER);
    check_eq!(answered(), Status::OK);

    // Nobody is waiting with these.
    for token in [ReplyToken::NONE, token, ReplyToken::from_raw(u64::MAX)] {
        let error = must_fail(Caller::from_token(token).reply(b"?"), "answering nobody");
        check_eq!(error.status(), Status::NO_CALLER);
    }
    Reader::at_start().must_be_at_end();
}

/// A port with two threads that take calls, so that two calls are in work at a time.
static PAIR: AtomicU64 = AtomicU64::new(0);
/// Callers of it that have gone, and that were answered.
static GONE: AtomicU64 = AtomicU64::new(0);
static PATIENT: AtomicU64 = AtomicU64::new(0);

/// Answers each call with its second byte, after as many milliseconds as its first byte says.
fn work(_: u64) {
    let port = PortId::from_raw(PAIR.load(Ordering::SeqCst));
    let mut buffer = [0; 8];
    loop {
        let received = sys_receive(port, &mut buffer, Span::FOREVER).must("a call");
        let [delay, byte, ..] = buffer;
        thread::sleep(Span::from_millis(delay.into()));
        // The caller may be gone.
        let _ = Caller::from_token(received.token).reply(&[byte; 4]);
    }
}

/// A late answer is not taken for that to another call, though its caller has taken the place of
/// the one that has gone.
pub(crate) fn late_replies(_: &Start) {
    let port = Port::private(8).must("a port");
    PAIR.store(port.id().raw(), Ordering::SeqCst);
    for _ in 0..2 {
        Thread::spawn(work, 0, 16 * 1024, 20).must("a thread");
    }
    let impatient = |_| {
        let pair = RemotePort::from(PortId::from_raw(PAIR.load(Ordering::SeqCst)));
        let called = pair
            .call(&[80, 5], &mut [0; 8], Span::from_millis(10))
            .map(|_| ());
        must_be_refused(called, Status::TIMED_OUT, "a short wait");
        GONE.fetch_add(1, Ordering::SeqCst);
    };
    let patient = |_| {
        let pair = RemotePort::from(PortId::from_raw(PAIR.load(Ordering::SeqCst)));
        let mut reply = [0; 8];
        check_eq!(pair.call(&[160, 6], &mut reply, PATIENCE), Ok(&[6; 4][..]));
        PATIENT.fetch_add(1, Ordering::SeqCst);
    };
    for round in 1..=4 {
        Thread::spawn(impatient, 0, 16 * 1024, 10).must("a caller");
        check!(
            wait_until(PATIENCE, || GONE.load(Ordering::SeqCst) == round),
            "still waiting"
        );
        Thread::spawn(patient, 0, 16 * 1024, 10).must("a caller");
        check!(
            wait_until(PATIENCE, || PATIENT.load(Ordering::SeqCst) == round),
            "no answer"
        );
    }
}

/// Checks that something takes about as long as it was told to.
#[track_caller]
fn must_take<T>(span: Span, status: Status, what: &str, action: impl FnOnce() -> Result<T>) {
    let before = thread::now();
    must_be_refused(action(), status, what);
    let took = thread::now().since(before);
    check!(took >= span, "{what}: over after {took}");
    // A loaded host may stop the whole machine for a while, so this is generous.
    check!(
        took < Span(span.0 + Span::from_secs(2).0),
        "{what}: took {took}"
    );
}

/// Whatever waits can be told how long.
pub(crate) fn timeouts(_: &Start) {
    let victim = Victim::find("victim");
    let port = Port::private(1).must("a port");
    let mut buffer = [0; 64];
    let short = Span::from_millis(30);
    let nobody = "nobody";
    must_take(Span::ZERO, Status::TIMED_OUT, "receive", || {
        port.receive(&mut buffer, Span::ZERO)
    });
    must_take(short, Status::TIMED_OUT, "receive", || {
        port.receive(&mut buffer, short)
    });
    must_take(Span::ZERO, Status::NOT_FOUND, "find", || {
        RemotePort::find(nobody, Span::ZERO)
    });
    must_take(short, Status::NOT_FOUND, "find", || {
        RemotePort::find(nobody, short)
    });
    port.remote()
        .send(b"first", Span::ZERO)
        .must("a place in the queue");
    must_take(Span::ZERO, Status::QUEUE_FULL, "send", || {
        port.remote().send(b"2", Span::ZERO)
    });
    must_take(short, Status::TIMED_OUT, "send", || {
        port.remote().send(b"2", short)
    });
    must_take(short, Status::TIMED_OUT, "call", || {
        port.remote().call(b"?", &mut [0; 8], short).map(|_| ())
    });
    must_take(Span::ZERO, Status::TIMED_OUT, "console", || {
        site::console_read(&mut [0; 8], Span::ZERO).map(|_| ())
    });
    must_take(short, Status::TIMED_OUT, "console", || {
        site::console_read(&mut [0; 8], short).map(|_| ())
    });

    // What gave up has left nothing behind.
    check_eq!(
        port.receive(&mut buffer, Span::ZERO)
            .must("a message")
            .bytes,
        b"first"
    );
    must_be_refused(
        port.receive(&mut buffer, Span::ZERO),
        Status::TIMED_OUT,
        "an empty queue",
    );
    check_eq!(site::info().must("the site's counters").used_messages, 0);

    // What happens in time is not timed out.
    let sender = |port| {
        thread::sleep(Span::from_millis(20));
        let port = RemotePort::from(PortId::from_raw(port));
        port.send(b"in time", Span::ZERO)
            .must("a place in the queue");
        port.send(b"waited", PATIENCE).must("a place in the queue");
    };
    Thread::spawn(sender, port.id().raw(), 16 * 1024, 10).must("a sender");
    check_eq!(
        port.receive(&mut buffer, PATIENCE).must("a message").bytes,
        b"in time"
    );
    check_eq!(
        port.receive(&mut buffer, PATIENCE).must("a message").bytes,
        b"waited"
    );
    victim.make(Request::AnswerLater(50));
    Reader::at_start().must_be_at_end();
}

/// Names belong to whom they were given first, for as long as the owner has them.
pub(crate) fn names(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    victim.make(Request::MakePorts(2));
    let mine = |name| Port::create(name, 1);
    must_be_refused(mine("victim"), Status::ALREADY_EXISTS, "taking a name");
    must_be_refused(mine("victim-0"), Status::ALREADY_EXISTS, "taking a name");

    // Between two incarnations the name is still the victim's; but one that is not made again
    // stays absent.
    victim.restart_hot(&mut reader);
    must_be_refused(mine("victim-0"), Status::ALREADY_EXISTS, "taking a name");
    must_be_refused(
        RemotePort::find("victim-0", Span::ZERO),
        Status::NOT_FOUND,
        "a missing port",
    );
    victim.make(Request::MakePorts(2));
    RemotePort::find("victim-0", Span::ZERO).must("a port that is there again");

    // A name is free again when its port is destroyed.
    let port = mine("judge's").must("a name");
    must_be_refused(
        mine("judge's"),
        Status::ALREADY_EXISTS,
        "the same name twice",
    );
    let stale = port.remote();
    port.destroy().must("the end of a port");
    must_be_refused(
        stale.send(&[], Span::ZERO),
        Status::DEAD,
        "a message to the past",
    );
    let port = mine("judge's").must("a name");
    check!(port.id() != stale.id());
    must_be_refused(
        stale.send(&[], Span::ZERO),
        Status::DEAD,
        "a message to the past",
    );

    // Names have 1 to 31 bytes.
    let long = "0123456789012345678901234567890";
    mine(long).must("a name of 31 bytes");
    must_be_refused(
        mine("01234567890123456789012345678901"),
        Status::TOO_LONG,
        "32 bytes",
    );
    must_be_refused(
        RemotePort::find("", Span::ZERO),
        Status::BAD_ARGUMENT,
        "finding no name",
    );

    // Who waits for a name is told when it is made.
    let maker = |_| {
        thread::sleep(Span::from_millis(30));
        let port = Port::create("late", 1).must("a name");
        core::mem::forget(port);
    };
    Thread::spawn(maker, 0, 16 * 1024, 10).must("a thread");
    let found = RemotePort::find("late", PATIENCE).must("a port that comes late");
    check_eq!(RemotePort::find("late", Span::ZERO), Ok(found));
}

/// Tables end where the description says, and what is given back can be had again.
pub(crate) fn limits(_: &Start) {
    // Once for the pages of our own stack and heap that this takes.
    fill_tables();
    let before = counters::now();
    fill_tables();
    counters::must_come_back(&before);

    // Threads.
    let mut count = 0;
    let error = loop {
        match Thread::spawn(|_| thread::sleep(Span::from_millis(50)), 0, 16 * 1024, 1) {
            Ok(_) => count += 1,
            Err(error) => break error,
        }
        check!(count <= 64, "no end of threads");
    };
    check_eq!(error.status(), Status::LIMIT_REACHED);
    // The site's description gives the judge 10, and the first is ours.
    check_eq!(count, 9);
    counters::must_come_back(&before);
}

/// Makes as many ports as there may be, fills the queue of one, and gives all of it back.
#[track_caller]
fn fill_tables() {
    for depth in [0, 257, usize::MAX] {
        must_be_refused(
            Port::private(depth),
            Status::BAD_ARGUMENT,
            "a queue of no good length",
        );
    }
    for _ in 0..2 {
        let mut ports = alloc::vec::Vec::new();
        let error = loop {
            match Port::private(256) {
                Ok(port) => ports.push(port),
                Err(error) => break error,
            }
            check!(ports.len() <= 64, "no end of ports");
        };
        check_eq!(error.status(), Status::LIMIT_REACHED);
        // The site's description gives the judge 20.
        check_eq!(ports.len(), 20);

        // A queue holds as many as it is deep.
        let port = ports.pop().must("a port");
        for number in 0..256_u64 {
            port.remote()
                .send(&number.to_le_bytes(), Span::ZERO)
                .must("a place in the queue");
        }
        let full = port.remote().send(&[], Span::ZERO);
        must_be_refused(full, Status::QUEUE_FULL, "the 257th message");
        check_eq!(site::info().must("the site's counters").used_messages, 256);
    }
}
