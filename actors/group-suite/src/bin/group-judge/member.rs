//! A member as the judge sees it.

use group_suite::{Condition, Deed, Order, Reply, Request};
use syscall::abi::site::{ActorInfo, ActorState};
use syscall::abi::{Name, Response};
use syscall::prelude::*;
use syscall::site;
use syscall::ways_to_die::Way;

use crate::check::{Must, must_fail, wait_until};
use crate::ledger::{self, Reader};

/// How long a member may take to answer, or to make its port.
pub(crate) const PATIENCE: Span = Span::from_secs(10);

/// One member, by its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member(pub(crate) &'static str);

impl Member {
    /// Asks it for something, of whichever incarnation it is.
    #[track_caller]
    pub(crate) fn ask(self, request: Request) -> Reply {
        match self.try_ask(request) {
            Ok(reply) => reply,
            Err(error) => fail!("{} answers {request:?} with {error:?}", self.0),
        }
    }

    pub(crate) fn try_ask(self, request: Request) -> Result<Reply> {
        RemotePort::find(self.0, PATIENCE)?.request(&request, PATIENCE)
    }

    /// Asks it for something that it does.
    #[track_caller]
    pub(crate) fn make(self, request: Request) {
        check_eq!(self.ask(request), Reply::Done, "{request:?}");
    }

    /// Asks it for a status.
    #[track_caller]
    pub(crate) fn status(self, request: Request) -> Status {
        match self.ask(request) {
            Reply::Status(status) => status,
            other => fail!("{request:?}: no status but {other:?}"),
        }
    }

    /// Has it do something to an actor; returns how that ended.
    #[track_caller]
    pub(crate) fn does(self, deed: Deed, actor: ActorId) -> Status {
        self.status(Request::Do(deed, actor))
    }

    /// Asks it for a number.
    #[track_caller]
    pub(crate) fn number(self, request: Request) -> u64 {
        match self.ask(request) {
            Reply::Number(number) => number,
            other => fail!("no number but {other:?}"),
        }
    }

    /// Has it spawn another one.
    #[track_caller]
    pub(crate) fn spawns(self, order: Order) -> ActorId {
        match self.ask(Request::Spawn(order)) {
            Reply::Actor(actor) => actor,
            other => fail!("{}: not spawned but {other:?}", order.name),
        }
    }

    /// What it finds itself in.
    #[track_caller]
    pub(crate) fn condition(self) -> Condition {
        match self.ask(Request::Inspect) {
            Reply::Condition(condition) => condition,
            other => fail!("no condition but {other:?}"),
        }
    }

    /// Its present capability.
    #[track_caller]
    pub(crate) fn actor(self) -> ActorId {
        site::find(self.0).must(self.0)
    }

    /// What the kernel knows about it.
    #[track_caller]
    pub(crate) fn info(self) -> Option<ActorInfo> {
        site::actor(self.0).must("actor information")
    }

    /// The state the kernel knows it in.
    #[track_caller]
    pub(crate) fn state(self) -> ActorState {
        self.info().must(self.0).state
    }

    /// Waits until it is in a state.
    #[track_caller]
    pub(crate) fn must_become(self, state: ActorState) {
        let is_there = || self.info().is_some_and(|info| info.state == state);
        check!(
            wait_until(PATIENCE, is_there),
            "{} does not become {state}: {:?}",
            self.0,
            self.info()
        );
    }

    /// Waits until it serves in an incarnation.
    #[track_caller]
    pub(crate) fn must_come_back(self, incarnation: u32) {
        let is_back = || {
            let info = self.info();
            info.is_some_and(|info| info.incarnation >= incarnation)
                && RemotePort::find(self.0, Span::ZERO).is_ok()
        };
        check!(
            wait_until(PATIENCE, is_back),
            "{} does not come back: {:?}",
            self.0,
            self.info()
        );
        check_eq!(self.condition().incarnation, incarnation, "{}", self.0);
    }

    /// Tells it to do what it does not answer.
    #[track_caller]
    pub(crate) fn ends(self, request: Request) {
        must_fail(self.try_ask(request), "a last request");
    }

    /// Lets it die, and checks that its group is restarted hot: it, and whoever else the ledger
    /// must have an entry of, in any order.
    #[track_caller]
    pub(crate) fn fails(self, reader: &mut Reader, others: &[&str]) {
        let old = self.actor();
        self.ends(Request::Die(Way::NullWrite));
        let entry = reader.take();
        check_eq!((entry.name.as_str(), entry.actor), (self.0, old));
        ledger::must_be_done(&entry, Response::HOT_RESTART);
        must_follow(reader, others);
    }
}

/// Takes the entries of those whose group was restarted, or ended, and checks that they are these.
#[track_caller]
pub(crate) fn must_follow(reader: &mut Reader, others: &[&str]) {
    let mut seen = alloc::vec::Vec::new();
    for _ in others {
        let entry = reader.take();
        check!(
            others.contains(&entry.name.as_str()) && !seen.contains(&entry.name),
            "not one of {others:?}: {entry:?}"
        );
        seen.push(entry.name);
    }
}

/// A name, as a value.
pub(crate) fn name(name: &str) -> Name {
    Name::truncated(name)
}
