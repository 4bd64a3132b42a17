//! The table of files, and how it is exchanged for a new one with one store: it is the last record
//! of two slots.

use crc::{CRC_32_ISO_HDLC, Crc};
use durable::memory::WORD;
use durable::{Condition, Memory, Shape, Slots};

use crate::Trouble;
use crate::limits::{BLOCK_BYTES, FILE_BLOCKS_MAX, FILES_MAX, NAME_MAX, POOL};
use crate::memory::{BLOCK_WORDS, BLOCKS_AT, MARK_AT, TABLES_AT};
use crate::name::FileName;

/// What word 0 says when the memory is formatted: stored last of all. It changes with whatever
/// lies in the memory.
const MARK: u64 = u64::from_be_bytes(*b"posix v2");

/// Name, length (of a place without a file: [`VACANT`]), and four blocks in each word.
const ENTRY_WORDS: usize = NAME_MAX / WORD + 1 + FILE_BLOCKS_MAX / BLOCKS_A_WORD;
const BLOCKS_A_WORD: usize = WORD / size_of::<u16>();
const CHECKS_A_WORD: usize = WORD / size_of::<u32>();
const TABLE_WORDS: usize = FILES_MAX * ENTRY_WORDS + POOL.div_ceil(CHECKS_A_WORD);
/// Where the two copies are.
pub(crate) const TABLES: Shape = Shape::for_records(TABLES_AT, 2, TABLE_WORDS * WORD);

const VACANT: u64 = u64::MAX;

static CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// A file in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) name: FileName,
    pub(crate) bytes: usize,
    /// Its blocks; those beyond its length say nothing.
    pub(crate) blocks: [u16; FILE_BLOCKS_MAX],
}

impl Entry {
    /// The blocks that it has.
    pub(crate) fn used(&self) -> &[u16] {
        self.blocks
            .get(..self.bytes.div_ceil(BLOCK_BYTES))
            .unwrap_or(&self.blocks)
    }
}

/// The table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Table {
    copies: Slots,
    pub(crate) entries: [Option<Entry>; FILES_MAX],
    /// Checksums of the blocks that are in use.
    checks: [u32; POOL],
}

impl Table {
    /// Reads the copy that counts; formats the memory if that was never brought to its end.
    pub(crate) fn mount(memory: &impl Memory) -> Result<Self, Trouble> {
        if memory.load(MARK_AT) != MARK {
            Slots::erase(memory, TABLES);
            Self::new(memory)?.commit(memory)?;
            memory.store(MARK_AT, MARK);
        }
        let mut table = Self::new(memory)?;
        // The table before the last one names blocks that may have been used for others since.
        if table.copies.condition() == Condition::LastLost {
            return Err(Trouble::Damaged);
        }
        table.read(memory)?;
        Ok(table)
    }

    /// A table without files, that was not read yet.
    fn new(memory: &impl Memory) -> Result<Self, Trouble> {
        Ok(Self {
            copies: Slots::open(memory, TABLES, MARK)?,
            entries: [None; FILES_MAX],
            checks: [0; POOL],
        })
    }

    /// Puts this table in the place of the one that counts.
    pub(crate) fn commit(&mut self, memory: &impl Memory) -> Result<(), Trouble> {
        let entries = self.entries.iter().flat_map(entry_words);
        let mut words = entries.chain(check_words(&self.checks));
        self.copies.append(memory, |draft| {
            words.try_for_each(|word| draft.push_word(word))
        })?;
        Ok(())
    }

    /// Writes new content to a block that the table that counts does not use. Bytes beyond it are
    /// zero.
    pub(crate) fn fill(&mut self, memory: &impl Memory, block: u16, bytes: &[u8]) {
        let mut whole = [0; BLOCK_BYTES];
        if let Some(place) = whole.get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
        }
        if let Some(check) = self.checks.get_mut(usize::from(block)) {
            *check = CHECKSUM.checksum(&whole);
        }
        let start = BLOCKS_AT + usize::from(block) * BLOCK_WORDS;
        for (index, word) in (start..).zip(whole.as_chunks::<WORD>().0) {
            memory.store(index, u64::from_le_bytes(*word));
        }
    }

    /// Reads a block.
    pub(crate) fn block(
        &self,
        memory: &impl Memory,
        block: u16,
    ) -> Result<[u8; BLOCK_BYTES], Trouble> {
        let mut bytes = [0; BLOCK_BYTES];
        let start = BLOCKS_AT + usize::from(block) * BLOCK_WORDS;
        for (index, word) in (start..).zip(bytes.as_chunks_mut::<WORD>().0) {
            *word = memory.load(index).to_le_bytes();
        }
        match self.checks.get(usize::from(block)) {
            Some(check) if *check == CHECKSUM.checksum(&bytes) => Ok(bytes),
            _ => Err(Trouble::Damaged),
        }
    }

    /// Blocks that no file has, in order.
    pub(crate) fn free_blocks(&self) -> impl Iterator<Item = u16> {
        let mut is_used = [false; POOL];
        for block in self.entries.iter().flatten().flat_map(Entry::used) {
            if let Some(place) = is_used.get_mut(usize::from(*block)) {
                *place = true;
            }
        }
        (0..)
            .zip(is_used)
            .filter(|(_, used)| !used)
            .map(|(block, _)| block)
    }

    fn read(&mut self, memory: &impl Memory) -> Result<(), Trouble> {
        let record = self.copies.find(memory, self.copies.last())?;
        let mut words = (record.start..).map(|index| memory.load(index));
        for entry in &mut self.entries {
            *entry = read_entry(&mut words);
        }
        for checks in self.checks.chunks_mut(CHECKS_A_WORD) {
            let word = words.next().unwrap_or_default();
            for (shift, check) in checks.iter_mut().enumerate() {
                *check = (word >> (32 * shift)) as u32;
            }
        }
        Ok(())
    }
}

fn check_words(checks: &[u32; POOL]) -> impl Iterator<Item = u64> {
    checks.chunks(CHECKS_A_WORD).map(|checks| {
        let high = checks.get(1).copied().unwrap_or_default();
        u64::from(high) << 32 | checks.first().copied().map_or(0, u64::from)
    })
}

fn entry_words(entry: &Option<Entry>) -> impl Iterator<Item = u64> {
    let name = entry.map_or([0; NAME_MAX], |entry| entry.name.padded());
    let bytes = entry.map_or(VACANT, |entry| entry.bytes as u64);
    let blocks = entry.map_or([0; FILE_BLOCKS_MAX], |entry| entry.blocks);
    let word = move |bytes: [u8; WORD]| u64::from_le_bytes(bytes);
    let name = core::array::from_fn::<_, { NAME_MAX / WORD }, _>(|at| {
        let part = name.as_chunks::<WORD>().0.get(at);
        word(part.copied().unwrap_or_default())
    });
    let blocks = core::array::from_fn::<_, { FILE_BLOCKS_MAX / BLOCKS_A_WORD }, _>(|at| {
        let part = blocks.as_chunks::<BLOCKS_A_WORD>().0.get(at);
        let part = part.copied().unwrap_or_default();
        let together = part.into_iter().rev();
        together.fold(0, |word, block| word << 16 | u64::from(block))
    });
    name.into_iter().chain([bytes]).chain(blocks)
}

/// Reads an entry; what was checked and is not a file is a vacant place.
fn read_entry(words: &mut impl Iterator<Item = u64>) -> Option<Entry> {
    let mut next = || words.next().unwrap_or_default();
    let mut name = [0; NAME_MAX];
    for part in name.as_chunks_mut::<WORD>().0 {
        *part = next().to_le_bytes();
    }
    let bytes = next();
    let mut blocks = [0; FILE_BLOCKS_MAX];
    for part in blocks.as_chunks_mut::<BLOCKS_A_WORD>().0 {
        let word = next();
        for (shift, block) in part.iter_mut().enumerate() {
            *block = (word >> (16 * shift)) as u16;
        }
    }
    let bytes = (bytes != VACANT).then_some(bytes as usize)?;
    Some(Entry {
        name: FileName::from_padded(name),
        bytes,
        blocks,
    })
}
