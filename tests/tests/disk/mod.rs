//! What is on a site's disk: a tar archive, whose members the tests damage.

use std::ops::Range;

/// Bytes in a block of the archive.
const BLOCK: usize = 512;

/// Where a member's header and its content are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// The header: one block.
    pub(crate) header: Range<usize>,
    /// The content.
    pub(crate) content: Range<usize>,
}

/// Finds a member of the archive by its path.
///
/// # Panics
/// When there is none.
#[track_caller]
pub(crate) fn find(disk: &[u8], path: &str) -> Member {
    let is_it = |member: &Member| name(&disk[member.header.clone()]) == path.as_bytes();
    let found = members(disk).find(is_it);
    found.unwrap_or_else(|| panic!("there is no {path} on the disk"))
}

/// Where the last member ends.
#[allow(dead_code, reason = "not every test that uses this module needs it")]
pub(crate) fn end(disk: &[u8]) -> usize {
    members(disk)
        .last()
        .map_or(0, |member| member.content.end.next_multiple_of(BLOCK))
}

/// Every member, in order.
fn members(disk: &[u8]) -> impl Iterator<Item = Member> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let header = disk
            .get(start..start + BLOCK)
            .filter(|header| !name(header).is_empty())?;
        let digits = header[124..135].iter().filter(|byte| byte.is_ascii_digit());
        let size = digits.fold(0, |size, digit| size * 8 + usize::from(digit - b'0'));
        let content = start + BLOCK..start + BLOCK + size;
        let member = Member {
            header: start..start + BLOCK,
            content,
        };
        start = member.content.end.next_multiple_of(BLOCK);
        Some(member)
    })
}

/// The path in a header (System V "ustar": the first hundred bytes, ended by a zero).
fn name(header: &[u8]) -> &[u8] {
    header[..100]
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default()
}

/// The image of an actor.
#[allow(dead_code, reason = "as above")]
#[track_caller]
pub(crate) fn image<'d>(disk: &'d mut [u8], name: &str) -> &'d mut [u8] {
    let Member { content, .. } = find(disk, &format!("actors/{name}.elf"));
    &mut disk[content]
}
