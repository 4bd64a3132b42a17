//! What an actor is told when it starts.

use serde::{Deserialize, Serialize};

use crate::{ActorId, FaultKind, Name, SiteCause, Text, layout};

/// What an actor is told at entry. The first two fields come in the registers RDI and RSI, the rest in
/// the [`StartArea`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StartRecord {
    /// The capability of this incarnation.
    pub actor: ActorId,
    /// How many times this actor has been started, this time included; the first is 1.
    pub incarnation: u32,
    /// The actor's name, the same in every incarnation.
    pub name: Name,
    /// Its arguments, the same in every incarnation.
    pub arguments: Text<{ layout::ARGUMENTS_MAX }>,
    /// Why the previous incarnation ended.
    pub previous: PreviousEnd,
}

/// Why the previous incarnation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PreviousEnd {
    /// There was none.
    None,
    /// It failed, with the ledger entry that tells the whole story.
    Failed {
        /// The kind of failure.
        kind: FaultKind,
        /// Sequence number of the ledger entry.
        ledger: u64,
    },
    /// Somebody, or the actor itself, asked for a restart.
    Requested,
    /// A member of its group failed, or a group it depends on was restarted.
    WithGroup,
    /// The whole site was restarted.
    Site {
        /// Why.
        cause: SiteCause,
        /// Sequence number of the ledger entry about it.
        ledger: u64,
    },
    /// It exited cleanly, and was spawned again.
    Exited,
}

/// The [`StartRecord`] as the actor finds it in its memory: at the top of its first thread's stack, with
/// its address in RDX at entry. As in the auxiliary vector of System V, nothing has to be asked for.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct StartArea {
    /// [`StartRecord::actor`], as a number.
    pub actor: u64,
    /// Sequence number of the ledger entry about the previous incarnation's end, if there is one.
    pub ledger: u64,
    /// [`StartRecord::incarnation`].
    pub incarnation: u32,
    /// How the previous incarnation ended: one of the constants of [`ending`].
    pub ending: u16,
    /// The kind of failure, or the cause of the site's restart.
    pub detail: u16,
    /// The actor's name.
    pub name: Name,
    /// Its arguments.
    pub arguments: Text<{ layout::ARGUMENTS_MAX }>,
    /// Makes it a multiple of 16 bytes without any that are left out; zero.
    pub unused: [u8; 15],
}

const _: () = assert!(
    size_of::<StartArea>() == 192,
    "the stack below it stays aligned"
);

/// How the previous incarnation ended, as a number: a variant of [`PreviousEnd`] each.
#[expect(missing_docs, reason = "each is the variant it is named after")]
pub mod ending {
    pub const NONE: u16 = 0;
    pub const FAILED: u16 = 1;
    pub const REQUESTED: u16 = 2;
    pub const WITH_GROUP: u16 = 3;
    pub const SITE: u16 = 4;
    pub const EXITED: u16 = 5;
}

impl StartArea {
    /// What an actor is told, as it is laid down for it.
    #[must_use]
    pub fn new(record: &StartRecord) -> Self {
        let (ending, detail, ledger) = match record.previous {
            PreviousEnd::None => (ending::NONE, 0, 0),
            PreviousEnd::Failed { kind, ledger } => (ending::FAILED, kind.0, ledger),
            PreviousEnd::Requested => (ending::REQUESTED, 0, 0),
            PreviousEnd::WithGroup => (ending::WITH_GROUP, 0, 0),
            PreviousEnd::Site { cause, ledger } => (ending::SITE, cause.0, ledger),
            PreviousEnd::Exited => (ending::EXITED, 0, 0),
        };
        Self {
            actor: record.actor.raw(),
            ledger,
            incarnation: record.incarnation,
            ending,
            detail,
            name: record.name,
            arguments: record.arguments,
            unused: [0; 15],
        }
    }

    /// Why the previous incarnation ended. A number that this version does not know counts as none.
    #[must_use]
    pub const fn previous(&self) -> PreviousEnd {
        let Self { detail, ledger, .. } = *self;
        match self.ending {
            ending::FAILED => PreviousEnd::Failed {
                kind: FaultKind(detail),
                ledger,
            },
            ending::REQUESTED => PreviousEnd::Requested,
            ending::WITH_GROUP => PreviousEnd::WithGroup,
            ending::SITE => PreviousEnd::Site {
                cause: SiteCause(detail),
                ledger,
            },
            ending::EXITED => PreviousEnd::Exited,
            _ => PreviousEnd::None,
        }
    }

    /// What it tells.
    #[must_use]
    pub const fn record(&self) -> StartRecord {
        StartRecord {
            actor: ActorId::from_raw(self.actor),
            incarnation: self.incarnation,
            name: self.name,
            arguments: self.arguments,
            previous: self.previous(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_laid_down_is_what_is_told() {
        let ends = [
            PreviousEnd::None,
            PreviousEnd::Failed {
                kind: FaultKind::PANIC,
                ledger: u64::MAX,
            },
            PreviousEnd::Requested,
            PreviousEnd::WithGroup,
            PreviousEnd::Site {
                cause: SiteCause::PANIC,
                ledger: 7,
            },
            PreviousEnd::Exited,
        ];
        for previous in ends {
            let record = StartRecord {
                actor: ActorId::from_raw(0x1_0000_0002),
                incarnation: 9,
                name: Name::truncated("somebody"),
                arguments: Text::truncated("and what it is told"),
                previous,
            };
            assert_eq!(StartArea::new(&record).record(), record);
        }
    }
}
