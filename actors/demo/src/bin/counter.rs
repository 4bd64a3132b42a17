//! Counts requests, and dies in a new way in each incarnation.
//!
//! The count is kept in a persistent cell together with the number of the request counted last,
//! in one value that is always whole. A client that does not know whether its request was counted
//! sends it again with the same number, and it is counted once.
//!
//! Incarnation *n* dies in the *n*-th of [`Way::DEMONSTRATED`], in the middle of a request: the
//! odd ones before the request is committed, the even ones after it, before the client is told.
//! After the last way it lives on. With the argument `steady` it dies only when asked to.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use demo::counter::{PORT, REQUESTS_PER_INCARNATION, Reply, Request};
use syscall::prelude::*;
use syscall::ways_to_die::Way;

syscall::plain_struct! {
    /// What survives.
    struct Account {
        count: u64,
        sequence: u64,
    }
}

/// Where in a request the incarnation dies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Moment {
    BeforeCommit,
    AfterCommit,
}

struct Counter {
    account: PersistentCell<Account>,
    incarnation: u32,
    handled: u64,
    death: Option<(Way, Moment)>,
}

impl Counter {
    fn increment(&mut self, sequence: u64) -> Result<Reply, Status> {
        let Account {
            count,
            sequence: last,
        } = self.account.get();
        if sequence == last {
            // Counted already, by us or by an incarnation that did not live to say so.
            return Ok(self.reply());
        }
        if sequence != last + 1 {
            return Err(Status::BAD_ARGUMENT);
        }
        self.handled += 1;
        self.die_if_due(Moment::BeforeCommit);
        self.account.set(Account {
            count: count + 1,
            sequence,
        });
        self.die_if_due(Moment::AfterCommit);
        Ok(self.reply())
    }

    fn die_if_due(&self, now: Moment) {
        match self.death {
            Some((way, moment)) if moment == now && self.handled == REQUESTS_PER_INCARNATION => {
                debug!("incarnation {} dies: {way}, {moment:?}", self.incarnation);
                way.die()
            }
            _ => {}
        }
    }

    fn reply(&self) -> Reply {
        let Account { count, sequence } = self.account.get();
        Reply {
            count,
            sequence,
            incarnation: self.incarnation,
        }
    }
}

impl Server for Counter {
    type Request = Request;
    type Reply = Reply;

    fn call(&mut self, _caller: ActorId, request: Request) -> Result<Reply, Status> {
        match request {
            Request::Read => Ok(self.reply()),
            Request::Increment { sequence } => self.increment(sequence),
            Request::Crash(way) => way.die(),
        }
    }
}

fn start(start: Start) -> Result<Serve<Counter>> {
    let incarnation = start.incarnation();
    let death = match start.argument(0) {
        Some("steady") => None,
        _ => death_of(incarnation),
    };
    let account = PersistentCell::open("account")?;
    Serve::under(
        PORT,
        Counter {
            account,
            incarnation,
            handled: 0,
            death,
        },
    )
}

/// How an incarnation dies.
fn death_of(incarnation: u32) -> Option<(Way, Moment)> {
    let way = *Way::DEMONSTRATED.get(incarnation.checked_sub(1)? as usize)?;
    let moment = if incarnation % 2 == 1 {
        Moment::BeforeCommit
    } else {
        Moment::AfterCommit
    };
    Some((way, moment))
}

entry!(start);
