//! Memory: frames, page tables, address spaces, what is preserved, and the way to user memory.

pub mod extent;
pub mod frame;
pub mod guard;
pub mod page_table;
pub mod plan;

#[cfg(target_os = "none")]
pub mod address_space;
#[cfg(target_os = "none")]
pub mod direct;
#[cfg(target_os = "none")]
pub mod heap;
#[cfg(target_os = "none")]
pub mod kernel_map;

use abi::layout::PAGE_BYTES;

/// Number of a 4 KiB frame of physical memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Frame(pub u32);

impl Frame {
    /// The frame's physical address.
    #[must_use]
    pub const fn address(self) -> u64 {
        self.0 as u64 * PAGE_BYTES
    }

    /// The frame that holds a physical address; `None` beyond 16 TiB.
    #[must_use]
    pub fn containing(address: u64) -> Option<Self> {
        u32::try_from(address / PAGE_BYTES).ok().map(Self)
    }

    /// The frame `count` further on.
    #[must_use]
    pub const fn offset(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }
}

/// Number of a 4 KiB page of an actor's address space: a user address divided by the page size.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Page(pub u64);

impl Page {
    /// The page that holds an address.
    #[must_use]
    pub const fn containing(address: u64) -> Self {
        Self(address / PAGE_BYTES)
    }

    /// The page's first address.
    #[must_use]
    pub const fn address(self) -> u64 {
        self.0 * PAGE_BYTES
    }
}

/// How many pages hold `bytes`.
#[must_use]
pub const fn pages_for(bytes: u64) -> u64 {
    bytes.div_ceil(PAGE_BYTES)
}
