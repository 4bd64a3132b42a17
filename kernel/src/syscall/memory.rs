//! Syscalls about private and persistent regions.

use abi::layout::{PAGE_BYTES, PERSISTENT_END, PERSISTENT_START};
use abi::syscall::PERSISTENT_EXISTING;
use abi::{Name, Slot, Status};

use super::{DONE, Next};
use crate::actor::PersistentRegion;
use crate::fault::Refusal;
use crate::kernel::Kernel;
use crate::mm::{Frame, Page, direct, pages_for};
use crate::region::{Kind, Region, RegionError};

/// Pages zeroed in one go: 2,000 instructions, after which interrupts get their turn.
const FRAMES_AT_ONCE: u32 = 4;

impl Kernel {
    pub(super) fn region_allocate(&mut self, actor: u32, bytes: u64) -> Result<Next, Refusal> {
        let pages = pages_for(bytes);
        if pages == 0 {
            return Err(Status::BAD_ARGUMENT.into());
        }
        let record = self.actors.at_mut(actor).ok_or(Status::DEAD)?;
        let region = record
            .regions
            .place(pages, 1, Kind::Private)
            .map_err(refusal)?;
        Ok(Next::Return([region.start.address(), 0, 0]))
    }

    pub(super) fn region_free(&mut self, actor: u32, address: u64) -> Result<Next, Refusal> {
        if !address.is_multiple_of(PAGE_BYTES) {
            return Err(Status::NOT_FOUND.into());
        }
        let page = Page::containing(address);
        match self.trim_region(actor, page, |kind| kind == Kind::Private) {
            Trim::Gone => Ok(DONE),
            Trim::More => Ok(Next::Again),
            Trim::NotFound => Err(Status::NOT_FOUND.into()),
        }
    }

    /// Frees the end of a region of an actor's: a bounded number of pages, so that the caller can
    /// let interrupts in before the rest. What is left of the region stays usable until then.
    pub fn trim_region(&mut self, actor: u32, start: Page, wanted: impl Fn(Kind) -> bool) -> Trim {
        let Some(record) = self.actors.at_mut(actor) else {
            return Trim::NotFound;
        };
        let Some(region) = record
            .regions
            .at_mut(start)
            .filter(|region| wanted(region.kind))
        else {
            return Trim::NotFound;
        };
        if let Some(space) = &mut record.space {
            region.end = space.unmap_tail(&mut self.frames, region.start, region.end);
        }
        if record.space.is_some() && region.start < region.end {
            return Trim::More;
        }
        record.regions.remove(start, |_| true);
        Trim::Gone
    }

    pub(super) fn persistent_open(
        &mut self,
        actor: u32,
        name: Name,
        bytes: u64,
        flags: u64,
    ) -> Result<Next, Refusal> {
        if flags & !PERSISTENT_EXISTING != 0 {
            return Err(Status::BAD_ARGUMENT.into());
        }
        let pages = pages_for(bytes);
        let is_it = |region: &PersistentRegion| region.owner.0 == actor && region.name == name;
        let found = self.persistent.iter().find(|(_, region)| is_it(region));
        let slot = match found.map(|(slot, region)| (slot, region.extent.frames)) {
            Some((_, frames)) if pages > u64::from(frames) => {
                return Err(Status::BAD_ARGUMENT.into());
            }
            Some((slot, _)) => slot,
            None if flags & PERSISTENT_EXISTING != 0 => return Err(Status::NOT_FOUND.into()),
            None => self.persistent_create(actor, name, pages)?,
        };
        self.persistent_prepare(slot)
    }

    /// Sets memory aside for a persistent region; its pages are still to be zeroed.
    fn persistent_create(&mut self, actor: u32, name: Name, pages: u64) -> Result<Slot, Refusal> {
        let record = self.actors.at(actor).ok_or(Status::DEAD)?;
        let budget = record.declaration.budget.persistent_frames;
        let left = budget.saturating_sub(record.persistent_frames);
        let frames = u32::try_from(pages)
            .ok()
            .filter(|frames| (1..=left).contains(frames));
        let frames = match (pages, frames) {
            (0, _) => return Err(Status::BAD_ARGUMENT.into()),
            (_, None) => return Err(Status::LIMIT_REACHED.into()),
            (_, Some(frames)) => frames,
        };
        let extent = self.preserved.allocate(frames).ok_or(Status::NO_MEMORY)?;
        let page = self.persistent_place(actor, pages).ok_or(Status::NO_MEMORY);
        let page = page.inspect_err(|_| self.preserved.free(extent))?;
        let owner = Slot(actor);
        let region = PersistentRegion {
            owner,
            name,
            extent,
            page,
            zeroed: 0,
        };
        let Ok((slot, _)) = self.persistent.insert(region) else {
            self.preserved.free(extent);
            return Err(Status::LIMIT_REACHED.into());
        };
        if let Some(record) = self.actors.at_mut(actor) {
            record.persistent_frames += frames;
        }
        Ok(slot)
    }

    /// Zeroes some more pages of a new persistent region; when all are, its owner sees it. A
    /// region that was ready is simply found.
    fn persistent_prepare(&mut self, slot: Slot) -> Result<Next, Refusal> {
        let region = self.persistent.at_mut(slot.0).ok_or(Status::NOT_FOUND)?;
        let size = u64::from(region.extent.frames) * PAGE_BYTES;
        let (owner, start) = (region.owner.0, region.page);
        let record = self.actors.at_mut(owner).ok_or(Status::DEAD)?;
        if record.regions.find(start).is_some() {
            return Ok(Next::Return([start.address(), size, 0]));
        }
        let first = Frame(region.extent.start);
        let end = region.extent.frames.min(region.zeroed + FRAMES_AT_ONCE);
        for frame in region.zeroed..end {
            direct::zero(first.offset(frame));
        }
        region.zeroed = end;
        if end < region.extent.frames {
            return Ok(Next::Again);
        }
        let end = Page(start.0 + u64::from(region.extent.frames));
        let kind = Kind::Persistent { first };
        if let Err(error) = record.regions.insert(Region { start, end, kind }) {
            self.drop_persistent(slot);
            return Err(refusal(error));
        }
        Ok(Next::Return([start.address(), size, 1]))
    }

    /// The first gap in an actor's persistent window that holds `pages` pages. Regions begin at
    /// multiples of 2 MiB, so that each has page tables of its own.
    fn persistent_place(&self, actor: u32, pages: u64) -> Option<Page> {
        const ALIGNMENT: u64 = 512;
        let end = PERSISTENT_END / PAGE_BYTES;
        let mut start = PERSISTENT_START / PAGE_BYTES;
        // Each turn moves past one region of the actor's, of which there are finitely many.
        loop {
            let stop = start.checked_add(pages).filter(|stop| *stop <= end)?;
            let clash = self.persistent.iter().find(|(_, region)| {
                let region_end = region.page.0 + u64::from(region.extent.frames);
                region.owner.0 == actor && region.page.0 < stop && start < region_end
            });
            match clash {
                None => return Some(Page(start)),
                Some((_, region)) => {
                    let past = region.page.0 + u64::from(region.extent.frames);
                    start = past.next_multiple_of(ALIGNMENT);
                }
            }
        }
    }

    pub(super) fn persistent_free(&mut self, actor: u32, address: u64) -> Result<Next, Refusal> {
        let is_it =
            |region: &PersistentRegion| region.owner.0 == actor && region.page.address() == address;
        let found = self.persistent.iter().find(|(_, region)| is_it(region));
        let (slot, page) = found
            .map(|(slot, region)| (slot, region.page))
            .ok_or(Status::NOT_FOUND)?;
        let is_persistent = |kind| matches!(kind, Kind::Persistent { .. });
        if self.trim_region(actor, page, is_persistent) == Trim::More {
            return Ok(Next::Again);
        }
        self.drop_persistent(slot);
        Ok(DONE)
    }

    /// Frees a persistent region that is mapped nowhere any more; its content is lost.
    pub fn drop_persistent(&mut self, slot: Slot) {
        let Some(region) = self.persistent.remove(slot) else {
            return;
        };
        if let Some(owner) = self.actors.at_mut(region.owner.0) {
            let frames = region.extent.frames;
            owner.persistent_frames = owner.persistent_frames.saturating_sub(frames);
        }
        self.preserved.free(region.extent);
    }
}

/// How far the freeing of a region has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trim {
    /// Nothing is left of it.
    Gone,
    /// Call again.
    More,
    /// There is no such region.
    NotFound,
}

fn refusal(error: RegionError) -> Refusal {
    match error {
        RegionError::NoRoom => Status::NO_MEMORY.into(),
        RegionError::TooMany => Status::LIMIT_REACHED.into(),
    }
}
