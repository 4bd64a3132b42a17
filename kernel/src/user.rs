//! User memory: what an actor says is its memory, and the only way to it.
//!
//! A [`UserSlice`] is an allegation: it proves that the range lies among user addresses and does
//! not wrap, and nothing else. The memory is reached page by page through the actor's own page
//! tables and the direct map, with the same rules as a page fault of the actor's: a page it has a
//! right to is brought in, any other is a fault of the actor, never of the kernel.

use abi::FaultKind;
use abi::layout::{PAGE_BYTES, USER_END};

use crate::fault::Fault;
use crate::mm::{Frame, Page};

/// A range of memory an actor claims to own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserSlice {
    address: u64,
    length: u64,
}

/// One page's part of a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The page.
    pub page: Page,
    /// Where in the page the part begins.
    pub offset: usize,
    /// How long it is.
    pub length: usize,
    /// Where in the range it begins.
    pub position: usize,
}

impl UserSlice {
    /// A range of nothing.
    pub const EMPTY: Self = Self {
        address: 0,
        length: 0,
    };

    /// Takes an address and a length from registers.
    ///
    /// # Errors
    /// A [`Fault`] when the range is not among user addresses. An empty range may be anywhere.
    pub fn new(address: u64, length: u64) -> Result<Self, Fault> {
        let end = address.checked_add(length);
        if length != 0 && end.is_none_or(|end| end > USER_END) {
            return Err(Fault::at(FaultKind::BAD_POINTER, address));
        }
        Ok(Self { address, length })
    }

    /// First address.
    #[must_use]
    pub const fn address(self) -> u64 {
        self.address
    }

    /// Length in bytes.
    #[must_use]
    pub const fn length(self) -> u64 {
        self.length
    }

    /// The page of its last byte; `None` if it is empty.
    #[must_use]
    pub const fn last_page(self) -> Option<Page> {
        match self.length {
            0 => None,
            _ => Some(Page::containing(self.address + (self.length - 1))),
        }
    }

    /// The same range, at most `length` bytes of it.
    #[must_use]
    pub fn cut(self, length: u64) -> Self {
        Self {
            length: self.length.min(length),
            ..self
        }
    }

    /// The pages the range touches, in order.
    pub fn pieces(self) -> impl Iterator<Item = Piece> {
        let mut position = 0;
        core::iter::from_fn(move || {
            if position >= self.length {
                return None;
            }
            let address = self.address + position;
            let offset = address % PAGE_BYTES;
            let length = (PAGE_BYTES - offset).min(self.length - position);
            let piece = Piece {
                page: Page::containing(address),
                offset: offset as usize,
                length: length as usize,
                position: position as usize,
            };
            position += length;
            Some(piece)
        })
    }
}

/// What is wanted of a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// To read it.
    Read,
    /// To write it.
    Write,
    /// To fetch instructions from it.
    Execute,
}

/// Why a page cannot be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageError {
    /// The actor has no such page, or not that right to it.
    NotAllowed,
    /// It is the guard page below a stack.
    Guard,
    /// There is no physical memory for it, or the actor's budget is used up.
    OutOfMemory,
    /// The pristine page that it comes from is damaged.
    Damaged,
}

impl PageError {
    /// The kind of fault this is, when the actor did it itself.
    #[must_use]
    pub const fn kind(self) -> FaultKind {
        match self {
            Self::NotAllowed => FaultKind::MEMORY_ACCESS,
            Self::Guard => FaultKind::STACK_OVERFLOW,
            Self::OutOfMemory => FaultKind::OUT_OF_MEMORY,
            Self::Damaged => FaultKind::BAD_IMAGE,
        }
    }

    /// The fault of handing such a page to a syscall.
    #[must_use]
    pub const fn as_argument(self, page: Page) -> Fault {
        match self {
            Self::NotAllowed | Self::Guard => Fault::at(FaultKind::BAD_POINTER, page.address()),
            Self::OutOfMemory | Self::Damaged => Fault::at(self.kind(), page.address()),
        }
    }
}

/// A frame together with the part of it that is meant.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The frame.
    pub frame: Frame,
    /// Where in it the part begins.
    pub offset: usize,
    /// How long it is.
    pub length: usize,
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_outside_user_addresses_are_faults() {
        for (address, length) in [
            (USER_END, 1),
            (USER_END - 1, 2),
            (u64::MAX, 2),
            (1, u64::MAX),
            (0xffff_8000_0000_0000, 8),
            (0x0000_8000_0000_0000, 8),
        ] {
            let fault = UserSlice::new(address, length).unwrap_err();
            assert_eq!(
                (fault.kind, fault.address),
                (FaultKind::BAD_POINTER, address)
            );
        }
        assert!(UserSlice::new(u64::MAX, 0).is_ok());
        assert!(UserSlice::new(USER_END - 4, 4).is_ok());
    }

    proptest! {
        #[test]
        fn pieces_cover_the_range_once(address in 0u64..1 << 47, length in 0u64..20_000) {
            if let Ok(slice) = UserSlice::new(address, length) {
                let pieces: Vec<Piece> = slice.pieces().collect();
                let mut next = address;
                for piece in &pieces {
                    prop_assert_eq!(piece.page.address() + piece.offset as u64, next);
                    prop_assert!(piece.length > 0 && piece.offset + piece.length <= 4096);
                    prop_assert_eq!(piece.position as u64, next - address);
                    next += piece.length as u64;
                }
                prop_assert_eq!(next, address + length);
            }
        }
    }
}
