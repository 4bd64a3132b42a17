//! The randomized test: what its clients ask of its server, and what the server writes down.
//!
//! Each thread of a client has a *row* in the server's persistent notes, which only requests of
//! that thread touch, one at a time. So after each request, however it ended, the thread reads its
//! row and knows what has really happened.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::random::Random;

/// Name of the server's persistent region.
pub const NOTES: &str = "storm";
/// Name of its LAP for requests, and of the one at which rows are read.
pub const LAP: &str = "storm";
/// See [`LAP`].
pub const LOOK: &str = "storm-look";
/// Name of its port for requests.
pub const PORT: &str = "storm";
/// Rows there are.
pub const ROWS: usize = 192;

/// What a server remembers of the threads of its clients.
#[derive(Clone, Copy, Debug)]
pub struct Notes {
    words: &'static [AtomicU64],
}

/// Bytes of the region that holds them.
pub const BYTES: usize = (ROWS + 1) * 16;

impl Notes {
    /// Takes a region's words for notes.
    #[must_use]
    pub fn of(words: &'static [AtomicU64]) -> Self {
        Self { words }
    }

    fn word(&self, index: usize) -> Option<&'static AtomicU64> {
        self.words.get(index)
    }

    /// The seed of the storm that goes on; 0 if none does.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.word(0).map_or(0, |word| word.load(Ordering::SeqCst))
    }

    /// Begins a storm, or ends it with 0.
    pub fn set_seed(&self, seed: u64) {
        if let Some(word) = self.word(0) {
            word.store(seed, Ordering::SeqCst);
        }
    }

    /// A request has begun.
    pub fn begin(&self, request: Request) {
        if let Some(word) = self.word(2 + request.row * 2) {
            word.store(request.number, Ordering::SeqCst);
        }
    }

    /// A request has its effect. The same one has it once.
    pub fn take_effect(&self, request: Request) {
        if let Some(word) = self.word(3 + request.row * 2) {
            let before = word.swap(request.number, Ordering::SeqCst);
            assert!(
                before < request.number,
                "{before} before {}",
                request.number
            );
        }
    }

    /// The numbers of the last request of a row that has begun, and of the last one that has had
    /// its effect.
    #[must_use]
    pub fn read(&self, row: usize) -> (u64, u64) {
        let read = |index| {
            self.word(index)
                .map_or(0, |word| word.load(Ordering::SeqCst))
        };
        (read(2 + row * 2), read(3 + row * 2))
    }
}

/// A request, as it travels in two numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// Whose it is.
    pub row: usize,
    /// Its number: higher than that of any earlier one of the row.
    pub number: u64,
    /// What is done in the server, and how.
    pub manner: Manner,
}

/// How a request is handled: a number whose parts say what happens before and after the effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Manner(pub u32);

/// Where a server may die in the middle of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    /// Before the effect.
    Before,
    /// After the effect.
    After,
    /// After it has said that it is done.
    Done,
}

impl Manner {
    /// Any manner. One in thirty-two is deadly.
    pub fn random(random: &mut Random) -> Self {
        Self(random.next_number() as u32)
    }

    /// What is done to pass the time before (`turn` 0) or after (1) the effect.
    #[must_use]
    pub fn pastime(self, turn: u32) -> Pastime {
        let part = self.0 >> (turn * 12);
        match part & 7 {
            0 => Pastime::Yield,
            1 => Pastime::Sleep,
            2 => Pastime::Visit,
            _ => Pastime::Compute((part >> 3) & 0x1ff),
        }
    }

    /// Whether it says that it is done.
    #[must_use]
    pub fn says_done(self) -> bool {
        self.0 >> 24 & 1 != 0
    }

    /// Where the server dies, if it does.
    #[must_use]
    pub fn dies(self) -> Option<Point> {
        match self.0 >> 25 {
            0 | 1 => Some(Point::Before),
            2 => Some(Point::After),
            3 => Some(Point::Done),
            _ => None,
        }
    }
}

/// What passes the time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pastime {
    /// Giving way.
    Yield,
    /// A sleep of less than a tick.
    Sleep,
    /// An invocation of another server's LAP.
    Visit,
    /// So many turns of an empty loop.
    Compute(u32),
}

impl Request {
    /// As two numbers.
    #[must_use]
    pub fn pack(self) -> [u64; 2] {
        [
            (self.row as u64) << 32 | u64::from(self.manner.0),
            self.number,
        ]
    }

    /// From two numbers.
    #[must_use]
    pub fn unpack([first, number]: [u64; 2]) -> Self {
        Self {
            row: (first >> 32) as usize,
            number,
            manner: Manner(first as u32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_survive_packing() {
        let request = Request {
            row: 191,
            number: 1 << 40 | 7,
            manner: Manner(0xdead_beef),
        };
        assert_eq!(Request::unpack(request.pack()), request);
    }

    #[test]
    fn one_in_thirty_two_is_deadly() {
        let mut random = Random::new(1, 1);
        let deadly = (0..32_000).filter(|_| Manner::random(&mut random).dies().is_some());
        let count = deadly.count();
        assert!((900..1100).contains(&count), "{count}");
    }
}
