//! What survives, and what does not.

use syscall::abi::Response;
use syscall::abi::layout::{PERSISTENT_END, PERSISTENT_START};
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{PersistentRegion, site};
use test_suite::{KEPT_BYTES, NOT_WHOLE, Request};

use crate::check::{Must, must_be_refused};
use crate::ledger::{self, Reader};
use crate::victim::Victim;

/// A persistent region is intact after every kind of failure: the same bytes at the same address.
pub(crate) fn regions_are_kept(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    let new = victim.kept();
    check!(new.is_new);
    check!((PERSISTENT_START..PERSISTENT_END).contains(&new.address));
    check_eq!(new.bytes, KEPT_BYTES as u64);
    let counters = site::info().must("the site's counters");
    check_eq!(counters.persistent_regions, 1);

    for (number, way) in (1..).zip(Way::DEMONSTRATED) {
        victim.make(Request::Keep(number));
        victim.make(Request::Dirty);
        let entry = victim.die(&mut reader, Request::Die(way));
        ledger::must_be_done(&entry, Response::HOT_RESTART);
        let kept = victim.kept();
        check_eq!((kept.number, kept.address), (number, new.address), "{way}");
        check!(!kept.is_new, "{way}");
    }
    // Neither more of them nor fewer.
    let after = site::info().must("the site's counters");
    check_eq!(after.persistent_regions, 1);
    check_eq!(after.preserved_frames, counters.preserved_frames);

    // A cell is whole however often its owner dies while it writes.
    let mut last = 0;
    for _ in 0..20 {
        victim.fell(Request::DieWriting);
        reader.take();
        let count = victim.number(Request::Written);
        check!(count != NOT_WHOLE, "the cell is torn");
        check!(
            count > last,
            "written {count} times, and {last} times before that"
        );
        last = count;
    }
}

/// A region that was freed is made anew, zeroed, and the memory is not lost.
pub(crate) fn a_freed_region_is_made_anew(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    let before = site::info().must("the site's counters");
    for number in 1..=3 {
        check!(victim.kept().is_new);
        check_eq!(
            victim.kept().number,
            NOT_WHOLE,
            "round {number}: not zeroed"
        );
        victim.make(Request::Keep(number));
        victim.restart_hot(&mut reader);
        check_eq!(victim.kept().number, number);
        victim.make(Request::Forget);
        let after = site::info().must("the site's counters");
        check_eq!(after.persistent_regions, before.persistent_regions);
        check_eq!(after.preserved_frames, before.preserved_frames);
        // It stays forgotten over a restart.
        victim.restart_hot(&mut reader);
        check_eq!(
            site::info().must("the site's counters").persistent_regions,
            0
        );
    }

    // What the kernel says about our own.
    let region = PersistentRegion::open("mine", 3 * 4096).must("a region");
    check!(region.is_new() && region.iter().all(|byte| *byte == 0));
    let again = PersistentRegion::open("mine", 3 * 4096);
    must_be_refused(again, Status::ALREADY_EXISTS, "a second handle");
    let address = region.address();
    drop(region);
    let larger = PersistentRegion::open("mine", 3 * 4096 + 1);
    must_be_refused(larger, Status::BAD_ARGUMENT, "a larger region");
    let region = PersistentRegion::open("mine", 1).must("the same region");
    check_eq!(
        (region.address(), region.len(), region.is_new()),
        (address, 3 * 4096, false)
    );
    let other = PersistentRegion::open("another", 4096).must("a region");
    check!(other.address() >= address + 3 * 4096 || other.address() + 4096 <= address);
    region.free().must("the end of a region");
    let missing = PersistentRegion::open_existing("mine", 1);
    must_be_refused(missing, Status::NOT_FOUND, "a region that was freed");
    let none = PersistentRegion::open("none", 0);
    must_be_refused(none, Status::BAD_ARGUMENT, "a region of no bytes");
    // The site's description gives the judge 16 frames.
    let much = PersistentRegion::open("much", 16 * 4096);
    must_be_refused(much, Status::LIMIT_REACHED, "more than the budget");
    other.free().must("the end of a region");
    PersistentRegion::open("much", 16 * 4096).must("all of the budget");
}

/// When an actor ends for good, its persistent regions are freed.
pub(crate) fn regions_go_with_their_owner(_: &Start) {
    let mut victim = Victim::find("victim");
    let mut reader = Reader::at_start();
    let before = site::info().must("the site's counters");
    victim.make(Request::Keep(1));
    check_eq!(
        site::info().must("the site's counters").persistent_regions,
        1
    );
    // By this site's parameters the second failure is the end.
    victim.restart_hot(&mut reader);
    check_eq!(victim.kept().number, 1);
    let entry = victim.die_for_good(&mut reader, Request::Die(Way::Panic));
    ledger::must_be_done(&entry, Response::TERMINATE);
    let after = site::info().must("the site's counters");
    check_eq!(after.persistent_regions, 0);
    check!(
        after.preserved_frames <= before.preserved_frames,
        "{after:?} was {before:?}"
    );
}
