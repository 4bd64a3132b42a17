//! One member of a group: greets, is ready, and does what it is told.
//!
//! Its arguments say how it starts:
//!
//! | argument | |
//! |---|---|
//! | none | as above |
//! | `fade` | panics at once, but for the first time |
//! | `subscribe` | subscribes to the group `watched` before it is ready |

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use core::hint::black_box;

use syscall::group::{self, Subscription};
use syscall::prelude::*;
use syscall::{activation, site, thread};
use tree_suite::{Greeting, INBOX, Reply, Request, WATCHED};

/// How many notices a member has room for.
const DEPTH: usize = 4;

struct Member {
    subscription: Option<Subscription>,
}

impl Server for Member {
    type Request = Request;
    type Reply = Reply;

    fn call(&mut self, _: ActorId, request: Request) -> Result<Reply, Status> {
        match request {
            Request::Ping => Ok(Reply::Done),
            Request::Die(way) => way.die(),
            Request::Work(millis) => Ok(Reply::Number(work(Span::from_millis(millis)))),
            Request::Subscribe => {
                let subscription = Subscription::to(WATCHED, DEPTH);
                let status = status(&subscription);
                self.subscription = subscription.ok();
                Ok(status)
            }
            Request::Unsubscribe => {
                self.subscription = None;
                Ok(Reply::Done)
            }
            Request::Waiting => {
                let actor = activation::next(Span::ZERO);
                Ok(Reply::Number(actor.map_or(0, ActorId::raw)))
            }
            Request::Activate(actor) => Ok(status(&activation::activate(ActorId::from_raw(actor)))),
            Request::Clear => Ok(status(&group::clear(WATCHED))),
        }
    }
}

fn status<T>(result: &Result<T>) -> Reply {
    let status = result.as_ref().map_or_else(Error::status, |_| Status::OK);
    Reply::Status(status.0)
}

/// Computes for a time, and says how far it came.
fn work(span: Span) -> u64 {
    let end = thread::now().after(span);
    let mut rounds = 0;
    while thread::now() < end {
        for turn in 0..100 {
            black_box(turn);
        }
        rounds += 1;
    }
    rounds
}

/// Tells the judge, if it listens.
fn greet(start: &Start) -> Result<()> {
    let Ok(inbox) = RemotePort::find(INBOX, Span::ZERO) else {
        return Ok(());
    };
    let greeting = Greeting {
        incarnation: start.incarnation(),
    };
    let mut buffer = [0; 16];
    inbox.send(syscall::encode(&greeting, &mut buffer)?, Span::ZERO)
}

fn start(start: Start) -> Result<Serve<Member>> {
    // A page of data that was written: what a judge damages is the page that comes back for one.
    black_box(entry::own_actor());
    if start.argument(0) == Some("fade") && start.incarnation() > 1 {
        panic!("incarnation {} cannot go on", start.incarnation());
    }
    greet(&start)?;
    let mut member = Member { subscription: None };
    if start.argument(0) == Some("subscribe") {
        member.subscription = Some(Subscription::to(WATCHED, DEPTH)?);
    }
    site::ready();
    Serve::under(start.name(), member)
}

entry!(start);
