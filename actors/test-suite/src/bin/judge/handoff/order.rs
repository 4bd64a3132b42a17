//! Who runs next after a call, and after its answer: never one before whom somebody is ready.

use core::sync::atomic::{AtomicU64, Ordering};

use syscall::abi::ReplyToken;
use syscall::call::sys_reply_receive;
use syscall::prelude::*;
use syscall::{Thread, thread};

use super::{STACK, call};
use crate::check::Must;

/// Who has run, as decimal digits.
static RAN: AtomicU64 = AtomicU64::new(0);
/// The priority of the thread that is made ready by the server; 0 for none.
static MIDDLE: AtomicU64 = AtomicU64::new(0);

const SERVER: u64 = 1;
const THIRD: u64 = 2;

fn note(who: u64) {
    RAN.store(RAN.load(Ordering::SeqCst) * 10 + who, Ordering::SeqCst);
}

/// Makes a thread ready that notes that it ran.
#[track_caller]
fn make_ready(priority: u8) {
    Thread::spawn(note, THIRD, STACK, priority).must("a thread");
}

/// Notes each call that it gets, makes another thread ready if it is to, and answers.
fn serve(port: u64) {
    let port = PortId::from_raw(port);
    let (mut token, mut buffer) = (ReplyToken::NONE, [0; 8]);
    loop {
        let received = sys_reply_receive(token, &[1], port, &mut buffer, Span::FOREVER);
        let Ok(received) = received else { return };
        token = received.token;
        note(SERVER);
        let middle = MIDDLE.swap(0, Ordering::SeqCst);
        if middle > 0 {
            make_ready(middle as u8);
        }
    }
}

/// One call: priorities of caller, server and a third thread that is made ready; and who has run
/// when the call is over.
struct Case {
    caller: u8,
    server: u8,
    third: u8,
    expected: u64,
}

const fn case(caller: u8, server: u8, third: u8, expected: u64) -> Case {
    Case {
        caller,
        server,
        third,
        expected,
    }
}

pub(crate) fn whoever_is_ready_comes_first(_: &Start) {
    // It is ready when the call is made.
    for case in [
        case(20, 10, 15, 21),
        case(20, 10, 10, 21),
        case(20, 10, 5, 1),
        case(20, 20, 20, 21),
        case(20, 30, 15, 1),
        // It is behind the server, and before the caller.
        case(20, 30, 20, 12),
    ] {
        check_eq!(
            run(&case, || make_ready(case.third)),
            case.expected,
            "{} calls {}",
            case.caller,
            case.server
        );
    }
    // It is made ready by the server.
    for case in [
        case(5, 30, 20, 12),
        case(5, 30, 5, 12),
        case(5, 30, 3, 1),
        case(20, 30, 20, 12),
        case(20, 30, 15, 1),
    ] {
        let later = || MIDDLE.store(case.third.into(), Ordering::SeqCst);
        check_eq!(
            run(&case, later),
            case.expected,
            "{} answers {}",
            case.server,
            case.caller
        );
    }
}

#[track_caller]
fn run(case: &Case, before: impl FnOnce()) -> u64 {
    let port = Port::private(4).must("a port");
    Thread::spawn(serve, port.id().raw(), STACK, case.server).must("a server");
    // Until it waits, and so that all memory is known.
    check_eq!(call(port.id(), [0; 2], Span::FOREVER).0, Status::OK);
    check_eq!(call(port.id(), [0; 2], Span::FOREVER).0, Status::OK);
    thread::sleep(Span::from_millis(2));
    Thread::CURRENT.set_priority(case.caller).must("a priority");
    RAN.store(0, Ordering::SeqCst);
    before();
    check_eq!(call(port.id(), [0; 2], Span::FOREVER).0, Status::OK);
    let ran = RAN.load(Ordering::SeqCst);
    Thread::CURRENT.set_priority(40).must("a priority");
    port.destroy().must("the end of a port");
    thread::sleep(Span::from_millis(2));
    ran
}
