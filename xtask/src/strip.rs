//! Removes symbols and debug information from an ELF file.
//!
//! An actor's image travels over a slow disk and is kept in memory for hot restart, so it carries
//! only what its program headers load. The linker puts that first in the file and the rest behind
//! it, which makes stripping a cut: end the file after the last loaded byte, and clear the fields
//! of the header that point at sections.

use anyhow::{Context, Result, ensure};

/// Offsets in the header of a 64-bit ELF file (System V ABI, "ELF Header").
mod header {
    pub(super) const SIZE: usize = 64;
    pub(super) const PROGRAM_HEADERS: usize = 32;
    pub(super) const SECTION_HEADERS: usize = 40;
    pub(super) const PROGRAM_HEADER_SIZE: usize = 54;
    pub(super) const PROGRAM_HEADER_COUNT: usize = 56;
    pub(super) const SECTION_HEADER_COUNT: usize = 60;
}

/// Offsets in a program header (System V ABI, "Program Header").
mod program {
    pub(super) const TYPE: usize = 0;
    pub(super) const FLAGS: usize = 4;
    pub(super) const OFFSET: usize = 8;
    pub(super) const FILE_SIZE: usize = 32;
    pub(super) const MEMORY_SIZE: usize = 40;
    /// The type of a segment that is loaded.
    pub(super) const LOADED: usize = 1;
    pub(super) const EXECUTABLE: usize = 1;
    pub(super) const WRITABLE: usize = 2;
}

/// What a program header says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    /// Whether it is loaded at all.
    pub(crate) is_loaded: bool,
    /// Whether it may be executed.
    pub(crate) is_executable: bool,
    /// Whether it may be written.
    pub(crate) is_writable: bool,
    /// Its size in memory.
    pub(crate) memory: usize,
    /// Where it ends in the file.
    end: usize,
}

/// Reads the program headers.
///
/// # Errors
/// When the file is not a 64-bit little-endian ELF file, or ends inside its headers.
pub(crate) fn segments(elf: &[u8]) -> Result<Vec<Segment>> {
    ensure!(
        elf.starts_with(b"\x7fELF\x02\x01"),
        "not a 64-bit little-endian ELF file"
    );
    let (table, size, count) = table(elf)?;
    (0..count)
        .map(|index| segment(elf, table + size * index))
        .collect()
}

/// Returns the file up to the last byte that a program header needs.
///
/// # Errors
/// When the file is not a 64-bit little-endian ELF file, or its headers point outside it.
pub(crate) fn without_symbols(elf: &[u8]) -> Result<Vec<u8>> {
    let segments = segments(elf)?;
    let (table, size, count) = table(elf)?;
    let headers = header::SIZE.max(table + size * count);
    let end = segments
        .iter()
        .map(|segment| segment.end)
        .fold(headers, usize::max);
    let mut kept = elf
        .get(..end)
        .context("a segment lies outside the file")?
        .to_vec();
    kept[header::SECTION_HEADERS..header::SECTION_HEADERS + 8].fill(0);
    kept[header::SECTION_HEADER_COUNT..header::SECTION_HEADER_COUNT + 4].fill(0);
    Ok(kept)
}

/// Returns where the program headers are, the size of each, and their number.
fn table(elf: &[u8]) -> Result<(usize, usize, usize)> {
    let table = number::<8>(elf, header::PROGRAM_HEADERS)?;
    ensure!(
        table <= elf.len(),
        "the program headers lie outside the file"
    );
    Ok((
        table,
        number::<2>(elf, header::PROGRAM_HEADER_SIZE)?,
        number::<2>(elf, header::PROGRAM_HEADER_COUNT)?,
    ))
}

fn segment(elf: &[u8], at: usize) -> Result<Segment> {
    let flags = number::<4>(elf, at + program::FLAGS)?;
    let offset = number::<8>(elf, at + program::OFFSET)?;
    let length = number::<8>(elf, at + program::FILE_SIZE)?;
    Ok(Segment {
        is_loaded: number::<4>(elf, at + program::TYPE)? == program::LOADED,
        is_executable: flags & program::EXECUTABLE != 0,
        is_writable: flags & program::WRITABLE != 0,
        memory: number::<8>(elf, at + program::MEMORY_SIZE)?,
        end: offset
            .checked_add(length)
            .context("a segment wraps around")?,
    })
}

/// Reads a little-endian number of `N` bytes.
fn number<const N: usize>(bytes: &[u8], offset: usize) -> Result<usize> {
    let field = bytes.get(offset..).and_then(|rest| rest.first_chunk::<N>());
    let mut wide = [0; 8];
    wide[..N].copy_from_slice(field.context("the file ends inside a header")?);
    Ok(usize::try_from(u64::from_le_bytes(wide))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one segment of `length` bytes behind its headers, and ten bytes of symbols.
    fn file(length: u64) -> Vec<u8> {
        let mut elf = vec![0; 64 + 56];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[header::PROGRAM_HEADERS] = 64;
        elf[header::SECTION_HEADERS] = 200;
        elf[header::PROGRAM_HEADER_SIZE] = 56;
        elf[header::PROGRAM_HEADER_COUNT] = 1;
        elf[header::SECTION_HEADER_COUNT] = 7;
        elf[64 + program::OFFSET] = 120;
        elf[64 + program::FILE_SIZE..64 + program::FILE_SIZE + 8]
            .copy_from_slice(&length.to_le_bytes());
        elf.extend([1; 5]);
        elf.extend([2; 10]);
        elf
    }

    #[test]
    fn loaded_bytes_stay_and_symbols_go() {
        let stripped = without_symbols(&file(5)).unwrap();
        assert_eq!(stripped.len(), 64 + 56 + 5);
        assert_eq!(stripped[120..], [1; 5]);
        let sections = (header::SECTION_HEADERS, header::SECTION_HEADER_COUNT);
        assert_eq!((stripped[sections.0], stripped[sections.1]), (0, 0));
    }

    #[test]
    fn broken_files_are_refused() {
        assert!(without_symbols(b"MZ").is_err());
        assert!(without_symbols(&file(5)[..70]).is_err());
        assert!(without_symbols(&file(1000)).is_err());
        assert!(without_symbols(&file(u64::MAX)).is_err());
    }
}
