//! What a member does about each request.

use core::sync::atomic::{AtomicU64, Ordering};

use group_suite::{Condition, KEPT_BYTES, NEW, Order, Reply, Request};
use syscall::abi::{Name, Text};
use syscall::prelude::*;
use syscall::{Lap, PersistentRegion, RemoteLap, Spawn, Stacks, Thread, call, site, thread};

use crate::deeds;

/// How far the thread that computes has come.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Priority of a member's own threads: below that of its server, which has to answer.
const BACKGROUND: u8 = 1;

pub(crate) struct Member {
    start: Start,
}

impl Member {
    pub(crate) fn new(start: Start) -> Self {
        Self { start }
    }

    fn obey(&mut self, request: Request) -> Result<Reply> {
        match request {
            Request::Inspect => Ok(Reply::Condition(Condition {
                actor: self.start.actor(),
                incarnation: self.start.incarnation(),
                previous: self.start.previous(),
                arguments: Text::truncated(self.start.arguments()),
            })),
            Request::Die(way) => way.die(),
            Request::Exit(code) => call::sys_exit(code),
            Request::Spawn(order) => Ok(match spawn(&order) {
                Ok(actor) => Reply::Actor(actor),
                Err(error) => Reply::Status(error.status()),
            }),
            Request::SpawnMany(count) => Ok(self.spawn_many(count)),
            Request::SpawnBadly(nonsense) => Ok(Reply::Status(deeds::status_of(
                deeds::spawn_badly(nonsense),
            ))),
            Request::Keep(number) => {
                let mut region = PersistentRegion::open("kept", KEPT_BYTES)?;
                for (place, byte) in region.chunks_exact_mut(8).zip([number.to_le_bytes(); 1024]) {
                    place.copy_from_slice(&byte);
                }
                Ok(Reply::Done)
            }
            Request::Kept => kept().map(Reply::Number),
            Request::Do(deed, actor) => {
                Ok(Reply::Status(deeds::status_of(deeds::act(deed, actor))))
            }
            Request::KillGroup(name) => {
                let result = site::kill_group(name.as_str());
                Ok(Reply::Status(deeds::status_of(result)))
            }
            Request::Tick(port, millis) => {
                // The port's slot and generation leave no room for the time in one word.
                PERIOD.store(millis, Ordering::Relaxed);
                Thread::spawn(tick, port.raw(), 16 * 1024, BACKGROUND)?;
                Ok(Reply::Done)
            }
            Request::Count => {
                Thread::spawn(count, 0, 16 * 1024, BACKGROUND)?;
                Ok(Reply::Done)
            }
            Request::Counted => Ok(Reply::Number(COUNT.load(Ordering::Relaxed))),
            Request::Visit(millis) => {
                Thread::spawn(visit, millis, 16 * 1024, BACKGROUND)?;
                Ok(Reply::Done)
            }
            Request::CameHome => Ok(Reply::Number(HOME.load(Ordering::Relaxed))),
            Request::OpenLap => {
                let mut name = Name::EMPTY;
                // Writing to a `Text` cannot fail: what does not fit is cut.
                let _ = core::fmt::write(&mut name, format_args!("{}-lap", self.start.name()));
                Lap::create(name.as_str(), Stacks::of_count(2), 0, |invocation| {
                    stay(invocation.arguments()[0]);
                    (thread::now().0, 0)
                })?
                .keep();
                Ok(Reply::Done)
            }
        }
    }

    fn spawn_many(&self, count: u32) -> Reply {
        for number in 0..count {
            let mut name = Name::EMPTY;
            // Writing to a `Text` cannot fail: what does not fit is cut.
            let _ = core::fmt::write(&mut name, format_args!("{}-{number}", self.start.name()));
            if let Err(error) = spawn(&Order::member(name.as_str())) {
                return Reply::Many(number, error.status());
            }
        }
        Reply::Many(count, Status::OK)
    }
}

impl Server for Member {
    type Request = Request;
    type Reply = Reply;

    fn call(&mut self, _caller: ActorId, request: Request) -> Result<Reply, Status> {
        self.obey(request).map_err(|error| error.status())
    }
}

fn spawn(order: &Order) -> Result<ActorId> {
    Spawn::new(order.name.as_str(), order.image.as_str())
        .arguments(order.arguments.as_str())
        .priority(order.priority)
        .rights(order.rights)
        .start()
}

/// The number a persistent region was filled from, if all of it was.
fn kept() -> Result<u64> {
    let region = match PersistentRegion::open_existing("kept", KEPT_BYTES) {
        Err(Error::Refused(Status::NOT_FOUND)) => return Ok(NEW),
        other => other?,
    };
    let mut words = region.chunks_exact(8);
    let first = words.next().ok_or(Error::Malformed)?;
    if region.is_new() || !words.all(|word| word == first) {
        return Err(Error::Malformed);
    }
    let first = first.try_into().map_err(|_| Error::Malformed)?;
    Ok(u64::from_le_bytes(first))
}

/// Milliseconds between two ticks.
static PERIOD: AtomicU64 = AtomicU64::new(1);

fn tick(port: u64) {
    let port = RemotePort::from(PortId::from_raw(port));
    loop {
        // A full queue loses a tick, which is no harm.
        let _ = port.send(&[], Span::ZERO);
        thread::sleep(Span::from_millis(PERIOD.load(Ordering::Relaxed)));
    }
}

fn count(_: u64) {
    loop {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}

/// When the thread that visits came home.
static HOME: AtomicU64 = AtomicU64::new(0);

fn visit(millis: u64) {
    let lap = RemoteLap::resolve("other-lap", Span::FOREVER);
    let result = lap.and_then(|lap| lap.invoke([millis, 0], Span::FOREVER));
    if result.is_ok() {
        HOME.store(thread::now().0, Ordering::Relaxed);
    }
}

/// Starts a thread that gives signs of life.
pub(crate) fn start_kicking() -> Result<()> {
    let kick = |_| loop {
        site::kick();
        thread::sleep(Span::from_millis(10));
    };
    Thread::spawn(kick, 0, 16 * 1024, BACKGROUND + 1).map(|_| ())
}

/// Stays inside a LAP for so many milliseconds: asleep, or computing if the number is odd.
fn stay(millis: u64) {
    let span = Span::from_millis(millis);
    if millis.is_multiple_of(2) {
        thread::sleep(span);
    } else {
        let end = thread::now().after(span);
        while thread::now() < end {}
    }
}
