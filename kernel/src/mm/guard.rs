//! Guard words around what the kernel's heap gives out.
//!
//! ```text
//! block ─▶ padding │ size, key │ what was asked for │ key
//!                              ▲
//!                              what the caller gets
//! ```
//! The key depends on the address, the size and the alignment, so that neither a copy of another's words nor those
//! of a former owner with another size are taken for good. Who writes past the end of his own, or
//! before its start, is found when it is freed; so is who frees twice, unless in between the same
//! memory was given out with the same size.

use core::alloc::Layout;

/// Bytes of the words before.
const HEAD: usize = 16;
/// Bytes of the word behind.
const TAIL: usize = 8;
/// What the words before are aligned to.
const ALIGN: usize = 8;

/// What keys are made from. Its bytes are no text, no small number and no address.
const SECRET: u64 = 0x9e37_79b9_7f4a_7c15;

/// In place of the key, once the memory is free.
const FREED: u64 = 0x6b8b_4567_f2ee_dead;

/// What is wrong with memory that is given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damage {
    /// The words before it are not ours.
    Before,
    /// The word behind it is not ours.
    Behind,
    /// It was given out with another size, which is told.
    Size(u64),
    /// It was given back before.
    Freed,
}

impl core::fmt::Display for Damage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Before => f.write_str("overwritten before its start"),
            Self::Behind => f.write_str("overwritten behind its end"),
            Self::Size(size) => write!(f, "given out with {size} bytes"),
            Self::Freed => f.write_str("freed twice"),
        }
    }
}

/// What is taken from the heap for something with this layout, and how far in that something lies.
/// `None` if that is more than there can be.
#[must_use]
pub fn padded(layout: Layout) -> Option<(Layout, usize)> {
    let lead = layout.align().max(HEAD);
    let size = lead.checked_add(layout.size())?.checked_add(TAIL)?;
    let whole = Layout::from_size_align(size, layout.align().max(ALIGN)).ok()?;
    Some((whole, lead))
}

fn key(address: usize, size: usize, align: usize) -> u64 {
    SECRET ^ (address as u64).rotate_left(17) ^ size as u64 ^ (align.max(HEAD) as u64) << 40
}

/// Writes the words around `pointer`.
///
/// # Safety
/// It is [`padded`]'s distance for `layout` into a block of the layout that gave.
pub unsafe fn put(pointer: *mut u8, layout: Layout) {
    let size = layout.size();
    let key = key(pointer.addr(), size, layout.align());
    // SAFETY: Within the block, by the layout of `padded`; the words before are aligned.
    unsafe {
        pointer.sub(16).cast::<u64>().write(size as u64);
        pointer.sub(8).cast::<u64>().write(key);
        pointer.add(size).cast::<u64>().write_unaligned(key);
    }
}

/// Checks the words around `pointer`, which is given back, and leaves a mark that it was.
///
/// # Errors
/// [`Damage`].
///
/// # Safety
/// The 16 bytes before `pointer` and the `size` bytes from there on and 8 more are memory that
/// nobody else uses meanwhile, and `pointer` is a multiple of 8.
pub unsafe fn take(pointer: *mut u8, layout: Layout) -> Result<(), Damage> {
    let (size, align) = (layout.size(), layout.align());
    // SAFETY: As the caller promises.
    let (noted, before, behind) = unsafe {
        (
            pointer.sub(16).cast::<u64>().read(),
            pointer.sub(8).cast::<u64>().read(),
            pointer.add(size).cast::<u64>().read_unaligned(),
        )
    };
    // The allocator has written to the start of the block, unless it has made the hole before it larger.
    if before == FREED || behind == FREED {
        return Err(Damage::Freed);
    }
    if noted != size as u64 && before == key(pointer.addr(), noted as usize, align) {
        return Err(Damage::Size(noted));
    }
    let key = key(pointer.addr(), size, align);
    if noted != size as u64 || before != key {
        return Err(Damage::Before);
    }
    if behind != key {
        return Err(Damage::Behind);
    }
    // SAFETY: As above.
    unsafe {
        pointer.sub(8).cast::<u64>().write(FREED);
        pointer.add(size).cast::<u64>().write_unaligned(FREED);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block with something of 24 bytes in it.
    #[repr(align(8))]
    struct Block([u8; 64]);

    const LAYOUT: Layout = Layout::new::<[u64; 3]>();

    fn damage(change: impl FnOnce(&mut [u8; 64])) -> Result<(), Damage> {
        let mut block = Block([0xaa; 64]);
        let (whole, lead) = padded(LAYOUT).unwrap();
        assert!(whole.size() <= 64 && lead == 16);
        // SAFETY: The block is large enough, as was just asserted.
        unsafe { put(block.0.as_mut_ptr().add(lead), LAYOUT) };
        change(&mut block.0);
        // SAFETY: As above.
        unsafe { take(block.0.as_mut_ptr().add(lead), LAYOUT) }
    }

    #[test]
    fn what_is_whole_is_taken() {
        assert_eq!(damage(|_| {}), Ok(()));
        assert_eq!(damage(|block| block[16..40].fill(0)), Ok(()));
    }

    #[test]
    fn every_byte_around_is_guarded() {
        for at in 0..16 {
            assert_eq!(damage(|block| block[at] ^= 1), Err(Damage::Before), "{at}");
        }
        for at in 40..48 {
            assert_eq!(damage(|block| block[at] ^= 1), Err(Damage::Behind), "{at}");
        }
    }

    #[test]
    fn what_was_taken_is_not_taken_again() {
        let mut block = Block([0; 64]);
        // SAFETY: The block is large enough for 24 bytes and the words around them.
        unsafe {
            let pointer = block.0.as_mut_ptr().add(16);
            put(pointer, LAYOUT);
            assert_eq!(
                take(pointer, Layout::new::<[u64; 2]>()),
                Err(Damage::Size(24))
            );
            assert_eq!(take(pointer, LAYOUT), Ok(()));
            assert_eq!(take(pointer, LAYOUT), Err(Damage::Freed));
            pointer.sub(16).cast::<[u64; 2]>().write([48, 0]);
            assert_eq!(take(pointer, LAYOUT), Err(Damage::Freed));
        }
    }

    #[test]
    fn alignment_is_kept_and_too_much_is_refused() {
        let page = Layout::from_size_align(100, 4096).unwrap();
        let (whole, lead) = padded(page).unwrap();
        assert_eq!((lead, whole.align()), (4096, 4096));
        assert!(padded(Layout::from_size_align(isize::MAX as usize, 1).unwrap()).is_none());
    }
}
