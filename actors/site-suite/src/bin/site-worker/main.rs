//! One who works for as long as the site runs, and finds everything as it was when it comes back.
//!
//! | argument | |
//! |---|---|
//! | `next NAME` | calls that worker, and visits its LAP |
//! | `spawns yes` | spawns `<its name>-child` at each start, another worker |
//! | `line yes` | handles the interrupts of the real-time clock |

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod journal;
mod work;

use site_suite::{Reply, Report, Request, child_name, lap_name};
use syscall::prelude::*;
use syscall::{Lap, Spawn, Stacks};

use crate::journal::Journal;

struct Worker {
    report: Report,
    start: Start,
}

impl Server for Worker {
    type Request = Request;
    type Reply = Reply;

    fn call(&mut self, _: ActorId, request: Request) -> Result<Reply, Status> {
        match request {
            Request::Report => Ok(Reply::Report(self.report)),
            Request::Echo(number) => Ok(Reply::Number(number + 1)),
            Request::Work => {
                let begun = work::begin(&self.start);
                begun.map(|()| Reply::Done).map_err(|error| error.status())
            }
            Request::Progress => Ok(Reply::Progress(work::progress())),
        }
    }
}

fn start(start: Start) -> Result<()> {
    let journal = Journal::open(start.name())?;
    let (was_appending, was_committing) = journal.was_interrupted();
    let last = journal.last();
    drop(journal);
    journal::check_pattern(start.name())?;
    let lap = Lap::create(
        lap_name(start.name()).as_str(),
        Stacks::of_count(4),
        0,
        work::visit,
    )?;
    if work::option(&start, "spawns").is_some() {
        let child = child_name(start.name());
        Spawn::new(child.as_str(), "site-worker").start()?;
    }
    let port = Port::create(start.name(), 16)?;
    let mut worker = Worker {
        report: Report {
            actor: start.actor(),
            port: port.id(),
            lap: lap.keep().id(),
            incarnation: start.incarnation(),
            previous: start.previous(),
            last,
            was_appending,
            was_committing,
        },
        start,
    };
    Err(syscall::server::serve(&port, &mut worker))
}

entry!(start);
