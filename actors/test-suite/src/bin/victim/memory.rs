//! Every kind of memory that a restart must put back, and the one that it must not.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use syscall::prelude::*;
use syscall::ways_to_die;
use syscall::{PersistentRegion, Region};
use test_suite::{
    Condition, DATA, KEPT_BYTES, Kept, MARK, MARKED_STACK, NOT_WHOLE, VERSION, kept_byte,
};

/// Pages of initialised, and of zeroed data: several, so that some are never touched.
const PAGES: usize = 8;
const WORDS: usize = PAGES * 512;

static SOME_DATA: AtomicU64 = AtomicU64::new(DATA);
static MUCH_DATA: [AtomicU64; WORDS] = [const { AtomicU64::new(DATA) }; WORDS];
static SOME_ZEROES: AtomicU64 = AtomicU64::new(0);
static MUCH_ZEROES: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];

/// In the image as it is written, byte for byte, for tests that change the disk.
static IN_IMAGE: [AtomicU8; VERSION.len()] = {
    let mut bytes = [const { AtomicU8::new(0) }; VERSION.len()];
    let mut index = 0;
    while index < VERSION.len() {
        bytes[index] = AtomicU8::new(VERSION[index]);
        index += 1;
    }
    bytes
};

/// Name of the persistent region.
const KEPT: &str = "kept";

/// The victim's memory, as its first thread holds it.
pub(crate) struct Memory {
    is_vector_clear: bool,
    is_stack_marked: bool,
    heap: Vec<u64>,
    regions: Vec<Region>,
    kept: Option<PersistentRegion>,
}

impl Memory {
    /// Looks around, before anything else is done.
    pub(crate) fn new(is_vector_clear: bool) -> Self {
        let is_stack_marked = ways_to_die::is_below_stack(MARK, MARKED_STACK);
        Self {
            is_vector_clear,
            is_stack_marked,
            heap: Vec::new(),
            regions: Vec::new(),
            kept: None,
        }
    }

    /// What the victim finds itself in.
    pub(crate) fn condition(&self, start: &Start) -> Condition {
        Condition {
            actor: start.actor(),
            incarnation: start.incarnation(),
            previous: start.previous(),
            data: SOME_DATA.load(Ordering::Relaxed),
            far_data: MUCH_DATA[WORDS - 1].load(Ordering::Relaxed),
            zeroed: SOME_ZEROES.load(Ordering::Relaxed),
            far_zeroed: MUCH_ZEROES[WORDS - 1].load(Ordering::Relaxed),
            heap: self.heap.len() as u64,
            is_stack_marked: self.is_stack_marked,
            is_vector_clear: self.is_vector_clear,
            is_region_zeroed: Region::allocate(64 * 1024)
                .is_ok_and(|region| region.iter().all(|byte| *byte == 0)),
        }
    }

    /// Writes the mark over everything that a restart must put back.
    pub(crate) fn dirty(&mut self) -> Result<()> {
        for word in [&SOME_DATA, &SOME_ZEROES]
            .into_iter()
            .chain(&MUCH_DATA)
            .chain(&MUCH_ZEROES)
        {
            word.store(MARK, Ordering::Relaxed);
        }
        self.heap = alloc::vec![MARK; 4096];
        self.allocate(64 * 1024)?;
        ways_to_die::leave_below_stack(MARK, MARKED_STACK);
        // Leaves values in the vector registers.
        let _ = ways_to_die::vector::watch(MARK, 1);
        Ok(())
    }

    /// Allocates private memory, and writes to all of it; returns where it is.
    pub(crate) fn allocate(&mut self, bytes: usize) -> Result<u64> {
        let mut region = Region::allocate(bytes)?;
        region.fill(0xfe);
        let address = region.address();
        self.regions.push(region);
        Ok(address)
    }

    /// Allocates private memory, and writes to as few of its pages as there are page tables to it.
    pub(crate) fn allocate_sparse(&mut self, bytes: usize) -> Result<u64> {
        const TABLE_COVERS: usize = 2 << 20;
        let mut region = Region::allocate(bytes)?;
        for byte in region.iter_mut().step_by(TABLE_COVERS) {
            *byte = 0xfe;
        }
        let address = region.address();
        self.regions.push(region);
        Ok(address)
    }

    /// Fills the persistent region.
    pub(crate) fn keep(&mut self, number: u64) -> Result<()> {
        for (index, byte) in self.kept()?.iter_mut().enumerate() {
            *byte = kept_byte(number, index);
        }
        Ok(())
    }

    /// What is in the persistent region.
    pub(crate) fn look_at_kept(&mut self) -> Result<Kept> {
        let region = self.kept()?;
        // Numbers are small; only one of them can have filled the region.
        let number = (0..=255)
            .find(|number| {
                region
                    .iter()
                    .enumerate()
                    .all(|(index, byte)| *byte == kept_byte(*number, index))
            })
            .unwrap_or(NOT_WHOLE);
        Ok(Kept {
            address: region.address(),
            bytes: region.len() as u64,
            is_new: region.is_new(),
            number,
        })
    }

    /// Frees the persistent region.
    pub(crate) fn forget(&mut self) -> Result<()> {
        self.kept()?;
        self.kept.take().map_or(Ok(()), PersistentRegion::free)
    }

    fn kept(&mut self) -> Result<&mut PersistentRegion> {
        match &mut self.kept {
            Some(region) => Ok(region),
            none => Ok(none.insert(PersistentRegion::open(KEPT, KEPT_BYTES)?)),
        }
    }
}

/// Writes to so many pages of zeroed data.
pub(crate) fn touch(pages: usize) {
    for word in MUCH_ZEROES.iter().step_by(512).take(pages) {
        word.fetch_add(1, Ordering::Relaxed);
    }
}

/// The version in the image.
pub(crate) fn version() -> u64 {
    // The compiler must not find out that nobody ever writes to it.
    let bytes = core::hint::black_box(&IN_IMAGE);
    let digit = bytes[VERSION.len() - 1].load(Ordering::Relaxed);
    u64::from(digit.wrapping_sub(b'0'))
}
