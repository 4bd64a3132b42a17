//! Ports in action: send, receive, call and reply, and what a failure of either side does.
//!
//! Every message goes through the queue, and [`Kernel::serve`] then brings waiting receivers and
//! queued messages together, so that there is one path to get right.
//!
//! # Invariants
//! - A thread that waits for a reply is among its port's `callers`; one that waits for room, or
//!   for an absent port, among its `senders`; one that waits for a message among its `receivers`.
//! - At most one of a port's `messages` and `receivers` is non-empty between two syscalls.

use abi::layout::MESSAGE_MAX;
use abi::status::Progress;
use abi::syscall::{CALL_REFUSE_FROZEN, unpack_lengths};
use abi::{ActorId, Generation, Name, PortId, ReplyToken, Slot, Span, Status};

use crate::fault::{Fault, Refusal};
use crate::kernel::{Kernel, MESSAGES_MAX, THREADS_MAX};
use crate::list::Link;
use crate::memory::Blame;
use crate::mm::address_space::Progress as Done;
use crate::mm::{direct, heap};
use crate::naming::{self, WayIn, What, successor};
use crate::port::{DEPTH_MAX, INLINE_BYTES, Message, Payload, Port, Presence};
use crate::syscall::Next;
use crate::thread::{Stage, Wait};
use crate::user::{Access, UserSlice};

/// Waiting threads let in, or told, in one go.
pub const BATCH: usize = 2;

impl Kernel {
    /// Makes a port of the current actor's.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn port_create(
        &mut self,
        actor: u32,
        name: Option<Name>,
        depth: u64,
    ) -> Result<Next, Refusal> {
        let depth = u32::try_from(depth)
            .ok()
            .filter(|depth| (1..=DEPTH_MAX).contains(depth));
        let depth = depth.ok_or(Status::BAD_ARGUMENT)?;
        let present = name.and_then(|name| self.names.get(What::Port, name));
        if let Some(port) = present.and_then(|slot| self.ports.at(slot))
            && (port.owner.0 != actor || port.presence == Presence::Open)
        {
            return Err(Status::ALREADY_EXISTS.into());
        }
        let slot = match present {
            Some(slot) => slot,
            None => self.port_insert(actor, name, depth)?,
        };
        self.open_port(slot, depth)
    }

    /// Notes a port that is still absent.
    fn port_insert(&mut self, actor: u32, name: Option<Name>, depth: u32) -> Result<u32, Status> {
        if name.is_some() && !heap::has_room() {
            return Err(Status::LIMIT_REACHED);
        }
        let owner = self.actors.at_mut(actor).ok_or(Status::DEAD)?;
        if owner.port_count >= owner.declaration.budget.ports {
            return Err(Status::LIMIT_REACHED);
        }
        let port = Port::new(Slot(actor), name, depth);
        let (slot, generation) = self.ports.insert(port).map_err(|_| Status::LIMIT_REACHED)?;
        owner.port_count += 1;
        owner.ports.push_back(&mut self.ports, slot.0);
        if let Some(port) = self.ports.at_mut(slot.0) {
            port.first_generation = generation;
        }
        if let Some(name) = name {
            self.names.insert(What::Port, name, slot.0);
        }
        Ok(slot.0)
    }

    /// Lets those in who wait for an absent port, in the order in which they came, and tells those
    /// who look for its name; in as many turns as it takes. Then it is open.
    fn open_port(&mut self, slot: u32, depth: u32) -> Result<Next, Refusal> {
        let id = self.port_id(slot).raw();
        for _ in 0..BATCH {
            let port = self.ports.at_mut(slot).ok_or(Status::DEAD)?;
            port.depth = depth;
            let name = port.name;
            let is_done = self.admit(slot) == Done::Finished
                && name.is_none_or(|name| self.tell_finder(What::Port, name, id) == Done::Finished);
            if is_done {
                if let Some(port) = self.ports.at_mut(slot) {
                    port.presence = Presence::Open;
                }
                return Ok(Next::Return([id, 0, 0]));
            }
        }
        Ok(Next::Again)
    }

    /// Destroys a port of the current actor's, in as many turns as it takes.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn port_destroy(&mut self, actor: u32, id: PortId) -> Result<Next, Refusal> {
        let slot = id.slot().0;
        let port = self.ports.get(id.slot(), id.generation());
        let is_begun =
            port.is_some_and(|port| port.owner.0 == actor && port.presence == Presence::Ended);
        if !is_begun {
            self.check_own_port(actor, id)?;
        }
        for _ in 0..BATCH {
            if self.end_some(WayIn::Port(slot)) == Done::Finished {
                return Ok(Next::Return([0; 3]));
            }
        }
        Ok(Next::Again)
    }

    /// Queues a message.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn send(
        &mut self,
        actor: u32,
        id: PortId,
        message: UserSlice,
        timeout: Span,
    ) -> Result<Next, Refusal> {
        let slot = self.check_port(id)?;
        if message.length() > MESSAGE_MAX as u64 {
            return Err(Status::TOO_LONG.into());
        }
        let port = self.ports.at(slot).ok_or(Status::DEAD)?;
        let is_absent = port.presence == Presence::Absent;
        if is_absent || port.held >= port.depth {
            if timeout == Span::ZERO {
                let status = if is_absent {
                    Status::FROZEN
                } else {
                    Status::QUEUE_FULL
                };
                return Err(status.into());
            }
            self.check_rights(actor, message, Access::Read)?;
            self.wait_at(slot, Wait::Send { port: id, message }, timeout);
            return Ok(Next::Blocked);
        }
        self.enqueue_copy(actor, slot, message)?;
        self.serve(slot);
        Ok(Next::Return([0; 3]))
    }

    /// Sends a request and waits for the reply.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn call(
        &mut self,
        actor: u32,
        id: PortId,
        [request, reply, lengths]: [u64; 3],
        timeout: Span,
        flags: u64,
    ) -> Result<Next, Refusal> {
        let slot = self.check_port(id)?;
        let (request_length, reply_length) = unpack_lengths(lengths);
        let request = UserSlice::new(request, request_length)?;
        let reply = UserSlice::new(reply, reply_length)?;
        if request_length > MESSAGE_MAX as u64 || reply_length > MESSAGE_MAX as u64 {
            return Err(Status::TOO_LONG.into());
        }
        if flags & !CALL_REFUSE_FROZEN != 0 {
            return Err(Status::BAD_ARGUMENT.into());
        }
        self.check_rights(actor, request, Access::Read)?;
        self.check_rights(actor, reply, Access::Write)?;
        let is_absent = self
            .ports
            .at(slot)
            .is_some_and(|port| port.presence == Presence::Absent);
        let owner = self
            .ports
            .at(slot)
            .and_then(|port| self.actors.at(port.owner.0));
        let is_frozen = is_absent || owner.is_some_and(|owner| owner.freeze.is_on);
        if is_frozen && flags & CALL_REFUSE_FROZEN != 0 {
            return Err(Status::FROZEN.into());
        }
        if timeout == Span::ZERO {
            return Err(Status::TIMED_OUT.into());
        }
        let thread = self.scheduler.current();
        self.calls = self.calls.wrapping_add(1);
        if let Some(record) = self.threads.at_mut(thread) {
            record.call = self.calls;
        }
        let wait = Wait::Call {
            port: id,
            request,
            reply,
            stage: Stage::Absent,
        };
        if is_absent {
            self.wait_at(slot, wait, timeout);
            return Ok(Next::Blocked);
        }
        self.block_current(wait);
        self.set_deadline(thread, timeout);
        self.enqueue_call(slot, thread);
        self.serve(slot);
        Ok(Next::Blocked)
    }

    /// Takes the next message of a port of the current actor's.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn receive(
        &mut self,
        actor: u32,
        id: PortId,
        buffer: UserSlice,
        timeout: Span,
    ) -> Result<Next, Refusal> {
        let slot = self.check_own_port(actor, id)?;
        let buffer = buffer.cut(MESSAGE_MAX as u64);
        if let Some(taken) = self.take(slot, actor, buffer) {
            return taken.map(Next::Return);
        }
        if timeout == Span::ZERO {
            return Err(Status::TIMED_OUT.into());
        }
        self.check_rights(actor, buffer, Access::Write)?;
        let thread = self.scheduler.current();
        self.block_current(Wait::Receive { port: slot, buffer });
        if let Some(port) = self.ports.at_mut(slot) {
            port.receivers.push_back(&mut self.threads, thread);
        }
        self.tend_door(slot);
        self.set_deadline(thread, timeout);
        Ok(Next::Blocked)
    }

    /// Answers a call.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn reply(
        &mut self,
        actor: u32,
        token: ReplyToken,
        message: UserSlice,
    ) -> Result<(), Refusal> {
        if message.length() > MESSAGE_MAX as u64 {
            return Err(Status::TOO_LONG.into());
        }
        let thread = token.slot().0;
        let caller = self.threads.at(thread).ok_or(Status::NO_CALLER)?;
        let Wait::Call {
            port,
            reply,
            stage: Stage::Taken,
            ..
        } = caller.wait
        else {
            return Err(Status::NO_CALLER.into());
        };
        let is_ours = self
            .ports
            .at(port.slot().0)
            .is_some_and(|port| port.owner.0 == actor);
        if !is_ours || caller.call != token.generation().0 {
            return Err(Status::NO_CALLER.into());
        }
        let home = caller.here.slot().0;
        let (status, length) = if message.length() > reply.length() {
            (Status::BUFFER_TOO_SMALL, message.length())
        } else {
            match self.copy_across((actor, message), (home, reply)) {
                Ok(()) => (Status::OK, message.length()),
                Err(Blame::Sender(fault)) => return Err(fault.into()),
                Err(Blame::Receiver(fault)) => {
                    self.fail_thread(thread, fault);
                    return Ok(());
                }
            }
        };
        self.finish_wait(thread, status, [length, 0, 0]);
        self.note_reply(actor);
        Ok(())
    }

    /// Waits among a port's senders: for room, or for the port itself.
    fn wait_at(&mut self, slot: u32, wait: Wait, timeout: Span) {
        let thread = self.scheduler.current();
        self.block_current(wait);
        if let Some(port) = self.ports.at_mut(slot) {
            port.senders.push_back(&mut self.threads, thread);
        }
        self.set_deadline(thread, timeout);
    }

    /// Copies a message of `send` into the queue.
    fn enqueue_copy(&mut self, actor: u32, slot: u32, message: UserSlice) -> Result<(), Refusal> {
        let length = message.length() as usize;
        let payload = if length <= INLINE_BYTES {
            let mut bytes = [0; INLINE_BYTES];
            self.copy_in(actor, message, &mut bytes)?;
            Payload::Inline(bytes)
        } else {
            self.charge_message(slot)?;
            let frame = self.frames.allocate().ok_or(Status::NO_MEMORY)?;
            // SAFETY: The frame was just allocated.
            let bytes = unsafe { direct::bytes(frame) };
            if let Err(fault) = self.copy_in(actor, message, bytes) {
                self.frames.free(frame);
                return Err(fault.into());
            }
            Payload::Frame(frame)
        };
        let sender = self.actor_id(actor);
        Ok(self.queue(slot, sender, length as u32, payload)?)
    }

    /// Queues a message of the kernel's at an open port, if there is room.
    ///
    /// # Errors
    /// Why there is none; the message is gone.
    pub fn send_from_kernel(&mut self, slot: u32, message: &[u8]) -> Result<(), Status> {
        let port = self.ports.at(slot).ok_or(Status::DEAD)?;
        if port.presence == Presence::Absent {
            return Err(Status::FROZEN);
        }
        if port.held >= port.depth {
            return Err(Status::QUEUE_FULL);
        }
        self.charge_message(slot)?;
        let frame = self.frames.allocate().ok_or(Status::NO_MEMORY)?;
        // SAFETY: The frame was just allocated.
        let bytes = unsafe { direct::bytes(frame) };
        bytes
            .get_mut(..message.len())
            .ok_or(Status::TOO_LONG)?
            .copy_from_slice(message);
        self.queue(
            slot,
            ActorId::NONE,
            message.len() as u32,
            Payload::Frame(frame),
        )?;
        self.serve(slot);
        Ok(())
    }

    /// Puts a message of `send` into a port's queue.
    fn queue(
        &mut self,
        slot: u32,
        sender: ActorId,
        length: u32,
        payload: Payload,
    ) -> Result<(), Status> {
        // Every thread can make a call at any time: the last places in the table are for those.
        if self.messages.used() >= MESSAGES_MAX - THREADS_MAX {
            if let Payload::Frame(frame) = payload {
                self.frames.free(frame);
            }
            return Err(Status::LIMIT_REACHED);
        }
        let message = Message {
            sender,
            length,
            payload,
            link: Link::FREE,
        };
        match self.messages.insert(message) {
            Ok((message, _)) => {
                if let Some(port) = self.ports.at_mut(slot) {
                    port.messages.push_back(&mut self.messages, message.0);
                    port.held += 1;
                    if matches!(payload, Payload::Frame(_))
                        && let Some(owner) = self.actors.at_mut(port.owner.0)
                    {
                        owner.message_frames += 1;
                    }
                }
                Ok(())
            }
            Err(_) => {
                if let Payload::Frame(frame) = payload {
                    self.frames.free(frame);
                }
                Err(Status::LIMIT_REACHED)
            }
        }
    }

    /// Checks that the owner of a port may hold one more frame of messages: they count in its
    /// budget as its own frames do.
    fn charge_message(&self, slot: u32) -> Result<(), Status> {
        let owner = self
            .ports
            .at(slot)
            .and_then(|port| self.actors.at(port.owner.0));
        let owner = owner.ok_or(Status::DEAD)?;
        let held = owner.space.as_ref().map_or(0, |space| space.held_count());
        if held + owner.message_frames < owner.declaration.budget.frames {
            Ok(())
        } else {
            Err(Status::QUEUE_FULL)
        }
    }

    /// Queues the request of a thread that waits in `call`, and notes it among the callers.
    fn enqueue_call(&mut self, slot: u32, thread: u32) {
        let Some(record) = self.threads.at(thread) else {
            return;
        };
        let Wait::Call { request, .. } = record.wait else {
            return;
        };
        let sender = record.here;
        let message = Message {
            sender,
            length: request.length() as u32,
            payload: Payload::Caller(thread),
            link: Link::FREE,
        };
        let Ok((message, _)) = self.messages.insert(message) else {
            self.finish_wait(thread, Status::LIMIT_REACHED, [0; 3]);
            return;
        };
        if let Some(port) = self.ports.at_mut(slot) {
            port.messages.push_back(&mut self.messages, message.0);
            port.callers.push_back(&mut self.threads, thread);
        }
        self.set_stage(thread, Stage::Queued(message.0));
    }

    fn set_stage(&mut self, thread: u32, new: Stage) {
        if let Some(record) = self.threads.at_mut(thread)
            && let Wait::Call { stage, .. } = &mut record.wait
        {
            *stage = new;
        }
    }

    /// Lets the first of a port's waiting senders in, if there is room.
    fn admit(&mut self, slot: u32) -> Done {
        let Some(port) = self.ports.at_mut(slot) else {
            return Done::Finished;
        };
        let Some(thread) = port.senders.first() else {
            return Done::Finished;
        };
        let has_room = port.held < port.depth;
        let waiting = self
            .threads
            .at(thread)
            .map(|record| (record.wait, record.here));
        match waiting {
            Some((Wait::Call { .. }, _)) => {
                port.senders.remove(&mut self.threads, thread);
                self.enqueue_call(slot, thread);
            }
            Some((Wait::Send { message, .. }, home)) if has_room => {
                port.senders.remove(&mut self.threads, thread);
                let queued = self.enqueue_copy(home.slot().0, slot, message);
                self.conclude(thread, queued.map(|()| [0; 3]));
            }
            _ => return Done::Finished,
        }
        Done::More
    }

    /// Gives queued messages to waiting receivers. Each turn takes one receiver off the list.
    fn serve(&mut self, slot: u32) {
        while let Some(port) = self.ports.at_mut(slot) {
            let Some(thread) = port.receivers.first() else {
                return;
            };
            if port.messages.is_empty() {
                return;
            }
            let owner = port.owner.0;
            let wait = self.threads.at(thread).map(|record| record.wait);
            let Some(Wait::Receive { buffer, .. }) = wait else {
                return;
            };
            match self.take(slot, owner, buffer) {
                None => return,
                Some(taken) => self.conclude(thread, taken),
            }
        }
    }

    /// Takes the first message out of a port into `buffer`. Results: length, sender, token.
    /// `None` when there is no message. A message that does not fit stays where it is.
    fn take(
        &mut self,
        slot: u32,
        receiver: u32,
        buffer: UserSlice,
    ) -> Option<Result<[u64; 3], Refusal>> {
        loop {
            let index = self.ports.at(slot)?.messages.first()?;
            let message = self.messages.at(index)?;
            let (length, sender) = (u64::from(message.length), message.sender);
            if length > buffer.length() {
                return Some(Err(Refusal::Status(
                    Status::BUFFER_TOO_SMALL,
                    [length, 0, 0],
                )));
            }
            let (copied, token) = match message.payload {
                Payload::Inline(bytes) => (
                    self.copy_out(receiver, buffer, bytes.get(..length as usize)?),
                    0,
                ),
                Payload::Frame(frame) => {
                    // SAFETY: The frame is the message's.
                    let bytes = unsafe { direct::bytes(frame) };
                    (
                        self.copy_out(receiver, buffer, bytes.get(..length as usize)?),
                        0,
                    )
                }
                Payload::Caller(thread) => {
                    let record = self.threads.at(thread)?;
                    let Wait::Call { request, .. } = record.wait else {
                        return None;
                    };
                    let home = record.here.slot().0;
                    let token = ReplyToken::new(Slot(thread), Generation(record.call)).raw();
                    match self.copy_across((home, request), (receiver, buffer)) {
                        Ok(()) => (Ok(()), token),
                        Err(Blame::Receiver(fault)) => (Err(fault), token),
                        Err(Blame::Sender(fault)) => {
                            // The caller's own memory is gone: its fault, which takes the
                            // message out of the queue, and the next message.
                            self.fail_thread(thread, fault);
                            continue;
                        }
                    }
                }
            };
            if let Err(fault) = copied {
                return Some(Err(fault.into()));
            }
            if let Some(thread) = message_caller(self.messages.at(index)) {
                self.set_stage(thread, Stage::Taken);
            }
            self.drop_message(slot, index);
            // As many as there may be room for now; the next message that is taken lets others in.
            for _ in 0..BATCH {
                if self.admit(slot) == Done::Finished {
                    break;
                }
            }
            return Some(Ok([length, sender.raw(), token]));
        }
    }

    /// Takes a message out of its port's queue and frees it.
    pub fn drop_message(&mut self, slot: u32, message: u32) {
        if let Some(port) = self.ports.at_mut(slot) {
            port.messages.remove(&mut self.messages, message);
            if message_caller(self.messages.at(message)).is_none() {
                port.held = port.held.saturating_sub(1);
            }
        }
        let removed = self.messages.remove(Slot(message));
        if let Some(Message {
            payload: Payload::Frame(frame),
            ..
        }) = removed
        {
            self.frames.free(frame);
            let owner = self.ports.at(slot).map(|port| port.owner.0);
            if let Some(owner) = owner.and_then(|owner| self.actors.at_mut(owner)) {
                owner.message_frames = owner.message_frames.saturating_sub(1);
            }
        }
    }

    /// Somebody who waits at a port for a capability that is over, and how far their call came.
    pub fn waits_at_port(&self, slot: u32) -> Option<(u32, Progress)> {
        let port = self.ports.at(slot)?;
        let present = self.port_id(slot);
        let is_over = |thread: &u32| match self.threads.at(*thread).map(|record| record.wait) {
            Some(Wait::Call { port: id, .. } | Wait::Send { port: id, .. }) => {
                port.presence == Presence::Ended || id != present
            }
            _ => true,
        };
        let thread = port
            .callers
            .first()
            // Those who wait for the next incarnation already are behind those of this one.
            .or(port.senders.first().filter(is_over))
            .or(port.receivers.first())?;
        let progress = match self.threads.at(thread).map(|record| record.wait) {
            Some(Wait::Call {
                stage: Stage::Taken,
                ..
            }) => Progress::MAYBE_EXECUTED,
            _ => Progress::NOT_ENTERED,
        };
        Some((thread, progress))
    }

    /// Nobody waits any more for a port's capability that is over: drops a message of it, or the
    /// port if it has ended.
    pub fn clear_port(&mut self, slot: u32) -> Done {
        let Some(port) = self.ports.at(slot) else {
            return Done::Finished;
        };
        if let Some(message) = port.messages.first() {
            self.drop_message(slot, message);
            return Done::More;
        }
        if port.presence == Presence::Ended {
            let owner = port.owner.0;
            if let Some(owner) = self.actors.at_mut(owner) {
                owner.ports.remove(&mut self.ports, slot);
                owner.port_count = owner.port_count.saturating_sub(1);
            }
            self.ports.remove(Slot(slot));
        }
        Done::Finished
    }

    /// Ends a thread's wait with what came of it.
    pub fn conclude(&mut self, thread: u32, result: Result<[u64; 3], Refusal>) {
        match result {
            Ok(results) => self.finish_wait(thread, Status::OK, results),
            Err(Refusal::Status(status, results)) => self.finish_wait(thread, status, results),
            Err(Refusal::Fault(fault)) => self.fail_thread(thread, fault),
            Err(Refusal::Again) => {
                self.cancel_wait(thread);
                self.repeat(thread);
                self.make_ready(thread);
            }
        }
    }

    /// Ends a thread's wait with a syscall result.
    pub fn finish_wait(&mut self, thread: u32, status: Status, results: [u64; 3]) {
        self.cancel_wait(thread);
        if let Some(record) = self.threads.at_mut(thread) {
            record.set_results(status, results);
        }
        self.make_ready(thread);
    }

    /// Takes a thread out of every list it waits in, without making it ready.
    pub fn cancel_wait(&mut self, thread: u32) {
        let Some(record) = self.threads.at_mut(thread) else {
            return;
        };
        let wait = core::mem::replace(&mut record.wait, Wait::Nothing);
        if record.deadline.is_taken() {
            self.clear_deadline(thread);
        }
        match wait {
            Wait::Receive { port, .. } => {
                if let Some(port) = self.ports.at_mut(port) {
                    port.receivers.remove(&mut self.threads, thread);
                }
                self.tend_door(port);
            }
            Wait::Send { port, .. }
            | Wait::Call {
                port,
                stage: Stage::Absent,
                ..
            } => {
                if let Some(port) = self.ports.at_mut(port.slot().0) {
                    port.senders.remove(&mut self.threads, thread);
                }
            }
            Wait::Call { port, stage, .. } => {
                let slot = port.slot().0;
                if let Some(port) = self.ports.at_mut(slot) {
                    port.callers.remove(&mut self.threads, thread);
                }
                if let Stage::Queued(message) = stage {
                    self.drop_message(slot, message);
                }
            }
            Wait::Find(what, name) => self.stop_finding(thread, what, name),
            Wait::Console(_) => self.console.waiting.remove(&mut self.threads, thread),
            Wait::Activation { manager } => self.stop_activating(manager),
            Wait::Enter { lap, .. } => {
                if let Some(lap) = self.laps.at_mut(lap.slot().0) {
                    lap.waiting.remove(&mut self.threads, thread);
                }
            }
            Wait::Thaw => self.unpark(thread),
            Wait::Nothing
            | Wait::Sleep
            | Wait::Event
            | Wait::Deflection
            | Wait::Occasion
            | Wait::Spawn(_) => {}
        }
    }

    /// A thread's deadline has passed: what it waited for did not happen.
    pub fn deadline_passed(&mut self, thread: u32) {
        let Some(record) = self.threads.at(thread) else {
            return;
        };
        match record.wait {
            Wait::Nothing | Wait::Deflection | Wait::Occasion | Wait::Spawn(_) | Wait::Thaw => {}
            Wait::Event => self.make_ready(thread),
            Wait::Sleep => self.finish_wait(thread, Status::OK, [0; 3]),
            Wait::Find(..) => {
                self.finish_wait(thread, Status::NOT_FOUND, [0; 3]);
            }
            Wait::Enter { .. } => {
                self.finish_wait(thread, Status::TIMED_OUT, [0, 0, Progress::NOT_ENTERED.0]);
            }
            Wait::Call { stage, .. } => {
                let progress = match stage {
                    Stage::Taken => Progress::MAYBE_EXECUTED,
                    Stage::Absent | Stage::Queued(_) => Progress::NOT_ENTERED,
                };
                self.finish_wait(thread, Status::TIMED_OUT, [0, 0, progress.0]);
            }
            Wait::Receive { .. }
            | Wait::Send { .. }
            | Wait::Console(_)
            | Wait::Activation { .. } => {
                self.finish_wait(thread, Status::TIMED_OUT, [0; 3]);
            }
        }
    }

    /// The slot of the port a capability names: the one place where they are checked.
    fn check_port(&self, id: PortId) -> Result<u32, Refusal> {
        let slot = id.slot().0;
        let port = self.ports.at(slot);
        let port = port.filter(|port| port.presence != Presence::Ended);
        let port = port.ok_or(Status::DEAD)?;
        let present = self.port_id(slot);
        let checked = naming::check(id.generation(), port.first_generation, present.generation());
        checked
            .map_err(|status| Refusal::Status(status, [0, successor(status, present.raw()), 0]))?;
        Ok(slot)
    }

    /// The slot of an open port of an actor's own.
    ///
    /// # Errors
    /// As `check_port`; `NOT_OWNER`, or `DEAD` while it is absent.
    pub fn check_own_port(&self, actor: u32, id: PortId) -> Result<u32, Refusal> {
        let slot = self.check_port(id)?;
        let port = self.ports.at(slot).filter(|port| port.owner.0 == actor);
        let port = port.ok_or(Status::NOT_OWNER)?;
        if port.presence == Presence::Open {
            Ok(slot)
        } else {
            Err(Status::DEAD.into())
        }
    }

    /// Fails the home actor of a thread that is not the current one.
    fn fail_thread(&mut self, thread: u32, fault: Fault) {
        self.fail(thread, fault.record());
    }
}

fn message_caller(message: Option<&Message>) -> Option<u32> {
    match message?.payload {
        Payload::Caller(thread) => Some(thread),
        Payload::Inline(_) | Payload::Frame(_) => None,
    }
}
