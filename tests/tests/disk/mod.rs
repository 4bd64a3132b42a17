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
    let mut start = 0;
    while let Some(header) = disk.get(start..start + BLOCK) {
        let name = header[..100]
            .split(|byte| *byte == 0)
            .next()
            .unwrap_or_default();
        let digits = header[124..135].iter().filter(|byte| byte.is_ascii_digit());
        let size = digits.fold(0, |size, digit| size * 8 + usize::from(digit - b'0'));
        let content = start + BLOCK..start + BLOCK + size;
        if name == path.as_bytes() {
            return Member {
                header: start..start + BLOCK,
                content,
            };
        }
        if name.is_empty() {
            break;
        }
        start = content.end.next_multiple_of(BLOCK);
    }
    panic!("there is no {path} on the disk");
}

/// The image of an actor.
#[track_caller]
pub(crate) fn image<'d>(disk: &'d mut [u8], name: &str) -> &'d mut [u8] {
    let Member { content, .. } = find(disk, &format!("actors/{name}.elf"));
    &mut disk[content]
}
