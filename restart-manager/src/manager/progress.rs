//! Which action is next, in which order.

use abi::Instant;

use super::{Polled, RestartManager};
use crate::GroupSlot;
use crate::action::Action;
use crate::group::{Goal, GroupEntry, Phase};
use crate::set::GroupSet;

/// Which actions are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Urgency {
    /// Freezes only.
    Freezes,
    /// Any.
    All,
}

/// How many members and groups one call looks at. Each takes some fifty instructions.
const LOOKS: u32 = 16;

/// Groups that are compared with another one at the cost of a look.
const COMPARED_PER_LOOK: u32 = 8;

/// A walk over the groups with something to do, which takes as many calls as it needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    urgency: Urgency,
    before: Option<GroupSlot>,
    next: Option<GroupSlot>,
    /// Whether a group has come further, or something was reported, since this round began.
    has_changed: bool,
    /// When the first of the delays seen in this round is over.
    deadline: Option<Instant>,
}

impl Walk {
    const fn new(urgency: Urgency, first: Option<GroupSlot>) -> Self {
        Self {
            urgency,
            before: None,
            next: first,
            has_changed: false,
            deadline: None,
        }
    }

    /// Something happened meanwhile: groups that were passed may have something to do.
    pub(super) const fn note_change(&mut self) {
        self.has_changed = true;
    }
}

/// How far one call may look, and what it has seen.
#[derive(Debug)]
struct Look {
    now: Instant,
    /// What may still be looked at.
    left: u32,
    /// Groups that were compared and not yet paid for.
    compared: u32,
    /// When the first of the delays seen is over.
    deadline: Option<Instant>,
}

impl Look {
    const fn new(now: Instant) -> Self {
        Self {
            now,
            left: LOOKS,
            compared: 0,
            deadline: None,
        }
    }

    /// Pays for a look, and for what was compared; false if there is none left.
    fn pay(&mut self) -> bool {
        let compared = core::mem::take(&mut self.compared);
        if compared >= COMPARED_PER_LOOK {
            self.left = self.left.saturating_sub(compared / COMPARED_PER_LOOK);
        }
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

impl RestartManager<'_> {
    fn ask_site(&mut self) -> Option<Action> {
        let site = self.site.as_mut().filter(|site| !site.is_asked)?;
        site.is_asked = true;
        let because = site.because;
        Some(match site.goal {
            Goal::SiteReboot => Action::SiteReboot { because },
            _ => Action::SiteRestart { because },
        })
    }

    /// Looks for the next action of the only group that has something to do. Nobody waits for it,
    /// nor does it wait for itself; so there are no rounds, and how far it was gone through is in
    /// the group itself.
    pub(super) fn look_at(&mut self, only: GroupSlot, now: Instant) -> Polled {
        let mut look = Look::new(now);
        let polled = self.advance(only, Urgency::All, &mut look);
        if polled == Polled::Nothing {
            self.deadline = look.deadline;
            self.take_off(None, only);
        }
        polled
    }

    /// Looks for the next action of any of several groups, or of the site. Freezes come first: they are what tells
    /// the callers of one group's actors, and those must not wait for the reload of another's.
    pub(super) fn look_around(&mut self, now: Instant) -> Polled {
        if let Some(action) = self.ask_site() {
            return Polled::Action(action);
        }
        let first = self.first_busy;
        let mut walk = self
            .walk
            .take()
            .unwrap_or(Walk::new(Urgency::Freezes, first));
        let mut look = Look::new(now);
        loop {
            let polled = self.walk_on(&mut walk, &mut look);
            match polled {
                Polled::Action(_) => {}
                Polled::More => self.walk = Some(walk),
                Polled::Nothing if walk.urgency == Urgency::Freezes => {
                    walk = Walk::new(Urgency::All, self.first_busy);
                    continue;
                }
                Polled::Nothing => self.deadline = walk.deadline,
            }
            return polled;
        }
    }

    /// Goes over the groups with something to do, and takes those off the list that have nothing
    /// any more. What one of them has come to may be what another waits for, so this is repeated
    /// until no group comes any further.
    ///
    /// Ends: each round but the last takes some group to a later phase.
    fn walk_on(&mut self, walk: &mut Walk, look: &mut Look) -> Polled {
        loop {
            while let Some(slot) = walk.next {
                if look.left == 0 {
                    return Polled::More;
                }
                let Some(group) = self.groups.get(slot.index()) else {
                    return Polled::Nothing;
                };
                let (phase, after) = (group.phase, group.next_busy);
                if self.take_off(walk.before, slot) {
                    look.pay();
                    walk.next = after;
                    continue;
                }
                look.deadline = walk.deadline;
                let polled = self.advance(slot, walk.urgency, look);
                walk.deadline = look.deadline;
                let Some(group) = self.groups.get(slot.index()) else {
                    return Polled::Nothing;
                };
                walk.has_changed |= group.phase != phase;
                if polled != Polled::Nothing {
                    return polled;
                }
                // As it is now: others may have come behind it meanwhile.
                walk.next = group.next_busy;
                walk.before = Some(slot);
            }
            if !core::mem::take(&mut walk.has_changed) {
                return Polled::Nothing;
            }
            *walk = Walk::new(walk.urgency, self.first_busy);
        }
    }

    /// Takes a group off the list of those with something to do, if it has nothing any more, and
    /// says whether it did. `before` is the one before it there.
    fn take_off(&mut self, before: Option<GroupSlot>, slot: GroupSlot) -> bool {
        let group = self.groups.get_mut(slot.index());
        let Some(group) = group.filter(|group| group.phase.is_at_rest()) else {
            return false;
        };
        group.is_listed = false;
        let after = group.next_busy.take();
        self.unlist(before, slot, after);
        true
    }

    /// Takes a group as far as it comes without a report, or to its next action.
    ///
    /// Ends: each round either visits the next member, or goes over to a later phase, or takes
    /// back a `must_rescan` that only an event sets.
    #[inline(always)]
    fn advance(&mut self, slot: GroupSlot, urgency: Urgency, look: &mut Look) -> Polled {
        while look.pay() {
            let Some(group) = self.groups.get(slot.index()) else {
                return Polled::Nothing;
            };
            let phase = group.phase;
            if urgency == Urgency::Freezes && phase != Phase::Freezing {
                return Polled::Nothing;
            }
            let must_wait = match phase {
                Phase::Freezing => self.waits_for_dependents(group, &mut look.compared),
                // Who waits then is seen when all that end have ended.
                Phase::Ending => false,
                // What waits for an answer or another group is woken by that, not by time.
                Phase::Delayed => {
                    group.asking > 0 || self.waits_for_others(group, &mut look.compared)
                }
                // One at a time.
                Phase::Restarting | Phase::Activating => group.outstanding > 0 || group.asking > 0,
                Phase::Idle | Phase::Held | Phase::Escalated => true,
            };
            if must_wait {
                return Polled::Nothing;
            }
            let Some(group) = self.groups.get_mut(slot.index()) else {
                return Polled::Nothing;
            };
            if phase == Phase::Delayed {
                let at = group.resume_at;
                if look.now < at {
                    look.deadline = Some(look.deadline.map_or(at, |other| other.min(at)));
                    return Polled::Nothing;
                }
                begin_restarting(group, look.now);
            } else if let Some(member) = group.cursor {
                if let Some(action) = self.visit(slot, member, look.now) {
                    return Polled::Action(action);
                }
            } else if group.outstanding > 0 {
                return Polled::Nothing;
            } else if group.must_rescan {
                group.begin(phase);
            } else {
                self.end_phase(slot, look);
            }
        }
        Polled::More
    }

    /// A group's members have been gone over, and all have reported: on to its next phase.
    fn end_phase(&mut self, slot: GroupSlot, look: &mut Look) {
        let Some(group) = self.groups.get(slot.index()) else {
            return;
        };
        let must_wait = group.phase == Phase::Ending
            && matches!(group.goal, Goal::Restart(_))
            && (look.now < group.resume_at || self.waits_for_others(group, &mut look.compared));
        let Some(group) = self.groups.get_mut(slot.index()) else {
            return;
        };
        match (group.phase, group.goal) {
            (Phase::Freezing, _) => {
                group.begin(Phase::Ending);
                if group.ends_nobody() {
                    group.cursor = None;
                }
            }
            (Phase::Ending, Goal::Hold) => group.phase = Phase::Held,
            (Phase::Ending, Goal::Restart(_)) if must_wait => group.phase = Phase::Delayed,
            (Phase::Ending, Goal::Restart(_)) => begin_restarting(group, look.now),
            (Phase::Ending, Goal::Departures) | (Phase::Restarting, _) => {
                group.begin(Phase::Activating);
            }
            (_, goal) => {
                let has_ended = goal == Goal::End && group.members == 0;
                group.phase = Phase::Idle;
                group.goal = Goal::Departures;
                group.is_awaited = false;
                group.company = GroupSet::EMPTY;
                if has_ended {
                    self.end_group(slot);
                }
            }
        }
    }
}

/// Begins to restart, and keeps the time: what came before is freeze and backoff.
fn begin_restarting(group: &mut GroupEntry, now: Instant) {
    group.begin(Phase::Restarting);
    group.resume_at = now;
}
