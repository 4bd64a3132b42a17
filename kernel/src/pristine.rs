//! Pristine images in preserved memory: laying them out, and checking them.
//!
//! ```text
//! extent:  pages │ checksum of each page
//! ```
//! A page is checked before a restart puts it back, by the idle thread from time to time, and, after
//! a restart of the site, when it is first used. So no restart ever looks at more than what it needs.

use abi::Name;
use alloc::vec;
use alloc::vec::Vec;

use crate::arch::{clock, cpu};
use crate::image::{Image, ImagePlan};
use crate::kernel;
use crate::mm::extent::Extent;
use crate::mm::{Frame, direct, pages_for};
use crate::site::record::ImageNote;
use crate::slot::NONE;
use crate::storage;

/// Frames of an extent for an image of so many pages.
#[must_use]
pub const fn frames_for(pages: u32) -> u32 {
    pages + pages_for(pages as u64 * size_of::<u32>() as u64) as u32
}

/// The checksums behind the pages of an image.
fn checks(extent: Extent, pages: u32) -> &'static mut [u32] {
    let first = direct::pointer(Frame(extent.start).offset(pages)).cast();
    // SAFETY: The extent has room for them and is the image's alone. It is the loader, or the start
    // of the kernel, that writes them, before anybody else looks.
    unsafe { core::slice::from_raw_parts_mut(first, pages as usize) }
}

/// Checksum of the checksums.
fn check_of_checks(extent: Extent, pages: u32) -> u64 {
    let start = direct::pointer(Frame(extent.start).offset(pages));
    let bytes = (pages as usize * size_of::<u32>()).next_multiple_of(8);
    // SAFETY: They are there; what is behind the last one was set to zero.
    unsafe { cpu::checksum_of(start, bytes) }
}

impl Image {
    /// Lays out the pages of a file in an extent that was taken for it.
    #[must_use]
    pub fn lay_out(name: Name, plan: ImagePlan, extent: Extent, file: &[u8]) -> Self {
        // SAFETY: The extent was just taken.
        let memory = unsafe { storage::extent_bytes_mut(&extent) };
        let (pages, rest) = memory.split_at_mut(plan.frames as usize * 4096);
        // The ends of steps: see `progress`.
        let step = || kernel::with(|_| ());
        plan.fill(file, pages, step);
        rest.fill(0);
        let checks = checks(extent, plan.frames);
        for (frame, check) in (0..).zip(checks.iter_mut()) {
            step();
            *check = cpu::checksum(Frame(extent.start).offset(frame));
        }
        Self {
            name,
            plan,
            regions: plan.sorted_regions(Frame(extent.start)),
            extent,
            checks,
            unseen: Vec::new(),
            note: NONE,
            is_damaged: false,
            users: 1,
            read_at: clock::now(),
        }
    }

    /// An image that the kernel before has left, without users. If its checksums are not what they
    /// were, it is damaged; its pages are looked at when they are used.
    #[must_use]
    pub fn adopted(note: &ImageNote, place: u32) -> Self {
        let pages = note.plan.frames;
        let is_damaged = frames_for(pages) != note.extent.frames
            || check_of_checks(note.extent, pages) != note.check;
        Self {
            name: note.name,
            plan: note.plan,
            regions: note.plan.sorted_regions(Frame(note.extent.start)),
            extent: note.extent,
            checks: if is_damaged {
                &[]
            } else {
                checks(note.extent, pages)
            },
            unseen: vec![u64::MAX; pages.div_ceil(64) as usize],
            note: place,
            is_damaged,
            users: 0,
            read_at: note.read_at,
        }
    }

    /// What the site record says of it.
    #[must_use]
    pub fn noted(&self) -> ImageNote {
        ImageNote {
            name: self.name,
            plan: self.plan,
            extent: self.extent,
            check: check_of_checks(self.extent, self.plan.frames),
            read_at: self.read_at,
        }
    }

    /// Whether a page is what it was when it was laid out.
    #[must_use]
    pub fn is_intact(&self, frame: Frame) -> bool {
        let page = frame.0.wrapping_sub(self.extent.start) as usize;
        self.checks.get(page) == Some(&cpu::checksum(frame))
    }

    /// Whether a page may be used: it is looked at until it was found right. Of an image with one
    /// that fails nothing is started any more; what runs goes on, as long as it does not come to
    /// that page.
    #[inline]
    pub fn is_usable(&mut self, frame: Frame) -> bool {
        self.unseen.is_empty() || self.is_seen(frame)
    }

    fn is_seen(&mut self, frame: Frame) -> bool {
        let page = frame.0.wrapping_sub(self.extent.start);
        let (word, bit) = (page as usize / 64, 1 << (page % 64));
        if self.unseen.get(word).is_none_or(|word| word & bit == 0) {
            return true;
        }
        if !self.is_intact(frame) {
            self.is_damaged = true;
            return false;
        }
        if let Some(word) = self.unseen.get_mut(word) {
            *word &= !bit;
        }
        true
    }
}
