//! A victim as the judge sees it.

use syscall::abi::site::{ActorInfo, ActorState, SiteInfo};
use syscall::abi::status::Progress;
use syscall::abi::{LedgerEntry, Response};
use syscall::prelude::*;
use syscall::site;
use syscall::ways_to_die::Way;
use test_suite::{Condition, Kept, Reply, Request};

use crate::check::{Must, must_fail, wait_until};
use crate::ledger::{self, Reader};

/// How long a victim may take to answer, or to make its port.
pub(crate) const PATIENCE: Span = Span::from_secs(10);

/// One victim, of whichever incarnation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Victim {
    name: &'static str,
    port: RemotePort,
}

impl Victim {
    /// Finds a victim by the name of its port.
    #[track_caller]
    pub(crate) fn find(name: &'static str) -> Self {
        let port = RemotePort::find(name, PATIENCE).must(name);
        Self { name, port }
    }

    /// Its port, as far as we know.
    pub(crate) fn port(&self) -> RemotePort {
        self.port
    }

    /// What the kernel knows about it.
    #[track_caller]
    pub(crate) fn info(&self) -> ActorInfo {
        site::actor(self.name)
            .must("actor information")
            .must(self.name)
    }

    /// Its present capability.
    #[track_caller]
    pub(crate) fn actor(&self) -> ActorId {
        site::find(self.name).must(self.name)
    }

    /// Asks it for something that it lives through.
    #[track_caller]
    pub(crate) fn ask(&self, request: Request) -> Reply {
        match self.try_ask(request) {
            Ok(reply) => reply,
            Err(error) => fail!("{} answers {request:?} with {error:?}", self.name),
        }
    }

    /// Asks it for something.
    pub(crate) fn try_ask(&self, request: Request) -> Result<Reply> {
        self.port.request(&request, PATIENCE)
    }

    /// Asks it for something that it does.
    #[track_caller]
    pub(crate) fn make(&self, request: Request) {
        check_eq!(self.ask(request), Reply::Done);
    }

    /// Asks it for a number.
    #[track_caller]
    pub(crate) fn number(&self, request: Request) -> u64 {
        match self.ask(request) {
            Reply::Number(number) => number,
            other => fail!("no number but {other:?}"),
        }
    }

    /// Asks it for a status.
    #[track_caller]
    pub(crate) fn status(&self, request: Request) -> Status {
        match self.ask(request) {
            Reply::Status(status) => status,
            other => fail!("no status but {other:?}"),
        }
    }

    /// Asks it what it finds itself in.
    #[track_caller]
    pub(crate) fn inspect(&self) -> Condition {
        match self.ask(Request::Inspect) {
            Reply::Condition(condition) => condition,
            other => fail!("no condition but {other:?}"),
        }
    }

    /// Asks it what is in its persistent region.
    #[track_caller]
    pub(crate) fn kept(&self) -> Kept {
        match self.ask(Request::Kept) {
            Reply::Kept(kept) => kept,
            other => fail!("nothing kept but {other:?}"),
        }
    }

    /// Asks it for something that it dies of, and takes the port's next capability.
    #[track_caller]
    pub(crate) fn fell(&mut self, request: Request) -> Progress {
        match must_fail(self.try_ask(request), "a deadly request") {
            Error::Restarted { new, progress } => {
                self.port = new.into();
                progress
            }
            other => fail!("{} ended {request:?} with {other:?}", self.name),
        }
    }

    /// Finds it again, under the capability that it has now.
    #[track_caller]
    pub(crate) fn find_again(&mut self) {
        *self = Self::find(self.name);
    }

    /// Takes the port's next capability.
    pub(crate) fn follow(&mut self, new: PortId) {
        self.port = new.into();
    }

    /// The site's counters when the victim answers.
    #[track_caller]
    pub(crate) fn settled(&self) -> SiteInfo {
        let port = RemotePort::find(self.name, PATIENCE).must(self.name);
        check_eq!(
            port.request::<Reply>(&Request::Ping, PATIENCE),
            Ok(Reply::Done)
        );
        site::info().must("the site's counters")
    }

    /// Lets it die, and returns the entry about it, when all is done.
    #[track_caller]
    pub(crate) fn die(&mut self, reader: &mut Reader, request: Request) -> LedgerEntry {
        let old = self.actor();
        let progress = self.fell(request);
        check_eq!(progress, Progress::MAYBE_EXECUTED, "{request:?}");
        let entry = reader.take();
        check_eq!(entry.name.as_str(), self.name);
        check_eq!(entry.actor, old);
        entry
    }

    /// Lets it die in some usual way, and come back hot.
    #[track_caller]
    pub(crate) fn restart_hot(&mut self, reader: &mut Reader) -> LedgerEntry {
        let entry = self.die(reader, Request::Die(Way::NullWrite));
        ledger::must_be_done(&entry, Response::HOT_RESTART);
        entry
    }

    /// Lets it die, and stay dead.
    #[track_caller]
    pub(crate) fn die_for_good(&mut self, reader: &mut Reader, request: Request) -> LedgerEntry {
        match must_fail(self.try_ask(request), "a deadly request") {
            Error::Dead { progress } => check_eq!(progress, Progress::MAYBE_EXECUTED),
            other => fail!("{} ended {request:?} with {other:?}", self.name),
        }
        let entry = reader.take();
        check_eq!(entry.name.as_str(), self.name);
        self.must_be_gone();
        entry
    }

    /// Checks that nothing is left of it.
    #[track_caller]
    pub(crate) fn must_be_gone(&self) {
        let is_gone = || match site::actor(self.name) {
            Ok(None) => true,
            Ok(Some(info)) => info.state == ActorState::TERMINATED,
            Err(_) => false,
        };
        check!(
            wait_until(PATIENCE, is_gone),
            "{} is not gone: {:?}",
            self.name,
            self.info()
        );
    }
}
