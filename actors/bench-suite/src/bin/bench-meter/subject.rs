//! The subject, as the meter sees it: over its restarts, and with what the ledger says of them.

use bench_suite::subject::Request;
use judging::ledger;
use syscall::abi::{LedgerEntry, PortId, Response};
use syscall::prelude::*;
use syscall::{thread, ticks, ways_to_die};

use crate::check::Must;

/// How long it may take to be there, and to answer.
pub(crate) const PATIENCE: Span = Span::from_secs(30);

/// Whoever serves a port and dies when it is told to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    port: RemotePort,
}

/// What each part of a restart took, in instructions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parts {
    /// From the faulting instruction to the client's first answer.
    pub(crate) total: u64,
    /// From the faulting instruction to the kernel's taking note of the failure.
    pub(crate) notice: u64,
    /// The ledger's phases.
    pub(crate) freeze: u64,
    /// Between freeze and restart.
    pub(crate) delay: u64,
    /// See [`abi::ledger::Phases`](syscall::abi::ledger::Phases).
    pub(crate) restart: u64,
    /// The same.
    pub(crate) activate: u64,
    /// The same: until the new incarnation has replied.
    pub(crate) reply: u64,
    /// From the reply to the client's having it.
    pub(crate) answer: u64,
}

/// Takes one of the parts.
type Part = fn(&Parts) -> u64;

impl Parts {
    /// The parts by name, in their order.
    pub(crate) const NAMED: [(&'static str, Part); 8] = [
        ("", |parts| parts.total),
        (".notice", |parts| parts.notice),
        (".freeze", |parts| parts.freeze),
        (".delay", |parts| parts.delay),
        (".restart", |parts| parts.restart),
        (".activate", |parts| parts.activate),
        (".reply", |parts| parts.reply),
        (".answer", |parts| parts.answer),
    ];

    /// The parts of what began and ended at these readings of the counter, by what the ledger says.
    pub(crate) fn of(entry: &LedgerEntry, start: u64, end: u64) -> Self {
        // What the ledger says is in the clock's time, which counts from another zero.
        let (counter, clock) = (ticks::now(), thread::now().0);
        let noticed = counter - (clock - entry.time.0);
        let phases = entry.phases;
        let in_kernel = phases.freeze.0
            + phases.delay.0
            + phases.restart.0
            + phases.activate.0
            + phases.first_reply.0;
        Self {
            total: end - start,
            notice: noticed.saturating_sub(start),
            freeze: phases.freeze.0,
            delay: phases.delay.0,
            restart: phases.restart.0,
            activate: phases.activate.0,
            reply: phases.first_reply.0,
            answer: end.saturating_sub(noticed + in_kernel),
        }
    }
}

impl From<PortId> for Subject {
    fn from(port: PortId) -> Self {
        Self { port: port.into() }
    }
}

impl Subject {
    /// Finds it.
    pub(crate) fn find(name: &str) -> Self {
        let port = RemotePort::find(name, PATIENCE).must("the port of a subject");
        Self { port }
    }

    /// Asks for something that it survives.
    pub(crate) fn ask(self, request: Request) {
        let answer: Result<()> = self.port.request(&request, PATIENCE);
        answer.must("an answer of the subject");
    }

    /// The same, of one that may have been restarted meanwhile.
    pub(crate) fn ask_again(&mut self, request: Request) {
        loop {
            match self.port.request::<()>(&request, PATIENCE) {
                Ok(()) => return,
                Err(Error::Restarted { new, .. }) => self.port = new.into(),
                Err(error) => fail!("a subject does not answer: {error:?}"),
            }
        }
    }

    /// Lets it die; returns the port of its next incarnation.
    pub(crate) fn die(self) -> PortId {
        match self.port.request::<()>(&Request::Die, PATIENCE) {
            Err(Error::Restarted { new, .. }) => new,
            other => fail!("a deadly request ends with {other:?}"),
        }
    }

    /// Lets it die, and asks its next incarnation for this. Returns what that took, with the
    /// ledger's entry.
    pub(crate) fn restart(&mut self, then: Request, response: Response) -> (Parts, LedgerEntry) {
        let mut reader = ledger::Reader::at_end();
        self.port = self.die().into();
        self.ask(then);
        let end = ticks::now();
        let entry = reader.take();
        ledger::must_be_done(&entry, response);
        let start = ways_to_die::stamp(&ledger::fault(&entry).registers);
        let parts = Parts::of(&entry, start, end);
        (parts, entry)
    }
}
