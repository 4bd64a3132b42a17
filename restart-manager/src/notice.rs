//! The notices that wait to be fetched by the kernel: a bounded ring with counted gaps.
//!
//! The manager queues a [`Notice`] for every change that a subscriber can see; the kernel fetches
//! them with [`RestartManager::next_notice`](crate::RestartManager::next_notice) and sends them to
//! whoever subscribed. When the ring is full the oldest notice makes room and is counted; a reader
//! sees the jump in the numbers too.
//!
//! # How the kernel must fetch them
//! A notice is queued by the very call of
//! [`RestartManager::on_event`](crate::RestartManager::on_event) that reports the change. So if
//! the kernel fetches all notices after each event, and *before it lets any thread of the actor
//! that the event is about run* (it makes the thread, reports [`Event::Activated`](crate::Event),
//! fetches, sends, all with the scheduler held), then a subscriber's queue holds `activated`
//! before anything that the new incarnation sends. What an incarnation does before its activation
//! was reported (it fails, or says that it is ready) queues `activated` first.
//!
//! For each incarnation that fails the order is: `failed`, then `frozen` (which names the next
//! one), `restarted`, `activated`, `ready`. `given up` comes right after the `failed` that led to
//! it, before the group's members are frozen.

use abi::{Instant, Notice as Record};

use crate::GroupSlot;

/// One change, and whose subscribers are to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notice {
    /// The group.
    pub group: GroupSlot,
    /// What they are told.
    pub record: Record,
}

/// The ring, over storage lent by the kernel.
#[derive(Debug)]
pub(crate) struct Notices<'s> {
    // Invariants: the notices from number `first` up to but without `next` are there, each with
    // number `n` at index `n % ring.len()`; there are at most `ring.len()` of them.
    ring: &'s mut [Option<Notice>],
    first: u64,
    next: u64,
    lost: u64,
    audience: Audience,
}

/// Whether anybody wants to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    /// Nobody: notices are numbered, and that is all.
    Nobody,
    /// Somebody.
    Somebody,
}

impl<'s> Notices<'s> {
    /// No storage: every notice is lost, and counted.
    pub(crate) fn none() -> Self {
        Self {
            ring: &mut [],
            first: 1,
            next: 1,
            lost: 0,
            audience: Audience::Somebody,
        }
    }

    /// What waits when nobody listens any more is forgotten.
    pub(crate) fn set_audience(&mut self, audience: Audience) {
        self.audience = audience;
        if audience == Audience::Nobody {
            self.first = self.next;
        }
    }

    /// Numbers a notice without keeping it, if there is nobody to be told.
    #[inline]
    pub(crate) fn skip(&mut self) -> bool {
        let is_skipped = self.audience == Audience::Nobody;
        if is_skipped {
            self.next = self.next.saturating_add(1);
            self.first = self.next;
        }
        is_skipped
    }

    /// Uses `ring` from now on. What waits in the old one is lost, and counted.
    pub(crate) fn lend(&mut self, ring: &'s mut [Option<Notice>]) {
        self.lost = self.lost.saturating_add(self.waiting());
        self.first = self.next;
        self.ring = ring;
    }

    pub(crate) fn push(&mut self, group: GroupSlot, mut record: Record, now: Instant) {
        let sequence = self.next;
        self.next = sequence.saturating_add(1);
        record.sequence = sequence;
        record.time = now;
        if let Some(place) = self.place(sequence) {
            *place = Some(Notice { group, record });
        }
        if self.waiting() > capacity(self.ring) {
            self.first = self.first.saturating_add(1);
            self.lost = self.lost.saturating_add(1);
        }
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.first >= self.next
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Notice> {
        if self.is_empty() {
            return None;
        }
        self.pop_first()
    }

    fn pop_first(&mut self) -> Option<Notice> {
        let notice = self.place(self.first)?.take();
        self.first = self.first.saturating_add(1);
        notice
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.next
    }

    fn waiting(&self) -> u64 {
        self.next.saturating_sub(self.first)
    }

    fn place(&mut self, sequence: u64) -> Option<&mut Option<Notice>> {
        let index = sequence.checked_rem(capacity(self.ring))?;
        self.ring.get_mut(usize::try_from(index).ok()?)
    }
}

fn capacity(ring: &[Option<Notice>]) -> u64 {
    u64::try_from(ring.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use abi::{ActorId, CauseKind, Name, NoticePhase, Response};

    use super::*;

    const RECORD: Record = Record {
        sequence: 0,
        time: Instant::ZERO,
        group: Name::EMPTY,
        actor: Name::EMPTY,
        old: ActorId::NONE,
        new: ActorId::NONE,
        cause: CauseKind::FAULT,
        response: Response::NONE,
        phase: NoticePhase::FAILED,
        ledger: 0,
    };

    fn numbers(notices: &mut Notices<'_>) -> Vec<u64> {
        std::iter::from_fn(|| notices.pop())
            .map(|notice| notice.record.sequence)
            .collect()
    }

    #[test]
    fn an_overflow_loses_the_oldest_and_counts_them() {
        let mut ring = vec![None; 3];
        let mut notices = Notices::none();
        notices.push(GroupSlot::FIRST, RECORD, Instant::ZERO);
        assert_eq!((notices.lost(), notices.pop()), (1, None));
        notices.lend(&mut ring);
        for _ in 0..2 {
            notices.push(GroupSlot::FIRST, RECORD, Instant::ZERO);
        }
        assert_eq!(numbers(&mut notices), [2, 3]);
        assert_eq!(notices.lost(), 1);
        for _ in 0..5 {
            notices.push(GroupSlot::FIRST, RECORD, Instant::ZERO);
        }
        assert_eq!(notices.lost(), 3);
        assert_eq!(numbers(&mut notices), [6, 7, 8]);
        notices.push(GroupSlot::FIRST, RECORD, Instant::ZERO);
        notices.lend(&mut []);
        assert_eq!((notices.lost(), notices.pop()), (4, None));
    }
}
