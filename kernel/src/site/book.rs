//! Keeping the site record up to date.
//!
//! The kernel writes a note when something that is preserved comes into being or changes, and
//! takes it back when it goes. Which place of a table a note is in is nobody else's business.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::mem::MaybeUninit;

use abi::{Instant, LedgerEntry, Name};

use super::events::Events;
use super::index::Index;
use super::note::{Found, Note};
use super::record::{
    ActorNote, End, Header, ImageNote, LEDGER_ENTRIES, LifeNote, RegionNote, SiteRecord,
};
use super::verdict::Stage;
use crate::actor::KEPT;
use crate::list::List;
use crate::slot::NONE;

/// A table of notes, and which of them are free.
pub struct Table<T: 'static> {
    notes: &'static mut [Note<T>],
    /// All beyond were always free.
    end: &'static mut End,
    /// One bit each, set where the note is not free.
    taken: Vec<u64>,
}

impl<T: Copy> Table<T> {
    fn new(notes: &'static mut [Note<T>], end: &'static mut End) -> Self {
        let mut taken = vec![0; notes.len().div_ceil(64)];
        let used = notes.get(..end.get(notes.len())).unwrap_or_default();
        for (word, notes) in taken.iter_mut().zip(used.chunks(64)) {
            for (bit, note) in notes.iter().enumerate() {
                *word |= u64::from(!note.is_free()) << bit;
            }
        }
        Self { notes, end, taken }
    }

    /// Writes a further note; says where, `NONE` without room.
    pub fn add(&mut self, value: T) -> u32 {
        let word = self.taken.iter_mut().enumerate();
        let free = word
            .map(|(index, word)| (index * 64 + word.trailing_ones() as usize, word))
            .find(|(index, word)| **word != u64::MAX && *index < self.notes.len());
        let Some((index, word)) = free else {
            return NONE;
        };
        *word |= 1 << (index % 64);
        if index >= self.end.get(self.notes.len()) {
            self.end.set(index + 1);
        }
        self.set(index as u32, value);
        index as u32
    }

    /// Writes a note anew.
    pub fn set(&mut self, index: u32, value: T) {
        if let Some(note) = self.notes.get_mut(index as usize) {
            note.write(value);
        }
    }

    /// Takes a note back.
    pub fn remove(&mut self, index: u32) {
        if let Some(note) = self.notes.get_mut(index as usize) {
            note.clear();
        }
        if let Some(word) = self.taken.get_mut(index as usize / 64) {
            *word &= !(1 << (index % 64));
        }
    }

    /// Makes a note one that is damaged for good: nothing else is written in its place.
    pub fn condemn(&mut self, index: u32) {
        if let Some(note) = self.notes.get_mut(index as usize) {
            note.condemn();
        }
    }

    /// What is left in a note, whole or not.
    #[must_use]
    pub fn remains(&self, index: u32) -> Option<&MaybeUninit<T>> {
        self.notes.get(index as usize).map(Note::remains)
    }

    /// How many notes are not free.
    #[must_use]
    pub fn count(&self) -> usize {
        let words = self.taken.iter().map(|word| word.count_ones() as usize);
        words.sum()
    }

    /// What is in a note.
    #[must_use]
    pub fn get(&self, index: u32) -> Found<T> {
        let note = self.notes.get(index as usize);
        note.map_or(Found::Free, Note::read)
    }

    /// All notes that are not free, with their places.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Note<T>)> {
        let taken = (0..).zip(&self.taken).filter(|(_, word)| **word != 0);
        taken.flat_map(move |(index, word)| {
            let mut left = *word;
            let bits = core::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                // Clears the lowest bit; a word without any is at its end.
                left &= left.checked_sub(1)?;
                Some(bit)
            });
            bits.filter_map(move |bit| {
                let place = index * 64 + bit;
                Some((place, self.notes.get(place as usize)?))
            })
        })
    }
}

/// The record, as the running kernel writes it.
pub struct Book {
    header: &'static mut Note<Header>,
    stage: &'static mut Stage,
    /// What happened last.
    pub events: &'static mut Events,
    /// Actors: what they are.
    pub actors: Table<ActorNote>,
    /// Actors: what became of them, at the same places.
    lives: &'static mut [Note<LifeNote>],
    /// Pristine images.
    pub images: Table<ImageNote>,
    /// Persistent regions.
    pub regions: Table<RegionNote>,
    ledger: &'static mut [Note<LedgerEntry>; LEDGER_ENTRIES],
    /// What is still to be taken over of the kernel before.
    pub past: Past,
    /// The places of actors that had ended before this kernel, by name.
    pub ended: BTreeMap<Name, u32>,
    /// When the site will have run well for long enough that earlier reboots are forgotten.
    pub stable_at: Instant,
}

/// What the kernel before has left, until it is taken over.
#[derive(Default)]
pub struct Past {
    /// The places of actors, by name.
    pub actors: Index<u32>,
    /// The slots of images, by their places.
    pub images: BTreeMap<u32, u32>,
    /// Persistent regions, by the names of their owners.
    pub regions: Index<List<KEPT>>,
}

impl Book {
    /// Opens the record, which is whole or was just cleared. The counters are somebody else's.
    #[must_use]
    pub fn open(record: &'static mut SiteRecord) -> (Self, &'static mut super::record::Counters) {
        let SiteRecord {
            header,
            events,
            live,
            actors,
            lives,
            images,
            regions,
            ledger,
            ..
        } = record;
        let book = Self {
            header,
            events,
            stage: &mut live.stage,
            actors: Table::new(actors, &mut live.actors_end),
            lives,
            images: Table::new(images, &mut live.images_end),
            regions: Table::new(regions, &mut live.regions_end),
            ledger,
            past: Past::default(),
            ended: BTreeMap::new(),
            stable_at: Instant::NEVER,
        };
        (book, &mut live.counters)
    }

    /// Says what the kernel consists of. It is whole: nobody else runs who could have damaged it.
    #[must_use]
    pub fn header(&self) -> Option<Header> {
        match self.header.read() {
            Found::Whole(header) => Some(header),
            Found::Free | Found::Damaged => None,
        }
    }

    /// Changes what the next kernel is told of this one.
    pub fn change_header(&mut self, change: impl FnOnce(&mut Header)) {
        if let Some(mut header) = self.header() {
            change(&mut header);
            self.header.write(header);
        }
    }

    /// Notes that the kernel has come up: should it end now, it can be restarted.
    pub const fn set_up(&mut self) {
        *self.stage = Stage::UP;
    }

    /// Takes back all that is noted of an actor: who is noted in its place begins anew.
    pub fn remove_actor(&mut self, actor: u32) {
        self.actors.remove(actor);
        if let Some(life) = self.lives.get_mut(actor as usize) {
            life.clear();
        }
    }

    /// What became of an actor.
    #[must_use]
    pub fn life(&self, actor: u32) -> LifeNote {
        match self.lives.get(actor as usize).map(Note::read) {
            Some(Found::Whole(life)) => life,
            _ => LifeNote::NEW,
        }
    }

    /// Notes what became of an actor.
    pub fn set_life(&mut self, actor: u32, life: LifeNote) {
        if let Some(note) = self.lives.get_mut(actor as usize) {
            note.write(life);
        }
    }

    /// Keeps an entry of the ledger, as it is now.
    pub fn keep_entry(&mut self, entry: &LedgerEntry) {
        let index = entry.sequence.wrapping_sub(1) % LEDGER_ENTRIES as u64;
        if let Some(note) = self.ledger.get_mut(index as usize) {
            note.write(*entry);
        }
    }

    /// The ledger as it was kept, each entry where its number says. Most of one that is not full is never
    /// written.
    #[must_use]
    pub fn ledger(&self) -> Vec<Option<LedgerEntry>> {
        let mut entries = Vec::with_capacity(LEDGER_ENTRIES);
        entries.resize_with(LEDGER_ENTRIES, || None);
        for (note, place) in self.ledger.iter().zip(&mut entries) {
            if let Found::Whole(entry) = note.value() {
                *place = Some(*entry);
            }
        }
        entries
    }
}
