//! What is written into the ledger, and when.
//!
//! An actor has at most one open entry: the one about its latest end. It is closed when the actor
//! runs again or is gone, or when something else is done instead.

use abi::ledger::Phases;
use abi::{ActorId, Cause, Instant, LedgerEntry, Outcome, Response, Slot};

use super::RestartManager;
use crate::State;
use crate::actor::OpenEntry;
use crate::group::Reason;

impl RestartManager<'_> {
    /// Opens an entry about the actor and returns its number. One that was open is superseded.
    pub(super) fn open_entry(
        &mut self,
        slot: Slot,
        cause: Cause,
        response: Response,
        now: Instant,
    ) -> u64 {
        self.close_entry(slot, Outcome::SUPERSEDED);
        let Some((actor, group)) = self.pair(slot) else {
            return 0;
        };
        // A restart that is tried anew keeps the name that callers have been told.
        let is_named = matches!(actor.state, State::Frozen | State::Prepared);
        let comes_back = matches!(response, Response::HOT_RESTART | Response::RELOAD);
        let entry = LedgerEntry {
            sequence: 0,
            time: now,
            actor: actor.actor,
            successor: if is_named && comes_back {
                actor.actor
            } else {
                ActorId::NONE
            },
            name: actor.name,
            group: group.name,
            incarnation: actor.incarnation,
            cause,
            response,
            outcome: Outcome::PENDING,
            block_reads: 0,
            phases: Phases::default(),
        };
        let sequence = self.ledger.append(entry);
        if let Some(actor) = self.actors.get_mut(slot.index()) {
            actor.open = Some(OpenEntry { sequence, response });
            actor.awaits_reply = None;
            actor.mark = now;
        }
        sequence
    }

    /// Closes the actor's open entry, if there is one, and returns its number.
    pub(super) fn close_entry(&mut self, slot: Slot, outcome: Outcome) -> Option<u64> {
        let open = self.actors.get_mut(slot.index())?.open.take()?;
        self.ledger
            .amend(open.sequence, |entry| entry.outcome = outcome);
        Some(open.sequence)
    }

    /// Changes the actor's open entry, if there is one.
    pub(super) fn amend_entry(&mut self, slot: Slot, change: impl FnOnce(&mut LedgerEntry)) {
        if let Some(open) = self.actors.get(slot.index()).and_then(|actor| actor.open) {
            self.ledger.amend(open.sequence, change);
        }
    }

    /// Sees to it that the open entry says that this is done about the actor. If it has none, or
    /// one that says otherwise, what is done to its group is the cause.
    ///
    /// This happens when the actor is asked for, not when its group's fate is decided, so that an
    /// event costs the same for a group of five hundred as for one.
    pub(super) fn ensure_entry(&mut self, slot: Slot, response: Response, now: Instant) {
        let Some((actor, group)) = self.pair(slot) else {
            return;
        };
        if actor
            .open
            .is_some_and(|open| actor.is_leaving || open.response == response)
        {
            return;
        }
        let cause = match group.reason {
            Reason::Entry(because) => Cause::Group { because },
            Reason::Killed(by) => Cause::Killed { by },
        };
        self.open_entry(slot, cause, response, now);
    }
}
