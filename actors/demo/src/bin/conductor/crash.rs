//! The kernel panics while all others work, and they go on.

use core::fmt::Write as _;

use serde::{Deserialize, Serialize};
use syscall::abi::site::Hook;
use syscall::abi::{Cause, Outcome, Response, Text};
use syscall::prelude::*;
use syscall::{ledger, site, thread};

use crate::Conductor;
use crate::counts::{Counts, Verdict};
use crate::personalities::{CLIENT, INIT, MANAGER, count, incarnation};
use crate::records::COUNTER;
use crate::verdict::{self, Wrong};

/// Who is looked at. (`front` may be broken still, and `init` has children that come and go.)
const ACTORS: [&str; 8] = [
    COUNTER,
    CLIENT,
    "vault",
    "visitors",
    "disk-service",
    "store",
    MANAGER,
    INIT,
];

/// Requests that are to be counted after the panic, so that one sees it go on.
const REQUESTS: u64 = 10;
/// How long that may take.
const LONGEST: Span = Span::from_secs(5);

/// How it was before.
#[derive(Clone, Copy, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Before {
    /// The incarnations of [`ACTORS`]; 0 of who does not run.
    incarnations: [u32; ACTORS.len()],
    /// Requests counted; nothing if the counter was ended.
    count: Option<u64>,
}

impl Before {
    fn now() -> Self {
        Self {
            incarnations: ACTORS.map(incarnation),
            count: count(),
        }
    }
}

/// Has the kernel panic. Comes back only if that fails.
pub(crate) fn play(conductor: &mut Conductor) -> Result<()> {
    conductor.stage.note(Before::now())?;
    info!("Now the kernel panics, and all of them are at work:");
    site::hook(Hook::KERNEL_PANIC, 0)?;
    Ok(())
}

/// Waits until the others have gone on, and says how. The entry of the ledger is the one that this
/// incarnation was told of.
pub(crate) fn conclude(conductor: &mut Conductor, entry: u64) -> Result<(), Wrong> {
    let before = *conductor.stage.before();
    let end = thread::now().after(LONGEST);
    let mut after = Before::now();
    while thread::now() < end && !has_gone_on(&before, &after, &conductor.counts) {
        conductor.listen(Span::from_millis(10));
        after = Before::now();
    }
    print(&before, &after, &conductor.counts);
    let is_back = has_gone_on(&before, &after, &conductor.counts);
    let has_lost = conductor.counts.is_any_wrong();
    verdict::first(&[
        (is_entered(entry), Wrong::SiteRestart),
        (!has_lost, Wrong::Count),
        (is_back, Wrong::Returns),
    ])
}

/// Whether everybody is back, in the very next incarnation, and counts on.
fn has_gone_on(before: &Before, after: &Before, counts: &Counts) -> bool {
    let mut incarnations = before.incarnations.iter().zip(&after.incarnations);
    let is_next = |(before, after): (&u32, &u32)| match before {
        0 => *after == 0,
        _ => *after == before + 1,
    };
    let counts_on = match (before.count, after.count) {
        (Some(before), Some(after)) => after >= before + REQUESTS,
        (before, after) => before == after,
    };
    let [counter, ..] = after.incarnations;
    let is_vouched_for = counter == 0 || counts.of(counter) == Verdict::Right;
    incarnations.all(is_next) && counts_on && is_vouched_for
}

/// Whether the ledger has the panic, and that no block was read.
fn is_entered(sequence: u64) -> bool {
    ledger::entry(sequence).ok().flatten().is_some_and(|entry| {
        matches!(entry.cause, Cause::Fault(_))
            && (entry.response, entry.outcome) == (Response::SITE_RESTART, Outcome::DONE)
            && entry.block_reads == 0
    })
}

fn print(before: &Before, after: &Before, counts: &Counts) {
    let mut text = Text::<240>::EMPTY;
    let incarnations = before.incarnations.iter().zip(&after.incarnations);
    for (name, (before, after)) in ACTORS.iter().zip(incarnations) {
        let gap = if text.is_empty() { "" } else { ", " };
        // Writing to a `Text` cannot fail: what does not fit is cut.
        let _ = match before {
            0 => write!(text, "{gap}{name} -"),
            _ => write!(text, "{gap}{name} {before} > {after}"),
        };
    }
    info!("All of them are back from memory, each in its next incarnation (before > after):");
    info!("  {text}");
    if let (Some(before), Some(after)) = (before.count, after.count) {
        let verdict = if counts.is_any_wrong() {
            "SOME ARE LOST, OR COUNTED TWICE"
        } else {
            "none is lost and none counted twice"
        };
        info!("  requests counted: {before} > {after}; {verdict}");
    }
}
