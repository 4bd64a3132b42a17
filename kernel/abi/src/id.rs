//! Identifiers: a slot in a kernel table and the generation that occupies it.
//!
//! A capability names one *incarnation*: every restart gives the slot a new generation, so what a
//! client learnt about the old incarnation can never be said to the new one by accident
//! (paper, 3.1.2: the actor reincarnates with a new name). Generations are 32 bits wide and are
//! never allowed to wrap: a slot whose generations are used up is retired by the kernel.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Index of an entry in a kernel table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Slot(pub u32);

impl Slot {
    /// The slot as an array index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which occupant of a slot is meant. The first occupant is generation 1; 0 names nobody.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Generation(pub u32);

impl Generation {
    /// The generation of a slot's first occupant.
    pub const FIRST: Self = Self(1);

    /// The next generation, or `None` when the slot is used up (we refuse to wrap).
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(next) => Some(Self(next)),
            None => None,
        }
    }
}

/// Defines an identifier made of a slot (low 32 bits) and a generation (high 32 bits).
macro_rules! identifier {
    ($(#[$meta:meta])* $type:ident, $prefix:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $type(u64);

        impl $type {
            /// The identifier that names nobody.
            pub const NONE: Self = Self(0);

            /// Makes the identifier of `generation` in `slot`.
            #[must_use]
            pub const fn new(slot: Slot, generation: Generation) -> Self {
                Self(((generation.0 as u64) << 32) | slot.0 as u64)
            }

            /// Takes a register's value as an identifier; proves nothing about it.
            #[must_use]
            pub const fn from_raw(raw: u64) -> Self {
                Self(raw)
            }

            /// The value that travels in a register.
            #[must_use]
            pub const fn raw(self) -> u64 {
                self.0
            }

            /// The table slot.
            #[must_use]
            pub const fn slot(self) -> Slot {
                Slot((self.0 & 0xffff_ffff) as u32)
            }

            /// The generation.
            #[must_use]
            pub const fn generation(self) -> Generation {
                Generation((self.0 >> 32) as u32)
            }

            /// Whether this names nobody.
            #[must_use]
            pub const fn is_none(self) -> bool {
                self.0 == 0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}.{}"), self.slot().0, self.generation().0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

identifier!(
    /// Capability of one incarnation of an actor.
    ActorId,
    "a"
);
identifier!(
    /// One thread.
    ThreadId,
    "t"
);
identifier!(
    /// Capability of one incarnation of a port.
    PortId,
    "p"
);
identifier!(
    /// Capability of one incarnation of a Local Access Point.
    LapId,
    "l"
);
identifier!(
    /// Names one connection of a handler.
    HandlerId,
    "h"
);
identifier!(
    /// Names one caller waiting for a reply: its thread slot and the number of its call.
    ReplyToken,
    "r"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_survive_the_round_trip() {
        let id = ActorId::new(Slot(0xdead_beef), Generation(0x1234_5678));
        assert_eq!(id.slot(), Slot(0xdead_beef));
        assert_eq!(id.generation(), Generation(0x1234_5678));
        assert_eq!(ActorId::from_raw(id.raw()), id);
    }

    #[test]
    fn generations_refuse_to_wrap() {
        assert_eq!(Generation(u32::MAX).next(), None);
        assert_eq!(Generation::FIRST.next(), Some(Generation(2)));
    }
}
