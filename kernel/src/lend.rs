//! Lending: pages of a caller that its callee sees for as long as the caller is inside.
//!
//! The frames stay the caller's. Should the caller's actor give them up meanwhile, because it is
//! restarted or frees them, they are kept from everybody else until they come back (see
//! [`Frames::lend`](crate::mm::frame::Frames::lend)): a callee is never made to fail by its
//! caller's death. A callee that is frozen loses sight of them at once.

use abi::layout::{LENT_MAX, LENT_START, PAGE_BYTES};
use abi::{ActorId, Slot, Status};

use crate::fault::Refusal;
use crate::kernel::Kernel;
use crate::list::{Link, Linked};
use crate::mm::page_table::Flags;
use crate::mm::{Frame, Page};
use crate::thread::{Manner, Memory};
use crate::user::{Access, UserSlice};

/// Link to the other lendings to the same actor.
pub const TO: usize = 0;

/// Most pages of one lending.
const PAGES_MAX: usize = (LENT_MAX / PAGE_BYTES) as usize;

/// Pages used for the first time in one go.
const NEW_AT_ONCE: usize = 2;

/// One lending.
pub struct Lending {
    /// To whom.
    callee: ActorId,
    /// Where in the callee's memory.
    page: Page,
    frames: [Frame; PAGES_MAX],
    count: usize,
    /// Its place among those to the same actor.
    link: Link,
}

impl Linked<TO> for Lending {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    fn link_ref(&self) -> &Link {
        &self.link
    }
}

impl Kernel {
    /// Lends pages of a caller's private memory to a callee. Returns where the callee sees them.
    ///
    /// # Errors
    /// The caller's fault for memory that is not its own; `BAD_ARGUMENT` for memory that is not
    /// private; `NO_MEMORY`, `LIMIT_REACHED`. [`Refusal::Again`] while there are pages that the
    /// caller has not used yet.
    pub fn lend(
        &mut self,
        caller: ActorId,
        callee: ActorId,
        memory: UserSlice,
        manner: Manner,
    ) -> Result<(u64, Memory), Refusal> {
        let rights = match manner {
            Manner::LendWritable => Flags::NO_EXECUTE | Flags::WRITABLE,
            _ => Flags::NO_EXECUTE,
        };
        let (frames, count) = self.frames_to_lend(caller.slot().0, memory)?;
        let lending = Lending {
            callee,
            page: Page(0),
            frames,
            count,
            link: Link::FREE,
        };
        let (slot, _) = self
            .lendings
            .insert(lending)
            .map_err(|_| Status::LIMIT_REACHED)?;
        // A window for each lending there can be, with a gap behind it.
        let start = LENT_START + u64::from(slot.0) * 2 * LENT_MAX;
        let page = Page::containing(start);
        let callee = self.actors.at_mut(callee.slot().0);
        let mapped = callee.ok_or(Status::DEAD).and_then(|callee| {
            let space = callee.space.as_mut().ok_or(Status::DEAD)?;
            space
                .map_run(&mut self.frames, page, &frames[..count], rights)
                .map_err(|_| Status::NO_MEMORY)?;
            callee.lendings.push_back(&mut self.lendings, slot.0);
            Ok(())
        });
        if let Err(status) = mapped {
            self.lendings.remove(slot);
            return Err(status.into());
        }
        if let Some(lending) = self.lendings.at_mut(slot.0) {
            lending.page = page;
        }
        for frame in &frames[..count] {
            self.frames.lend(*frame);
        }
        Ok((start, Memory::Lent(slot.0)))
    }

    /// The frames of a caller's private memory. They are to be written, whatever the callee may do,
    /// so that they are the caller's alone.
    fn frames_to_lend(
        &mut self,
        caller: u32,
        memory: UserSlice,
    ) -> Result<([Frame; PAGES_MAX], usize), Refusal> {
        let private = Flags::USER | Flags::WRITABLE | Flags::PRIVATE;
        let (mut frames, mut count, mut new) = ([Frame(0); PAGES_MAX], 0, 0);
        for (place, piece) in frames.iter_mut().zip(memory.pieces()) {
            let lendable = |kernel: &Self| {
                let space = kernel.actors.at(caller)?.space.as_ref()?;
                let entry = space.entry(piece.page);
                entry.frame().filter(|_| entry.allows(private))
            };
            if let Some(frame) = lendable(self) {
                *place = frame;
                count += 1;
                continue;
            }
            self.page_in(caller, piece.page, Access::Write)
                .map_err(|error| error.as_argument(piece.page))?;
            *place = lendable(self).ok_or(Status::BAD_ARGUMENT)?;
            count += 1;
            new += 1;
            if new == NEW_AT_ONCE {
                return Err(Refusal::Again);
            }
        }
        Ok((frames, count))
    }

    /// Hides a lending from its callee, which is being frozen. The visit still has it.
    pub fn hide_lending(&mut self, slot: u32) {
        let Some(lending) = self.lendings.at(slot) else {
            return;
        };
        let (page, count, callee) = (lending.page, lending.count as u64, lending.callee);
        if let Some(actor) = self.actors.at_mut(callee.slot().0) {
            actor.lendings.remove(&mut self.lendings, slot);
            // The CPU may remember the pages if the callee's address space is not the present one.
            actor.stale_translations = true;
            if let Some(space) = &mut actor.space {
                for page in page.0..page.0 + count {
                    space.unmap(&mut self.frames, Page(page));
                }
            }
        }
    }

    /// Takes a visit's memory back.
    pub fn take_back(&mut self, memory: Memory) {
        let Memory::Lent(slot) = memory else { return };
        if self
            .lendings
            .at(slot)
            .is_some_and(|lending| lending.link.is_linked())
        {
            self.hide_lending(slot);
        }
        let Some(lending) = self.lendings.remove(Slot(slot)) else {
            return;
        };
        for frame in lending.frames.iter().take(lending.count) {
            self.frames.take_back(*frame);
        }
    }
}
