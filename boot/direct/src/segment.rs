//! Turns a program header into pages to map, bytes to copy and rights to give.
//!
//! The kernel file is our own, but a loader that trusts its input fails in the strangest ways
//! when a linker script changes, so each number is checked before it is used. What cannot be
//! checked here (two segments in one page) is found when the pages are mapped.

use core::ops::Range;

use elf::abi;
use elf::segment::ProgramHeader;

use crate::error::LoadError;
use crate::layout::{HIGHER_HALF, PAGE, page_down, page_up};

/// What the pages of a segment allow. There is no variant that is writable and executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Constants.
    Read,
    /// Variables.
    ReadWrite,
    /// Code.
    ReadExecute,
}

/// A part of the kernel that is to be in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Virtual address of its first page.
    pub first_page: u64,
    /// How many pages it touches.
    pub pages: u64,
    /// How many bytes of the first page come before the segment; they are zeroed.
    pub lead: usize,
    /// Where its bytes are in the file; everything after them, to the last page's end, is zeroed.
    pub file: Range<usize>,
    /// What its pages allow.
    pub rights: Rights,
}

impl Segment {
    /// Reads one program header. Headers that ask for no memory yield `None`.
    ///
    /// # Errors
    /// The first thing found wrong with the header.
    pub fn plan(header: &ProgramHeader, file_length: usize) -> Result<Option<Self>, LoadError> {
        if header.p_type != abi::PT_LOAD || header.p_memsz == 0 {
            return Ok(None);
        }
        if header.p_filesz > header.p_memsz {
            return Err(LoadError::BadSegment);
        }
        let end = header
            .p_vaddr
            .checked_add(header.p_memsz)
            .ok_or(LoadError::BadSegment)?;
        if header.p_vaddr < HIGHER_HALF {
            return Err(LoadError::NotHigherHalf);
        }
        let first_page = page_down(header.p_vaddr);
        let end_page = page_up(end).ok_or(LoadError::BadSegment)?;

        let file_start = usize::try_from(header.p_offset).map_err(|_| LoadError::BadSegment)?;
        let file_size = usize::try_from(header.p_filesz).map_err(|_| LoadError::BadSegment)?;
        let file_end = file_start
            .checked_add(file_size)
            .ok_or(LoadError::BadSegment)?;
        if file_end > file_length {
            return Err(LoadError::BadSegment);
        }
        Ok(Some(Self {
            first_page,
            pages: (end_page - first_page) / PAGE,
            lead: usize::try_from(header.p_vaddr - first_page)
                .map_err(|_| LoadError::BadSegment)?,
            file: file_start..file_end,
            rights: rights(header.p_flags)?,
        }))
    }

    /// Tells whether `address` may be jumped to in this segment.
    #[must_use]
    pub const fn executes(&self, address: u64) -> bool {
        matches!(self.rights, Rights::ReadExecute)
            && self.first_page <= address
            && address - self.first_page < self.pages * PAGE
    }
}

/// Maps the three flag bits of a program header to one of the three combinations we grant.
const fn rights(flags: u32) -> Result<Rights, LoadError> {
    match (flags & abi::PF_W != 0, flags & abi::PF_X != 0) {
        (false, false) => Ok(Rights::Read),
        (true, false) => Ok(Rights::ReadWrite),
        (false, true) => Ok(Rights::ReadExecute),
        (true, true) => Err(LoadError::WritableAndExecutable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 0xffff_ffff_8000_0000;

    fn header() -> ProgramHeader {
        ProgramHeader {
            p_type: abi::PT_LOAD,
            p_offset: 0x2158,
            p_vaddr: BASE + 0x5158,
            p_paddr: 0,
            p_filesz: 0x100,
            p_memsz: 0x2000,
            p_flags: abi::PF_R | abi::PF_W,
            p_align: 0x1000,
        }
    }

    #[test]
    fn a_segment_inside_a_page_leads_with_zeroes() {
        let segment = Segment::plan(&header(), 0x3000).unwrap().unwrap();
        assert_eq!(
            segment,
            Segment {
                first_page: BASE + 0x5000,
                pages: 3,
                lead: 0x158,
                file: 0x2158..0x2258,
                rights: Rights::ReadWrite,
            },
        );
    }

    #[test]
    fn code_is_never_writable() {
        let asked = ProgramHeader {
            p_flags: abi::PF_R | abi::PF_W | abi::PF_X,
            ..header()
        };
        assert_eq!(
            Segment::plan(&asked, 0x3000),
            Err(LoadError::WritableAndExecutable)
        );
    }

    #[test]
    fn contradictory_headers_are_refused() {
        let longer_than_file = ProgramHeader {
            p_offset: u64::MAX - 4,
            ..header()
        };
        assert_eq!(
            Segment::plan(&longer_than_file, 0x3000),
            Err(LoadError::BadSegment)
        );
        let truncated = Segment::plan(&header(), 0x2200);
        assert_eq!(truncated, Err(LoadError::BadSegment));
        let file_beyond_memory = ProgramHeader {
            p_memsz: 0x80,
            ..header()
        };
        assert_eq!(
            Segment::plan(&file_beyond_memory, 0x3000),
            Err(LoadError::BadSegment)
        );
        let wraps = ProgramHeader {
            p_memsz: u64::MAX,
            ..header()
        };
        assert_eq!(Segment::plan(&wraps, 0x3000), Err(LoadError::BadSegment));
        let low = ProgramHeader {
            p_vaddr: 0x20_0000,
            ..header()
        };
        assert_eq!(Segment::plan(&low, 0x3000), Err(LoadError::NotHigherHalf));
    }

    #[test]
    fn headers_without_memory_are_skipped() {
        let note = ProgramHeader {
            p_type: abi::PT_NOTE,
            ..header()
        };
        assert_eq!(Segment::plan(&note, 0x3000), Ok(None));
        let empty = ProgramHeader {
            p_memsz: 0,
            p_filesz: 0,
            ..header()
        };
        assert_eq!(Segment::plan(&empty, 0x3000), Ok(None));
    }
}
