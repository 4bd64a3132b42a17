//! Restarts of an actor that has something of everything.

use alloc::vec;

use bench_suite::holding::{HOLDER, UNREAD};
use bench_suite::subject::Request;
use syscall::prelude::*;
use syscall::{site, thread, ticks};

use super::used::{PAUSE, Used, print_held};
use super::{Plan, WARM_UP};
use crate::check::Must;
use crate::subject::{PATIENCE, Subject};

/// The holder, with the port from which it does not receive.
struct Holder {
    subject: Subject,
    unread: RemotePort,
}

impl Holder {
    fn find() -> Self {
        let subject = Subject::find(HOLDER);
        let unread = RemotePort::find(UNREAD, PATIENCE).must("a port of the holder");
        Self { subject, unread }
    }

    /// Lets it change its data, and die with a message unread. Returns how long it takes until the
    /// next incarnation answers.
    fn restart(&mut self) -> u64 {
        self.subject.ask(Request::Touch(4));
        let sent = self.unread.send(b"unread", Span::ZERO);
        sent.must("a message to the holder");
        thread::sleep(PAUSE);
        let begin = ticks::now();
        self.subject = self.subject.die().into();
        self.subject.ask(Request::Touch(0));
        let end = ticks::now();
        // The capability that we have is stale: we are told which is not.
        match self.unread.send(b"late", Span::ZERO) {
            Err(Error::Restarted { new, .. }) => self.unread = new.into(),
            other => fail!("a message to an earlier incarnation: {other:?}"),
        }
        end - begin
    }
}

/// Restarts the holder as often as the second argument says.
pub(crate) fn actors(start: &Start) {
    let plan = Plan::of(start);
    // All of it is written to now.
    let mut times = vec![0; 2 * plan.compared as usize];
    let mut holder = Holder::find();
    for _ in 0..WARM_UP {
        holder.restart();
    }
    let earlier = site::info().must("the counters").hot_restarts;
    // The first time in vain: see the module above.
    Used::at_rest().must_be_back();
    plan.is_part_over(0);
    print_held();
    let before = Used::at_rest();
    before.print("before");
    for number in 0..plan.count {
        let took = holder.restart();
        if let Some(time) = plan.place(number).and_then(|place| times.get_mut(place)) {
            *time = took;
        }
        if plan.is_part_over(number + 1) {
            before.must_be_back();
        }
    }
    before.must_be_back();
    print_held();
    Used::at_rest().print("after");
    let restarts = site::info().must("the counters").hot_restarts - earlier;
    check_eq!(restarts, plan.count);
    plan.judge(&times);
}
