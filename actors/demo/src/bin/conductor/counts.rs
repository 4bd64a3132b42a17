//! What the client said about the counts, by incarnation of the counter.

use demo::conductor::Count;

/// Incarnations that are told apart. The demonstration has nine.
const INCARNATIONS: usize = 64;

/// What is known about one incarnation's counting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Nothing: the client has not heard from it.
    Unknown,
    /// It went on where its predecessor had stopped.
    Right,
    /// It did not.
    Wrong {
        /// The count that would have been right.
        expected: u64,
        /// The count it had.
        counted: u64,
    },
}

/// What is known about every incarnation's counting.
pub(crate) struct Counts {
    verdicts: [Verdict; INCARNATIONS],
    is_any_wrong: bool,
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self {
            verdicts: [Verdict::Unknown; INCARNATIONS],
            is_any_wrong: false,
        }
    }

    /// Takes note of what the client said. What is wrong once stays wrong.
    pub(crate) fn note(&mut self, count: Count) {
        let Count {
            incarnation,
            expected,
            counted,
        } = count;
        let is_right = expected == counted;
        self.is_any_wrong |= !is_right;
        let Some(verdict) = self.verdicts.get_mut(incarnation as usize) else {
            return;
        };
        match (*verdict, is_right) {
            (Verdict::Wrong { .. }, _) => {}
            (_, true) => *verdict = Verdict::Right,
            (_, false) => *verdict = Verdict::Wrong { expected, counted },
        }
    }

    pub(crate) fn is_any_wrong(&self) -> bool {
        self.is_any_wrong
    }

    /// Whether the client has heard from each of the first `recoveries` successors.
    pub(crate) fn is_complete_up_to(&self, recoveries: u32) -> bool {
        (2..=recoveries + 1).all(|incarnation| self.of(incarnation) != Verdict::Unknown)
    }

    /// What is known about an incarnation.
    pub(crate) fn of(&self, incarnation: u32) -> Verdict {
        self.verdicts
            .get(incarnation as usize)
            .copied()
            .unwrap_or(Verdict::Unknown)
    }
}
