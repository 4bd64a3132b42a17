//! Syscalls about private and persistent regions.

use abi::layout::PAGE_BYTES;
use abi::syscall::PERSISTENT_EXISTING;
use abi::{Name, Slot, Status};

use super::{DONE, Next};
use crate::actor::PersistentRegion;
use crate::fault::Refusal;
use crate::kernel::{Kernel, PERSISTENT_MAX};
use crate::list::Link;
use crate::mm::address_space::Progress;
use crate::mm::{Frame, Page, direct, pages_for};
use crate::region::{Kind, RegionError};
use crate::site::record::RegionNote;
use crate::slot::NONE;

/// Pages zeroed in one go: 1,000 instructions, after which interrupts get their turn.
const FRAMES_AT_ONCE: u32 = 2;

/// The most persistent regions of one actor: what is searched by name is bounded by it.
const PERSISTENT_OWNED_MAX: u32 = 128;

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
        let found = self.own_persistent(actor, |region| region.name == name);
        let slot = match found {
            Some((_, region)) if pages > u64::from(region.extent.frames) => {
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
        // Regions that are quarantined keep their places in the site record.
        let noted = u64::from(self.persistent.used()) + self.counters.quarantined;
        if record.persistent_count >= PERSISTENT_OWNED_MAX || noted >= u64::from(PERSISTENT_MAX) {
            return Err(Status::LIMIT_REACHED.into());
        }
        let extent = self.preserved.allocate(frames).ok_or(Status::NO_MEMORY)?;
        let record = self.actors.at_mut(actor).ok_or(Status::DEAD)?;
        let placed = record.regions.place_persistent(pages);
        let placed = placed.inspect_err(|_| self.preserved.free(extent));
        let page = placed.map_err(refusal)?.start;
        let region = PersistentRegion {
            owner: Slot(actor),
            name,
            extent,
            page,
            zeroed: 0,
            note: NONE,
            link: Link::FREE,
        };
        let Ok((slot, _)) = self.persistent.insert(region) else {
            record.regions.remove(page, |_| true);
            self.preserved.free(extent);
            return Err(Status::LIMIT_REACHED.into());
        };
        record.persistent_frames += frames;
        record.persistent_count += 1;
        record.persistent.push_back(&mut self.persistent, slot.0);
        Ok(slot)
    }

    /// Zeroes some more pages of a new persistent region; when all are, its owner sees it. A
    /// region that was ready is simply found.
    fn persistent_prepare(&mut self, slot: Slot) -> Result<Next, Refusal> {
        let region = self.persistent.at_mut(slot.0).ok_or(Status::NOT_FOUND)?;
        let size = u64::from(region.extent.frames) * PAGE_BYTES;
        let (owner, start) = (region.owner.0, region.page);
        let first = Frame(region.extent.start);
        let end = region.extent.frames.min(region.zeroed + FRAMES_AT_ONCE);
        let created = u64::from(region.zeroed < end);
        for frame in region.zeroed..end {
            direct::zero(first.offset(frame));
        }
        region.zeroed = end;
        if end < region.extent.frames {
            return Ok(Next::Again);
        }
        let record = self.actors.at_mut(owner).ok_or(Status::DEAD)?;
        if let Some(region) = record.regions.at_mut(start) {
            region.kind = Kind::Persistent { first };
        }
        if created > 0 {
            self.note_region(slot);
        }
        Ok(Next::Return([start.address(), size, created]))
    }

    /// Writes down that there is a persistent region.
    fn note_region(&mut self, slot: Slot) {
        let Some(region) = self.persistent.at_mut(slot.0) else {
            return;
        };
        if let Some(owner) = self.actors.at(region.owner.0) {
            region.note = self.book.regions.add(RegionNote {
                owner: owner.declaration.name,
                name: region.name,
                extent: region.extent,
                extent_again: region.extent,
                page: region.page,
            });
        }
    }

    /// The first of an actor's persistent regions that is the one wanted. There are few.
    fn own_persistent(
        &self,
        actor: u32,
        wanted: impl Fn(&PersistentRegion) -> bool,
    ) -> Option<(Slot, &PersistentRegion)> {
        let owned = self.actors.at(actor)?.persistent;
        let mut next = owned.first();
        while let Some(slot) = next {
            let region = self.persistent.at(slot)?;
            if wanted(region) {
                return Some((Slot(slot), region));
            }
            next = owned.after(&self.persistent, slot);
        }
        None
    }

    pub(super) fn persistent_free(&mut self, actor: u32, address: u64) -> Result<Next, Refusal> {
        let found = self.own_persistent(actor, |region| region.page.address() == address);
        let (slot, page) = found
            .map(|(slot, region)| (slot, region.page))
            .ok_or(Status::NOT_FOUND)?;
        let is_persistent = |kind| matches!(kind, Kind::Persistent { .. } | Kind::Reserved);
        if self.trim_region(actor, page, is_persistent) == Trim::More {
            return Ok(Next::Again);
        }
        self.drop_persistent(slot);
        Ok(DONE)
    }

    /// Frees one of an actor's persistent regions, if it has any left.
    pub fn drop_one_persistent(&mut self, owner: u32) -> Progress {
        let first = self
            .actors
            .at(owner)
            .and_then(|owner| owner.persistent.first());
        let Some(slot) = first else {
            return Progress::Finished;
        };
        self.drop_persistent(Slot(slot));
        Progress::More
    }

    /// Frees a persistent region that is mapped nowhere any more; its content is lost.
    pub fn drop_persistent(&mut self, slot: Slot) {
        let Some(region) = self.persistent.at(slot.0) else {
            return;
        };
        let extent = region.extent;
        self.book.regions.remove(region.note);
        if let Some(owner) = self.actors.at_mut(region.owner.0) {
            owner.persistent.remove(&mut self.persistent, slot.0);
            owner.persistent_count = owner.persistent_count.saturating_sub(1);
            owner.persistent_frames = owner.persistent_frames.saturating_sub(extent.frames);
        }
        self.persistent.remove(slot);
        self.preserved.free(extent);
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
