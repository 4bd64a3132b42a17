//! Whose memory is whose, as the notes of the kernel before say.
//!
//! Every extent that a note speaks for is taken before anything else of preserved memory is given
//! out. What a damaged note speaks of cannot be trusted. Memory that it may mean is taken as well, so
//! that nobody else gets it, and is used by nobody: it is *quarantined*, for as long as the site is
//! not booted anew.

use abi::Slot;
use alloc::vec::Vec;
use core::fmt;

use super::book::Book;
use super::index::Index;
use super::note::Found;
use super::record::{Counters, RegionNote};
use crate::actor::{KEPT, PersistentRegion};
use crate::image::Image;
use crate::kernel::{IMAGES_MAX, Kernel, PERSISTENT_MAX};
use crate::list::{Link, List};
use crate::mm::extent::{self, Extent, ExtentMap};
use crate::slot::{NONE, SlotTable};

/// The most quarantined regions that are listed one by one.
const LISTED_MAX: u64 = 32;

/// What speaks for memory.
#[derive(Clone, Copy)]
enum Claim {
    /// A note of an image, by its place.
    Image(u32),
    /// A persistent region, by its slot.
    Region(u32),
    Description,
}

/// Why a persistent region is quarantined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// The note fails its check.
    Damaged,
    /// It says that the region is where no region can be.
    Outside,
    /// Another note speaks for the same memory, or the same addresses.
    Contradicted,
    /// It belongs to nobody.
    NoOwner,
    /// The kernel has no memory to go on with it.
    NoMemory,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "what is noted of it is damaged",
            Self::Outside => "it is noted to be where no region can be",
            Self::Contradicted => "another is noted to be in the same place",
            Self::NoOwner => "it has no owner",
            Self::NoMemory => "there is no memory to go on with it",
        })
    }
}

/// Takes over memory: images at once; persistent regions are put into their table, and given to their
/// owners when those are there.
pub fn memory(
    book: &mut Book,
    counters: &mut Counters,
    preserved: &mut ExtentMap,
) -> (SlotTable<Image>, SlotTable<PersistentRegion>) {
    let mut images = SlotTable::new(IMAGES_MAX);
    let mut regions = SlotTable::new(PERSISTENT_MAX);
    let mut claims = Claims {
        possible: Vec::with_capacity(book.images.count() + book.regions.count() + 1),
        impossible: Vec::new(),
    };
    let mut doubted = Vec::new();
    let mut lost_images = Vec::new();
    if let Some(description) = book.header().and_then(|header| header.description) {
        claims.add(preserved, description.extent, Claim::Description);
    }
    for (index, note) in book.images.iter() {
        match note.read() {
            Found::Whole(image) => claims.add(preserved, image.extent, Claim::Image(index)),
            Found::Damaged => lost_images.push(index),
            Found::Free => {}
        }
    }
    let mut owners: Index<List<KEPT>> = Index::with_room_for(book.actors.count());
    for (index, note) in book.regions.iter() {
        match note.value() {
            Found::Whole(note) => match regions.push(region_of(note, index)) {
                Ok((slot, _)) => {
                    claims.add(preserved, note.extent, Claim::Region(slot.0));
                    if let Some(owned) = owners.entry(note.owner) {
                        owned.push_back(&mut regions, slot.0);
                    }
                }
                Err(_) => doubted.push((index, Doubt::NoMemory)),
            },
            Found::Damaged => doubted.push((index, Doubt::Damaged)),
            Found::Free => {}
        }
    }
    let Claims {
        mut possible,
        impossible,
    } = claims;
    possible.sort_by_key(|(extent, _)| extent.start);
    let contradicted = extent::overlapping(possible.iter().map(|(extent, _)| *extent));
    let impossible = impossible
        .into_iter()
        .map(|claim| (claim, Some(Doubt::Outside)));
    let possible = possible
        .into_iter()
        .zip(contradicted)
        .map(|(claim, is_contradicted)| (claim, is_contradicted.then_some(Doubt::Contradicted)));
    for ((extent, claim), doubt) in possible.chain(impossible) {
        // A claim that nothing contradicts finds its memory free.
        let doubt = doubt.or_else(|| (!preserved.claim(extent)).then_some(Doubt::NoMemory));
        match (claim, doubt) {
            (Claim::Image(note), None) => match adopt_image(book, &mut images, note) {
                Some(()) => {}
                None => {
                    preserved.free(extent);
                    lost_images.push(note);
                }
            },
            (Claim::Region(_) | Claim::Description, None) => {}
            (Claim::Image(note), Some(_)) => lost_images.push(note),
            (Claim::Region(slot), Some(doubt)) => {
                let note = regions.at(slot).map_or(NONE, |region| region.note);
                if let Found::Whole(note) = book.regions.get(note)
                    && let Some(owned) = owners.entry(note.owner)
                {
                    owned.remove(&mut regions, slot);
                }
                regions.remove(Slot(slot));
                doubted.push((note, doubt));
            }
            (Claim::Description, Some(_)) => book.change_header(|header| header.description = None),
        }
    }
    book.past.regions = owners;
    for index in lost_images {
        book.images.remove(index);
    }
    counters.quarantined = 0;
    for (note, doubt) in doubted {
        if let Some(extent) = condemn(book, counters, note, doubt) {
            preserved.claim_free(extent);
        }
    }
    (images, regions)
}

/// Everybody who speaks for memory.
struct Claims {
    possible: Vec<(Extent, Claim)>,
    /// What cannot be is to contradict nothing that can.
    impossible: Vec<(Extent, Claim)>,
}

impl Claims {
    fn add(&mut self, preserved: &ExtentMap, extent: Extent, claim: Claim) {
        if preserved.holds(extent) {
            self.possible.push((extent, claim));
        } else {
            self.impossible.push((extent, claim));
        }
    }
}

/// A region as it is noted. Its owner is not there yet.
#[inline]
const fn region_of(note: &RegionNote, place: u32) -> PersistentRegion {
    PersistentRegion {
        owner: Slot(NONE),
        name: note.name,
        extent: note.extent,
        page: note.page,
        zeroed: note.extent.frames,
        note: place,
        link: Link::FREE,
    }
}

/// Takes over an image; `None` without memory for it.
fn adopt_image(book: &mut Book, images: &mut SlotTable<Image>, note: u32) -> Option<()> {
    let Found::Whole(image) = book.images.get(note) else {
        return None;
    };
    let (slot, _) = images.insert(Image::adopted(&image, note)).ok()?;
    book.past.images.insert(note, slot.0);
    Some(())
}

/// Quarantines a region. Its note stays, for whoever looks into memory, and for later kernels:
/// they are not to believe it either. Returns the memory that it means, if that can be told.
fn condemn(book: &mut Book, counters: &mut Counters, note: u32, doubt: Doubt) -> Option<Extent> {
    book.regions.condemn(note);
    counters.quarantined += 1;
    let remains: *const RegionNote = book.regions.remains(note)?.as_ptr();
    // SAFETY: Numbers and texts in memory that is there: any pattern is one of them.
    let (owner, name, extent, again) = unsafe {
        (
            (&raw const (*remains).owner).read_volatile(),
            (&raw const (*remains).name).read_volatile(),
            (&raw const (*remains).extent).read_volatile(),
            (&raw const (*remains).extent_again).read_volatile(),
        )
    };
    let extent = (extent == again).then_some(extent);
    match counters.quarantined {
        number if number > LISTED_MAX => {}
        LISTED_MAX => log::error!("further persistent regions are quarantined"),
        _ => log::error!(
            "persistent region {} of {}, {} frames, is quarantined: {doubt}",
            name.legible().unwrap_or("?"),
            owner.legible().unwrap_or("?"),
            extent.map_or(0, |extent| extent.frames),
        ),
    }
    extent
}

impl Kernel {
    /// Quarantines a persistent region whose memory was taken already. It leaves the table.
    pub fn quarantine(&mut self, region: u32, doubt: Doubt) {
        if let Some(region) = self.persistent.remove(Slot(region)) {
            condemn(&mut self.book, self.counters, region.note, doubt);
        }
    }
}
