//! What is written into the ledger, and when.
//!
//! An actor has at most one open entry: the one about its latest end. It is closed when the actor
//! runs again or is gone, or when something else is done instead.

use abi::ledger::Phases;
use abi::{
    ActorId, Advice, Cause, CauseKind, FaultRecord, Instant, LedgerEntry, Name, Notice,
    NoticePhase, Outcome, Response, Slot,
};

use super::RestartManager;
use crate::actor::{Latest, OpenEntry};
use crate::group::Reason;
use crate::{GroupSlot, State};

/// Why an incarnation ended: a [`Cause`], but what is known of a fault is lent, because it is long.
#[derive(Clone, Copy, Debug)]
pub(super) enum End<'f> {
    Failed(&'f FaultRecord),
    Exited,
    Requested { by: ActorId },
    Killed { by: ActorId },
    Group { because: u64 },
}

impl End<'_> {
    const fn kind(self) -> CauseKind {
        match self {
            Self::Failed(_) => CauseKind::FAULT,
            Self::Exited => CauseKind::CLEAN_EXIT,
            Self::Requested { .. } => CauseKind::REQUESTED,
            Self::Killed { .. } => CauseKind::KILLED,
            Self::Group { .. } => CauseKind::GROUP,
        }
    }

    #[inline]
    fn write(self, place: &mut Cause) {
        match self {
            Self::Failed(fault) => *place = Cause::Fault(*fault),
            Self::Exited => *place = Cause::CleanExit,
            Self::Requested { by } => *place = Cause::Requested { by },
            Self::Killed { by } => *place = Cause::Killed { by },
            Self::Group { because } => *place = Cause::Group { because },
        }
    }
}

impl RestartManager<'_> {
    /// Opens an entry about the actor and returns its number. One that was open is superseded. If
    /// it is about a failure, subscribers are told.
    pub(super) fn open_entry(
        &mut self,
        slot: Slot,
        end: End<'_>,
        response: Response,
        now: Instant,
    ) -> u64 {
        let sequence = self.append_entry(slot, end, response, now);
        if matches!(end, End::Failed(_)) {
            self.notify_failed(slot, now);
        }
        sequence
    }

    /// Says in the open entry about a failure what is done about it, now that it is decided, and
    /// whatever `also` writes, and tells subscribers.
    pub(super) fn settle_entry(
        &mut self,
        slot: Slot,
        sequence: u64,
        response: Response,
        now: Instant,
        also: impl FnOnce(&mut LedgerEntry),
    ) {
        let Some(actor) = self.actors.get_mut(slot.index()) else {
            return;
        };
        actor.latest.response = response;
        if let Some(open) = &mut actor.open {
            open.response = response;
        }
        let is_named = matches!(actor.state, State::Frozen | State::Prepared);
        let comes_back = matches!(response, Response::HOT_RESTART | Response::RELOAD);
        let successor = actor.actor;
        self.ledger.amend(sequence, |entry| {
            entry.response = response;
            if is_named && comes_back {
                entry.successor = successor;
            }
            also(entry);
        });
        self.notify_failed(slot, now);
    }

    fn notify_failed(&mut self, slot: Slot, now: Instant) {
        if self.notices.skip() {
            return;
        }
        if let Some(id) = self.actors.get(slot.index()).map(|actor| actor.actor) {
            self.push_notice(slot, NoticePhase::FAILED, id, ActorId::NONE, now);
        }
    }

    /// Opens an entry about the actor, of which nobody is told yet.
    pub(super) fn append_entry(
        &mut self,
        slot: Slot,
        end: End<'_>,
        response: Response,
        now: Instant,
    ) -> u64 {
        self.close_entry(slot, Outcome::SUPERSEDED);
        let Some(actor) = self.actors.get_mut(slot.index()) else {
            return 0;
        };
        let Some(group) = self.groups.get(actor.group.index()) else {
            return 0;
        };
        // A restart that is tried anew keeps the name that callers have been told.
        let is_named = matches!(actor.state, State::Frozen | State::Prepared);
        let comes_back = matches!(response, Response::HOT_RESTART | Response::RELOAD);
        let id = actor.actor;
        let successor = if is_named && comes_back {
            id
        } else {
            ActorId::NONE
        };
        let entry = LedgerEntry {
            sequence: 0,
            time: now,
            actor: id,
            successor,
            name: actor.name,
            group: group.name,
            incarnation: actor.incarnation,
            // Until it is written below.
            cause: Cause::CleanExit,
            response,
            outcome: Outcome::PENDING,
            block_reads: 0,
            phases: Phases::default(),
            advice: Advice::NOT_ASKED,
            scope: group.name,
        };
        let sequence = self
            .ledger
            .append_and(entry, |entry| end.write(&mut entry.cause));
        actor.latest = Latest {
            sequence,
            cause: end.kind(),
            response,
        };
        actor.open = Some(OpenEntry { sequence, response });
        actor.awaits_reply = None;
        actor.mark = now;
        sequence
    }

    /// Queues a notice about an actor that keeps its name.
    pub(super) fn notify_present(&mut self, slot: Slot, phase: NoticePhase, now: Instant) {
        if self.notices.skip() {
            return;
        }
        if let Some(id) = self.actors.get(slot.index()).map(|entry| entry.actor) {
            self.push_notice(slot, phase, id, id, now);
        }
    }

    /// Queues a notice.
    pub(super) fn notify(
        &mut self,
        slot: Slot,
        phase: NoticePhase,
        old: ActorId,
        new: ActorId,
        now: Instant,
    ) {
        if !self.notices.skip() {
            self.push_notice(slot, phase, old, new, now);
        }
    }

    fn push_notice(
        &mut self,
        slot: Slot,
        phase: NoticePhase,
        old: ActorId,
        new: ActorId,
        now: Instant,
    ) {
        let Some((actor, group)) = self.pair(slot) else {
            return;
        };
        let record = Notice {
            sequence: 0,
            time: now,
            group: group.name,
            actor: actor.name,
            old,
            new,
            cause: actor.latest.cause,
            response: actor.latest.response,
            phase,
            ledger: actor.latest.sequence,
        };
        let group = actor.group;
        self.notices.push(group, record, now);
    }

    /// Marks a group as given up because of an entry, and says so.
    pub(super) fn give_up(&mut self, group: GroupSlot, because: u64, now: Instant) {
        let Some(entry) = self.groups.get_mut(group.index()) else {
            return;
        };
        if core::mem::replace(&mut entry.is_given_up, true) {
            return;
        }
        if self.notices.skip() {
            return;
        }
        let culprit = self.ledger.get(because);
        let record = Notice {
            sequence: 0,
            time: now,
            group: entry.name,
            actor: culprit.map_or(Name::EMPTY, |entry| entry.name),
            old: culprit.map_or(ActorId::NONE, |entry| entry.actor),
            new: ActorId::NONE,
            cause: culprit.map_or(CauseKind::FAULT, |entry| entry.cause.kind()),
            response: Response::TERMINATE,
            phase: NoticePhase::GIVEN_UP,
            ledger: because,
        };
        self.notices.push(group, record, now);
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
        let end = match group.reason {
            Reason::Entry(because) => End::Group { because },
            Reason::Killed(by) => End::Killed { by },
        };
        self.open_entry(slot, end, response, now);
    }
}
