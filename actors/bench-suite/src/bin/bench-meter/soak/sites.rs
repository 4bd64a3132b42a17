//! Restarts of a site in which there is something of everything.
//!
//! The meter comes back with the site; what it knows of earlier turns is in persistent memory.

use alloc::format;
use alloc::vec::Vec;
use core::array;
use core::sync::atomic::{AtomicU64, Ordering};

use bench_suite::holding::HOLDER;
use bench_suite::subject::Request;
use syscall::abi::site::Hook;
use syscall::abi::start::PreviousEnd;
use syscall::prelude::*;
use syscall::{PersistentRegion, site, thread, ticks};

use super::used::{self, Used};
use super::{COMPARED, Plan, WARM_UP};
use crate::check::Must;
use crate::subject::Subject;

/// Members of the group.
const MEMBERS: u64 = 4;

/// Until the log is written: a kernel that comes back has much to say, and what one has printed it
/// writes itself.
const PAUSE: Span = Span::from_millis(20);

/// What outlives the site: the number of restarts, when the latest began, what was in use, and times.
struct Kept(&'static [AtomicU64]);

impl Kept {
    const NUMBER: usize = 0;
    const BEGIN: usize = 1;
    const USED: usize = 2;
    const TIMES: usize = Self::USED + used::COUNT;
    const COUNT: usize = Self::TIMES + 2 * COMPARED as usize;

    fn open() -> Self {
        let bytes = Self::COUNT * size_of::<u64>();
        let region = PersistentRegion::open("soak", bytes).must("memory for what is kept");
        Self(region.into_words())
    }

    fn get(&self, index: usize) -> u64 {
        self.word(index).load(Ordering::SeqCst)
    }

    fn put(&self, index: usize, value: u64) {
        self.word(index).store(value, Ordering::SeqCst);
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        self.0.get(index).must("a word of what is kept")
    }
}

/// Panics in the kernel as often as the second argument says.
pub(crate) fn sites(start: &Start) {
    for number in 0..MEMBERS {
        Subject::find(&format!("member-{number}")).ask(Request::Touch(0));
    }
    for name in ["keeper", HOLDER] {
        Subject::find(name).ask(Request::Touch(0));
    }
    let end = ticks::now();
    let plan = Plan::of(start);
    let kept = Kept::open();
    let restarts = kept.get(Kept::NUMBER);
    match start.previous() {
        PreviousEnd::None => check_eq!(restarts, 0),
        PreviousEnd::Site { .. } => {}
        other => fail!("the meter starts after {other:?}"),
    }
    check_eq!(site::info().must("the counters").site_restarts, restarts);
    // The log is written. What is printed from here on, only in some turns, is waited for.
    thread::sleep(PAUSE);

    // The same in each turn, with or without anything to compare with: see the module above.
    let now = Used::at_rest();
    if restarts <= WARM_UP {
        for (index, number) in now.numbers().into_iter().enumerate() {
            kept.put(Kept::USED + index, number);
        }
    }
    let before = now.with(array::from_fn(|index| kept.get(Kept::USED + index)));
    before.must_be_back();
    let number = restarts.saturating_sub(WARM_UP);
    let is_part_over = plan.is_part_over(number);
    if restarts == WARM_UP {
        used::print_held();
        before.print("before");
    }
    if let Some(place) = number.checked_sub(1).and_then(|number| plan.place(number)) {
        kept.put(Kept::TIMES + place, end - kept.get(Kept::BEGIN));
    }
    if number == plan.count {
        used::print_held();
        Used::at_rest().print("after");
        let times = Kept::TIMES..Kept::TIMES + 2 * plan.compared as usize;
        let times: Vec<u64> = times.map(|index| kept.get(index)).collect();
        return plan.judge(&times);
    }
    if is_part_over {
        thread::sleep(PAUSE);
    }
    kept.put(Kept::NUMBER, restarts + 1);
    kept.put(Kept::BEGIN, ticks::now());
    let hook = site::hook(Hook::KERNEL_PANIC, 0);
    fail!("the kernel does not panic: {hook:?}")
}
