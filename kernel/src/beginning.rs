//! How an incarnation begins: its first thread, the stack of that, and what it is told.

use core::fmt::Write as _;

use abi::layout::PAGE_BYTES;
use abi::start::{PreviousEnd, StartArea, StartRecord};
use abi::{ActorId, FaultKind, FaultRecord, Status, Text, ThreadId};
use restart_manager::Event;

use crate::arch::clock;
use crate::arch::frame::TrapFrame;
use crate::kernel::Kernel;
use crate::mm::{Page, direct, pages_for};
use crate::site::record::LifeEnd;
use crate::thread::State;
use crate::user::Access;

/// Where the [`StartArea`] begins in the topmost page of the first thread's stack.
const AREA_OFFSET: u64 = PAGE_BYTES - size_of::<StartArea>() as u64;

impl Kernel {
    /// Creates the first thread of an actor whose memory is ready.
    pub fn start_actor(&mut self, id: ActorId, previous: PreviousEnd, incarnation: u32) {
        let slot = id.slot().0;
        let Some(actor) = self.actors.at_mut(slot) else {
            return;
        };
        actor.previous = previous;
        actor.incarnation = incarnation;
        self.note_life(slot, LifeEnd::None);
        match self.first_thread(id) {
            Ok(thread) => {
                if let Some(actor) = self.actors.at_mut(slot) {
                    actor.run(id);
                }
                self.watch(slot);
                self.report(Event::Activated { actor: id });
                // Whoever subscribed is told of it before anything that it sends.
                let thread = self.thread_id(thread);
                if self.notifier.used() == 0 {
                    self.start_thread(thread);
                } else {
                    self.recovery.start_when_told(thread);
                }
            }
            Err(status) => {
                let mut fault = FaultRecord::new(FaultKind::OUT_OF_MEMORY);
                fault.time = clock::now();
                fault.actor = id;
                let mut message = Text::EMPTY;
                // Text takes what fits and never fails.
                let _ = write!(message, "no first thread: {status}");
                fault.message = message;
                self.report(Event::ActivationFailed {
                    actor: id,
                    fault: &fault,
                });
            }
        }
    }

    /// Makes the first thread, and lays down what it is told at the top of its stack.
    fn first_thread(&mut self, id: ActorId) -> Result<u32, Status> {
        let slot = id.slot().0;
        let actor = self.actors.at(slot).ok_or(Status::DEAD)?;
        let image = actor.image.and_then(|image| self.images.at(image));
        let entry = image.ok_or(Status::NOT_FOUND)?.plan.entry;
        let told = StartArea::new(&StartRecord {
            actor: id,
            incarnation: actor.incarnation,
            name: actor.declaration.name,
            arguments: actor.declaration.arguments,
            previous: actor.previous,
        });
        let (priority, stack) = (actor.declaration.priority, actor.declaration.stack_bytes);
        let mut area = 0;
        let thread = self.new_thread(slot, priority, pages_for(stack), |top| {
            area = top - PAGE_BYTES + AREA_OFFSET;
            let arguments = [id.raw(), u64::from(told.incarnation), area];
            TrapFrame::user(entry, area, arguments)
        })?;
        match self.page_in(slot, Page::containing(area), Access::Write) {
            Ok(frame) => {
                let area = direct::at(frame.address() + AREA_OFFSET).cast::<StartArea>();
                // SAFETY: It lies within the frame and is aligned; the frame is the actor's, which
                // does not run yet.
                unsafe { area.write(told) };
                Ok(thread)
            }
            Err(_) => {
                self.destroy_thread(thread);
                Err(Status::NO_MEMORY)
            }
        }
    }

    /// Lets the first thread of an incarnation run. It may be gone by now.
    pub fn start_thread(&mut self, thread: ThreadId) {
        let record = self.threads.get(thread.slot(), thread.generation());
        if record.is_some_and(|record| record.state == State::Stopped) {
            self.make_ready(thread.slot().0);
        }
    }
}
