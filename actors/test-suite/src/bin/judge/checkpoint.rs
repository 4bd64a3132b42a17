//! Commits are cut off by a kill at every instruction.
//!
//! The victim begins a commit a little before a tick, and at the tick the judge, above it, has it
//! restarted. The victim tells when it begins, so the judge knows how far it had come, in
//! nanoseconds, which are instructions here. At first it comes ever later in the commit, to learn
//! where a commit can be interrupted at all; then it aims at what it has not hit yet, until there
//! is nothing left.

use alloc::vec;
use alloc::vec::Vec;

use syscall::prelude::*;
use syscall::{decode, site, thread};
use test_suite::checkpoint::{Account, CommitPlan, Found, Told, What};
use test_suite::{Reply, Request};

use crate::check::Must;
use crate::victim::Victim;

/// From one tick to the next, in nanoseconds: a thousandth of a second, as near as the timer comes.
const TICK: u64 = 999_847;
/// Kills there must be that interrupt a commit.
const KILLS: u64 = 2_000;
/// Nanoseconds after the beginning at which a commit is over, for certain.
const LONGEST: usize = 12_000;
/// Nanoseconds from one place to the next, as long as we learn.
const STRIDE: usize = 8;
/// Kills after which we give up.
const KILLS_MAX: u64 = 12_000;

/// How often each outcome was seen.
#[derive(Debug, Default)]
struct Seen {
    /// Killed before it had told that it begins.
    not_begun: u64,
    /// Killed before the first store.
    old: u64,
    /// Killed between the first store and the last.
    interrupted: u64,
    /// Killed after the last store, before it had told that it is done.
    new: u64,
    /// Killed after that.
    done: u64,
}

/// A checkpoint has the old value or the new one wherever its owner is killed.
pub(crate) fn killed_in_every_commit(_: &Start) {
    Sweep::new(What::Commit).run();
}

/// A log loses at most the record that is appended, wherever its owner is killed.
pub(crate) fn killed_in_every_append(_: &Start) {
    Sweep::new(What::Append).run();
}

/// All the kills.
struct Sweep {
    what: What,
    victim: Victim,
    port: Port,
    kills: u64,
    seen: Seen,
    /// Which places were hit, by nanoseconds after the beginning.
    hits: Vec<bool>,
    /// The first and the last place at which a commit was interrupted.
    inside: Option<(usize, usize)>,
    /// How far the commit's place is from where we aimed at last.
    lead: u64,
    /// Commits there were when the present one began: after one that was interrupted the victim
    /// makes one more.
    before: u64,
}

impl Sweep {
    fn new(what: What) -> Self {
        let victim = Victim::find("victim");
        let (before, _) = progress(&look(&victim), what);
        Self {
            what,
            victim,
            port: Port::private(4).must("a port"),
            kills: 0,
            seen: Seen::default(),
            hits: vec![false; LONGEST],
            inside: None,
            lead: 0,
            before,
        }
    }

    fn run(&mut self) {
        for place in (0..LONGEST).step_by(STRIDE) {
            self.kill_at(place);
        }
        check!(self.inside.is_some(), "no commit was interrupted");
        let mut place = 0;
        while self.kills < KILLS_MAX {
            let (first, last) = self.inside.unwrap_or_default();
            // Between two places that we have seen there may be the very first and last.
            let (first, last) = (first.saturating_sub(STRIDE), last + STRIDE);
            // Round and round, past what was hit; and then some more.
            let next = self.missed(place + 1, last);
            place = match next.or_else(|| self.missed(first, last)) {
                Some(next) => next,
                None if self.seen.interrupted >= KILLS => break,
                None if (first..last).contains(&place) => place + 1,
                None => first,
            };
            self.kill_at(place);
        }
        let (first, last) = self.inside.unwrap_or_default();
        let inside = self.hits.get(first..=last).unwrap_or_default();
        let missed = inside.iter().filter(|hit| !**hit).count();
        info!(
            "{:?}, from {first} to {last} ns, of which {missed} missed",
            self.seen
        );
        check!(self.seen.interrupted >= KILLS, "{:?}", self.seen);
        check!(self.seen.old > 0 && self.seen.new > 0 && self.seen.done > 0);
        check_eq!(missed, 0);
    }

    /// The next place that was not hit yet.
    fn missed(&self, from: usize, last: usize) -> Option<usize> {
        (from..=last).find(|place| self.hits.get(*place) == Some(&false))
    }

    /// Has the victim killed so many nanoseconds after the beginning of a commit, more or less.
    fn kill_at(&mut self, place: usize) {
        let actor = self.victim.actor();
        self.kills += 1;
        // The log writer may still tell of the last failure at the first tick.
        thread::sleep(Span(1));
        thread::sleep(Span(1));
        let ahead = place as u64 + self.lead;
        let plan = CommitPlan {
            what: self.what,
            ahead,
            due: Instant(thread::now().0 + TICK),
            long_turns: self.kills % 4,
            port: self.port.id(),
        };
        let mut buffer = [0; 64];
        let request = syscall::encode(&Request::Commit(plan), &mut buffer).must("a request");
        let sent = self.victim.port().send(request, Span::ZERO);
        sent.must("a commit");
        thread::sleep(Span(1));
        let killed = thread::now();
        site::restart(actor).must("the right to restart");
        let (begun, done) = (self.told(), self.told());
        self.victim.find_again();
        let after = progress(&look(&self.victim), self.what);
        let begun = match begun {
            Some(Told::Begun(begun)) => begun,
            Some(Told::Done(_)) => fail!("done, but not begun"),
            None => {
                check_eq!(after, (self.before, false), "not begun");
                self.seen.not_begun += 1;
                self.lead += 100;
                return;
            }
        };
        let hit = (killed.0 - begun.0) as usize;
        // If the tick was another one, we have learned nothing about our aim.
        if hit < LONGEST {
            self.lead = ahead.saturating_sub(hit as u64);
        }
        self.judge(hit, after, done.is_some());
        self.before = after.0 + u64::from(after.1);
        if let Some(place) = self.hits.get_mut(hit) {
            *place = true;
        }
    }

    /// Whether what was found is what had to be found after a commit that had begun.
    #[track_caller]
    fn judge(&mut self, hit: usize, after: (u64, bool), is_done: bool) {
        let (old, new) = (self.before, self.before + 1);
        match after {
            (count, false) if count == new && is_done => self.seen.done += 1,
            (count, false) if count == new => self.seen.new += 1,
            (count, false) if count == old && !is_done => self.seen.old += 1,
            (count, true) if count == old && !is_done => {
                self.seen.interrupted += 1;
                let (first, last) = self.inside.unwrap_or((hit, hit));
                self.inside = Some((first.min(hit), last.max(hit)));
            }
            _ => fail!("{hit} ns: {after:?} after {:?}, {is_done}", self.before),
        }
    }

    /// What the victim told, if it did.
    fn told(&self) -> Option<Told> {
        let mut buffer = [0; 32];
        let message = self.port.receive(&mut buffer, Span::ZERO).ok()?;
        Some(decode(message.bytes).must("what was told"))
    }
}

/// How far the victim has come, and whether it was interrupted on the way further.
fn progress(found: &Found, what: What) -> (u64, bool) {
    match what {
        What::Append => (found.log, found.was_log_interrupted),
        What::Commit => (found.sequence, found.was_interrupted),
    }
}

/// What the victim finds; none of that may be anything but whole.
#[track_caller]
fn look(victim: &Victim) -> Found {
    let found = match victim.ask(Request::Committed) {
        Reply::Found(found) => found,
        other => fail!("nothing found but {other:?}"),
    };
    check_eq!(found.account, Account::of(found.sequence));
    check!(found.is_log_whole, "{found:?}");
    found
}
