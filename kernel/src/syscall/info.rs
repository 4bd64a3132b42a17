//! Syscalls that tell about the site, and those of its console and its end.

use core::ptr::NonNull;

use abi::epitaph::RebootCause;
use abi::site::{ActorInfo, Hook, Rights, SiteInfo, SiteRestart};
use abi::syscall::NO_MORE;
use abi::{ActorId, SiteCause, Slot, Span, StartRecord, Status, Text};

use volatile::VolatilePtr;

use super::{DONE, Next};
use crate::arch::{clock, exit, interrupts};
use crate::fault::Refusal;
use crate::kernel::Kernel;
use crate::mm::page_table::Flags;
use crate::mm::{Page, direct, heap};
use crate::region::{Kind, Origin, Region};
use crate::rights::Target;
use crate::thread::Wait;
use crate::user::{Access, UserSlice};
use crate::{fail, hooks, logger};

impl Kernel {
    pub(super) fn ledger_read(
        &mut self,
        actor: u32,
        sequence: u64,
        buffer: UserSlice,
    ) -> Result<Next, Refusal> {
        let entry = self.recovery.manager.ledger().read_from(sequence).copied();
        match entry {
            None => Ok(Next::Return([0, sequence, 0])),
            Some(entry) => {
                let length = self.write_record(actor, buffer, &entry)?;
                Ok(Next::Return([length, entry.sequence + 1, 0]))
            }
        }
    }

    pub(super) fn start_read(&mut self, actor: u32, buffer: UserSlice) -> Result<Next, Refusal> {
        let id = self.actor_id(actor);
        let record = self.actors.at(actor).ok_or(Status::DEAD)?;
        let record = StartRecord {
            actor: id,
            incarnation: record.incarnation,
            name: record.declaration.name,
            arguments: record.declaration.arguments,
            previous: record.previous,
        };
        let length = self.write_record(actor, buffer, &record)?;
        Ok(Next::Return([length, 0, 0]))
    }

    pub(super) fn site_info(&mut self, actor: u32, buffer: UserSlice) -> Result<Next, Refusal> {
        let info = SiteInfo {
            policy: Text::truncated(self.recovery.manager.policy().name()),
            free_frames: self.frames.free_count(),
            preserved_frames: u64::from(self.preserved.frames_used()),
            used_actors: self.actors.used(),
            used_threads: self.threads.used(),
            used_ports: self.ports.used(),
            used_messages: self.messages.used(),
            used_laps: self.laps.used(),
            used_lendings: self.lendings.used(),
            used_handlers: self.handlers.used(),
            persistent_regions: self.persistent.used(),
            heap_used: heap::used() as u64,
            block_reads: self.counters.block_reads,
            interrupts_off: clock::take_interrupts_off().0,
            hot_restarts: self.counters.hot_restarts,
            reloads: self.counters.reloads,
            site_restarts: self.site_restarts,
            quarantined_regions: self.counters.quarantined,
        };
        let length = self.write_record(actor, buffer, &info)?;
        Ok(Next::Return([length, 0, 0]))
    }

    pub(super) fn actor_info(
        &mut self,
        actor: u32,
        from: u64,
        buffer: UserSlice,
    ) -> Result<Next, Refusal> {
        let from = u32::try_from(from).unwrap_or(u32::MAX);
        let mut slots = (from..self.actors.end()).map(Slot);
        let found = slots.find_map(|slot| Some((slot, self.actors.at(slot.0)?)));
        let Some((slot, record)) = found else {
            return Ok(Next::Return([0, NO_MORE, 0]));
        };
        let info = ActorInfo {
            actor: self.actor_id(slot.0),
            name: record.declaration.name,
            group: self.group_name(record.group),
            subsystem: record.declaration.subsystem,
            incarnation: record.incarnation,
            state: self.reported_state(slot.0),
            threads: record.thread_count,
            ports: record.port_count,
            private_frames: record
                .space
                .as_ref()
                .map_or(0, |space| space.private_count()),
        };
        let length = self.write_record(actor, buffer, &info)?;
        Ok(Next::Return([length, u64::from(slot.0) + 1, 0]))
    }

    pub(super) fn console_read(
        &mut self,
        actor: u32,
        buffer: UserSlice,
        timeout: Span,
    ) -> Result<Next, Refusal> {
        self.check_right(Rights::CONSOLE, Target::Site)?;
        if buffer.length() == 0 {
            return Err(Status::BAD_ARGUMENT.into());
        }
        self.check_memory(
            actor,
            buffer.cut(crate::console::TYPED_MAX as u64),
            Access::Write,
        )?;
        if let Some(length) = self.take_typed(actor, buffer)? {
            return Ok(Next::Return([length, 0, 0]));
        }
        if timeout == Span::ZERO {
            return Err(Status::TIMED_OUT.into());
        }
        let thread = self.scheduler.current();
        self.block_current(Wait::Console(buffer));
        self.console.waiting.push_back(&mut self.threads, thread);
        self.set_deadline(thread, timeout);
        Ok(Next::Blocked)
    }

    pub(super) fn shutdown(&mut self, code: u64) -> Result<Next, Refusal> {
        self.check_right(Rights::SHUTDOWN, Target::Site)?;
        while let Some(entry) = self.take_untold() {
            logger::tell(&entry);
        }
        self.record_rest();
        fail::end_of_site(if code == 0 {
            exit::Code::Passed
        } else {
            exit::Code::Failed
        })
    }

    pub(super) fn site_restart(&mut self, actor: u32, how: u64) -> Result<Next, Refusal> {
        self.check_right(Rights::SITE, Target::Site)?;
        let name = self.actors.at(actor).ok_or(Status::DEAD)?.declaration.name;
        if how == SiteRestart::Hot as u64 {
            fail::restart_site(SiteCause::REQUESTED, format_args!("by {name}"), None)
        } else if how == SiteRestart::Reboot as u64 {
            fail::reboot_site(RebootCause::REQUESTED, self.reboot_limit())
        } else {
            Err(Status::BAD_ARGUMENT.into())
        }
    }

    pub(super) fn hook(&mut self, kind: u64, argument: u64) -> Result<Next, Refusal> {
        self.check_right(Rights::HOOK, Target::Site)?;
        match Hook(kind) {
            Hook::KERNEL_PANIC => panic!("a test asked for it"),
            Hook::TRIPLE_FAULT => hooks::triple_fault(),
            Hook::HANG => hooks::hang(),
            Hook::EXIT_EARLY => exit::exit(exit::Code::Passed),
            Hook::CORRUPT_IMAGE => {
                self.corrupt_image(argument, |region| matches!(region.kind, Kind::Data { .. }))
            }
            Hook::CORRUPT_TEXT => {
                self.corrupt_image(argument, |region| matches!(region.kind, Kind::Text { .. }))
            }
            Hook::RTC => {
                interrupts::set_clock_interrupt(argument);
                Ok(DONE)
            }
            Hook::HOLD_FRAMES => Ok(Next::Return([self.hold_frames(argument), 0, 0])),
            hook if hook >= Hook::DAMAGE_MAGIC => self.damage(hook, argument),
            hook => self.death_hook(hook, argument),
        }
    }

    /// Flips a bit in a pristine page of the regions wanted: of data, in the first page that the actor
    /// has written; else in the last page of the first region, behind the last instruction.
    fn corrupt_image(
        &mut self,
        actor: u64,
        wanted: impl Fn(&Region) -> bool,
    ) -> Result<Next, Refusal> {
        let slot = self
            .check_actor(ActorId::from_raw(actor))
            .map_err(|(status, _)| status)?;
        let actor = self.actors.at(slot).ok_or(Status::DEAD)?;
        let space = actor.space.as_ref().ok_or(Status::DEAD)?;
        let used = actor
            .regions
            .iter()
            .filter(|region| wanted(region))
            .find_map(|region| {
                let mut pages = (region.start.0..region.end.0).map(Page);
                let page = match region.kind {
                    Kind::Data { .. } => {
                        pages.find(|page| space.entry(*page).allows(Flags::PRIVATE))
                    }
                    _ => pages.next_back(),
                }?;
                Some(region.origin(page))
            });
        let Some(Origin::Copy(frame) | Origin::Frame(frame)) = used else {
            return Err(Status::NOT_FOUND.into());
        };
        // The last byte: what is there is not run by the test.
        let byte = NonNull::new(direct::at(frame.address() + 4095)).ok_or(Status::NOT_FOUND)?;
        // SAFETY: A byte of a page of an image; nothing in the kernel holds a reference to it.
        // Volatile: who reads it is the actor, of which the compiler knows nothing.
        unsafe { VolatilePtr::new(byte) }.update(|byte| byte ^ 1);
        Ok(DONE)
    }

    /// Takes frames until `left` are free, or gives all of them back for 0. Returns how many are
    /// held. Unbounded on purpose: it is a test's.
    fn hold_frames(&mut self, left: u64) -> u64 {
        if left == 0 {
            while let Some((frame, _)) = self.frames.pop(&mut self.held_frames) {
                self.frames.free(frame);
            }
        }
        while left != 0 && self.frames.free_count() > left {
            let Some(frame) = self.frames.allocate() else {
                break;
            };
            self.frames.push(&mut self.held_frames, frame, Page(0));
        }
        u64::from(self.held_frames.count())
    }
}
