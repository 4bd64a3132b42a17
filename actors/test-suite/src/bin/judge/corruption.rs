//! What is damaged when the site is restarted is not used, and the rest goes on.
//!
//! The judge comes back with the site, again and again: how far it is, and what it saw before the
//! damage, lies in a persistent region.

use syscall::abi::site::{Hook, SiteInfo};
use syscall::abi::start::PreviousEnd;
use syscall::abi::{FaultKind, SiteCause};
use syscall::prelude::*;
use syscall::{PersistentRegion, ledger, site};
use test_suite::{KEPT_BYTES, Request};

use crate::check::{Must, must_be_refused};
use crate::ledger as book;
use crate::victim::Victim;

/// How long the host may take.
const HOST_PATIENCE: Span = Span::from_secs(60);
/// Frames of a victim's persistent region.
const KEPT_FRAMES: u64 = KEPT_BYTES as u64 / 4096;
/// The judge's own region that is damaged.
const SPARE: &str = "spare";
/// A ledger entry that is damaged, between others.
const ENTRY: u64 = 2;

syscall::plain_struct! {
    /// How far the judge is, and what it saw before the damage.
    struct Progress {
        round: u64,
        is_damaged: u64,
        preserved_frames: u64,
        block_reads: u64,
        persistent_regions: u64,
        quarantined: u64,
        incarnations: [u64; 2],
        free_frames: u64,
    }
}

/// What a hook is told.
#[derive(Clone, Copy)]
enum On {
    First,
    Judge,
    Entry,
}

/// How a victim comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Back {
    /// As from a hot restart.
    Hot,
    /// From the disk, for its image failed at its first page.
    Reloaded,
    /// As if never started before.
    New,
}

/// One damage, and what is to come of it.
struct Round {
    damage: Option<(Hook, On)>,
    /// Regions that are quarantined.
    quarantined: u64,
    /// Regions that are not there any more, quarantined or not.
    lost: u64,
    /// Frames of preserved memory that are free then; not looked at if none.
    freed: Option<u64>,
    /// Whether the disk is read.
    reads: bool,
    /// How the victims come back, and whether with their regions.
    back: [(Back, bool); 2],
    /// What else is to be seen.
    look: fn(&Start),
}

/// Nothing is damaged.
const PLAIN: Round = Round {
    damage: None,
    quarantined: 0,
    lost: 0,
    freed: Some(0),
    reads: false,
    back: [(Back::Hot, true); 2],
    look: |_| {},
};

const ROUNDS: &[Round] = &[
    PLAIN,
    Round {
        damage: Some((Hook::DAMAGE_REGION, On::Judge)),
        quarantined: 1,
        lost: 1,
        look: spare_is_gone,
        ..PLAIN
    },
    Round {
        damage: Some((Hook::DAMAGE_REGION, On::First)),
        quarantined: 1,
        lost: 1,
        back: [(Back::Hot, false), (Back::Hot, true)],
        ..PLAIN
    },
    PLAIN,
    // What the first region of the two had before is nobody's any more.
    Round {
        damage: Some((Hook::DAMAGE_OVERLAP, On::First)),
        quarantined: 2,
        lost: 2,
        freed: Some(KEPT_FRAMES),
        back: [(Back::Hot, false), (Back::Hot, true)],
        ..PLAIN
    },
    Round {
        damage: Some((Hook::DAMAGE_OUTSIDE, On::First)),
        quarantined: 1,
        lost: 1,
        freed: Some(KEPT_FRAMES),
        back: [(Back::Hot, false), (Back::Hot, true)],
        ..PLAIN
    },
    PLAIN,
    PLAIN,
    Round {
        damage: Some((Hook::DAMAGE_CHECKS, On::First)),
        reads: true,
        ..PLAIN
    },
    Round {
        damage: Some((Hook::DAMAGE_IMAGE, On::First)),
        reads: true,
        ..PLAIN
    },
    Round {
        damage: Some((Hook::DAMAGE_ACTOR, On::First)),
        back: [(Back::New, true), (Back::Hot, true)],
        ..PLAIN
    },
    Round {
        damage: Some((Hook::DAMAGE_LIFE, On::First)),
        back: [(Back::New, true), (Back::Hot, true)],
        ..PLAIN
    },
    Round {
        damage: Some((Hook::DAMAGE_LEDGER, On::Entry)),
        look: one_entry_is_missing,
        ..PLAIN
    },
    Round {
        damage: Some((Hook::DAMAGE_DESCRIPTION, On::Judge)),
        reads: true,
        ..PLAIN
    },
    PLAIN,
    Round {
        damage: Some((Hook::DAMAGE_EPITAPH, On::Judge)),
        look: cause_is_unknown,
        ..PLAIN
    },
    // Both victims have that image, and then one each. A reload frees persistent regions.
    Round {
        damage: Some((Hook::DAMAGE_ENTRY, On::First)),
        lost: 2,
        freed: None,
        reads: true,
        back: [(Back::Reloaded, false); 2],
        look: both_have_failed,
        ..PLAIN
    },
    PLAIN,
    PLAIN,
    PLAIN,
];

/// Each damage is found, and costs what was damaged.
pub(crate) fn what_is_damaged_is_not_used(start: &Start) {
    // This one first: it is the judge's first region.
    let spare = PersistentRegion::open(SPARE, 1);
    let mut progress = PersistentCell::<Progress>::open("progress").must("the judge's progress");
    let now = progress.get();
    if now.is_damaged == 0 {
        spare.must("the judge's own region");
    } else {
        // What is to be said of it, its round says.
        drop(spare);
        let round = ROUNDS.get(now.round as usize).must("a round");
        let free_frames = look(start, &now, round);
        progress.set(Progress {
            round: now.round + 1,
            is_damaged: 0,
            free_frames,
            ..now
        });
    }
    let round = progress.get().round;
    if let Some(next) = ROUNDS.get(round as usize) {
        damage(start, &mut progress, next);
    }
}

fn victims() -> [Victim; 2] {
    [Victim::find("first"), Victim::find("second")]
}

/// What a victim's region is filled from in a round.
fn number(round: u64, victim: usize) -> u64 {
    round + 1 + 100 * victim as u64
}

/// The site's counters when everybody has come back.
fn settled() -> SiteInfo {
    for victim in victims() {
        victim.make(Request::Ping);
    }
    site::info().must("the site's counters")
}

fn damage(start: &Start, progress: &mut PersistentCell<Progress>, round: &Round) {
    let before = progress.get();
    for (index, victim) in victims().iter().enumerate() {
        victim.make(Request::Keep(number(before.round, index)));
    }
    let [first, _] = victims();
    if matches!(round.damage, Some((Hook::DAMAGE_OVERLAP, _))) {
        // A second region.
        first.number(Request::Written);
    }
    let info = settled();
    progress.set(Progress {
        is_damaged: 1,
        preserved_frames: info.preserved_frames,
        block_reads: info.block_reads,
        persistent_regions: info.persistent_regions.into(),
        quarantined: info.quarantined_regions,
        incarnations: victims().map(|victim| victim.info().incarnation.into()),
        ..before
    });
    if let Some((hook, on)) = round.damage {
        info!("round {}: {hook}", before.round);
        let argument = match on {
            On::First => first.actor().raw(),
            On::Judge => start.actor().raw(),
            On::Entry => ENTRY,
        };
        site::hook(hook, argument).must("a hook");
    }
    site::hook(Hook::KERNEL_PANIC, 0).must("a hook");
    fail!("the kernel went on")
}

/// Checks what a round has left; returns how many frames are free.
fn look(start: &Start, before: &Progress, round: &Round) -> u64 {
    let place = before.round;
    let now = settled();
    check!(matches!(start.previous(), PreviousEnd::Site { .. }));
    check_eq!(u64::from(start.incarnation()), place + 2, "round {place}");
    check_eq!(now.site_restarts, place + 1, "round {place}");
    check_eq!(
        now.quarantined_regions,
        before.quarantined + round.quarantined,
        "quarantined in round {place}"
    );
    // The judge's own was opened before this, if need be anew.
    let own = u64::from(matches!(
        round.damage,
        Some((Hook::DAMAGE_REGION, On::Judge))
    ));
    check_eq!(
        u64::from(now.persistent_regions) + round.lost,
        before.persistent_regions + own,
        "regions in round {place}"
    );
    if let Some(freed) = round.freed {
        check_eq!(
            now.preserved_frames + freed,
            before.preserved_frames + own,
            "preserved frames in round {place}"
        );
    }
    check_eq!(
        now.block_reads > before.block_reads,
        round.reads,
        "blocks read in round {place}"
    );
    for (index, victim) in victims().iter().enumerate() {
        let (back, is_kept) = round.back.get(index).copied().must("a victim");
        let old = before.incarnations.get(index).copied().must("a victim");
        let condition = victim.inspect();
        let expected = match back {
            Back::Hot => old + 1,
            Back::Reloaded => old + 2,
            Back::New => 1,
        };
        check_eq!(
            u64::from(condition.incarnation),
            expected,
            "round {place}, victim {index}"
        );
        check_eq!(
            matches!(condition.previous, PreviousEnd::Site { .. }),
            back == Back::Hot,
            "round {place}, victim {index}"
        );
        let kept = victim.kept();
        check_eq!(
            (kept.is_new, kept.number == number(place, index)),
            (!is_kept, is_kept),
            "round {place}, victim {index}"
        );
    }
    (round.look)(start);
    // From one restart without damage to the next, nothing is lost.
    let was_plain = |place: u64| {
        let round = ROUNDS.get(place as usize);
        round.is_some_and(|round| round.damage.is_none())
    };
    if place > 0 && was_plain(place) && was_plain(place - 1) {
        check_eq!(now.free_frames, before.free_frames, "round {place}");
    }
    now.free_frames
}

/// The judge's region is not found, and there is room for another.
fn spare_is_gone(_: &Start) {
    let again = PersistentRegion::open_existing(SPARE, 1).must("the new region");
    check!(again.iter().all(|byte| *byte == 0));
    let more = PersistentRegion::open("more", 1);
    must_be_refused(more, Status::LIMIT_REACHED, "more than the budget");
}

/// Each of the two that used the damaged page has failed on account of it, and was reloaded.
fn both_have_failed(_: &Start) {
    let info = site::info().must("the site's counters");
    check_eq!(info.reloads, 2);
    let mut instructions = [0; 2];
    for (name, instruction) in ["first", "second"].into_iter().zip(&mut instructions) {
        let entries = ledger::entries_from(0).map(|entry| entry.must("a ledger entry"));
        let mut entries = entries.filter(|entry| entry.name.as_str() == name);
        let entry = entries.next().must("an entry about the damage");
        let fault = book::fault(&entry);
        check_eq!(fault.kind, FaultKind::BAD_IMAGE);
        *instruction = fault.registers.rip;
        let last = entries.last().must("an entry about the reload");
        check!(last.block_reads > 0, "{name}: {last:?}");
    }
    // Neither came further than the other: both at the same page.
    let [first, second] = instructions;
    check_eq!(first, second);
}

fn one_entry_is_missing(_: &Start) {
    let is_there = |sequence| ledger::entry(sequence).must("the ledger").is_some();
    check_eq!(
        [ENTRY - 1, ENTRY, ENTRY + 1].map(is_there),
        [true, false, true]
    );
}

fn cause_is_unknown(start: &Start) {
    let PreviousEnd::Site { cause, .. } = start.previous() else {
        fail!("started because of {:?}", start.previous())
    };
    check_eq!(cause, SiteCause(0));
}

/// Damages what the host says, and lets the kernel end.
pub(crate) fn what_the_host_says(_: &Start) {
    let victim = Victim::find("victim");
    victim.make(Request::Keep(1));
    info!("host: what is to be damaged?");
    let mut typed = [0; 32];
    let mut length = 0;
    let wanted = loop {
        let rest = typed.get_mut(length..).must("room for the line");
        length += site::console_read(rest, HOST_PATIENCE)
            .must("a line from the host")
            .len();
        let line = typed
            .get(..length)
            .and_then(|line| line.strip_suffix(b"\n"));
        if let Some(line) = line {
            break line;
        }
    };
    if wanted == b"nothing" {
        return;
    }
    let hook = Hook::KNOWN
        .iter()
        .find(|hook| hook.name().as_bytes() == wanted);
    site::hook(*hook.must("a hook of that name"), 0).must("a hook");
    site::hook(Hook::KERNEL_PANIC, 0).must("a hook");
}
