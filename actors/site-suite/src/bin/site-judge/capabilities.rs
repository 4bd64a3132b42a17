//! Every capability that was ever seen.
//!
//! A capability of before must never come back as somebody else's, and whoever still uses one must be
//! told so, whatever is in its slot by now.

use core::sync::atomic::Ordering;

use syscall::abi::site::ActorInfo;
use syscall::abi::{LapId, PortId};
use syscall::prelude::*;
use syscall::{PersistentRegion, PersistentWords, RemoteLap, site};

use crate::check::{Must, must_fail};

/// The capabilities of all, round by round.
pub(crate) struct Seen<const ALL: usize> {
    words: PersistentWords,
}

impl<const ALL: usize> Seen<ALL> {
    /// Opens the list, with room for so many rounds.
    #[track_caller]
    pub(crate) fn open(name: &str, rounds: u64) -> Self {
        let bytes = rounds as usize * ALL * size_of::<u64>();
        let region = PersistentRegion::open(name, bytes).must(name);
        Self {
            words: region.into_shared(),
        }
    }

    /// Adds those of a round, none of which was there before.
    #[track_caller]
    pub(crate) fn add(&self, round: u64, capabilities: [u64; ALL]) {
        let start = round as usize * ALL;
        let (before, now) = self.words.split_at(start);
        for (index, old) in before.iter().enumerate() {
            let old = old.load(Ordering::Relaxed);
            check!(
                !capabilities.contains(&old),
                "a capability of round {} is used again in round {round}: {old:#x}",
                index / ALL
            );
        }
        for (word, capability) in now.iter().zip(capabilities) {
            word.store(capability, Ordering::Relaxed);
        }
    }

    /// Those of a round.
    pub(crate) fn of(&self, round: u64) -> [u64; ALL] {
        let words = self.words.get(round as usize * ALL..);
        let words = words.must("a round that was");
        core::array::from_fn(|index| words[index].load(Ordering::Relaxed))
    }
}

/// Checks that an actor's capability of before is known as that.
#[track_caller]
pub(crate) fn old_actor(old: u64, present: ActorId) {
    let thawed = site::thaw(ActorId::from_raw(old));
    match must_fail(thawed, "an old capability of an actor") {
        Error::ActorRestarted { new } => check_eq!(new, present),
        other => fail!("an old capability of {present} answers {other:?}"),
    }
}

/// Checks that a port's capability of before is known as that, or not at all.
#[track_caller]
pub(crate) fn old_port(old: u64, present: PortId) {
    let port = RemotePort::from(PortId::from_raw(old));
    match must_fail(port.send(&[], Span::ZERO), "an old capability of a port") {
        Error::Restarted { new, .. } => check_eq!(new, present),
        Error::Dead { .. } => {}
        other => fail!("an old capability of {present} answers {other:?}"),
    }
}

/// The same, of a LAP.
#[track_caller]
pub(crate) fn old_lap(old: u64, present: LapId) {
    let lap = RemoteLap::from(LapId::from_raw(old));
    match must_fail(lap.invoke([0, 0], Span::ZERO), "an old capability of a LAP") {
        Error::LapRestarted { new, .. } => check_eq!(new, present),
        Error::Dead { .. } => {}
        other => fail!("an old capability of {present} answers {other:?}"),
    }
}

/// What the kernel knows about an actor of this name, whose capability must be this.
#[track_caller]
pub(crate) fn info(name: &str) -> ActorInfo {
    site::actor(name).must("actor information").must(name)
}
