//! What a server can be told.

use serde::{Deserialize, Serialize};
use syscall::abi::{ActorId, LapId, Status, ThreadId};

/// What a server can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Answers [`Reply::State`].
    State,
    /// Lets those go on who spin.
    Open,
    /// Makes those who come spin again.
    Close,
    /// Sends so many messages to the gate's port.
    Feed(u64),
    /// Answers [`Reply::Number`] with the journal's entry.
    Journal(u64),
    /// Enters in the journal, under this number, that it has begun and had its effect.
    Enter(u64),
    /// Dies.
    Die,
    /// Dies after so many milliseconds.
    DieLater(u64),
    /// Dies at the next tick; answers [`Reply::Number`] with when the last one was.
    DieAtTick,
    /// Says that it is done, and is.
    Exit,
    /// Reads a byte at an address; answers [`Reply::Number`] if it lives.
    ReadAt(u64),
    /// Answers [`Reply::Number`] with the address that a guest noted last.
    Where,
    /// Destroys its narrow LAP.
    DestroyNarrow,
    /// Answers [`Reply::Laps`].
    Laps,
    /// Connects handlers of these kinds.
    Connect(Kinds),
    /// Connects an exception handler that has an exception.
    ConnectFaulty,
    /// Makes them work, about once a millisecond each. A timeout needs no connecting before.
    Exercise(Kinds),
    /// Tries what takes a right; answers [`Reply::Statuses`]: to handle traps, interrupts, another
    /// actor's exceptions, and to complain about it.
    Overreach(ActorId),
    /// Aborts a thread; answers [`Reply::Number`] with the status.
    Abort(ThreadId),
    /// Computes for ever, on its first thread, at the actor's priority.
    Hang,
    /// Stops giving signs of life.
    StopKicking,
    /// Lets another thread compute for ever, at the actor's priority.
    HangBeside,
    /// Begins with the randomized test, with this seed, or ends it with 0.
    Storm(u64),
    /// Answers [`Reply::Events`].
    Events,
}

/// Kinds of handlers, as a set of bits.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Kinds(pub u32);

impl Kinds {
    /// The trap 0.
    pub const TRAP: Self = Self(1);
    /// The real-time clock's interrupt.
    pub const INTERRUPT: Self = Self(2);
    /// A timeout of a millisecond, one after the other.
    pub const TIMEOUT: Self = Self(4);
    /// A timer of a millisecond.
    pub const TIMER: Self = Self(8);
    /// A virtual timer of a millisecond, for a thread that computes.
    pub const VIRTUAL_TIMER: Self = Self(16);
    /// Its own exceptions.
    pub const EXCEPTION: Self = Self(32);
    /// Aborts.
    pub const ABORT: Self = Self(64);
    /// All of them.
    pub const ALL: Self = Self(127);

    /// Whether all of `other` are in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What a server answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Did it.
    Done,
    /// A number.
    Number(u64),
    /// What it is about.
    State(State),
    /// Its LAPs.
    Laps {
        /// The one of its name.
        wide: LapId,
        /// The one with one stack.
        narrow: LapId,
    },
    /// How often each kind of handler ran in this incarnation, by the bits of [`Kinds`].
    Events([u64; 7]),
    /// How several syscalls ended.
    Statuses([Status; 4]),
}

/// What a server is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct State {
    /// Which incarnation it is.
    pub incarnation: u32,
    /// How many guests are inside.
    pub inside: u64,
}

/// Stacks of a server's wide LAP: for more than two waves of sixteen... but one.
pub const STACKS: u32 = 24;
