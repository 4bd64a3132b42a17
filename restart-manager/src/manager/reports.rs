//! How the actions went, where they went well.

use abi::{ActorId, Instant, NoticePhase, Outcome, Slot};

use super::RestartManager;
use crate::action::{Fate, Source};
use crate::group::{Goal, Phase, Reason};
use crate::{ActorKind, State};

impl RestartManager<'_> {
    pub(super) fn on_frozen(
        &mut self,
        slot: Slot,
        successor: Option<ActorId>,
        now: Instant,
    ) -> bool {
        let Some((actor, group)) = self.pair(slot) else {
            return false;
        };
        let fate = actor.fate;
        let next = if fate == Fate::Hold {
            State::Held
        } else {
            State::Frozen
        };
        actor.become_state(next);
        let freeze = now.since(actor.mark);
        actor.mark = now;
        group.note_report(Phase::Freezing);
        group.frozen_at = now;
        // While it was being frozen to be held, something severer may have been decided: then it
        // must be frozen again, with a fate that can be told.
        group.must_rescan |= next == State::Held && group.goal != Goal::Hold;
        let successor =
            successor.filter(|next| fate == Fate::Restart && actor.may_be_succeeded_by(*next));
        let old = actor.actor;
        if let Some(successor) = successor {
            actor.actor = successor;
        }
        let (group, open) = (actor.group, actor.open);
        let new = successor.unwrap_or(ActorId::NONE);
        self.notify(slot, NoticePhase::FROZEN, old, new, now);
        self.amend_entry(slot, |entry| {
            entry.phases.freeze = freeze;
            entry.successor = successor.unwrap_or(ActorId::NONE);
        });
        match (fate, successor, open) {
            (Fate::Hold, _, _) => {
                self.close_entry(slot, Outcome::DONE);
            }
            // The slot has no generation left. An actor that cannot be named cannot come back,
            // and the rest of its group not without it.
            (Fate::Restart, None, Some(open)) => {
                self.engage(
                    group,
                    Goal::End,
                    Reason::Entry(open.sequence),
                    Instant::ZERO,
                );
                self.give_up(group, open.sequence, now);
            }
            (Fate::Restart | Fate::End, _, _) => {}
        }
        true
    }

    pub(super) fn on_restarted(&mut self, slot: Slot, block_reads: u64, now: Instant) -> bool {
        let Some((actor, group)) = self.pair(slot) else {
            return false;
        };
        actor.become_state(State::Prepared);
        // A backoff is not part of the restart.
        let begun = actor.mark.max(group.resume_at).min(now);
        actor.mark = now;
        group.note_report(Phase::Restarting);
        self.amend_entry(slot, |entry| {
            let frozen_at = entry.time.after(entry.phases.freeze);
            entry.phases.delay = begun.since(frozen_at);
            entry.phases.restart = now.since(begun);
            entry.block_reads = block_reads;
        });
        self.notify_present(slot, NoticePhase::RESTARTED, now);
        true
    }

    pub(super) fn on_activated(&mut self, slot: Slot, now: Instant) -> bool {
        let Some((actor, group)) = self.pair(slot) else {
            return false;
        };
        actor.become_state(State::Running);
        actor.incarnation = actor.incarnation.saturating_add(1);
        actor.floor = Source::Memory;
        let activate = now.since(actor.mark);
        actor.mark = now;
        group.note_report(Phase::Activating);
        actor.is_ready = false;
        actor.awaits_reply = None;
        if let Some(open) = actor.open.take() {
            actor.awaits_reply = Some(open.sequence);
            self.ledger.amend(open.sequence, |entry| {
                entry.phases.activate = activate;
                entry.outcome = Outcome::DONE;
            });
        }
        self.notify_present(slot, NoticePhase::ACTIVATED, now);
        true
    }

    /// Nobody activates the actor. It is as it was before it was asked for; whether it is asked for
    /// again is seen when its group's members are gone through anew.
    pub(super) fn on_activation_postponed(&mut self, slot: Slot) -> bool {
        let Some((actor, group)) = self.pair(slot) else {
            return false;
        };
        actor.become_state(State::Prepared);
        group.note_report(Phase::Activating);
        if group.phase == Phase::Activating {
            // Before the members that come after it.
            group.begin(Phase::Activating);
        }
        true
    }

    /// Whether the actor runs. That it does something is as good as the report that it was
    /// activated, and may come before it: then that report is the one that is ignored.
    pub(super) fn is_running(&mut self, slot: Slot, state: State, now: Instant) -> bool {
        state == State::Running || (state == State::Activating && self.on_activated(slot, now))
    }

    pub(super) fn on_ready(&mut self, slot: Slot, state: State, now: Instant) -> bool {
        if !self.is_running(slot, state, now) {
            return false;
        }
        let actor = self.actors.get_mut(slot.index());
        // Said once for each incarnation, or an actor could push all other notices out.
        let is_news = actor.is_some_and(|actor| !core::mem::replace(&mut actor.is_ready, true));
        if is_news {
            self.notify_present(slot, NoticePhase::READY, now);
        }
        true
    }

    pub(super) fn on_first_reply(&mut self, slot: Slot, state: State, now: Instant) -> bool {
        if !self.is_running(slot, state, now) {
            return false;
        }
        let Some(actor) = self.actors.get_mut(slot.index()) else {
            return false;
        };
        let first_reply = now.since(actor.mark);
        let awaits_reply = actor.awaits_reply.take();
        if let Some(sequence) = awaits_reply {
            self.ledger
                .amend(sequence, |entry| entry.phases.first_reply = first_reply);
        }
        self.note_site_reply(now);
        true
    }

    pub(crate) fn on_ended(&mut self, slot: Slot) -> bool {
        let closed = self.close_entry(slot, Outcome::DONE);
        let Some((actor, group)) = self.pair(slot) else {
            return false;
        };
        actor.become_state(State::Terminated);
        group.note_report(Phase::Ending);
        let (before, after) = (actor.previous_member.take(), actor.next_member.take());
        group.members = group.members.saturating_sub(1);
        if actor.kind == ActorKind::Direct {
            group.direct_members = group.direct_members.saturating_sub(1);
        }
        if actor.is_leaving {
            group.leaving = group.leaving.saturating_sub(1);
        }
        if group.cursor == Some(slot) {
            group.cursor = after;
        }
        if before.is_none() {
            group.first_member = after;
        }
        if after.is_none() {
            group.last_member = before;
        }
        let is_empty = group.members == 0;
        // Indirect members cannot come back without a direct one to spawn them.
        let is_orphaned = group.direct_members == 0 && !is_empty;
        let group = actor.group;
        if let Some(before) = before.and_then(|slot| self.actors.get_mut(slot.index())) {
            before.next_member = after;
        }
        if let Some(after) = after.and_then(|slot| self.actors.get_mut(slot.index())) {
            after.previous_member = before;
        }
        if is_empty {
            self.end_group(group);
        }
        if is_orphaned {
            self.engage(
                group,
                Goal::End,
                Reason::Entry(closed.unwrap_or(0)),
                Instant::ZERO,
            );
        }
        true
    }
}
