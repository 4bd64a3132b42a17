//! That the quick way is taken, and what it costs. An instruction is a nanosecond here.

use syscall::abi::layout::MESSAGE_MAX;
use syscall::prelude::*;
use syscall::{Region, thread, ticks};
use test_suite::partner::{ECHO, Order};

use super::{Partner, echoing};
use crate::check::Must;
use crate::victim::PATIENCE;

/// Instructions of a call and its answer, of 32 bytes, that are allowed.
const ROUND_TRIP_MAX: u64 = 450;
/// The same when page tables have changed since the last call, so that all memory is looked at
/// anew. Half of it is how long interrupts are off.
const ANEW_MAX: u64 = 3_000;
/// Round trips that are measured together.
const COUNT: u64 = 1_000;

/// The page-aligned memory of a message.
#[repr(align(4096))]
struct Message([u8; MESSAGE_MAX]);

/// How many instructions a call takes, over many of them. What the ticks take is not the call's;
/// the best of several has the fewest of them.
fn best(mut call: impl FnMut()) -> u64 {
    let mut measure = |count| {
        let before = thread::now();
        for _ in 0..count {
            call();
        }
        thread::now().since(before).0
    };
    measure(COUNT);
    (0..5).map(|_| measure(COUNT)).min().unwrap_or(0) / COUNT
}

/// What the quick way takes, and whether it is taken.
pub(crate) fn calls_are_handed_over(_: &Start) {
    let partner = Partner::find("partner");
    let (request, mut reply) = (Message([ECHO; MESSAGE_MAX]), Message([0; MESSAGE_MAX]));
    partner
        .port
        .call(&request.0, &mut reply.0, PATIENCE)
        .must("an answer");
    let mut measure = |port: RemotePort, length: usize| {
        best(|| {
            let request = request.0.get(..length).must("a request");
            let answer = port.call(request, &mut reply.0, Span::FOREVER);
            check_eq!(answer.must("an answer").len(), length);
        })
    };
    for length in [0, 1, 32, 512] {
        // The partner has to copy it, too.
        let most = ROUND_TRIP_MAX + 40 + 3 * length as u64;
        let took = measure(partner.port, length);
        info!("a call with {length} bytes takes {took} instructions");
        check!(took <= most, "{length} bytes take {took} instructions");
    }
    // Within an actor, to a thread above and to one below.
    for priority in [10, 39] {
        let port = echoing(priority);
        let took = measure(port.remote(), 0);
        // The thread copies 4 KiB.
        let most = ROUND_TRIP_MAX + 40 + MESSAGE_MAX as u64 / 8 + 20;
        check!(
            took <= most,
            "a thread at {priority} takes {took} instructions"
        );
    }

    // Everything is looked at anew. A tick comes into few of these.
    let mut all = [0; 51];
    for took in &mut all {
        Region::allocate(4096).must("a region").fill(1);
        let before = ticks::now();
        partner.must_echo(1);
        *took = ticks::now() - before;
    }
    all.sort_unstable();
    let took = all[all.len() / 2];
    info!("a call after page tables have changed takes {took} instructions");
    check!(took <= ANEW_MAX, "{took} instructions");

    // A thread with vector registers takes the long way.
    partner.order(Order::FillVectors(1));
    let took = measure(partner.port, 32);
    check!(
        took > ROUND_TRIP_MAX,
        "{took} instructions cannot be the long way"
    );
}
