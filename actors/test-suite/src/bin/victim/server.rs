//! What the victim does about each request.

use alloc::vec::Vec;

use syscall::abi::layout::MESSAGE_MAX;
use syscall::abi::site::Hook;
use syscall::abi::{PortId, Text};
use syscall::prelude::*;
use syscall::ways_to_die::{self, freed, hostile, vector};
use syscall::{Caller, Lap, PersistentRegion, Stacks, call, site, thread};
use test_suite::{Reply, Request};

use crate::checkpoint::Kept;
use crate::memory::{self, Memory};
use crate::threads;

/// How long the victim waits for others.
const PATIENCE: Span = Span::from_secs(5);

pub(crate) struct Victim {
    start: Start,
    memory: Memory,
    kept: Kept,
    ports: Vec<Port>,
}

impl Victim {
    pub(crate) fn new(start: Start, memory: Memory) -> Self {
        Self {
            start,
            memory,
            kept: Kept::default(),
            ports: Vec::new(),
        }
    }

    fn obey(&mut self, caller: ActorId, request: Request) -> Result<Reply> {
        let _ = caller;
        match request {
            Request::Ping => Ok(Reply::Done),
            Request::Die(way) => way.die(),
            Request::DieOnThread(way) => done(threads::die(way)),
            Request::DieLater(way, millis) => {
                thread::sleep(Span::from_millis(millis));
                way.die()
            }
            Request::AnswerLater(millis) => {
                thread::sleep(Span::from_millis(millis));
                Ok(Reply::Done)
            }
            Request::FaultAddress(way) => {
                Ok(Reply::Number(way.fault_address().unwrap_or(u64::MAX)))
            }
            Request::ReadAt(address) => {
                Ok(Reply::Number(u64::from(ways_to_die::read_foreign(address))))
            }
            Request::WriteAt(address) => {
                ways_to_die::write_foreign(address);
                Ok(Reply::Done)
            }
            Request::JumpTo(address) => ways_to_die::jump(address),
            Request::Hostile(index, peer) => self.hostile(index, peer),
            Request::FreeHostile => {
                if let Ok(region) = PersistentRegion::open_existing("hostile", 1) {
                    region.free()?;
                }
                // Names are kept over restarts, so that destroying a port or a LAP takes making it.
                drop(Port::create("hostile", 1));
                drop(Lap::create("hostile", Stacks::of_count(1), 0, |_| (0, 0)));
                Ok(Reply::Done)
            }
            Request::HostileRegisters => {
                let (status, is_right) = hostile::with_flags();
                if !is_right {
                    return Err(Error::Malformed);
                }
                let without_stack = hostile::without_stack();
                Ok(Reply::Statuses([
                    status,
                    without_stack,
                    Status::OK,
                    Status::OK,
                ]))
            }
            Request::ReceiveIntoFreed(coming) => freed::receive(coming).map(Reply::Status),
            Request::CallFromFreed(port) => freed::call(port).map(Reply::Status),
            Request::CallIntoFreed(port) => freed::call_into(port).map(Reply::Status),
            Request::Inspect => Ok(Reply::Condition(self.memory.condition(&self.start))),
            Request::Dirty => done(self.memory.dirty()),
            Request::Keep(number) => done(self.memory.keep(number)),
            Request::Kept => self.memory.look_at_kept().map(Reply::Kept),
            Request::Forget => done(self.memory.forget()),
            Request::DieWriting => done(threads::die_writing()),
            Request::Written => threads::written().map(Reply::Number),
            Request::UseStack(bytes) => Ok(Reply::Number(ways_to_die::use_stack(bytes as usize))),
            Request::UseThreadStack { used, stack } => {
                threads::use_stack(used, stack).map(Reply::Stack)
            }
            Request::MakeThreads(count) => done(threads::sleepers(count)),
            Request::MakeBusyThreads => done(threads::busy()),
            Request::MakePorts(count) => done(self.make_ports(count)),
            Request::Allocate(bytes) => self.memory.allocate(bytes as usize).map(Reply::Number),
            Request::AllocateSparse(bytes) => self
                .memory
                .allocate_sparse(bytes as usize)
                .map(Reply::Number),
            Request::TouchData(pages) => {
                memory::touch(pages as usize);
                Ok(Reply::Done)
            }
            Request::WatchVectors { pattern, rounds } => {
                Ok(Reply::Number(vector::watch(pattern, rounds)))
            }
            Request::Spin(millis) => {
                threads::compute(Span::from_millis(millis));
                Ok(Reply::Done)
            }
            Request::SendTo(port, length) => send(port, length as usize),
            Request::CallTo(port) => {
                let mut buffer = [0; 64];
                let called = RemotePort::from(port).call(b"?", &mut buffer, PATIENCE);
                Ok(Reply::Status(status_of(called.map(|_| ()))))
            }
            Request::AnswerTo(token) => Ok(Reply::Status(status_of(
                Caller::from_token(token).reply(b"not mine"),
            ))),
            Request::SetPriority(id) => {
                call::sys_thread_priority(id, 1).map(|previous| Reply::Number(previous.into()))
            }
            Request::EndThread => thread::exit(),
            Request::Restart(actor) => Ok(Reply::Status(status_of(site::restart(actor)))),
            Request::Overreach => Ok(Reply::Statuses(self.overreach())),
            Request::Commit(plan) => done(self.kept.commit(plan)),
            Request::Committed => self.kept.look().map(Reply::Found),
            Request::Exit(code) => call::sys_exit(code),
            Request::Version => Ok(Reply::Number(memory::version())),
            Request::PrivateAddress => self.memory.allocate(4096).map(Reply::Number),
        }
    }

    /// Makes one hostile call, answering nobody.
    fn hostile(&self, index: u32, peer: PortId) -> Result<Reply> {
        let case = hostile::cases()
            .nth(index as usize)
            .ok_or(Status::BAD_ARGUMENT)?;
        case.attempt(peer).map(Reply::Status)
    }

    fn make_ports(&mut self, count: u64) -> Result<()> {
        for number in 0..count {
            let mut name = Text::<31>::EMPTY;
            // Writing to a `Text` cannot fail: what does not fit is cut.
            let _ = core::fmt::write(&mut name, format_args!("{}-{number}", self.start.name()));
            self.ports.push(Port::create(name.as_str(), 4)?);
        }
        Ok(())
    }

    /// Tries what needs a right: to end the site, to read the console, to use a hook, to restart
    /// somebody else.
    fn overreach(&self) -> [Status; 4] {
        let judge = site::find("judge").unwrap_or(ActorId::NONE);
        [
            status_of(site::shutdown(0)),
            status_of(site::console_read(&mut [0; 8], Span::ZERO).map(|_| ())),
            status_of(site::hook(Hook::HOLD_FRAMES, 0).map(|_| ())),
            status_of(site::restart(judge)),
        ]
    }
}

impl Server for Victim {
    type Request = Request;
    type Reply = Reply;

    fn call(&mut self, caller: ActorId, request: Request) -> Result<Reply, Status> {
        self.obey(caller, request).map_err(|error| error.status())
    }

    fn notice(&mut self, sender: ActorId, notice: Request) {
        // What came of it is nobody's business: the judge asks the kernel.
        let _ = self.obey(sender, notice);
    }
}

/// Sends a message whose bytes count upwards.
fn send(port: PortId, length: usize) -> Result<Reply> {
    let mut message = [0; MESSAGE_MAX + 1];
    for (index, byte) in message.iter_mut().enumerate() {
        *byte = index as u8;
    }
    let message = message.get(..length).ok_or(Status::TOO_LONG)?;
    Ok(Reply::Status(status_of(
        RemotePort::from(port).send(message, Span::ZERO),
    )))
}

fn done(result: Result<()>) -> Result<Reply> {
    result.map(|()| Reply::Done)
}

fn status_of(result: Result<()>) -> Status {
    result.map_or_else(|error| error.status(), |()| Status::OK)
}
