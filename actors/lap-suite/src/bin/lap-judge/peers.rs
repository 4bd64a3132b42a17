//! Servers and clients as the judge sees them.

use lap_suite::client::{self, Tally};
use lap_suite::server::{self, Kinds, State};
use syscall::abi::site::ActorInfo;
use syscall::prelude::*;
use syscall::{RemoteLap, site};

use crate::check::{Must, must_fail, wait_until};

/// How long anything may take: far longer than it does.
pub(crate) const PATIENCE: Span = Span::from_secs(10);

/// What the kernel knows about an actor.
#[track_caller]
pub(crate) fn info(name: &str) -> ActorInfo {
    site::actor(name).must("actor information").must(name)
}

/// Waits until the actor of this name is of this incarnation.
#[track_caller]
pub(crate) fn await_incarnation(name: &str, incarnation: u32) {
    check!(
        wait_until(PATIENCE, || info(name).incarnation == incarnation),
        "{name} is of incarnation {}, not {incarnation}",
        info(name).incarnation
    );
}

/// Asks for the restart of an actor.
#[track_caller]
pub(crate) fn restart(name: &str) {
    let actor = site::find(name).must(name);
    site::restart(actor).must("the right to restart");
}

/// A server, of whichever incarnation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Host {
    pub(crate) name: &'static str,
}

impl Host {
    pub(crate) const SERVER: Self = Self { name: "server" };
    pub(crate) const MIDDLE: Self = Self { name: "middle" };

    /// Asks the present incarnation for something; waits for it to come if need be.
    pub(crate) fn try_ask(self, request: server::Request) -> Result<server::Reply> {
        RemotePort::find(self.name, PATIENCE)?.request(&request, PATIENCE)
    }

    #[track_caller]
    pub(crate) fn ask(self, request: server::Request) -> server::Reply {
        match self.try_ask(request) {
            Ok(reply) => reply,
            Err(error) => fail!("{} answers {request:?} with {error:?}", self.name),
        }
    }

    #[track_caller]
    pub(crate) fn make(self, request: server::Request) {
        check_eq!(self.ask(request), server::Reply::Done);
    }

    /// Lets it fail.
    #[track_caller]
    pub(crate) fn fell(self, request: server::Request) {
        check_eq!(
            must_fail(self.try_ask(request), "a deadly request").status(),
            Status::RESTARTED
        );
    }

    #[track_caller]
    pub(crate) fn number(self, request: server::Request) -> u64 {
        match self.ask(request) {
            server::Reply::Number(number) => number,
            other => fail!("no number but {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn state(self) -> State {
        match self.ask(server::Request::State) {
            server::Reply::State(state) => state,
            other => fail!("no state but {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn journal(self, number: u64) -> u64 {
        self.number(server::Request::Journal(number))
    }

    /// Waits until so many guests are inside.
    #[track_caller]
    pub(crate) fn await_inside(self, count: u64) {
        check!(
            wait_until(PATIENCE, || self.state().inside == count),
            "{} has {} guests inside, not {count}",
            self.name,
            self.state().inside
        );
    }

    /// Its LAP with many stacks.
    #[track_caller]
    pub(crate) fn wide(self) -> RemoteLap {
        RemoteLap::resolve(self.name, PATIENCE).must(self.name)
    }

    /// Its LAP with one stack.
    #[track_caller]
    pub(crate) fn narrow(self) -> RemoteLap {
        let name = alloc::format!("{}-narrow", self.name);
        RemoteLap::resolve(&name, PATIENCE).must("the narrow LAP")
    }

    /// Connects handlers.
    #[track_caller]
    pub(crate) fn connect(self, kinds: Kinds) {
        self.make(server::Request::Connect(kinds));
    }
}

/// A client, of whichever incarnation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guests {
    pub(crate) name: &'static str,
}

impl Guests {
    pub(crate) const CLIENT: Self = Self { name: "client" };
    pub(crate) const OTHER: Self = Self { name: "other" };

    /// Asks the present incarnation for something; waits for it to come if need be.
    pub(crate) fn try_ask(self, request: client::Request) -> Result<client::Reply> {
        RemotePort::find(self.name, PATIENCE)?.request(&request, PATIENCE)
    }

    /// Asks it to do something; returns its incarnation.
    #[track_caller]
    pub(crate) fn make(self, request: client::Request) -> u32 {
        match self.try_ask(request) {
            Ok(client::Reply::Done(incarnation)) => incarnation,
            other => fail!("{} answers {request:?} with {other:?}", self.name),
        }
    }

    /// Lets it fail.
    #[track_caller]
    pub(crate) fn fell(self, request: client::Request) {
        check_eq!(
            must_fail(self.try_ask(request), "a deadly request").status(),
            Status::RESTARTED
        );
    }

    /// Ends its part in the randomized test.
    #[track_caller]
    pub(crate) fn calm(self) -> Tally {
        match self.try_ask(client::Request::Calm) {
            Ok(client::Reply::Tally(tally)) => tally,
            other => fail!("{} has no tally but {other:?}", self.name),
        }
    }
}
