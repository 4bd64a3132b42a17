//! Whose memory is whose, as the notes of the kernel before say.
//!
//! Every extent that a note speaks for is taken before anything else of preserved memory is given
//! out. What a damaged note speaks of cannot be trusted. Memory that it may mean is taken as well, so
//! that nobody else gets it, and is used by nobody: it is *quarantined*, for as long as the site is
//! not booted anew.

use alloc::vec::Vec;
use core::fmt;

use super::book::Book;
use super::note::Found;
use super::record::{Counters, RegionNote};
use crate::image::Image;
use crate::kernel::{IMAGES_MAX, Kernel};
use crate::mm::extent::{self, Extent, ExtentMap};
use crate::slot::SlotTable;

/// The most quarantined regions that are listed one by one.
const LISTED_MAX: u64 = 32;

/// What speaks for memory: a note, by its place.
#[derive(Clone, Copy)]
enum Claim {
    Image(u32),
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

/// Takes over memory: images at once, persistent regions when their owners are there.
pub fn memory(
    book: &mut Book,
    counters: &mut Counters,
    preserved: &mut ExtentMap,
) -> SlotTable<Image> {
    let mut claims: Vec<(Extent, Claim)> = Vec::new();
    let mut doubted = Vec::new();
    let mut lost_images = Vec::new();
    if let Some(description) = book.header().and_then(|header| header.description) {
        claims.push((description.extent, Claim::Description));
    }
    for (index, note) in book.images.iter() {
        match note.read() {
            Found::Whole(image) => claims.push((image.extent, Claim::Image(index))),
            Found::Damaged => lost_images.push(index),
            Found::Free => {}
        }
    }
    for (index, note) in book.regions.iter() {
        match note.read() {
            Found::Whole(region) => claims.push((region.extent, Claim::Region(index))),
            Found::Damaged => doubted.push((index, Doubt::Damaged)),
            Found::Free => {}
        }
    }
    // What cannot be is to contradict nothing that can.
    let (mut claims, impossible): (Vec<_>, Vec<_>) = claims
        .into_iter()
        .partition(|(extent, _)| preserved.holds(*extent));
    claims.sort_unstable_by_key(|(extent, _)| extent.start);
    let extents: Vec<Extent> = claims.iter().map(|(extent, _)| *extent).collect();
    let contradicted = extent::overlapping(&extents);
    let impossible = impossible
        .into_iter()
        .map(|claim| (claim, Some(Doubt::Outside)));
    let possible = claims
        .into_iter()
        .zip(contradicted)
        .map(|(claim, is_contradicted)| (claim, is_contradicted.then_some(Doubt::Contradicted)));
    let mut images = SlotTable::new(IMAGES_MAX);
    let mut owned = Vec::new();
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
            (Claim::Region(note), None) => owned.push(note),
            (Claim::Description, None) => {}
            (Claim::Image(note), Some(_)) => lost_images.push(note),
            (Claim::Region(note), Some(doubt)) => doubted.push((note, doubt)),
            (Claim::Description, Some(_)) => book.change_header(|header| header.description = None),
        }
    }
    for note in owned {
        if let Found::Whole(region) = book.regions.get(note) {
            let regions = book.past.regions.entry(region.owner).or_default();
            regions.push(note);
        }
    }
    for index in lost_images {
        book.images.remove(index);
    }
    counters.quarantined = 0;
    for (note, doubt) in doubted {
        if let Some(extent) = condemn(book, counters, note, doubt) {
            preserved.claim_free(extent);
        }
    }
    images
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
    /// Quarantines a persistent region whose memory was taken already.
    pub fn quarantine(&mut self, note: u32, doubt: Doubt) {
        condemn(&mut self.book, self.counters, note, doubt);
    }
}
