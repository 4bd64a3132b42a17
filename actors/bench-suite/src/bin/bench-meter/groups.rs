//! Restarts of a group, from the fault of its first member to the first answer of its last.

use alloc::format;

use bench_suite::samples::{self, COUNT, REST, interrupts_off, take};
use bench_suite::subject::Request;
use syscall::prelude::*;
use syscall::{thread, ticks};

use crate::check::Must;
use crate::memory;
use crate::subject::Subject;
use crate::watch::watched;

/// Members from which on there are fewer samples: each takes millions of instructions.
const MANY: usize = 256;

pub(crate) fn restarts(start: &Start) {
    let members: usize = start
        .argument(1)
        .and_then(|members| members.parse().ok())
        .must("the number of members");
    let name = format!("group-{members}");
    let mut first = Subject::find("member-0");
    let mut last = Subject::find(&format!("member-{}", members - 1));
    memory::print(&format!("memory-group-{members}"));
    let count = if members < MANY { COUNT } else { COUNT / 10 };
    let mut once = || {
        // Not from the ledger: in a large group the first entry is overwritten by the last ones.
        let start = ticks::now();
        first = first.die().into();
        if members > 1 {
            last.ask_again(Request::Touch(0));
        } else {
            first.ask(Request::Touch(0));
            last = first;
        }
        ticks::now() - start
    };
    let _ = interrupts_off().must("the site's counters");
    let rested = || {
        thread::sleep(REST);
        once()
    };
    let all = take(&name, count, rested, |ticks| *ticks);
    samples::print(&name, &all);
    let off = interrupts_off().must("the site's counters");
    samples::print(&format!("{name}.off"), &[off]);
    watched(&name, once);
}
