//! How far the demonstration has come: what the conductor knows after a restart of the site, which
//! restarts the conductor too.

use serde::{Deserialize, Serialize};
use syscall::Checkpoint;
use syscall::prelude::*;

use crate::crash::Before;
use crate::verdict::Wrong;

/// The acts, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) enum Act {
    /// Actors fail by themselves, and are killed.
    Failures,
    /// A layer fails whatever is done to it.
    Layers,
    /// The kernel panics.
    Crash,
    /// What all of that has cost.
    Costs,
}

/// What is kept.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Told {
    act: Act,
    /// The first thing that was wrong.
    wrong: Option<Wrong>,
    /// How it was before the kernel panicked.
    before: Before,
}

/// Room for it: each field takes a few bytes.
const ROOM: usize = 256;

/// How far the demonstration has come.
pub(crate) struct Stage(Checkpoint<Told>);

impl Stage {
    pub(crate) fn open() -> Result<Self> {
        let told = Told {
            act: Act::Failures,
            wrong: None,
            before: Before::default(),
        };
        Ok(Self(Checkpoint::open("stage", ROOM, told)?))
    }

    pub(crate) fn act(&self) -> Act {
        self.0.get().act
    }

    pub(crate) fn before(&self) -> &Before {
        &self.0.get().before
    }

    pub(crate) fn wrong(&self) -> Option<Wrong> {
        self.0.get().wrong
    }

    /// Goes on to an act, after a verdict about the one before.
    pub(crate) fn go_on(&mut self, act: Act, verdict: Result<(), Wrong>) -> Result<()> {
        if let Err(wrong) = verdict {
            error!("not right: {wrong}");
        }
        let update = self.0.update(|told| Told {
            act,
            wrong: told.wrong.or(verdict.err()),
            ..*told
        });
        update.map(|_| ())
    }

    /// Keeps how it is before the kernel panics.
    pub(crate) fn note(&mut self, before: Before) -> Result<()> {
        let update = self.0.update(|told| Told { before, ..*told });
        update.map(|_| ())
    }
}
