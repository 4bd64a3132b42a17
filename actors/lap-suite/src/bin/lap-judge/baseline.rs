//! What must be the same before and after: nothing is lost.

use alloc::vec::Vec;

use syscall::abi::Text;
use syscall::prelude::*;
use syscall::thread;

use crate::check::wait_until;
use crate::peers::{PATIENCE, info, restart};
use crate::quiet;

/// The counters of a site whose actors have just started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Baseline {
    counters: Vec<(&'static str, u64)>,
}

impl Baseline {
    /// Starts these actors anew, so that what they themselves pile up is gone, and takes the
    /// counters.
    #[track_caller]
    pub(crate) fn of(names: &[&str]) -> Self {
        for name in names {
            let before = info(name).incarnation;
            restart(name);
            let is_back =
                || info(name).incarnation > before && RemotePort::find(name, Span::ZERO).is_ok();
            check!(wait_until(PATIENCE, is_back), "{name} does not come back");
        }
        // Each of them gets to where it waits.
        thread::sleep(Span::from_millis(10));
        Self::now(names)
    }

    #[track_caller]
    fn now(names: &[&str]) -> Self {
        // In vain: what comes in for the answer is here when it is counted.
        let _ = info("lap-judge");
        let site = quiet::counters();
        let own = u64::from(info("lap-judge").private_frames);
        let mut counters = alloc::vec![
            // The judge's own frames are its own affair.
            ("free frames", site.free_frames + own),
            ("preserved frames", site.preserved_frames),
            ("actors", u64::from(site.used_actors)),
            ("threads", u64::from(site.used_threads)),
            ("ports", u64::from(site.used_ports)),
            ("messages", u64::from(site.used_messages)),
            ("laps", u64::from(site.used_laps)),
            ("lendings", u64::from(site.used_lendings)),
            ("handlers", u64::from(site.used_handlers)),
            ("persistent regions", u64::from(site.persistent_regions)),
            ("heap bytes", site.heap_used),
        ];
        for name in names {
            let actor = info(name);
            counters.extend([
                ("an actor's threads", u64::from(actor.threads)),
                ("an actor's ports", u64::from(actor.ports)),
                ("an actor's frames", u64::from(actor.private_frames)),
            ]);
        }
        Self { counters }
    }

    /// Starts the actors anew, and checks that the counters are the same again.
    #[track_caller]
    pub(crate) fn must_hold(&self, names: &[&str]) {
        let after = Self::of(names);
        let is_back = || Self::now(names) == *self;
        if after != *self && !wait_until(Span::from_secs(1), is_back) {
            fail!("lost: {}", self.differences(&Self::now(names)))
        }
    }

    fn differences(&self, after: &Self) -> Text<200> {
        let mut text = Text::EMPTY;
        for ((name, before), (_, after)) in self.counters.iter().zip(&after.counters) {
            if before != after {
                // Writing to a `Text` cannot fail: what does not fit is cut.
                let _ = core::fmt::write(&mut text, format_args!("{name} {before} -> {after}; "));
            }
        }
        text
    }
}
