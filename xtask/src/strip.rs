//! Removes symbols and debug information from an ELF file.
//!
//! An actor's image travels over a slow disk and is kept in memory for hot restart, so it carries
//! only what its program headers load. The linker puts that first in the file and the rest behind
//! it, which makes stripping a cut: end the file after the last loaded byte, and clear the fields
//! of the header that point at sections.

use anyhow::{Context, Result, ensure};

/// Offsets in the header of a 64-bit ELF file (System V ABI, "ELF Header").
const PROGRAM_HEADERS: usize = 32;
const SECTION_HEADERS: usize = 40;
const PROGRAM_HEADER_SIZE: usize = 54;
const PROGRAM_HEADER_COUNT: usize = 56;
const SECTION_HEADER_COUNT: usize = 60;
const HEADER_SIZE: usize = 64;

/// Offsets in a program header: place and length in the file.
const SEGMENT_OFFSET: usize = 8;
const SEGMENT_LENGTH: usize = 32;

/// Returns the file up to the last byte that a program header needs.
///
/// # Errors
/// When the file is not a 64-bit little-endian ELF file, or its headers point outside it.
pub(crate) fn without_symbols(elf: &[u8]) -> Result<Vec<u8>> {
    ensure!(elf.starts_with(b"\x7fELF\x02\x01"), "not a 64-bit little-endian ELF file");
    let table = number::<8>(elf, PROGRAM_HEADERS)?;
    let size = number::<2>(elf, PROGRAM_HEADER_SIZE)?;
    let count = number::<2>(elf, PROGRAM_HEADER_COUNT)?;

    let mut end = HEADER_SIZE.max(table + size * count);
    for header in (0..count).map(|index| table + size * index) {
        let offset = number::<8>(elf, header + SEGMENT_OFFSET)?;
        let length = number::<8>(elf, header + SEGMENT_LENGTH)?;
        end = end.max(offset.checked_add(length).context("a segment wraps around")?);
    }
    let mut kept = elf.get(..end).context("a segment lies outside the file")?.to_vec();
    kept[SECTION_HEADERS..SECTION_HEADERS + 8].fill(0);
    kept[SECTION_HEADER_COUNT..SECTION_HEADER_COUNT + 4].fill(0);
    Ok(kept)
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
        elf[PROGRAM_HEADERS] = 64;
        elf[SECTION_HEADERS] = 200;
        elf[PROGRAM_HEADER_SIZE] = 56;
        elf[PROGRAM_HEADER_COUNT] = 1;
        elf[SECTION_HEADER_COUNT] = 7;
        elf[64 + SEGMENT_OFFSET] = 120;
        elf[64 + SEGMENT_LENGTH..64 + SEGMENT_LENGTH + 8].copy_from_slice(&length.to_le_bytes());
        elf.extend([1; 5]);
        elf.extend([2; 10]);
        elf
    }

    #[test]
    fn loaded_bytes_stay_and_symbols_go() {
        let stripped = without_symbols(&file(5)).unwrap();
        assert_eq!(stripped.len(), 64 + 56 + 5);
        assert_eq!(stripped[120..], [1; 5]);
        assert_eq!((stripped[SECTION_HEADERS], stripped[SECTION_HEADER_COUNT]), (0, 0));
    }

    #[test]
    fn broken_files_are_refused() {
        assert!(without_symbols(b"MZ").is_err());
        assert!(without_symbols(&file(5)[..70]).is_err());
        assert!(without_symbols(&file(1000)).is_err());
        assert!(without_symbols(&file(u64::MAX)).is_err());
    }
}
