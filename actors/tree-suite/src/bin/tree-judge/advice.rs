//! A policy that keeps no contract: what it is asked about is decided without it.

use syscall::abi::{Advice, Response};
use syscall::prelude::*;
use syscall::site;

use crate::check::Must;
use crate::ledger::{Reader, must_be_done};
use crate::peers::{await_all, kill_and_read};

/// Each of these is answered by the built-in policy with its default parameters, and the ledger
/// says why. The policy thinks with interrupts on.
pub(crate) fn bad_advice_is_replaced(_: &Start) {
    let table = [
        ("panics", Advice::PANICKED),
        ("overflows", Advice::PANICKED),
        ("loops", Advice::OVER_BUDGET),
        ("unknown", Advice::UNKNOWN_GROUP),
        ("beside", Advice::NOT_BELOW),
        ("late", Advice::DELAY_TOO_LONG),
        ("sane", Advice::FOLLOWED),
    ];
    let names = table.map(|(name, _)| name);
    await_all(&names);
    let mut reader = Reader::at_end();
    let _ = site::info().must("the site's counters");
    for round in 0..2 {
        for (name, advice) in table {
            let entry = kill_and_read(name, &mut reader);
            must_be_done(&entry, Response::HOT_RESTART);
            check_eq!(entry.advice, advice, "{name}, round {round}");
            await_all(&[name]);
            let longest = if name == "loops" {
                4_000_000
            } else {
                1_000_000
            };
            check!(
                entry.phases.freeze.0 < longest,
                "{name}: {:?}",
                entry.phases
            );
            let off = site::info().must("the site's counters").interrupts_off;
            check!(off < 100_000, "{name}: interrupts were off for {off} ns");
        }
    }
    // One that fails now and then answers in between, by the parameters of the site.
    await_all(&["panics-third"]);
    let advice = [(); 4].map(|()| {
        let entry = kill_and_read("panics-third", &mut reader);
        await_all(&["panics-third"]);
        (entry.advice, entry.response)
    });
    check_eq!(
        advice,
        [
            (Advice::FOLLOWED, Response::HOT_RESTART),
            (Advice::FOLLOWED, Response::RELOAD),
            (Advice::PANICKED, Response::HOT_RESTART),
            (Advice::FOLLOWED, Response::RELOAD),
        ]
    );
}
