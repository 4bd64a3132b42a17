//! What a group is heading for, and which groups are on their way.

use abi::Instant;

use super::{RestartManager, SiteRequest};
use crate::GroupSlot;
use crate::group::{Goal, Phase, Reason};

impl RestartManager<'_> {
    /// Sets a group going towards a goal, from wherever it is. A milder goal than the one it is
    /// being stopped for changes nothing but that the members are looked at once more.
    pub(super) fn engage(
        &mut self,
        slot: GroupSlot,
        goal: Goal,
        reason: Reason,
        resume_at: Instant,
    ) {
        let Some(group) = self.groups.get_mut(slot.index()) else {
            return;
        };
        match group.phase {
            Phase::Idle | Phase::Activating => {
                (group.goal, group.reason, group.resume_at) = (goal, reason, resume_at);
            }
            Phase::Held if goal != Goal::Departures => {
                (group.goal, group.reason, group.resume_at) = (goal, reason, resume_at);
            }
            Phase::Escalated if goal != Goal::End => {
                group.must_rescan = true;
                return;
            }
            Phase::Held
            | Phase::Escalated
            | Phase::Freezing
            | Phase::Ending
            | Phase::Delayed
            | Phase::Restarting => {
                if goal > group.goal {
                    (group.goal, group.reason) = (goal, reason);
                }
                group.resume_at = group.resume_at.max(resume_at);
            }
        }
        group.is_awaited |= matches!(group.goal, Goal::Restart(_));
        let escalates = matches!(group.goal, Goal::SiteRestart | Goal::SiteReboot);
        group.begin(if escalates {
            Phase::Escalated
        } else {
            Phase::Freezing
        });
        self.enlist(slot);
        if escalates && let Reason::Entry(because) = reason {
            match self.site {
                Some(site) if site.is_asked || site.goal >= goal => {}
                _ => {
                    self.site = Some(SiteRequest {
                        goal,
                        because,
                        is_asked: false,
                    })
                }
            }
        }
    }

    /// Puts a group at the end of the list of those with something to do.
    pub(super) fn enlist(&mut self, slot: GroupSlot) {
        let Some(group) = self.groups.get_mut(slot.index()) else {
            return;
        };
        if group.is_listed {
            return;
        }
        group.is_listed = true;
        group.next_busy = None;
        match self.last_busy.replace(slot) {
            None => self.first_busy = Some(slot),
            Some(last) => {
                if let Some(last) = self.groups.get_mut(last.index()) {
                    last.next_busy = Some(slot);
                }
            }
        }
    }

    /// Takes a group out of that list; its neighbours there are given.
    pub(super) fn unlist(
        &mut self,
        before: Option<GroupSlot>,
        slot: GroupSlot,
        after: Option<GroupSlot>,
    ) {
        match before.and_then(|before| self.groups.get_mut(before.index())) {
            None => self.first_busy = after,
            Some(before) => before.next_busy = after,
        }
        if self.last_busy == Some(slot) {
            self.last_busy = before;
        }
    }
}
