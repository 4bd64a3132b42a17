//! Ten thousand restarts, and nothing is lost.

use syscall::abi::Outcome;
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use test_suite::Request;

use crate::check::{Must, must_fail};
use crate::counters;
use crate::ledger::Reader;
use crate::victim::Victim;

/// Restarts before we look at the counters for the first time: caches and high-water marks of the
/// kernel's heap are then where they stay.
const WARM_UP: u64 = 64;

/// Free frames, ports, threads, messages and table slots are at the end as they were at the start,
/// after as many restarts as the second argument says.
pub(crate) fn nothing_leaks(start: &Start) {
    let count = start
        .argument(1)
        .and_then(|count| count.parse().ok())
        .unwrap_or(10_000);
    let mut victim = Victim::find("victim");
    victim.make(Request::Keep(42));
    for number in 0..WARM_UP {
        round(&mut victim, number);
    }
    let before = victim.settled();
    let counters = counters::now();
    for number in 0..count {
        round(&mut victim, number);
    }
    let after = victim.settled();
    counters::must_come_back(&counters);
    check_eq!(after.heap_used, before.heap_used);
    check_eq!(after.hot_restarts, before.hot_restarts + count);
    check_eq!(after.block_reads, before.block_reads);
    check_eq!(after.reloads, 0);
    check_eq!(u64::from(victim.inspect().incarnation), WARM_UP + count + 1);
    check_eq!(victim.kept().number, 42);
    let last = syscall::ledger::entries_from(WARM_UP + count).next();
    let last = last.must("the last entry").must("a ledger entry");
    check_eq!(
        (last.sequence, last.outcome),
        (WARM_UP + count, Outcome::DONE)
    );
    Reader::at_end().must_be_at_end();
    info!("{count} restarts");
}

/// Makes the victim use something of each kind, and die in some way.
#[track_caller]
fn round(victim: &mut Victim, number: u64) {
    // Everything at every eighth turn: most of the time is the emulator's, and the restart itself
    // is what we want many of.
    if number.is_multiple_of(8) {
        victim.make(Request::Dirty);
        victim.make(Request::MakeThreads(2));
        victim.make(Request::MakePorts(2));
        victim.number(Request::Allocate(20_000));
    }
    let index = number as usize % Way::DEMONSTRATED.len();
    let way = Way::DEMONSTRATED
        .get(index)
        .copied()
        .unwrap_or(Way::NullWrite);
    let error = must_fail(victim.try_ask(Request::Die(way)), "a deadly request");
    match error {
        Error::Restarted { new, .. } => victim.follow(new),
        other => fail!("round {number}, {way}: {other:?}"),
    }
}
