//! Nobody runs in an actor from its failure to its next incarnation, whichever way they come.

use lap_suite::client;
use lap_suite::journal::{BEGUN, EFFECT, ENDED};
use lap_suite::program::{Step, program};
use lap_suite::server::Request;
use syscall::prelude::*;
use syscall::{RemoteLap, Thread, thread};

use crate::check::{Must, must_be_refused, wait_until};
use crate::peers::{Guests, Host, PATIENCE, await_incarnation, info};
use crate::wave::{self, Reports};

const CLIENT: Guests = Guests::CLIENT;
const SERVER: Host = Host::SERVER;

/// Above the kernel's recovery: between a failure and the freeze there is time to be wrong.
const ABOVE_RECOVERY: u8 = 62;

/// Threads that come home to an actor that waits for its restart end there.
pub(crate) fn threads_come_home_to_nobody(_: &Start) {
    let reports = Reports::open();
    let wave = wave::send(CLIENT, SERVER.wide(), &[Step::Effect, Step::Receive], 4);
    SERVER.await_inside(4);
    CLIENT.fell(client::Request::Die);
    let failed = thread::now();
    SERVER.make(Request::Feed(4));
    SERVER.await_inside(0);
    for number in wave {
        check_eq!(SERVER.journal(number), BEGUN | EFFECT | ENDED);
    }
    reports.must_be_none(Span::from_millis(50));
    check_eq!(info("client").incarnation, 1);
    await_incarnation("client", 2);
    check!(thread::now().since(failed) >= Span::from_millis(400));
    reports.must_be_none(Span::from_millis(5));
    check!(
        wait_until(PATIENCE, || info("client").threads == 1),
        "threads that are not gone"
    );
}

/// Threads do not get into an actor that has failed, though nobody has frozen it yet.
pub(crate) fn failed_actors_are_shut_at_once(_: &Start) {
    let lap = SERVER.wide();
    // Once the quick way, so that it is known to be open.
    check_eq!(lap.invoke([0, 1], Span::ZERO), Ok((1, 1)));
    let own = Thread::CURRENT
        .set_priority(ABOVE_RECOVERY)
        .must("the priority");
    Thread::spawn(die_inside, lap.id().raw(), 64 * 1024, ABOVE_RECOVERY).must("a thread");
    thread::yield_now();
    let refused = lap.invoke([program(&[Step::Effect]), 2], Span::ZERO);
    Thread::CURRENT.set_priority(own).must("the old priority");
    must_be_refused(refused, Status::FROZEN, "an actor that has failed");
    await_incarnation("server", 2);
    check_eq!(SERVER.journal(2), 0);
}

fn die_inside(lap: u64) {
    let lap = RemoteLap::from(syscall::abi::LapId::from_raw(lap));
    // What it is told is others' business.
    let _ = lap.invoke([program(&[Step::Die]), 3], Span::ZERO);
}
