//! The calls, one after the other.

use core::sync::atomic::AtomicU64;

use posix::call::{Operation, SEEK_CUR, SEEK_END, SEEK_SET, SPAWNED};
use posix::process::{Status, process_name};
use posix::{Errno, Flags, Result};
use posix_files::{FileName, Files, Trouble, WhenMissing, WhenThere};
use syscall::abi::layout::MESSAGE_MAX;
use syscall::abi::{ActorId, Name, Span};
use syscall::{Caller, PersistentCell, Port};

use crate::descriptors::Descriptor;
use crate::message::{self, BYTES_MAX, FAULT, Request};
use crate::processes::{Life, Origin, Processes, name_of};

/// How often we look whether processes are still there, while somebody waits for one.
const ROUND: Span = Span::from_millis(10);

/// What becomes of a request.
enum Answer {
    /// This, with so many bytes.
    Now(Result<u64>, usize),
    /// Nothing yet: it is kept by the process that waits.
    Later,
}

/// What our thread knows.
pub(crate) struct Service<'s> {
    files: Files<&'static [AtomicU64]>,
    processes: Processes,
    /// The last process number that was given.
    last: PersistentCell<u32>,
    /// Names of the declared applications.
    declared: &'s str,
}

impl<'s> Service<'s> {
    pub(crate) fn new(
        files: Files<&'static [AtomicU64]>,
        last: PersistentCell<u32>,
        declared: &'s str,
    ) -> Self {
        Self {
            files,
            processes: Processes::EMPTY,
            last,
            declared,
        }
    }

    /// Serves the port. Returns only if that is impossible.
    pub(crate) fn serve(&mut self, port: &Port, own: ActorId) -> syscall::Result<()> {
        // As long as anybody can send: one that does not fit would stay in front for ever.
        let mut incoming = [0; MESSAGE_MAX];
        let mut outgoing = [0; BYTES_MAX];
        loop {
            let patience = if self.processes.are_waited_for() {
                ROUND
            } else {
                Span::FOREVER
            };
            let message = match port.receive(&mut incoming, patience) {
                Err(error) if error.is_timeout() => {
                    self.look_round();
                    continue;
                }
                message => message?,
            };
            // Others can guess the port; only threads that are here know what they say.
            let request = Request::decode(message.bytes).filter(|_| message.sender == own);
            let (Some(request), Some(caller)) = (request, message.caller) else {
                continue;
            };
            let mut caller = Some(caller);
            let answer = self.answer(&request, &mut caller, message::answer_bytes(&mut outgoing));
            if let (Answer::Now(result, length), Some(caller)) = (answer, caller) {
                // Who waits no longer does not want to know.
                let _ = caller.reply(message::encode_answer(result, length, &mut outgoing));
            }
        }
    }

    /// Answers a request; one that has to wait takes the caller.
    fn answer(
        &mut self,
        request: &Request<'_>,
        caller: &mut Option<Caller>,
        bytes: &mut [u8],
    ) -> Answer {
        let id = match self.process(request) {
            Ok(id) => id,
            Err(errno) => return Answer::Now(Err(errno), 0),
        };
        match request.operation {
            Operation::READ => match self.read(id, request, bytes) {
                Ok(length) => Answer::Now(Ok(length as u64), length),
                Err(errno) => Answer::Now(Err(errno), 0),
            },
            Operation::WAIT => match self.wait(id, caller) {
                Ok(None) => Answer::Later,
                Ok(Some(value)) => Answer::Now(Ok(value), 0),
                Err(errno) => Answer::Now(Err(errno), 0),
            },
            _ => Answer::Now(self.call(id, request), 0),
        }
    }

    /// The number of the process that asks; a stranger is taken on if it is one of ours.
    fn process(&mut self, request: &Request<'_>) -> Result<u32> {
        let actor = request.caller;
        if let Some(process) = self.processes.of(actor) {
            return Ok(process.id);
        }
        if request.operation == FAULT {
            return Err(Errno::ENOENT);
        }
        let name = name_of(actor).ok_or(Errno::EPERM)?;
        if self.processes.take_on(actor, name)? {
            let process = self.processes.of(actor);
            return process.map(|process| process.id).ok_or(Errno::EPERM);
        }
        let mut declared = self.declared.split_whitespace();
        if !declared.any(|declared| declared == name.as_str()) {
            return Err(Errno::EPERM);
        }
        if let Some(predecessor) = self.processes.predecessor(name) {
            self.end(predecessor, Status::exited(0));
        }
        let life = Life::Runs(actor);
        self.add(Origin::Declared, life, |_| name)
    }

    /// Adds a process, under a number that none ever had.
    fn add(&mut self, origin: Origin, life: Life, name: impl Fn(u32) -> Name) -> Result<u32> {
        let id = self.last.get().wrapping_add(1).max(1);
        if self.processes.add(id, name(id), origin, life).is_err() {
            self.look_round();
            self.processes.add(id, name(id), origin, life)?;
        }
        self.last.set(id);
        Ok(id)
    }

    fn call(&mut self, id: u32, request: &Request<'_>) -> Result<u64> {
        let [first, second] = request.numbers;
        let small = request.small;
        match request.operation {
            Operation::ATTACH => self.origin(id).map(|origin| origin | u64::from(id)),
            Operation::OPEN => self.open(id, Flags(small), request.bytes),
            Operation::CLOSE => {
                let descriptor = self.processes.numbered(id).ok_or(Errno::EPERM)?;
                let descriptor = descriptor.descriptors.remove(small)?;
                self.files.close(descriptor.file);
                Ok(0)
            }
            Operation::WRITE => self.write(id, small, request.bytes),
            Operation::SEEK => self.seek(id, small, first.cast_signed(), second),
            Operation::UNLINK => {
                self.files.unlink(name(request.bytes)?).map_err(errno)?;
                Ok(0)
            }
            Operation::EXPECT => {
                let origin = Origin::Spawned(Some(id));
                self.add(origin, Life::Expected, process_name)
                    .map(u64::from)
            }
            Operation::STARTED => {
                self.expected_child(id, small)?;
                let actor = ActorId::from_raw(first);
                // The parent may say what it likes: only who bears the name is the child.
                let name = name_of(actor).filter(|name| *name == process_name(small));
                self.processes.take_on(actor, name.ok_or(Errno::ECHILD)?)?;
                Ok(0)
            }
            Operation::FORGET => {
                self.expected_child(id, small)?;
                self.processes.remove(small);
                Ok(0)
            }
            Operation::EXIT | FAULT => {
                let origin = self.origin(id)?;
                self.end(id, Status(small & 0xffff));
                Ok(origin)
            }
            _ => Err(Errno::ENOSYS),
        }
    }

    /// Checks that a process is a child that has made no call yet.
    fn expected_child(&mut self, parent: u32, child: u32) -> Result<()> {
        let child = self.processes.numbered(child).filter(|child| {
            child.origin == Origin::Spawned(Some(parent)) && child.life == Life::Expected
        });
        child.map(drop).ok_or(Errno::ECHILD)
    }

    /// What is said above a process number.
    fn origin(&mut self, id: u32) -> Result<u64> {
        let process = self.processes.numbered(id).ok_or(Errno::EPERM)?;
        Ok(match process.origin {
            Origin::Declared => 0,
            Origin::Spawned(_) => SPAWNED,
        })
    }

    fn open(&mut self, id: u32, flags: Flags, path: &[u8]) -> Result<u64> {
        let has = |flag| flags.contains(flag);
        let is_sensible = Flags::ALL.contains(flags)
            && (has(Flags::READ) || has(Flags::WRITE))
            && (has(Flags::WRITE) || !has(Flags::TRUNCATE));
        if !is_sensible {
            return Err(Errno::EINVAL);
        }
        let when_missing = if has(Flags::CREATE) {
            WhenMissing::Create
        } else {
            WhenMissing::Refuse
        };
        let when_there = if has(Flags::CREATE) && has(Flags::EXCLUSIVE) {
            WhenThere::Refuse
        } else if has(Flags::TRUNCATE) {
            WhenThere::Truncate
        } else {
            WhenThere::Keep
        };
        let process = self.processes.numbered(id).ok_or(Errno::EPERM)?;
        let (number, place) = process.descriptors.free()?;
        let file = self.files.open(name(path)?, when_missing, when_there);
        *place = Some(Descriptor {
            file: file.map_err(errno)?,
            flags,
            offset: 0,
        });
        Ok(u64::from(number))
    }

    fn read(&mut self, id: u32, request: &Request<'_>, bytes: &mut [u8]) -> Result<usize> {
        let process = self.processes.numbered(id).ok_or(Errno::EPERM)?;
        let descriptor = process.descriptors.get_for(request.small, Flags::READ)?;
        let wanted = bytes.get_mut(..request.numbers[0] as usize);
        let wanted = wanted.ok_or(Errno::EINVAL)?;
        let count = self.files.read(descriptor.file, descriptor.offset, wanted);
        let count = count.map_err(errno)?;
        descriptor.offset += count;
        Ok(count)
    }

    fn write(&mut self, id: u32, number: u32, bytes: &[u8]) -> Result<u64> {
        let process = self.processes.numbered(id).ok_or(Errno::EPERM)?;
        let descriptor = process.descriptors.get_for(number, Flags::WRITE)?;
        let length = self.files.length(descriptor.file);
        let offset = if descriptor.flags.contains(Flags::APPEND) {
            length
        } else {
            // Somebody else may have emptied it since.
            descriptor.offset.min(length)
        };
        let count = self.files.write(descriptor.file, offset, bytes);
        let count = count.map_err(errno)?;
        descriptor.offset = offset + count;
        Ok(count as u64)
    }

    fn seek(&mut self, id: u32, number: u32, offset: i64, from: u64) -> Result<u64> {
        let process = self.processes.numbered(id).ok_or(Errno::EPERM)?;
        let descriptor = process.descriptors.get(number)?;
        let length = self.files.length(descriptor.file);
        let base = match from {
            SEEK_SET => 0,
            SEEK_CUR => descriptor.offset,
            SEEK_END => length,
            _ => return Err(Errno::EINVAL),
        };
        let place = (base as i64).checked_add(offset);
        let place = place.and_then(|place| usize::try_from(place).ok());
        let place = place.filter(|place| *place <= length);
        descriptor.offset = place.ok_or(Errno::EINVAL)?;
        Ok(descriptor.offset as u64)
    }

    /// A child that has ended, packed; or nothing, and the caller is kept.
    fn wait(&mut self, id: u32, caller: &mut Option<Caller>) -> Result<Option<u64>> {
        self.look_round();
        if let Some((child, status)) = self.processes.ended_child(id)? {
            self.processes.remove(child);
            return Ok(Some(packed(child, status)));
        }
        let process = self.processes.numbered(id).ok_or(Errno::EPERM)?;
        if process.waiter.is_some() {
            return Err(Errno::EAGAIN);
        }
        process.waiter = caller.take();
        Ok(None)
    }

    /// Ends a process: closes its files, and tells its parent.
    fn end(&mut self, id: u32, status: Status) {
        let Some(process) = self.processes.numbered(id) else {
            return;
        };
        for descriptor in process.descriptors.take_all() {
            self.files.close(descriptor.file);
        }
        let (origin, waiter) = (process.origin, process.waiter.take());
        process.life = Life::Ended(status);
        // A thread of its own that waited: there is nothing to wait for any more.
        answer_waiter(waiter, Err(Errno::ECHILD));
        self.processes.orphan(id);
        let Origin::Spawned(Some(parent)) = origin else {
            return self.processes.remove(id);
        };
        let parent = self.processes.numbered(parent);
        let waiter = parent.and_then(|parent| parent.waiter.take());
        if answer_waiter(waiter, Ok(packed(id, status))) == Told::Yes {
            self.processes.remove(id);
        }
    }

    /// Ends those who are there no more.
    fn look_round(&mut self) {
        // Each turn ends one.
        while let Some(id) = self.processes.gone() {
            self.end(id, Status::exited(0));
        }
    }
}

/// Whether somebody has an answer.
#[derive(PartialEq, Eq)]
enum Told {
    Yes,
    No,
}

fn answer_waiter(waiter: Option<Caller>, result: Result<u64>) -> Told {
    let mut buffer = [0; BYTES_MAX];
    let told = waiter.map(|waiter| waiter.reply(message::encode_answer(result, 0, &mut buffer)));
    match told {
        Some(Ok(())) => Told::Yes,
        // It was told to give up meanwhile, or has ended: the status is for another one.
        Some(Err(_)) | None => Told::No,
    }
}

fn packed(id: u32, status: Status) -> u64 {
    u64::from(id) | u64::from(status.0) << 32
}

/// The name in a path: there is one directory, `/`.
fn name(path: &[u8]) -> Result<FileName> {
    FileName::new(path.strip_prefix(b"/").unwrap_or(path)).map_err(errno)
}

fn errno(trouble: Trouble) -> Errno {
    match trouble {
        Trouble::Missing => Errno::ENOENT,
        Trouble::Exists => Errno::EEXIST,
        Trouble::BadName | Trouble::Beyond => Errno::EINVAL,
        Trouble::LongName => Errno::ENAMETOOLONG,
        Trouble::LongFile => Errno::EFBIG,
        Trouble::Full => Errno::ENOSPC,
        Trouble::Busy => Errno::EBUSY,
        Trouble::Damaged => Errno::EIO,
    }
}
