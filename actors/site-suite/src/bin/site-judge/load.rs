//! A thousand restarts of the site, while everybody works.
//!
//! A round begins with a start of the judge. All wait until it has held what everybody found against
//! what it knows of the rounds before; then they work, and in the middle of that the kernel ends.

use serde::{Deserialize, Serialize};
use site_suite::{Progress, Reply, Report, Request, child_name};
use syscall::abi::site::{Hook, SiteInfo, SiteRestart};
use syscall::abi::start::PreviousEnd;
use syscall::abi::{Cause, FaultKind, LedgerEntry, Outcome, Response, SiteCause, layout};
use syscall::prelude::*;
use syscall::{encode, ledger, site, thread};

use crate::capabilities::{Seen, info, old_actor, old_lap, old_port};
use crate::check::{Must, wait_until};
use crate::counters;
use crate::ledger::Reader;
use crate::peers::{PATIENCE, ask, report};
use crate::quiet;
use crate::random::Random;

/// Those that the site describes, and then those that these spawn.
const WORKERS: [&str; 6] = [
    "one",
    "two",
    "three",
    "one-child",
    "two-child",
    "three-child",
];
/// How many of them the site describes.
const DIRECT: usize = 3;
/// Capabilities of a round: the judge, and actor, port and LAP of each worker.
const ALL: usize = 1 + 3 * WORKERS.len();
/// Every so many rounds a worker is restarted before the site is.
const ACTOR_RESTARTS: u64 = 10;
/// What makes one run differ from another.
const SEED: u64 = 4;

/// What the judge knows of the rounds so far.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
struct Diary {
    /// How often the site was restarted.
    round: u64,
    /// How often each worker was started.
    started: [u32; WORKERS.len()],
    /// The last record that each had committed when it was last asked.
    committed: [u64; WORKERS.len()],
    /// How often one was found interrupted in an append, and in a commit.
    interrupted: [u64; 2],
    /// What was done in all rounds: calls, visits, runs of timers and of interrupt handlers.
    done: [u64; 4],
    /// Hot restarts of actors.
    hot_restarts: u64,
    /// Blocks read from the disk.
    block_reads: u64,
    /// The last entry of the ledger, and a checksum of it.
    last_entry: (u64, u64),
    /// Why the kernel is to end.
    cause: u16,
    /// When the judge had it end.
    time: u64,
    /// The counters at the beginning of a round, and what of the kernel's heap was in use.
    baseline: Option<([u64; 10], u64)>,
}

/// So many as the judge's arguments say.
pub(crate) fn a_thousand_restarts(start: &Start) {
    let rounds = start.argument(1).and_then(|word| word.parse().ok());
    let rounds: u64 = rounds.must("the number of restarts");
    let mut kept = Checkpoint::open("diary", 512, Diary::default()).must("the diary");
    check!(!kept.was_interrupted());
    let mut diary = kept.get().clone();
    check_eq!(kept.sequence(), diary.round, "commits of the diary");
    let seen = Seen::<ALL>::open("seen", rounds + 1);

    let reports = WORKERS.map(report);
    why(start, &mut diary, &reports);
    kept_by_workers(&mut diary, &reports);
    capabilities(start, &diary, &seen, &reports);
    totals(&mut diary);
    nothing_lost(&mut diary);
    if diary.round == rounds {
        let [appends, commits] = diary.interrupted;
        info!("{rounds} restarts; {appends} in an append, {commits} in a commit");
        info!("done: {:?}; journals: {:?}", diary.done, diary.committed);
        check!(appends > rounds / 20 && commits > rounds / 20);
        check!(
            diary.done.iter().all(|done| *done > rounds),
            "{:?}",
            diary.done
        );
        check!(diary.committed.iter().all(|last| *last > rounds));
        return;
    }

    work(&mut diary);
    diary.round += 1;
    diary.time = thread::now().0;
    let cause = SiteCause(diary.cause);
    kept.commit(diary).must("the diary");
    let refused = match cause {
        SiteCause::REQUESTED => site::restart_site(SiteRestart::Hot),
        _ => site::hook(Hook::KERNEL_PANIC, 0).map(|_| ()),
    };
    fail!("the kernel goes on: {refused:?}");
}

/// Everybody was told why it starts again, and the ledger says the same; none of its entries is
/// missing, and those of before are what they were.
#[track_caller]
fn why(start: &Start, diary: &mut Diary, reports: &[Report]) {
    let previous = reports.iter().map(|report| report.previous);
    if diary.round == 0 {
        check!(
            previous
                .chain([start.previous()])
                .all(|previous| previous == PreviousEnd::None)
        );
        return;
    }
    let PreviousEnd::Site { cause, ledger } = start.previous() else {
        fail!("previous is {:?}", start.previous())
    };
    check_eq!(cause.0, diary.cause);
    for (name, report) in WORKERS.iter().zip(reports) {
        check_eq!(report.previous, start.previous(), "{name}");
    }
    let (before, sum) = diary.last_entry;
    check!(
        before == 0 || sum == sum_of(&read(before)),
        "entry {before} has changed"
    );
    let mut reader = Reader::at(before + 1);
    while reader.take_unfinished().sequence < ledger {}
    site_entry(&read(ledger), cause, diary);
    check!(ledger > before);
}

#[track_caller]
fn site_entry(entry: &LedgerEntry, cause: SiteCause, diary: &Diary) {
    check_eq!(
        (entry.name.as_str(), entry.group.as_str()),
        ("kernel", "kernel")
    );
    check_eq!(
        (entry.response, entry.outcome),
        (Response::SITE_RESTART, Outcome::DONE)
    );
    check_eq!(
        (entry.block_reads, u64::from(entry.incarnation)),
        (0, diary.round)
    );
    let Cause::Fault(fault) = entry.cause else {
        fail!("{:?}", entry.cause)
    };
    check_eq!((fault.kind, fault.time), (FaultKind::SITE, entry.time));
    let is_said = match cause {
        SiteCause::PANIC => fault.message.as_str().starts_with("a test asked for it"),
        _ => !fault.message.as_str().is_empty(),
    };
    check!(is_said, "{}", fault.message);
    // Time goes on: the kernel ended after the judge's last look at the clock, and has come back
    // before this one.
    let phases = entry.phases;
    check!(phases.freeze.0 > 0 && phases.restart.0 > 0 && phases.activate.0 > 0);
    // The workers have answered.
    check!(phases.first_reply.0 > 0);
    let back = entry.time.0 + phases.freeze.0 + phases.restart.0 + phases.activate.0;
    let now = thread::now().0;
    check!(
        diary.time < entry.time.0 && back < now,
        "{} < {} and {back} < {now}",
        diary.time,
        entry.time.0
    );
}

/// Nobody has lost what it had committed, and nobody was started more often than it should.
#[track_caller]
fn kept_by_workers(diary: &mut Diary, reports: &[Report]) {
    for (index, report) in reports.iter().enumerate() {
        let name = WORKERS[index];
        diary.started[index] += 1;
        check_eq!(report.incarnation, diary.started[index], "{name}");
        let committed = diary.committed[index];
        check!(
            report.last >= committed,
            "{name} had committed {committed} and has {}",
            report.last
        );
        diary.interrupted[0] += u64::from(report.was_appending);
        diary.interrupted[1] += u64::from(report.was_committing);
    }
}

/// All capabilities are new, and those of before are nobody else's.
#[track_caller]
fn capabilities(start: &Start, diary: &Diary, seen: &Seen<ALL>, reports: &[Report; 6]) {
    let mut now = [start.actor().raw(); ALL];
    for (index, report) in reports.iter().enumerate() {
        check_eq!(info(WORKERS[index]).actor, report.actor);
        let three = [report.actor.raw(), report.port.raw(), report.lap.raw()];
        now[1 + 3 * index..][..3].copy_from_slice(&three);
    }
    seen.add(diary.round, now);
    let Some(last) = diary.round.checked_sub(1) else {
        return;
    };
    let any = Random::new(SEED, diary.round).below(diary.round);
    for round in [0, any, last] {
        let old = seen.of(round);
        old_actor(old[0], start.actor());
        for (index, report) in reports.iter().enumerate() {
            old_actor(old[1 + 3 * index], report.actor);
            old_port(old[2 + 3 * index], report.port);
            old_lap(old[3 + 3 * index], report.lap);
        }
    }
}

/// What is counted over all restarts goes on, and nothing was read from the disk.
#[track_caller]
fn totals(diary: &mut Diary) {
    let SiteInfo {
        block_reads,
        hot_restarts,
        reloads,
        site_restarts,
        quarantined_regions,
        ..
    } = quiet::counters();
    if diary.round == 0 {
        diary.block_reads = block_reads;
        check!(block_reads > 0);
    }
    check_eq!(block_reads, diary.block_reads);
    check_eq!(hot_restarts, diary.hot_restarts);
    check_eq!(site_restarts, diary.round);
    check_eq!((reloads, quarantined_regions), (0, 0));
}

/// Each round begins with just as much as the one before.
#[track_caller]
fn nothing_lost(diary: &mut Diary) {
    let now = counters::now();
    let values = now.map(|(_, value)| value);
    let heap = quiet::counters().heap_used;
    let Some((mut expected, heap_before)) = diary.baseline else {
        diary.baseline = Some((values, heap));
        return;
    };
    if diary.round == 1 {
        // The first kernel has read what the others found in memory, which took it heap and frames.
        check!(now[0].0 == "free frames" && values[0] >= expected[0]);
        expected[0] = values[0];
        diary.baseline = Some((expected, heap));
    }
    let expected = core::array::from_fn(|index| (now[index].0, expected[index]));
    counters::must_come_back(&expected);
    let heap_now = || quiet::counters().heap_used;
    let is_same = diary.round == 1 || wait_until(PATIENCE, || heap_now() == heap_before);
    check!(is_same, "{} bytes of heap, not {heap_before}", heap_now());
}

/// Everybody works for a while. In some rounds one is restarted before.
fn work(diary: &mut Diary) {
    let mut random = Random::new(SEED, diary.round);
    if diary.round % ACTOR_RESTARTS == 1 {
        restart_one(diary, random.below(DIRECT as u64) as usize);
    }
    for name in WORKERS {
        check_eq!(ask(name, Request::Work), Reply::Done);
    }
    site::hook(Hook::RTC, 1).must("the clock's interrupts");
    let cause = match random.below(4) {
        0 => SiteCause::REQUESTED,
        _ => SiteCause::PANIC,
    };
    diary.cause = cause.0;
    thread::sleep(Span::from_millis(2 + random.below(3)));
    for (index, name) in WORKERS.iter().enumerate() {
        let Reply::Progress(progress) = ask(name, Request::Progress) else {
            fail!("{name} says nothing of its progress")
        };
        let Progress {
            committed,
            calls,
            visits,
            times,
            interrupts,
        } = progress;
        diary.committed[index] = diary.committed[index].max(committed);
        let done = [calls, visits, times, interrupts];
        diary.done = core::array::from_fn(|kind| diary.done[kind] + done[kind]);
    }
    let last = ledger::entries_from(diary.last_entry.0).last();
    let last = last.map(|entry| entry.must("an entry"));
    diary.last_entry = last.map_or((0, 0), |last| (last.sequence, sum_of(&last)));
    diary.hot_restarts = quiet::counters().hot_restarts;
}

/// Restarts a worker, and with it the one it has spawned.
fn restart_one(diary: &mut Diary, index: usize) {
    let name = WORKERS[index];
    let before = report(name).actor;
    let hot_restarts = quiet::counters().hot_restarts;
    site::restart(before).must("a restart");
    check_eq!(child_name(name).as_str(), WORKERS[index + DIRECT]);
    let is_back = || quiet::counters().hot_restarts > hot_restarts;
    check!(wait_until(PATIENCE, is_back));
    diary.started[index] += 1;
    diary.started[index + DIRECT] += 1;
    report(name);
    report(WORKERS[index + DIRECT]);
}

#[track_caller]
fn read(sequence: u64) -> LedgerEntry {
    let entry = ledger::entry(sequence).must("an entry");
    entry.must("an entry that is still there")
}

/// A checksum of an entry: it is to be what it was.
fn sum_of(entry: &LedgerEntry) -> u64 {
    let mut buffer = [0; layout::RECORD_MAX];
    let bytes = encode(entry, &mut buffer).must("an entry as bytes");
    bytes.iter().fold(SEED, |sum, byte| {
        Random::new(sum, (*byte).into()).next_number()
    })
}
