//! Keeps calling `counter`, whatever happens to it, and checks every count.
//!
//! A request that was cut off by a restart is sent again, to the port's new capability and with
//! the same number: the counter knows the number, so sending it twice does no harm. Nothing here
//! may end the client, so every error has a way on. What it has counted is persistent, so that it
//! goes on where it was when it is restarted itself, as with the site.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use demo::conductor::{self, Count, Notice};
use demo::counter::{self, Reply, Request};
use syscall::prelude::*;
use syscall::thread;

/// Time between two requests. The demonstration's eight lives of ten requests then take a second.
const PACE: Span = Span::from_millis(10);

/// How long a request may take before we look for the port again: far longer than any restart.
const PATIENCE: Span = Span::from_secs(2);

/// How long we wait for the conductor, who is not there in every site that has a counter.
const GRACE: Span = Span::from_millis(100);

syscall::plain_struct! {
    /// What survives.
    struct Progress {
        /// Number of the last request that was answered; 0 if none was.
        sequence: u64,
        /// The count it should have brought us to.
        expected: u64,
    }
}

struct Client {
    counter: RemotePort,
    progress: PersistentCell<Progress>,
    /// The incarnation that answered last.
    incarnation: u32,
}

impl Client {
    /// Finds the counter. Its count is taken for right if this client has never counted: it may be
    /// older than we are.
    fn new() -> Result<Self> {
        let mut client = Self {
            counter: find_counter(),
            progress: PersistentCell::open("progress")?,
            incarnation: 0,
        };
        if client.progress.get().sequence == 0 {
            client.adopt();
        }
        Ok(client)
    }

    /// Has one request counted, and checks the answer.
    fn step(&mut self) {
        let Progress { sequence, expected } = self.progress.get();
        let (sequence, expected) = (sequence + 1, expected + 1);
        let Ok(reply) = self.ask(&Request::Increment { sequence }) else {
            // Our number does not follow the counter's: it has forgotten, or dreamt, requests.
            let reply = self.adopt();
            return self.report(Count {
                expected: sequence,
                ..as_it_is(reply)
            });
        };
        self.progress.set(Progress { sequence, expected });
        if reply.incarnation != self.incarnation || reply.count != expected {
            self.report(Count {
                expected,
                ..as_it_is(reply)
            });
        }
        self.incarnation = reply.incarnation;
    }

    /// Reads the count and takes it for right.
    fn adopt(&mut self) -> Reply {
        loop {
            if let Ok(reply) = self.ask(&Request::Read) {
                self.progress.set(Progress {
                    sequence: reply.sequence,
                    expected: reply.count,
                });
                self.incarnation = reply.incarnation;
                return reply;
            }
            thread::sleep(PACE);
        }
    }

    /// Sends a request until it is answered. The counter may decline it.
    fn ask(&mut self, request: &Request) -> Result<Reply, Status> {
        loop {
            match self.counter.request(request, PATIENCE) {
                Ok(reply) => return Ok(reply),
                Err(Error::Declined(status)) => return Err(status),
                Err(Error::Restarted { new, progress }) => {
                    debug!("counter restarted as {new} ({progress}); asking again");
                    self.counter = new.into();
                }
                Err(Error::Dead { .. }) => {
                    warn!("counter is gone; waiting for another one");
                    self.counter = find_counter();
                }
                Err(error) => {
                    warn!("counter does not answer: {error}");
                    thread::sleep(PACE);
                    self.counter = find_counter();
                }
            }
        }
    }

    /// Tells the conductor what an incarnation counted.
    fn report(&self, count: Count) {
        let Count {
            incarnation,
            expected,
            counted,
        } = count;
        if counted != expected {
            error!("incarnation {incarnation} counted {counted}, not {expected}");
        }
        let told = RemotePort::find(conductor::PORT, GRACE)
            .and_then(|conductor| conductor.notify(&Notice::Count(count), GRACE));
        if let Err(error) = told {
            debug!("no conductor: {error}");
        }
    }
}

/// What a reply is to the conductor, as long as nobody says that it is wrong.
fn as_it_is(reply: Reply) -> Count {
    let Reply {
        count, incarnation, ..
    } = reply;
    Count {
        incarnation,
        expected: count,
        counted: count,
    }
}

/// Finds the counter's port, however long that takes.
fn find_counter() -> RemotePort {
    loop {
        match RemotePort::find(counter::PORT, Span::FOREVER) {
            Ok(port) => return port,
            Err(error) => {
                debug!("no counter: {error}");
                thread::sleep(PACE);
            }
        }
    }
}

fn start(_start: Start) -> Result<()> {
    let mut client = Client::new()?;
    loop {
        client.step();
        thread::sleep(PACE);
    }
}

entry!(start);
