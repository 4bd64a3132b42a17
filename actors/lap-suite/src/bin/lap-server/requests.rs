//! What the server does when the judge tells it to.

use core::sync::atomic::Ordering;

use lap_suite::journal::{BEGUN, EFFECT};
use lap_suite::server::{Reply, Request, State};
use syscall::prelude::*;
use syscall::ways_to_die::{self, Way};
use syscall::{Thread, call, thread};

use crate::{Server, handlers, storm};

/// Below the thread that dies at a tick, above the judge's.
const BELOW_DEATH: u8 = 15;

/// Priority of a server's helpers that must not keep anybody from anything.
const LOW: u8 = 1;

/// The server as its port sees it.
pub(crate) struct Answers {
    pub(crate) server: &'static Server,
}

impl Answers {
    fn obey(&self, request: Request) -> Result<Reply> {
        let server = self.server;
        match request {
            Request::State => {
                return Ok(Reply::State(State {
                    incarnation: server.incarnation,
                    inside: server.inside.load(Ordering::SeqCst),
                }));
            }
            Request::Open => server.is_open.store(true, Ordering::SeqCst),
            Request::Close => server.is_open.store(false, Ordering::SeqCst),
            Request::Feed(count) => {
                for _ in 0..count {
                    server.gate.remote().send(b"go on", Span::ZERO)?;
                }
            }
            Request::Journal(number) => return Ok(Reply::Number(server.journal.read(number))),
            Request::Die => Way::NullWrite.die(),
            Request::DieLater(millis) => {
                let body = |millis| {
                    thread::sleep(Span::from_millis(millis));
                    Way::NullWrite.die()
                };
                Thread::spawn(body, millis, 16 * 1024, 20)?;
            }
            Request::Enter(number) => {
                server.journal.enter(number, BEGUN);
                server.journal.enter(number, EFFECT);
            }
            Request::DieAtTick => {
                // It dies in the middle of serving, and not only after that.
                Thread::CURRENT.set_priority(BELOW_DEATH)?;
                return die_at_tick().map(Reply::Number);
            }
            Request::Exit => call::sys_exit(0),
            Request::ReadAt(address) => {
                return Ok(Reply::Number(u64::from(ways_to_die::read_foreign(address))));
            }
            Request::Where => return Ok(Reply::Number(server.noted.load(Ordering::SeqCst))),
            Request::DestroyNarrow => call::lap::sys_lap_destroy(server.narrow().id())?,
            Request::Laps => {
                return Ok(Reply::Laps {
                    wide: server.wide().id(),
                    narrow: server.narrow().id(),
                });
            }
            Request::Connect(kinds) => handlers::connect(server.incarnation, kinds)?,
            Request::ConnectFaulty => handlers::connect_faulty()?,
            Request::Exercise(kinds) => handlers::exercise(server.incarnation, kinds)?,
            Request::Overreach(actor) => {
                return Ok(Reply::Statuses(handlers::overreach(actor)));
            }
            Request::Abort(thread) => {
                let result = Thread::from_id(thread).abort();
                let status = result.map_or_else(|error| error.status(), |()| Status::OK);
                return Ok(Reply::Number(status.0));
            }
            Request::Hang => hang(),
            Request::HangBeside => {
                let priority = Thread::CURRENT.set_priority(LOW)?;
                Thread::CURRENT.set_priority(priority)?;
                Thread::spawn(|_| hang(), 0, 16 * 1024, priority)?;
            }
            Request::StopKicking => server.kicks.store(false, Ordering::SeqCst),
            Request::Storm(seed) => storm::set(server, seed)?,
            Request::Events => return Ok(handlers::events()),
        }
        Ok(Reply::Done)
    }
}

impl syscall::Server for Answers {
    type Request = Request;
    type Reply = Reply;

    fn call(&mut self, _: ActorId, request: Request) -> Result<Reply, Status> {
        self.obey(request).map_err(|error| error.status())
    }
}

/// Waits for a tick with nothing else to do, and dies at the next one. Returns when it woke from the
/// first.
fn die_at_tick() -> Result<u64> {
    let body = |_| {
        // Less than a tick, which is to the next one.
        thread::sleep(Span(1));
        Way::NullWrite.die()
    };
    // At the first tick the log writer may still tell of the last failure, before we run.
    thread::sleep(Span(1));
    thread::sleep(Span(1));
    let woken = thread::now().0;
    Thread::spawn(body, 0, 16 * 1024, 20)?;
    // It begins to sleep before we answer.
    thread::yield_now();
    Ok(woken)
}

/// Computes for ever.
fn hang() -> ! {
    loop {
        lap_suite::compute();
    }
}
