//! Images: from an ELF file to the pristine pages an actor is started from.
//!
//! [`plan`] is pure: it checks a file that may hold anything, and says which pages there will be.
//! [`ImagePlan::fill`] lays the pages out in memory. From then on the file is not needed: a hot
//! restart takes everything from the pristine pages.

use alloc::vec::Vec;
use core::fmt;

use abi::layout::{IMAGE_END, IMAGE_START, PAGE_BYTES};
use abi::{Instant, Name};
use elf::ElfBytes;
use elf::abi::{EM_X86_64, ET_EXEC, PF_W, PF_X, PT_LOAD};
use elf::endian::LittleEndian;

use crate::mm::extent::Extent;
use crate::mm::{Frame, Page, pages_for};
use crate::region::{Kind, Region};

/// The most loadable segments an image may have; linkers make three to five.
pub const SEGMENTS_MAX: usize = 8;

/// Bytes laid out in one go: some tens of thousands of instructions.
const FILL_BYTES: usize = 256 * 1024;

/// A pristine image in preserved memory.
#[derive(Debug)]
pub struct Image {
    /// The file's name in the archive, without folder and ending.
    pub name: Name,
    /// Where the first thread starts.
    pub plan: ImagePlan,
    /// What is where in an actor that is started from it, in the order of addresses.
    pub regions: Vec<Region>,
    /// The pages.
    pub extent: Extent,
    /// Checksum of each page, taken when they were laid out.
    pub checks: &'static [u32],
    /// Which pages were not looked at yet since the site was restarted; empty if all were.
    pub unseen: Vec<u64>,
    /// Its place in the site record.
    pub note: u32,
    /// Whether a page was found that fails its check: nothing is started from it any more.
    pub is_damaged: bool,
    /// How many actors are started from it, former members of groups included.
    pub users: u32,
    /// When it was read.
    pub read_at: Instant,
}

/// What an image will look like in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ImagePlan {
    /// Where the first thread starts.
    pub entry: u64,
    /// Pages with content: how many frames the pristine image takes.
    pub frames: u32,
    segments: [Segment; SEGMENTS_MAX],
}

/// A run of pages with the same rights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Segment {
    start: Page,
    /// Pages, with and without content.
    pages: u32,
    /// Pages with content.
    content_pages: u32,
    /// The first page's place in the extent.
    first: u32,
    rights: Rights,
    file_offset: usize,
    file_bytes: usize,
    /// Where in the first page the file's bytes begin.
    lead: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rights {
    Text,
    ReadOnly,
    Data,
}

/// What is wrong with a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImageError {
    /// Not an ELF file, or cut off.
    NotElf,
    /// Not a static executable for x86_64.
    NotExecutable,
    /// Nothing in it is to be loaded.
    NothingToLoad,
    /// More segments than we take.
    TooManySegments,
    /// A segment is both writable and executable.
    WritableText,
    /// A segment's bytes are not all in the file.
    Truncated,
    /// A segment is outside the window for images.
    OutsideWindow,
    /// Two segments share a page.
    Overlap,
    /// The entry is not in a segment with instructions.
    BadEntry,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotElf => "not an ELF file, or cut off",
            Self::NotExecutable => "not a static executable for x86_64",
            Self::NothingToLoad => "nothing in the file is to be loaded",
            Self::TooManySegments => "more than 8 loadable segments",
            Self::WritableText => "a segment is both writable and executable",
            Self::Truncated => "a segment's bytes are not all in the file",
            Self::OutsideWindow => "a segment is outside the window for images",
            Self::Overlap => "two segments share a page",
            Self::BadEntry => "the entry is not among the instructions",
        })
    }
}

const NO_SEGMENT: Segment = Segment {
    start: Page(0),
    pages: 0,
    content_pages: 0,
    first: 0,
    rights: Rights::ReadOnly,
    file_offset: 0,
    file_bytes: 0,
    lead: 0,
};

/// Checks a file and plans its pages.
///
/// # Errors
/// See [`ImageError`]; the file is trusted in nothing.
pub fn plan(file: &[u8]) -> Result<ImagePlan, ImageError> {
    let elf = ElfBytes::<LittleEndian>::minimal_parse(file).map_err(|_| ImageError::NotElf)?;
    if elf.ehdr.e_type != ET_EXEC || elf.ehdr.e_machine != EM_X86_64 {
        return Err(ImageError::NotExecutable);
    }
    let headers = elf.segments().ok_or(ImageError::NothingToLoad)?;
    let mut plan = ImagePlan {
        entry: elf.ehdr.e_entry,
        frames: 0,
        segments: [NO_SEGMENT; SEGMENTS_MAX],
    };
    let mut slots = plan.segments.iter_mut();
    let loadable = headers
        .iter()
        .filter(|header| header.p_type == PT_LOAD && header.p_memsz > 0);
    for header in loadable {
        let slot = slots.next().ok_or(ImageError::TooManySegments)?;
        *slot = segment(file, &header, plan.frames)?;
        plan.frames += slot.content_pages;
    }
    plan.check()?;
    Ok(plan)
}

fn segment(
    file: &[u8],
    header: &elf::segment::ProgramHeader,
    first: u32,
) -> Result<Segment, ImageError> {
    let rights = match (header.p_flags & PF_W != 0, header.p_flags & PF_X != 0) {
        (true, true) => return Err(ImageError::WritableText),
        (true, false) => Rights::Data,
        (false, true) => Rights::Text,
        (false, false) => Rights::ReadOnly,
    };
    let end = header
        .p_vaddr
        .checked_add(header.p_memsz)
        .ok_or(ImageError::OutsideWindow)?;
    if header.p_vaddr < IMAGE_START || end > IMAGE_END {
        return Err(ImageError::OutsideWindow);
    }
    let file_offset = usize::try_from(header.p_offset).map_err(|_| ImageError::Truncated)?;
    let file_bytes = usize::try_from(header.p_filesz).map_err(|_| ImageError::Truncated)?;
    let file_end = file_offset
        .checked_add(file_bytes)
        .ok_or(ImageError::Truncated)?;
    if header.p_filesz > header.p_memsz || file_end > file.len() {
        return Err(ImageError::Truncated);
    }
    // Within the window all page counts fit in 32 bits.
    let lead = header.p_vaddr % PAGE_BYTES;
    let pages = pages_for(lead + header.p_memsz) as u32;
    let content_pages = match (rights, header.p_filesz) {
        (Rights::Data, 0) => 0,
        (Rights::Data, bytes) => pages_for(lead + bytes) as u32,
        (Rights::Text | Rights::ReadOnly, _) => pages,
    };
    Ok(Segment {
        start: Page::containing(header.p_vaddr),
        pages,
        content_pages,
        first,
        rights,
        file_offset,
        file_bytes,
        lead: lead as usize,
    })
}

impl ImagePlan {
    /// The regions of an actor started from this plan's pages, which begin at `first`.
    pub fn regions(&self, first: Frame) -> impl Iterator<Item = Region> {
        self.segments().flat_map(move |segment| {
            let content_end = Page(segment.start.0 + u64::from(segment.content_pages));
            let end = Page(segment.start.0 + u64::from(segment.pages));
            let first = first.offset(segment.first);
            let kind = match segment.rights {
                Rights::Text => Kind::Text { first },
                Rights::ReadOnly => Kind::ReadOnly { first },
                Rights::Data => Kind::Data { first },
            };
            let content = Region {
                start: segment.start,
                end: content_end,
                kind,
            };
            let zeroed = Region {
                start: content_end,
                end,
                kind: Kind::Zeroed,
            };
            [content, zeroed]
                .into_iter()
                .filter(|region| region.start < region.end)
        })
    }

    /// The same, in the order of their addresses.
    #[must_use]
    pub fn sorted_regions(&self, first: Frame) -> Vec<Region> {
        let mut regions: Vec<Region> = self.regions(first).collect();
        regions.sort_unstable_by_key(|region| region.start);
        regions
    }

    /// Lays the pages out: `pages` are the plan's frames, `file` the file it was made from.
    ///
    /// `step` is called again and again: images may be large.
    pub fn fill(&self, file: &[u8], pages: &mut [u8], mut step: impl FnMut()) {
        for chunk in pages.chunks_mut(FILL_BYTES) {
            chunk.fill(0);
            step();
        }
        for segment in self.segments() {
            let start = segment.first as usize * PAGE_BYTES as usize + segment.lead;
            let from = file.get(segment.file_offset..segment.file_offset + segment.file_bytes);
            let to = pages.get_mut(start..start + segment.file_bytes);
            if let (Some(from), Some(to)) = (from, to) {
                for (from, to) in from.chunks(FILL_BYTES).zip(to.chunks_mut(FILL_BYTES)) {
                    to.copy_from_slice(from);
                    step();
                }
            }
        }
    }

    fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|segment| segment.pages > 0)
    }

    fn check(&self) -> Result<(), ImageError> {
        if self.segments().next().is_none() {
            return Err(ImageError::NothingToLoad);
        }
        for (index, one) in self.segments().enumerate() {
            for other in self.segments().skip(index + 1) {
                let end = |segment: &Segment| segment.start.0 + u64::from(segment.pages);
                if one.start.0 < end(other) && other.start.0 < end(one) {
                    return Err(ImageError::Overlap);
                }
            }
        }
        let entry = Page::containing(self.entry).0;
        let holds_entry = |segment: &Segment| {
            segment.rights == Rights::Text
                && (segment.start.0..segment.start.0 + u64::from(segment.pages)).contains(&entry)
        };
        if self.segments().any(holds_entry) {
            Ok(())
        } else {
            Err(ImageError::BadEntry)
        }
    }
}

/// Hash of pristine pages: four independent multiply-and-add lanes over 64-bit words.
///
/// It guards against stray writes and flipped bits, not against an adversary, who has no way to
/// preserved memory. A single changed bit always changes it: every step is a bijection of the
/// lane for a fixed word, and of the word for a fixed lane.
#[must_use]
pub fn hash(pages: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut lanes = [1_u64, 2, 3, 4];
    for block in pages.chunks(32) {
        for (lane, word) in lanes.iter_mut().zip(block.chunks(8)) {
            let word = word
                .iter()
                .rev()
                .fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
            *lane = (*lane ^ word).wrapping_mul(FACTOR).rotate_left(23);
        }
    }
    lanes.iter().fold(pages.len() as u64, |hash, lane| {
        (hash ^ lane).wrapping_mul(FACTOR).rotate_left(23)
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    /// Makes a file with the given `(vaddr, file bytes, memory bytes, flags)` segments.
    fn file(entry: u64, segments: &[(u64, u64, u64, u32)]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
        bytes[16..18].copy_from_slice(&2_u16.to_le_bytes());
        bytes[18..20].copy_from_slice(&62_u16.to_le_bytes());
        bytes[20..24].copy_from_slice(&1_u32.to_le_bytes());
        bytes[24..32].copy_from_slice(&entry.to_le_bytes());
        bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
        bytes[52..54].copy_from_slice(&64_u16.to_le_bytes());
        bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&(segments.len() as u16).to_le_bytes());
        let mut offset = 64 + 56 * segments.len() as u64;
        for (vaddr, filesz, memsz, flags) in segments {
            bytes.extend(1_u32.to_le_bytes());
            bytes.extend(flags.to_le_bytes());
            for value in [offset, *vaddr, *vaddr, *filesz, *memsz, 4096] {
                bytes.extend(value.to_le_bytes());
            }
            offset += filesz;
        }
        bytes.extend((64 + 56 * segments.len()..offset as usize).map(|at| at as u8));
        bytes
    }

    const R: u32 = 4;
    const RX: u32 = 5;
    const RW: u32 = 6;

    #[test]
    fn pages_hold_the_file_and_zeroes() {
        let bytes = file(
            0x20_1010,
            &[(0x20_1010, 0x20, 0x20, RX), (0x20_3ff0, 0x10, 0x2010, RW)],
        );
        let plan = plan(&bytes).unwrap();
        assert_eq!(plan.frames, 2);
        let mut pages = vec![0xaa; 2 * 4096];
        plan.fill(&bytes, &mut pages, || {});
        assert_eq!(pages[0x10..0x30], bytes[176..208]);
        assert!(
            pages[..0x10]
                .iter()
                .chain(&pages[0x30..4096])
                .all(|byte| *byte == 0)
        );
        assert_eq!(pages[0x1ff0..0x2000], bytes[208..224]);
        let regions: Vec<Region> = plan.regions(Frame(100)).collect();
        assert_eq!(
            regions,
            [
                Region {
                    start: Page(0x201),
                    end: Page(0x202),
                    kind: Kind::Text { first: Frame(100) }
                },
                Region {
                    start: Page(0x203),
                    end: Page(0x204),
                    kind: Kind::Data { first: Frame(101) }
                },
                Region {
                    start: Page(0x204),
                    end: Page(0x206),
                    kind: Kind::Zeroed
                },
            ]
        );
    }

    #[test]
    fn what_we_do_not_run_is_refused_for_its_reason() {
        let text = (0x20_0000, 0x10, 0x10, RX);
        let table: &[(Vec<u8>, ImageError)] = &[
            (Vec::new(), ImageError::NotElf),
            (file(0, &[])[..40].to_vec(), ImageError::NotElf),
            (file(0x20_0000, &[]), ImageError::NothingToLoad),
            (
                file(0x20_0000, &[(0x20_0000, 1, 1, 7)]),
                ImageError::WritableText,
            ),
            (
                file(0x1000, &[(0x1000, 1, 1, RX)]),
                ImageError::OutsideWindow,
            ),
            (
                file(0x20_0000, &[text, (u64::MAX - 4, 1, 10, R)]),
                ImageError::OutsideWindow,
            ),
            (
                file(0x20_0000, &[text, (0xffff_8000_0000_0000, 1, 10, RW)]),
                ImageError::OutsideWindow,
            ),
            (
                file(0x20_0000, &[text, (0x20_0800, 1, 10, RW)]),
                ImageError::Overlap,
            ),
            (
                file(0x20_0000, &[text, (0x30_0000, 10, 9, RW)]),
                ImageError::Truncated,
            ),
            (
                file(0x30_0000, &[text, (0x30_0000, 1, 1, R)]),
                ImageError::BadEntry,
            ),
            (file(0x20_0000, &[text; 9]), ImageError::TooManySegments),
        ];
        for (bytes, error) in table {
            assert_eq!(plan(bytes), Err(*error));
        }
        let mut short = file(0x20_0000, &[text]);
        short.pop();
        assert_eq!(plan(&short), Err(ImageError::Truncated));
    }

    proptest! {
        #[test]
        fn no_file_makes_the_loader_panic(damage in prop::collection::vec((0usize..300, any::<u8>()), 1..8)) {
            let mut bytes = file(0x20_1010, &[(0x20_1010, 0x20, 0x20, RX), (0x20_3ff0, 0x10, 0x2010, RW)]);
            for (at, value) in damage {
                if let Some(byte) = bytes.get_mut(at) { *byte = value; }
            }
            if let Ok(plan) = plan(&bytes) && plan.frames < 1000 {
                let mut pages = vec![0; plan.frames as usize * 4096];
                plan.fill(&bytes, &mut pages, || {});
                let _ = plan.regions(Frame(1)).count();
            }
        }

        #[test]
        fn one_changed_bit_changes_the_hash(at in 0usize..8192, bit in 0u32..8) {
            let mut pages = vec![0x5a; 8192];
            let before = hash(&pages);
            pages[at] ^= 1 << bit;
            prop_assert_ne!(hash(&pages), before);
        }
    }
}
