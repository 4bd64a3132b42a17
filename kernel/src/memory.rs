//! Bringing pages in, and copying to and from actors.

use abi::layout::USER_END;

use crate::fault::{Fault, Refusal};
use crate::kernel::Kernel;
use crate::mm::address_space::{AddressSpace, Progress};
use crate::mm::page_table::Flags;
use crate::mm::{Frame, Page, direct};
use crate::region::{Kind, Origin};
use crate::user::{Access, PageError, Part, UserSlice};

/// Rights of a page of instructions.
const TEXT: Flags = Flags::empty();
/// Rights of a page that is only read.
const READ: Flags = Flags::NO_EXECUTE;
/// Rights of a page that is read and written.
const WRITE: Flags = Flags::NO_EXECUTE.union(Flags::WRITABLE);

/// What a page's entry becomes when its private frame is taken away: what it was before the first
/// write. `None` where nothing was mapped.
#[must_use]
pub fn pristine_entry(kind: Kind, origin: Origin) -> Option<(Frame, Flags)> {
    match (origin, kind) {
        (Origin::Copy(frame), _) => Some((frame, READ)),
        (Origin::Frame(frame), Kind::Text { .. }) => Some((frame, TEXT)),
        (Origin::Frame(frame), _) => Some((frame, READ)),
        (Origin::Zeroes, _) => None,
    }
}

impl Kernel {
    /// Makes a page of an actor usable in the way wanted, and returns its frame. The one place
    /// that decides what an actor may touch, for page faults and for syscalls alike.
    ///
    /// # Errors
    /// See [`PageError`].
    pub fn page_in(&mut self, actor: u32, page: Page, access: Access) -> Result<Frame, PageError> {
        if page.address() >= USER_END {
            return Err(PageError::NotAllowed);
        }
        let actor = self.actors.at_mut(actor).ok_or(PageError::NotAllowed)?;
        let space = actor.space.as_mut().ok_or(PageError::NotAllowed)?;
        let (entry, table) = space.look_up(page);
        let wanted = match access {
            Access::Read | Access::Execute => Flags::USER,
            Access::Write => Flags::USER | Flags::WRITABLE,
        };
        if let Some(frame) = entry.frame()
            && entry.allows(wanted)
            && access != Access::Execute
        {
            return Ok(frame);
        }
        let region = actor.regions.check(page, access)?;
        if let Some(frame) = region.pristine(page)
            && let Some(image) = actor.image.and_then(|image| self.images.at_mut(image))
            && !image.is_usable(frame)
        {
            return Err(PageError::Damaged);
        }
        let frames = &mut self.frames;
        let out = |_| PageError::OutOfMemory;
        let frame = match (region.origin(page), access) {
            (Origin::Frame(frame), _) => {
                let rights = match region.kind {
                    Kind::Text { .. } => TEXT,
                    Kind::Persistent { .. } => WRITE,
                    _ => READ,
                };
                space.map_shared(frames, page, frame, rights).map_err(out)?;
                frame
            }
            (Origin::Copy(frame), Access::Read) => {
                space.map_shared(frames, page, frame, READ).map_err(out)?;
                frame
            }
            (origin, _) => {
                if space.held_count() >= actor.declaration.budget.frames {
                    return Err(PageError::OutOfMemory);
                }
                let frame = match origin {
                    Origin::Copy(_) => frames.allocate(),
                    Origin::Frame(_) | Origin::Zeroes => frames.allocate_cleared(direct::zero),
                };
                let frame = frame.ok_or(PageError::OutOfMemory)?;
                if let Origin::Copy(pristine) = origin {
                    direct::copy(pristine, frame);
                }
                let place = (page, table);
                space
                    .map_private(frames, place, frame, WRITE)
                    .map_err(out)?;
                frame
            }
        };
        Ok(frame)
    }

    /// Clears one frame ahead of time if there are hardly any, for those who keep the idle thread from
    /// it: half a thousandth of the time.
    pub fn clear_if_few(&mut self) {
        const FEW: u32 = 32;
        self.clear_one_up_to(FEW);
    }

    /// Clears one frame ahead of time if there are not as many as the start of an actor takes: three
    /// tables and the first page of a stack. For whoever can do so in steps of their own: the start itself
    /// is one.
    pub fn clear_for_start(&mut self) -> Progress {
        self.clear_one_up_to(4)
    }

    /// Clears one frame ahead of time: for whoever has nothing else to do.
    pub fn clear_one(&mut self) -> Progress {
        /// 2 MiB.
        const ENOUGH: u32 = 512;
        self.clear_one_up_to(ENOUGH)
    }

    fn clear_one_up_to(&mut self, count: u32) -> Progress {
        let Some(frame) = self.frames.take_for_clearing(count) else {
            return Progress::Finished;
        };
        direct::zero(frame);
        self.frames.give_cleared(frame);
        Progress::More
    }

    /// Copies from an actor's memory into the kernel's. `buffer` is at least as long as `from`.
    ///
    /// # Errors
    /// The actor's fault, with the address of the first page it may not read.
    pub fn copy_in(&mut self, actor: u32, from: UserSlice, buffer: &mut [u8]) -> Result<(), Fault> {
        for piece in from.pieces() {
            let frame = self.page_in(actor, piece.page, Access::Read);
            let frame = frame.map_err(|error| error.as_argument(piece.page))?;
            let part = Part {
                frame,
                offset: piece.offset,
                length: piece.length,
            };
            if let Some(to) = buffer.get_mut(piece.position..piece.position + piece.length) {
                to.copy_from_slice(bytes(part));
            }
        }
        Ok(())
    }

    /// Copies from the kernel's memory into an actor's; `to` is at least as long as `data`.
    ///
    /// # Errors
    /// The actor's fault, with the address of the first page it may not write.
    pub fn copy_out(&mut self, actor: u32, to: UserSlice, data: &[u8]) -> Result<(), Fault> {
        for piece in to.cut(data.len() as u64).pieces() {
            let frame = self.page_in(actor, piece.page, Access::Write);
            let frame = frame.map_err(|error| error.as_argument(piece.page))?;
            let part = Part {
                frame,
                offset: piece.offset,
                length: piece.length,
            };
            if let Some(from) = data.get(piece.position..piece.position + piece.length) {
                bytes(part).copy_from_slice(from);
            }
        }
        Ok(())
    }

    /// Copies from one actor's memory into another's, at most the length of both.
    ///
    /// # Errors
    /// Which side is to blame, and its fault.
    pub fn copy_across(
        &mut self,
        (sender, from): (u32, UserSlice),
        (receiver, to): (u32, UserSlice),
    ) -> Result<(), Blame> {
        let length = from.length().min(to.length());
        for piece in from.cut(length).pieces() {
            let source = self.page_in(sender, piece.page, Access::Read);
            let source = source.map_err(|error| Blame::Sender(error.as_argument(piece.page)))?;
            let address = to.address() + piece.position as u64;
            let target = UserSlice::new(address, piece.length as u64).map_err(Blame::Receiver)?;
            for part in target.pieces() {
                let frame = self.page_in(receiver, part.page, Access::Write);
                let frame = frame.map_err(|error| Blame::Receiver(error.as_argument(part.page)))?;
                let from = Part {
                    frame: source,
                    offset: piece.offset + part.position,
                    length: part.length,
                };
                copy_part(
                    from,
                    Part {
                        frame,
                        offset: part.offset,
                        length: part.length,
                    },
                );
            }
        }
        Ok(())
    }

    /// Checks that an actor's memory is there and may be used in this way, bringing it in.
    ///
    /// # Errors
    /// The actor's fault; [`Refusal::Again`] when it has brought in as much as is done in one go.
    pub fn check_memory(
        &mut self,
        actor: u32,
        range: UserSlice,
        access: Access,
    ) -> Result<(), Refusal> {
        let held = self.held_frames_of(actor);
        for piece in range.pieces() {
            self.page_in(actor, piece.page, access)
                .map_err(|error| error.as_argument(piece.page))?;
            if self.held_frames_of(actor) != held {
                return Err(Refusal::Again);
            }
        }
        Ok(())
    }

    /// Checks that an actor may use this memory in this way. It may not be there yet: it comes in, or
    /// cannot, when it is used.
    ///
    /// # Errors
    /// As [`check_memory`](Self::check_memory).
    pub fn check_rights(
        &mut self,
        actor: u32,
        range: UserSlice,
        access: Access,
    ) -> Result<(), Refusal> {
        let Some(last) = range.last_page() else {
            return Ok(());
        };
        let first = Page::containing(range.address());
        let regions = self.actors.at(actor).map(|actor| &actor.regions);
        let region = regions.and_then(|regions| regions.find(first));
        match region {
            Some(region) if region.contains(last) && region.kind.allows(access) => Ok(()),
            // Over several regions, or lent.
            _ => self.check_memory(actor, range, access),
        }
    }

    fn held_frames_of(&self, actor: u32) -> u32 {
        let space = self.actors.at(actor).and_then(|actor| actor.space.as_ref());
        space.map_or(0, AddressSpace::held_count)
    }
}

/// Whose memory it was that could not be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blame {
    /// The one the data came from.
    Sender(Fault),
    /// The one the data went to.
    Receiver(Fault),
}

/// Copies between parts of two frames, which may be one and the same.
fn copy_part(from: Part, to: Part) {
    let length = from.length.min(to.length);
    // SAFETY: Both parts lie within their frames, which were just looked up in actors' memory;
    // `copy` allows them to overlap.
    unsafe {
        core::ptr::copy(
            direct::pointer(from.frame).add(from.offset).cast_const(),
            direct::pointer(to.frame).add(to.offset),
            length,
        );
    }
}

/// The bytes of part of a frame, for one copy to or from the kernel's memory.
fn bytes(part: Part) -> &'static mut [u8] {
    // SAFETY: The frame was just looked up in an actor's memory; actors' accesses to it do not
    // happen while the kernel runs, and the slice is used for one copy only.
    let frame = unsafe { direct::bytes(part.frame) };
    frame
        .get_mut(part.offset..part.offset + part.length)
        .unwrap_or_default()
}
