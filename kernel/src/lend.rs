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
    /// private; `NO_MEMORY`, `LIMIT_REACHED`.
    pub fn lend(
        &mut self,
        caller: ActorId,
        callee: ActorId,
        memory: UserSlice,
        manner: Manner,
    ) -> Result<(u64, Memory), Refusal> {
        let lending = Lending {
            callee,
            page: Page(0),
            frames: [Frame(0); PAGES_MAX],
            count: 0,
            link: Link::FREE,
        };
        let (slot, _) = self
            .lendings
            .insert(lending)
            .map_err(|_| Status::LIMIT_REACHED)?;
        // A window for each lending there can be, with a gap behind it.
        let start = LENT_START + u64::from(slot.0) * 2 * LENT_MAX;
        if let Some(lending) = self.lendings.at_mut(slot.0) {
            lending.page = Page::containing(start);
        }
        if let Some(callee) = self.actors.at_mut(callee.slot().0) {
            callee.lendings.push_back(&mut self.lendings, slot.0);
        }
        match self.lend_pages(slot.0, caller, callee, memory, manner) {
            Ok(()) => Ok((start, Memory::Lent(slot.0))),
            Err(refusal) => {
                self.take_back(Memory::Lent(slot.0));
                Err(refusal)
            }
        }
    }

    fn lend_pages(
        &mut self,
        slot: u32,
        caller: ActorId,
        callee: ActorId,
        memory: UserSlice,
        manner: Manner,
    ) -> Result<(), Refusal> {
        let rights = match manner {
            Manner::LendWritable => Flags::NO_EXECUTE | Flags::WRITABLE,
            _ => Flags::NO_EXECUTE,
        };
        for piece in memory.pieces() {
            // For writing, whatever the callee may do: so that the page is the caller's alone.
            let frame = self
                .page_in(caller.slot().0, piece.page, Access::Write)
                .map_err(|error| error.as_argument(piece.page))?;
            let space = self
                .actors
                .at(caller.slot().0)
                .and_then(|actor| actor.space.as_ref());
            let is_private =
                space.is_some_and(|space| space.entry(piece.page).allows(Flags::PRIVATE));
            if !is_private {
                return Err(Status::BAD_ARGUMENT.into());
            }
            let lending = self.lendings.at_mut(slot).ok_or(Status::DEAD)?;
            let target = Page(lending.page.0 + lending.count as u64);
            let actor = self.actors.at_mut(callee.slot().0).ok_or(Status::DEAD)?;
            let space = actor.space.as_mut().ok_or(Status::DEAD)?;
            space
                .map_shared(&mut self.frames, target, frame, rights)
                .map_err(|_| Status::NO_MEMORY)?;
            if let Some(place) = lending.frames.get_mut(lending.count) {
                *place = frame;
                lending.count += 1;
                self.frames.lend(frame);
            }
        }
        Ok(())
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
