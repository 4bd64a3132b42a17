//! The state machine: events in, actions out.

use abi::{ActorId, Instant, LedgerEntry, Name, Slot};

use crate::{
    Action, ActorDeclaration, ActorEntry, DeclareError, Event, GroupEntry, GroupSlot, Ledger,
    RestartPolicy,
};

/// Memory lent to the manager for good, so that it needs no allocator and nothing large is ever
/// built on a stack. Make them with `vec![ActorEntry::EMPTY; n]` and the like.
#[derive(Debug)]
pub struct Storage<'s> {
    /// One for each slot of the kernel's actor table.
    pub actors: &'s mut [ActorEntry],
    /// One for each group there may be.
    pub groups: &'s mut [GroupEntry],
    /// The ring of the ledger; `None` everywhere, or what the site had before it was restarted.
    pub ledger: &'s mut [Option<LedgerEntry>],
}

/// Events that had no effect, by reason. They are a sign of a bug in the kernel, or of a race that
/// was meant to be harmless.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Ignored {
    /// The capability was not the present one of any actor.
    pub stale: u64,
    /// The event cannot happen in the state its actor was in: a report nobody asked for, a failure
    /// of an actor that does not run.
    pub misplaced: u64,
}

/// The Restart Manager.
pub struct RestartManager<'s> {
    actors: &'s mut [ActorEntry],
    groups: &'s mut [GroupEntry],
    ledger: Ledger<'s>,
    policy: &'s dyn RestartPolicy,
    ignored: Ignored,
}

impl<'s> RestartManager<'s> {
    /// A manager of nobody.
    #[must_use]
    pub fn new(storage: Storage<'s>, policy: &'s dyn RestartPolicy) -> Self {
        let Storage {
            actors,
            groups,
            ledger,
        } = storage;
        Self {
            actors,
            groups,
            ledger: Ledger::new(ledger),
            policy,
            ignored: Ignored::default(),
        }
    }

    /// Declares a group that stands on `base` (`None` is the kernel group).
    ///
    /// # Errors
    /// [`DeclareError::NoSlot`], [`DeclareError::NameTaken`] or [`DeclareError::NoGroup`] for the
    /// base.
    pub fn declare_group(
        &mut self,
        _name: Name,
        _base: Option<GroupSlot>,
    ) -> Result<GroupSlot, DeclareError> {
        Err(DeclareError::NoSlot)
    }

    /// Declares an actor as the last member of its group. Its first load is to be reported next.
    ///
    /// # Errors
    /// Any [`DeclareError`] but [`DeclareError::NameTaken`].
    pub fn declare_actor(&mut self, _declaration: ActorDeclaration) -> Result<(), DeclareError> {
        Err(DeclareError::NoSlot)
    }

    /// Takes note of something that happened.
    pub fn on_event(&mut self, _event: Event<'_>, _now: Instant) {}

    /// What the kernel has to do next. To be called until it says `None`, after events and when
    /// [`RestartManager::next_deadline`] has come.
    pub fn poll(&mut self, _now: Instant) -> Option<Action> {
        None
    }

    /// When `poll` may have something to do without any further event.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        None
    }

    /// The ledger.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger<'s> {
        &self.ledger
    }

    /// The policy in use.
    #[must_use]
    pub const fn policy(&self) -> &'s dyn RestartPolicy {
        self.policy
    }

    /// The events that had no effect so far.
    #[must_use]
    pub const fn ignored(&self) -> Ignored {
        self.ignored
    }

    /// What is known of the actor in a slot; `None` if there never was one.
    #[must_use]
    pub fn actor(&self, slot: Slot) -> Option<&ActorEntry> {
        self.actors
            .get(slot.index())
            .filter(|entry| entry.actor != ActorId::NONE)
    }

    /// What is known of a group.
    #[must_use]
    pub fn group(&self, group: GroupSlot) -> Option<&GroupEntry> {
        self.groups.get(group.index())
    }
}
