//! Syscalls about private and persistent regions.

use abi::layout::{PAGE_BYTES, PERSISTENT_END, PERSISTENT_START};
use abi::syscall::PERSISTENT_EXISTING;
use abi::{Name, Slot, Status};

use super::{DONE, Next};
use crate::actor::PersistentRegion;
use crate::fault::Refusal;
use crate::kernel::Kernel;
use crate::mm::extent::Extent;
use crate::mm::{Frame, Page, direct, pages_for};
use crate::region::{Kind, Region, RegionError};

impl Kernel {
    pub(super) fn region_allocate(&mut self, actor: u32, bytes: u64) -> Result<Next, Refusal> {
        let pages = pages_for(bytes);
        if pages == 0 {
            return Err(Status::BAD_ARGUMENT.into());
        }
        let record = self.actors.at_mut(actor).ok_or(Status::DEAD)?;
        let region = record
            .regions
            .place(pages, Kind::Private)
            .map_err(refusal)?;
        Ok(Next::Return([region.start.address(), 0, 0]))
    }

    pub(super) fn region_free(&mut self, actor: u32, address: u64) -> Result<Next, Refusal> {
        if !address.is_multiple_of(PAGE_BYTES) {
            return Err(Status::NOT_FOUND.into());
        }
        let page = Page::containing(address);
        if self.free_region(actor, page, |kind| kind == Kind::Private) {
            Ok(DONE)
        } else {
            Err(Status::NOT_FOUND.into())
        }
    }

    /// Takes a region that starts at `start` out of an actor's memory, and frees what was private
    /// in it. Returns whether there was one.
    pub fn free_region(&mut self, actor: u32, start: Page, wanted: impl Fn(Kind) -> bool) -> bool {
        let Some(record) = self.actors.at_mut(actor) else {
            return false;
        };
        let Some(region) = record.regions.remove(start, wanted) else {
            return false;
        };
        if let Some(space) = &mut record.space {
            for page in region.start.0..region.end.0 {
                space.unmap(&mut self.frames, Page(page));
            }
        }
        true
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
        if let Some((_, region)) = self.persistent.iter().find(|(_, region)| is_it(region)) {
            if pages > u64::from(region.extent.frames) {
                return Err(Status::BAD_ARGUMENT.into());
            }
            let size = u64::from(region.extent.frames) * PAGE_BYTES;
            return Ok(Next::Return([region.page.address(), size, 0]));
        }
        if flags & PERSISTENT_EXISTING != 0 {
            return Err(Status::NOT_FOUND.into());
        }
        let region = self.persistent_create(actor, name, pages)?;
        Ok(Next::Return([
            region.start.address(),
            pages * PAGE_BYTES,
            1,
        ]))
    }

    fn persistent_create(&mut self, actor: u32, name: Name, pages: u64) -> Result<Region, Refusal> {
        let record = self.actors.at(actor).ok_or(Status::DEAD)?;
        let left = record
            .declaration
            .budget
            .persistent_frames
            .saturating_sub(record.persistent_frames);
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
        let region = PersistentRegion {
            owner: Slot(actor),
            name,
            extent,
            page,
        };
        let Ok((slot, _)) = self.persistent.insert(region) else {
            self.preserved.free(extent);
            return Err(Status::LIMIT_REACHED.into());
        };
        for frame in 0..extent.frames {
            direct::zero(Frame(extent.start).offset(frame));
        }
        let first = Frame(extent.start);
        let end = Page(page.0 + pages);
        let region = Region {
            start: page,
            end,
            kind: Kind::Persistent { first },
        };
        let record = self.actors.at_mut(actor).ok_or(Status::DEAD)?;
        if let Err(error) = record.regions.insert(region) {
            self.persistent.remove(slot);
            self.preserved.free(extent);
            return Err(refusal(error));
        }
        record.persistent_frames += frames;
        Ok(region)
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
        let slot = self
            .persistent
            .iter()
            .find(|(_, region)| is_it(region))
            .map(|(slot, _)| slot);
        self.drop_persistent(slot.ok_or(Status::NOT_FOUND)?);
        Ok(DONE)
    }

    /// Frees a persistent region; its content is lost.
    pub fn drop_persistent(&mut self, slot: Slot) {
        let Some(region) = self.persistent.remove(slot) else {
            return;
        };
        let PersistentRegion {
            owner,
            extent,
            page,
            ..
        } = region;
        let is_persistent = |kind| matches!(kind, Kind::Persistent { .. });
        self.free_region(owner.0, page, is_persistent);
        if let Some(owner) = self.actors.at_mut(owner.0) {
            owner.persistent_frames = owner.persistent_frames.saturating_sub(extent.frames);
        }
        self.preserved.free(Extent { ..extent });
    }
}

fn refusal(error: RegionError) -> Refusal {
    match error {
        RegionError::NoRoom => Status::NO_MEMORY.into(),
        RegionError::TooMany => Status::LIMIT_REACHED.into(),
    }
}
