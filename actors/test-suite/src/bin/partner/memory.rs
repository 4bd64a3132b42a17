//! Memory of every kind, by its address.

use core::sync::atomic::{AtomicU8, Ordering};

use syscall::abi::layout::{PAGE_BYTES, PRIVATE_START, USER_END};
use syscall::prelude::*;
use syscall::{Region, site};
use test_suite::partner::{DATA, Memory};

/// Pages of each kind of data.
const PAGES: usize = 16;
const BYTES: usize = PAGES * PAGE_BYTES as usize;

/// A page boundary is where it begins.
#[repr(align(4096))]
struct Aligned([AtomicU8; BYTES]);

static DATA_PAGES: Aligned = Aligned([const { AtomicU8::new(DATA) }; BYTES]);
static ZEROED_PAGES: Aligned = Aligned([const { AtomicU8::new(0) }; BYTES]);

/// Memory for the time of a call.
pub(crate) struct Place<'a> {
    /// Where it begins.
    pub(crate) address: u64,
    bytes: Bytes<'a>,
}

/// What is there, as far as it may be looked at.
enum Bytes<'a> {
    Shared(&'a [AtomicU8]),
    Region(&'a Region, usize),
    None,
}

impl Place<'_> {
    /// One of its bytes.
    pub(crate) fn byte(&self, index: usize) -> u8 {
        match &self.bytes {
            Bytes::Shared(bytes) => bytes
                .get(index)
                .map_or(0, |byte| byte.load(Ordering::Relaxed)),
            Bytes::Region(region, offset) => region.get(offset + index).copied().unwrap_or(0),
            Bytes::None => 0,
        }
    }
}

/// The first byte of a page of initialised data.
pub(crate) fn data_at(page: usize) -> u8 {
    let byte = DATA_PAGES.0.get(page * PAGE_BYTES as usize);
    byte.map_or(0, |byte| byte.load(Ordering::Relaxed))
}

/// Has memory of a kind for as long as `used` takes.
pub(crate) fn with_memory<T>(
    memory: Memory,
    used: impl FnOnce(&Place<'_>) -> Result<T>,
) -> Result<T> {
    let page = PAGE_BYTES as usize;
    let nothing = |address| Place {
        address,
        bytes: Bytes::None,
    };
    match memory {
        Memory::Data(number) => used(&shared(&DATA_PAGES.0[number * page..])),
        Memory::Zeroed(number) => used(&shared(&ZEROED_PAGES.0[number * page..])),
        Memory::Text => used(&nothing(site::ready as fn() as usize as u64)),
        Memory::AcrossPages(count) => region(2 * page, page - count as usize, used),
        Memory::BeforeGuard(count) => region(page, page - count as usize, used),
        // So that no stack's page is at the end of the table.
        Memory::Again => region(page, 0, used),
        Memory::Nowhere => used(&nothing(PRIVATE_START - PAGE_BYTES)),
        Memory::Kernel => used(&nothing(0xffff_8800_0000_0000)),
        Memory::OverTheEnd(count) => used(&nothing(USER_END - count)),
    }
}

fn shared(bytes: &[AtomicU8]) -> Place<'_> {
    Place {
        address: bytes.as_ptr().expose_provenance() as u64,
        bytes: Bytes::Shared(bytes),
    }
}

fn region<T>(bytes: usize, offset: usize, used: impl FnOnce(&Place<'_>) -> Result<T>) -> Result<T> {
    let region = Region::allocate(bytes)?;
    let address = region.address() + offset as u64;
    used(&Place {
        address,
        bytes: Bytes::Region(&region, offset),
    })
}
