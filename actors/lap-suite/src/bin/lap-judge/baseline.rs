//! What must be the same before and after: nothing is lost.

use alloc::vec::Vec;

use syscall::abi::site::{ActorInfo, SiteInfo};
use syscall::prelude::*;
use syscall::{site, thread};

use crate::check::{Must, wait_until};
use crate::peers::{PATIENCE, info, restart};

/// The counters of a site whose actors have just started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Baseline {
    site: SiteInfo,
    actors: Vec<(u32, u32, u32)>,
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
        let site = site::info().must("the site's counters");
        let kept = |actor: ActorInfo| (actor.threads, actor.ports, actor.private_frames);
        Self {
            site: SiteInfo {
                block_reads: 0,
                hot_restarts: 0,
                reloads: 0,
                ..site
            },
            actors: names.iter().map(|name| kept(info(name))).collect(),
        }
    }

    /// Starts the actors anew, and checks that the counters are the same again.
    #[track_caller]
    pub(crate) fn must_hold(&self, names: &[&str]) {
        let after = Self::of(names);
        let is_back = || Self::now(names) == *self;
        check!(
            after == *self || wait_until(Span::from_secs(1), is_back),
            "lost: {:?}, which was {self:?}",
            Self::now(names)
        );
    }
}
