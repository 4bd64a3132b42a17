//! What a kernel tells that has just come back from a restart of its site.
//!
//! The manager itself is new then; what it goes on with is the ledger, and what the kernel has
//! kept: how often each actor was started, and when the site was restarted before.

use abi::ledger::Phases;
use abi::start::PreviousEnd;
use abi::{
    ActorId, Advice, Cause, FaultRecord, Instant, LedgerEntry, Name, Outcome, Response, SiteCause,
    Span,
};

use super::RestartManager;
use crate::rehearse::Rehearsal;
use crate::tree::{Blame, kernel_name};

/// A restart of the site, as the kernel tells of it.
#[derive(Clone, Copy, Debug)]
pub struct SiteReturn<'a> {
    /// What ended the kernel before this one.
    pub cause: SiteCause,
    /// The same with all that is known; its time is that of the end.
    pub fault: &'a FaultRecord,
    /// The entry on whose account the restart was asked for, if there is one.
    pub because: Option<u64>,
    /// How many times the site was started before.
    pub started: u32,
    /// When the kernel that tells this was entered.
    pub entered: Instant,
}

/// A reboot of the site, as the kernel tells of it that was booted then.
#[derive(Clone, Copy, Debug)]
pub struct SiteReboot<'a> {
    /// Why.
    pub fault: &'a FaultRecord,
    /// How many reboots there were in a row.
    pub count: u32,
    /// From the order until the kernel was entered; zero if that is not known.
    pub firmware: Span,
    /// From there until now.
    pub start: Span,
}

/// The latest restart of the site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Returned {
    cause: SiteCause,
    entry: u64,
    mark: Instant,
    awaits_reply: bool,
}

/// An entry about the site itself.
fn of_site(cause: Cause, response: Response) -> LedgerEntry {
    LedgerEntry {
        sequence: 0,
        time: Instant::ZERO,
        actor: ActorId::NONE,
        successor: ActorId::NONE,
        name: kernel_name(),
        group: kernel_name(),
        incarnation: 0,
        cause,
        response,
        outcome: Outcome::PENDING,
        block_reads: 0,
        phases: Phases::default(),
        advice: Advice::NOT_ASKED,
        scope: kernel_name(),
    }
}

/// Why an actor starts that was started so many times before the manager was there.
pub(super) fn previous_of(returned: Option<Returned>, started: u32) -> PreviousEnd {
    match returned {
        Some(returned) if started > 0 => PreviousEnd::Site {
            cause: returned.cause,
            ledger: returned.entry,
        },
        _ => PreviousEnd::None,
    }
}

impl RestartManager<'_> {
    /// Takes note that the site was restarted. To be told before anything is declared: actors that
    /// were started before hear why they start again. What the ledger has as pending came to its end
    /// with the site.
    ///
    /// Ends: each entry is looked at once.
    pub fn note_site_restart(&mut self, back: &SiteReturn<'_>, now: Instant) {
        self.kernel.blame.restarts.record(back.fault.time);
        let (first, end) = self.ledger.range();
        for sequence in first..end {
            let entry = self.ledger.get(sequence);
            // What is amended is kept and recorded once more, all of it: only what has changed.
            if entry.is_none_or(|entry| entry.outcome != Outcome::PENDING) {
                continue;
            }
            self.ledger.amend(sequence, |entry| {
                entry.outcome = match entry.response {
                    Response::SITE_RESTART => Outcome::DONE,
                    _ => Outcome::SUPERSEDED,
                };
            });
        }
        let cause = match back.because {
            Some(because) => Cause::Group { because },
            None => Cause::Fault(*back.fault),
        };
        let entry = LedgerEntry {
            time: back.fault.time,
            incarnation: back.started,
            phases: Phases {
                freeze: back.entered.since(back.fault.time),
                restart: now.since(back.entered),
                ..Phases::default()
            },
            advice: match back.because {
                Some(_) => Advice::FOLLOWED,
                None => Advice::NOT_ASKED,
            },
            ..of_site(cause, Response::SITE_RESTART)
        };
        self.come_back(back.cause, entry, now);
    }

    /// Takes note that the site was rebooted. To be told before anything is declared. Nobody has a
    /// past; it is on record so that one can see what it cost.
    pub fn note_site_reboot(&mut self, reboot: &SiteReboot<'_>, now: Instant) {
        let entry = LedgerEntry {
            incarnation: reboot.count,
            phases: Phases {
                freeze: reboot.firmware,
                restart: reboot.start,
                ..Phases::default()
            },
            ..of_site(Cause::Fault(*reboot.fault), Response::SITE_REBOOT)
        };
        self.come_back(SiteCause::REQUESTED, entry, now);
    }

    fn come_back(&mut self, cause: SiteCause, entry: LedgerEntry, now: Instant) {
        self.returned = Some(Returned {
            cause,
            entry: self.ledger.append(entry),
            mark: now,
            awaits_reply: false,
        });
    }

    /// What a rehearsal makes of an entry about a restart of the site: what the manager after it
    /// had forgotten, and when its incarnations began. Each actor and group is looked at once.
    pub(crate) fn rehearse_site_restart(&mut self, entry: &LedgerEntry) {
        self.kernel.blame = Blame::NONE;
        self.kernel.blame.restarts.record(entry.time);
        for group in self.groups.iter_mut() {
            group.history.forget();
            group.blame = Blame::NONE;
        }
        for actor in self.actors.iter_mut() {
            actor.history.forget();
            actor.mark = entry.activated_at();
            actor.rehearsed = Rehearsal::BEFORE;
        }
    }

    /// Takes note that every actor that came back with the site was started, and how many blocks
    /// were read for it.
    pub fn note_site_activated(&mut self, block_reads: u64, now: Instant) {
        let Some(returned) = self.returned.as_mut() else {
            return;
        };
        let activate = now.since(returned.mark);
        returned.mark = now;
        returned.awaits_reply = true;
        self.ledger.amend(returned.entry, |entry| {
            entry.phases.activate = activate;
            entry.block_reads = block_reads;
            entry.outcome = Outcome::DONE;
        });
    }

    /// The first reply of any actor ends the restart of the site.
    pub(super) fn note_site_reply(&mut self, now: Instant) {
        if let Some(returned) = self.returned.as_mut()
            && core::mem::take(&mut returned.awaits_reply)
        {
            let first_reply = now.since(returned.mark);
            self.ledger.amend(returned.entry, |entry| {
                entry.phases.first_reply = first_reply;
            });
        }
    }

    /// Takes note that a group of this name ended before the site was restarted: it is not started
    /// again, and if it was given up, not before that is cleared.
    pub fn note_ended_group(&mut self, name: Name, was_given_up: bool) {
        if let Ok(slot) = self.declare_group(name, None) {
            if let Some(group) = self.groups.get_mut(slot.index()) {
                group.is_given_up = was_given_up;
            }
            self.end_group(slot);
        }
    }
}
