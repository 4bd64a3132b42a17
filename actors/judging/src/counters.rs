//! The site's counters: what must be the same after something as before it.

use syscall::abi::site::SiteInfo;
use syscall::prelude::*;
use syscall::site;

use crate::check::{Must, wait_until};
use crate::quiet;

/// How long what ends may take.
const PATIENCE: Span = Span::from_secs(10);

/// The counters of things that exist or are in use, by name.
pub type Counters = [(&'static str, u64); 10];

/// The present counters.
///
/// Free frames are counted together with those that are an actor's alone: which pages of its stack an actor
/// has come to is its own affair, and what is neither is lost.
#[track_caller]
pub fn now() -> Counters {
    let (held, counters) = loop {
        let held = held();
        let counters = quiet::counters();
        // To ask may have taken a frame itself, for the answer.
        if self::held() == held {
            break (held, counters);
        }
    };
    // All fields are named, so that a counter that is added is not forgotten here.
    let SiteInfo {
        // No counter.
        policy: _,
        free_frames,
        preserved_frames,
        used_actors,
        used_threads,
        used_ports,
        used_messages,
        used_laps,
        used_lendings,
        used_handlers,
        persistent_regions,
        // The kernel keeps what it has once allocated for its tables.
        heap_used: _,
        // These count events.
        block_reads: _,
        interrupts_off: _,
        hot_restarts: _,
        reloads: _,
        site_restarts: _,
        // Nobody has those.
        quarantined_regions: _,
    } = counters;
    [
        ("free frames", free_frames + held),
        ("preserved frames", preserved_frames),
        ("actors", used_actors.into()),
        ("threads", used_threads.into()),
        ("ports", used_ports.into()),
        ("messages", used_messages.into()),
        ("laps", used_laps.into()),
        ("lendings", used_lendings.into()),
        ("handlers", used_handlers.into()),
        ("persistent regions", persistent_regions.into()),
    ]
}

/// The frames that are an actor's alone.
#[track_caller]
fn held() -> u64 {
    let actors = site::actors().map(|actor| actor.must("an actor"));
    actors.map(|actor| u64::from(actor.private_frames)).sum()
}

/// Waits for the counters to be what they were. What ends takes its time: a thread that was told
/// to go still has to.
#[track_caller]
pub fn must_come_back(before: &Counters) {
    wait_until(PATIENCE, || now() == *before);
    for ((name, after), (_, before)) in now().iter().zip(before) {
        check_eq!(after, before, "{name}");
    }
}
