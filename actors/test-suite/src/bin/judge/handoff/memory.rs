//! Messages from and to memory of every kind.

use core::sync::atomic::{AtomicU64, Ordering};

use syscall::abi::{FaultKind, Response};
use syscall::prelude::*;
use syscall::ways_to_die::messages;
use syscall::{Region, Thread};
use test_suite::partner::{DATA, ECHO, Exchange, Memory, Order, Told};

use super::{Partner, STACK, echoing, end, must_end};
use crate::check::{Must, must_fail};
use crate::ledger::{self, Reader};
use crate::victim::PATIENCE;

/// Memory for requests and replies that is good in itself.
const REQUEST: Memory = Memory::Data(0);
const REPLY: Memory = Memory::Zeroed(0);

/// Calls from and to memory that is there, or is as soon as it is looked for.
pub(crate) fn whatever_is_there_will_do(_: &Start) {
    let partner = Partner::find("partner");
    let echo = echoing(20);
    let exchange = |request: (Memory, usize), reply: (Memory, usize)| {
        let port = echo.id();
        partner.order(Order::Call(Exchange {
            port,
            request,
            reply,
        }))
    };
    let must_bring = |told: Told, length: usize, first: u8, last: u8| {
        let found = (told.status, told.length, told.first, told.last);
        check_eq!(found, (Status::OK, length as u64, first, last), "{told:?}");
    };
    for _ in 0..2 {
        must_bring(exchange((REQUEST, 40), (REPLY, 64)), 40, DATA, DATA);
        // Nothing at all, from anywhere and to anywhere.
        must_bring(exchange((Memory::Kernel, 0), (Memory::Nowhere, 0)), 0, 0, 0);
        must_bring(exchange((REQUEST, 0), (REPLY, 8)), 0, 0, 0);
        // Read only, not yet there, both at once, over a boundary.
        must_bring(
            exchange((Memory::Data(1), 4096), (Memory::Zeroed(1), 4096)),
            4096,
            DATA,
            DATA,
        );
        must_bring(
            exchange((Memory::Zeroed(2), 9), (Memory::Data(2), 9)),
            9,
            0,
            0,
        );
        for count in [1, 7, 63] {
            let across = Memory::AcrossPages(count);
            must_bring(exchange((REQUEST, 64), (across, 64)), 64, DATA, DATA);
            must_bring(exchange((across, 64), (REPLY, 64)), 64, 0, 0);
        }
        let last = Memory::BeforeGuard(64);
        must_bring(exchange((REQUEST, 64), (last, 64)), 64, DATA, DATA);
        must_bring(exchange((last, 64), (REPLY, 64)), 64, 0, 0);
        check_eq!(exchange((Memory::Text, 16), (REPLY, 16)).status, Status::OK);
    }
    // Too long, for the buffer or for anybody: nothing comes of that.
    check_eq!(
        exchange((REQUEST, 9), (REPLY, 8)).status,
        Status::BUFFER_TOO_SMALL
    );
    check_eq!(
        exchange((REQUEST, 4097), (REPLY, 8)).status,
        Status::TOO_LONG
    );
    check_eq!(
        exchange((REQUEST, 8), (REPLY, 4097)).status,
        Status::TOO_LONG
    );
    let unknown = messages::call(partner.port.id(), (0, 0), (0, 0), PATIENCE, 2).0;
    check_eq!(unknown, Status::BAD_ARGUMENT);
    let short = messages::call(partner.port.id(), (0, 0), (0, 0), Span::ZERO, 0).0;
    check_eq!(short, Status::TIMED_OUT);

    // Freed, and there again at the same place: it is another page.
    let mut addresses = [0; 3];
    for (address, byte) in addresses.iter_mut().zip([1, 2, 3]) {
        let told = exchange((REQUEST, byte), (Memory::Again, 4096));
        must_bring(told, byte, DATA, DATA);
        *address = told.address;
    }
    check_eq!(addresses, [addresses[0]; 3], "it was not the same place");
    sent_from_the_same_place(partner);
    long_after_short(&echo);
    Reader::at_start().must_be_at_end();
}

/// The same for what the caller sends, and for what the one who is called gets it in.
#[track_caller]
fn sent_from_the_same_place(partner: Partner) {
    let mut address = None;
    for byte in 1..4 {
        let mut region = Region::allocate(4096).must("a region");
        check_eq!(*address.get_or_insert(region.address()), region.address());
        region.fill(byte);
        region[0] = ECHO;
        let mut reply = [0; 16];
        for _ in 0..2 {
            let answer = partner.port.call(&region[..16], &mut reply, Span::FOREVER);
            check_eq!(answer.must("an answer")[1..], [byte; 15]);
        }
        region.free().must("the end of a region");
    }
}

/// Messages that reach into another page, of buffers that were just used for such as do not.
#[track_caller]
fn long_after_short(echo: &Port) {
    // On a page boundary, so that the request is in one page. The other buffers are on stacks.
    let mut request = Region::allocate(4096).must("a region");
    let mut reply = [0; 4096];
    for (round, length) in [8, 4096, 8, 3000, 4096].into_iter().enumerate() {
        for (index, byte) in request.iter_mut().enumerate() {
            *byte = (index * 7 + round) as u8;
        }
        let answer = echo
            .remote()
            .call(&request[..length], &mut reply, Span::FOREVER);
        check!(
            answer.must("an answer") == &request[..length],
            "{length} bytes"
        );
    }
}

/// The port that [`call_into_nothing`] calls.
static PORT: AtomicU64 = AtomicU64::new(0);

/// What cannot be used is the fault of who named it, and of nobody else; and what belongs to the
/// image is never written to.
pub(crate) fn whatever_is_not_is_a_fault(_: &Start) {
    let mut partner = Partner::find("partner");
    let echo = echoing(20);
    let mut reader = Reader::at_start();
    let bad_requests = [
        Memory::Nowhere,
        Memory::Kernel,
        Memory::BeforeGuard(7),
        Memory::OverTheEnd(1),
        Memory::OverTheEnd(0),
    ];
    let bad_replies = [
        Memory::Text,
        Memory::Nowhere,
        Memory::Kernel,
        Memory::BeforeGuard(7),
        Memory::OverTheEnd(4),
    ];
    let requests = bad_requests.map(|memory| (memory, REPLY));
    let replies = bad_replies.map(|memory| (REQUEST, memory));
    for (request, reply) in requests.into_iter().chain(replies) {
        let port = echo.id();
        // Memory that will do comes first, so that there is something to keep in mind.
        for (request, reply) in [(REQUEST, REPLY), (request, reply)] {
            let exchange = Exchange {
                port,
                request: (request, 8),
                reply: (reply, 8),
            };
            match partner.try_order(Order::Call(exchange)) {
                Ok(told) if request == REQUEST && reply == REPLY => {
                    check_eq!(told.status, Status::OK);
                }
                Err(Error::Restarted { new, .. }) => partner.port = new.into(),
                other => fail!("{request:?}, {reply:?}: {other:?}"),
            }
        }
        let entry = reader.take();
        check_eq!(
            ledger::fault(&entry).kind,
            FaultKind::BAD_POINTER,
            "{request:?}, {reply:?}"
        );
        ledger::must_be_done(&entry, Response::HOT_RESTART);
    }

    // A reply went to a page of the image's data: the next incarnation finds what was in the image.
    let exchange = Exchange {
        port: echo.id(),
        request: (Memory::Zeroed(3), 8),
        reply: (Memory::Data(3), 8),
    };
    for _ in 0..3 {
        check_eq!(partner.order(Order::Call(exchange)).status, Status::OK);
        check_eq!(partner.order(Order::DataAt(3)).first, 0);
        must_fail(partner.try_order(Order::Die), "a death");
        ledger::must_be_done(&reader.take(), Response::HOT_RESTART);
        partner = Partner::find("partner");
        check_eq!(partner.order(Order::DataAt(3)).first, DATA);
    }

    // Our own answer from nowhere would be our end; the partner's caller is not told of it.
    PORT.store(partner.port.id().raw(), Ordering::SeqCst);
    Thread::spawn(call_into_nothing, 0, STACK, 10).must("a thread");
    check_eq!(must_end(0), Status::OK);
    reader.must_be_at_end();
}

/// A reply of nothing fits nowhere.
fn call_into_nothing(number: u64) {
    let request = [ECHO];
    let port = RemotePort::from(PortId::from_raw(PORT.load(Ordering::SeqCst)));
    let error = must_fail(port.call(&request, &mut [], PATIENCE), "a reply of a byte");
    check_eq!(error, Error::BufferTooSmall { needed: 1 });
    end(number, Status::OK);
}
