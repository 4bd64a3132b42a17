//! Syscalls: from registers to a handler and back.
//!
//! A handler never switches threads; it says what comes [`Next`], and the one way out of the
//! kernel does it. Errors are of two ranks (see [`Refusal`]): `?` does the rest.

mod info;
mod life;
pub mod memory;

use abi::layout::LOG_MAX;
use abi::syscall::Call;
use abi::{
    ActorId, FaultKind, HandlerId, HandlerKind, LapId, Name, PortId, ReplyToken, Span, Status,
    Text, ThreadId,
};

use crate::arch::clock;
use crate::backlog;
use crate::fault::{Fault, Refusal};
use crate::kernel::Kernel;
use crate::line::one_line;
use crate::logger;
use crate::naming::What;
use crate::thread::{State, Wait};
use crate::user::UserSlice;

/// What the calling thread does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// It returns with these results and status `OK`.
    Return([u64; 3]),
    /// It waits; whoever wakes it sets the results. Or it no longer exists.
    Blocked,
    /// It makes the same syscall again: there is more to do, and interrupts get their turn first.
    Again,
}

/// Length of the SYSCALL instruction.
const SYSCALL_BYTES: u64 = 2;

/// Nothing to return.
pub const DONE: Next = Next::Return([0; 3]);

impl Kernel {
    /// Carries out the syscall in the current thread's registers.
    pub fn syscall(&mut self) {
        let Some(thread) = self.current_thread() else {
            return;
        };
        let frame = thread.frame();
        let number = frame.rax;
        let arguments = [
            frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9,
        ];
        let result = match Call::decode(number, arguments) {
            Some(call) => self.dispatch(call),
            None => Err(Fault::with_code(FaultKind::UNKNOWN_SYSCALL, number).into()),
        };
        let (status, results) = match result {
            Ok(Next::Return(results)) => (Status::OK, results),
            Ok(Next::Blocked) => return self.note_blocked(),
            Ok(Next::Again) | Err(Refusal::Again) => return self.repeat(self.scheduler.current()),
            Err(Refusal::Status(status, results)) => (status, results),
            Err(Refusal::Fault(fault)) => {
                let code = if fault.code == 0 { number } else { fault.code };
                self.fail_current(Fault { code, ..fault }, "");
                return;
            }
        };
        if let Some(thread) = self.current_thread() {
            thread.set_results(status, results);
        }
    }

    /// Has a thread that is in a syscall make it again when it runs next.
    pub fn repeat(&mut self, thread: u32) {
        if let Some(thread) = self.threads.at_mut(thread) {
            thread.frame_mut().rip -= SYSCALL_BYTES;
        }
    }

    /// The current thread waits, unless it was told to give up before it came to that.
    fn note_blocked(&mut self) {
        let thread = self.scheduler.current();
        if let Some(record) = self.current_thread()
            && record.is_aborted
            && record.state == State::Blocked
        {
            record.is_aborted = false;
            self.finish_wait(thread, Status::ABORTED, [0; 3]);
        }
    }

    fn dispatch(&mut self, call: Call) -> Result<Next, Refusal> {
        if call == (Call::Nop {}) {
            return Ok(DONE);
        }
        let actor = self.current_actor().ok_or(Status::DEAD)?;
        match call {
            Call::Nop {} => Ok(DONE),
            Call::Log {
                level,
                text,
                length,
            } => self.log(actor, level, UserSlice::new(text, length)?),
            Call::Exit { code } => Ok(self.exit(code)),
            Call::Panic { text, length } => self.actor_panic(actor, UserSlice::new(text, length)?),
            Call::Clock {} => Ok(Next::Return([clock::now().0, 0, 0])),
            Call::Sleep { nanoseconds } => Ok(self.sleep(Span(nanoseconds))),
            Call::ThreadYield {} => {
                self.yield_current();
                Ok(DONE)
            }
            Call::ThreadCreate {
                entry,
                argument,
                stack_bytes,
                priority,
            } => self.thread_create(actor, [entry, argument], stack_bytes, priority),
            Call::ThreadExit {} => self.thread_exit(actor),
            Call::ThreadPriority { thread, priority } => {
                self.thread_priority(actor, thread, priority)
            }
            Call::PortCreate {
                name,
                length,
                depth,
            } => {
                let name = self.optional_name(actor, name, length)?;
                self.port_create(actor, name, depth)
            }
            Call::PortDestroy { port } => self.port_destroy(actor, PortId::from_raw(port)),
            Call::PortFind {
                name,
                length,
                timeout,
            } => {
                let name = self.name(actor, name, length)?;
                self.find(What::Port, name, Span(timeout))
            }
            Call::Send {
                port,
                message,
                length,
                timeout,
            } => {
                let message = UserSlice::new(message, length)?;
                self.send(actor, PortId::from_raw(port), message, Span(timeout))
            }
            Call::Receive {
                port,
                buffer,
                capacity,
                timeout,
            } => {
                let buffer = UserSlice::new(buffer, capacity)?;
                self.receive(actor, PortId::from_raw(port), buffer, Span(timeout))
            }
            Call::Call {
                port,
                request,
                reply,
                lengths,
                timeout,
                flags,
            } => {
                let port = PortId::from_raw(port);
                self.call(actor, port, [request, reply, lengths], Span(timeout), flags)
            }
            Call::Reply {
                token,
                message,
                length,
            } => {
                let message = UserSlice::new(message, length)?;
                self.reply(actor, ReplyToken::from_raw(token), message)
                    .map(|()| DONE)
            }
            Call::ReplyReceive {
                token,
                message,
                port,
                buffer,
                lengths,
                timeout,
            } => {
                let (length, capacity) = abi::syscall::unpack_lengths(lengths);
                if token != 0 {
                    let message = UserSlice::new(message, length)?;
                    match self.reply(actor, ReplyToken::from_raw(token), message) {
                        Ok(()) | Err(Refusal::Status(Status::NO_CALLER, _)) => {}
                        Err(refusal) => return Err(refusal),
                    }
                }
                let buffer = UserSlice::new(buffer, capacity)?;
                self.receive(actor, PortId::from_raw(port), buffer, Span(timeout))
            }
            Call::RegionAllocate { bytes } => self.region_allocate(actor, bytes),
            Call::RegionFree { address } => self.region_free(actor, address),
            Call::PersistentOpen {
                name,
                length,
                bytes,
                flags,
            } => {
                let name = self.name(actor, name, length)?;
                self.persistent_open(actor, name, bytes, flags)
            }
            Call::PersistentFree { address } => self.persistent_free(actor, address),
            Call::Restart { actor: target } => self.restart(actor, target),
            Call::LedgerRead {
                sequence,
                buffer,
                capacity,
            } => self.ledger_read(actor, sequence, UserSlice::new(buffer, capacity)?),
            Call::StartRead { buffer, capacity } => {
                self.start_read(actor, UserSlice::new(buffer, capacity)?)
            }
            Call::Ready {} => Ok(self.ready(actor)),
            Call::SiteInfo { buffer, capacity } => {
                self.site_info(actor, UserSlice::new(buffer, capacity)?)
            }
            Call::ActorInfo {
                slot,
                buffer,
                capacity,
            } => self.actor_info(actor, slot, UserSlice::new(buffer, capacity)?),
            Call::ConsoleRead {
                buffer,
                capacity,
                timeout,
            } => self.console_read(actor, UserSlice::new(buffer, capacity)?, Span(timeout)),
            Call::Shutdown { code } => self.shutdown(code),
            Call::ActorFind { name, length } => {
                let name = self.name(actor, name, length)?;
                let slot = self.names.get(What::Actor, name).ok_or(Status::NOT_FOUND)?;
                let id = self.actor_id(slot);
                self.check_actor(id).map_err(|(status, _)| status)?;
                Ok(Next::Return([id.raw(), 0, 0]))
            }
            Call::Hook { kind, argument } => self.hook(kind, argument),
            Call::LapCreate {
                entry,
                cookie,
                name,
                length,
                stack_bytes,
                stack_count,
            } => {
                let name = self.optional_name(actor, name, length)?;
                self.lap_create(actor, [entry, cookie], name, stack_bytes, stack_count)
            }
            Call::LapDestroy { lap } => self.lap_destroy(actor, LapId::from_raw(lap)),
            Call::LapResolve {
                name,
                length,
                timeout,
            } => {
                let name = self.name(actor, name, length)?;
                self.find(What::Lap, name, Span(timeout))
            }
            Call::LapInvoke {
                lap,
                first,
                second,
                memory,
                mode,
                timeout,
            } => {
                let lap = LapId::from_raw(lap);
                self.lap_invoke(lap, [first, second], memory, mode, Span(timeout))
            }
            Call::LapReturn { first, second } => self.lap_return([first, second]),
            Call::LapDone {} => self.lap_done(),
            Call::LapCopy {
                direction,
                own,
                theirs,
                length,
            } => self.lap_copy(actor, direction, own, theirs, length),
            Call::HandlerConnect {
                kind,
                lap,
                subject,
                parameter,
            } => {
                let (kind, lap) = (HandlerKind(kind), LapId::from_raw(lap));
                self.handler_connect(actor, kind, lap, subject, parameter)
            }
            Call::HandlerDisconnect { handler } => {
                self.handler_disconnect(actor, HandlerId::from_raw(handler))
            }
            Call::InterruptAcknowledge { handler } => {
                self.interrupt_acknowledge(actor, HandlerId::from_raw(handler))
            }
            Call::ThreadAbort { thread } => self.thread_abort(actor, ThreadId::from_raw(thread)),
            Call::Kick {} => {
                self.note_kick(actor);
                Ok(DONE)
            }
            Call::Complain {
                actor: target,
                text,
                length,
            } => self.complain(actor, target, UserSlice::new(text, length)?),
            Call::SiteRestart { how } => self.site_restart(actor, how),
            Call::ActivationWait { timeout } => self.activation_wait(actor, Span(timeout)),
            Call::ActorActivate { actor: target } => {
                self.actor_activate(actor, ActorId::from_raw(target))
            }
            Call::ThreadSelf {} => {
                let thread = self.scheduler.current();
                let home = self
                    .threads
                    .at(thread)
                    .map_or(ActorId::NONE, |record| record.home);
                Ok(Next::Return([self.thread_id(thread).raw(), home.raw(), 0]))
            }
            Call::GroupSubscribe { name, length, port } => {
                let name = self.name(actor, name, length)?;
                self.group_subscribe(actor, name, PortId::from_raw(port))
            }
            Call::GroupUnsubscribe { name, length, port } => {
                let name = self.name(actor, name, length)?;
                self.group_unsubscribe(actor, name, PortId::from_raw(port))
            }
            Call::GroupClear { name, length } => {
                let name = self.name(actor, name, length)?;
                self.group_clear(actor, name)
            }
            Call::GroupInfo {
                slot,
                buffer,
                capacity,
            } => self.group_info(actor, slot, UserSlice::new(buffer, capacity)?),
            Call::Spawn { request, length } => self.spawn(actor, UserSlice::new(request, length)?),
            Call::ActorKill { actor: target } => self.actor_kill(actor, target),
            Call::GroupKill { name, length } => {
                let name = self.name(actor, name, length)?;
                self.group_kill(actor, name)
            }
            Call::ActorFreeze { actor: target } => self.actor_freeze(actor, target),
            Call::ActorThaw { actor: target } => self.actor_thaw(actor, target),
        }
    }

    fn log(&mut self, actor: u32, level: u64, text: UserSlice) -> Result<Next, Refusal> {
        let level = match level {
            1 => log::Level::Error,
            2 => log::Level::Warn,
            3 => log::Level::Info,
            4 => log::Level::Debug,
            5 => log::Level::Trace,
            _ => return Err(Status::BAD_ARGUMENT.into()),
        };
        if !backlog::make_room() {
            return Ok(Next::Again);
        }
        let mut bytes = [0; LOG_MAX];
        let text = text.cut(LOG_MAX as u64);
        self.copy_in(actor, text, &mut bytes)?;
        if let Some(actor) = self.actors.at(actor) {
            let name = actor.declaration.name;
            let line = one_line(&mut bytes[..text.length() as usize]);
            logger::say(level, [name.as_str(), ": ", line]);
        }
        Ok(DONE)
    }

    fn sleep(&mut self, span: Span) -> Next {
        if span == Span::ZERO {
            return DONE;
        }
        let thread = self.scheduler.current();
        self.block_current(Wait::Sleep);
        self.set_deadline(thread, span);
        Next::Blocked
    }

    /// Reads text of at most `N` bytes; longer text is cut, and bytes that are not UTF-8 end it.
    pub fn text<const N: usize>(&mut self, actor: u32, text: UserSlice) -> Result<Text<N>, Fault> {
        let mut bytes = [0; N];
        let text = text.cut(N as u64);
        self.copy_in(actor, text, &mut bytes)?;
        Ok(Text::from_utf8_prefix(
            bytes.get(..text.length() as usize).unwrap_or_default(),
        ))
    }

    /// Reads a name, or none when it is empty.
    fn optional_name(
        &mut self,
        actor: u32,
        address: u64,
        length: u64,
    ) -> Result<Option<Name>, Refusal> {
        if length == 0 {
            return Ok(None);
        }
        self.name(actor, address, length).map(Some)
    }

    /// Reads a name: 1 to 31 bytes of UTF-8.
    fn name(&mut self, actor: u32, address: u64, length: u64) -> Result<Name, Refusal> {
        let slice = UserSlice::new(address, length)?;
        if length > 31 {
            return Err(Status::TOO_LONG.into());
        }
        let name: Name = self.text(actor, slice)?;
        if name.is_empty() || name.as_bytes().len() as u64 != length {
            return Err(Status::BAD_ARGUMENT.into());
        }
        Ok(name)
    }

    /// Writes a record as postcard bytes; the first result is its length.
    ///
    /// # Errors
    /// `BUFFER_TOO_SMALL`, or memory that is not the actor's.
    pub fn write_record<T: serde::Serialize>(
        &mut self,
        actor: u32,
        buffer: UserSlice,
        record: &T,
    ) -> Result<u64, Refusal> {
        let mut bytes = [0; abi::layout::RECORD_MAX];
        let bytes = postcard::to_slice(record, &mut bytes).map_err(|_| Status::TOO_LONG)?;
        let length = bytes.len() as u64;
        if buffer.length() < length {
            return Err(Refusal::Status(Status::BUFFER_TOO_SMALL, [length, 0, 0]));
        }
        self.copy_out(actor, buffer, bytes)?;
        Ok(length)
    }
}
