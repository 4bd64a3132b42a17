//! Where threads are when somebody fails: what brings them there, and what lets them go on.

use lap_suite::journal::{BEGUN, EFFECT, ENDED};
use lap_suite::program::Step;
use lap_suite::server::Request;
use syscall::abi::status::Progress;
use syscall::prelude::*;
use syscall::thread;

use crate::peers::Host;

/// Where a wave is at the moment of the freeze.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Computing in the callee.
    Running,
    /// In the callee, waiting for a message.
    Receiving,
    /// In the callee, asleep.
    Sleeping,
    /// Further in, in a LAP that the callee has invoked.
    Nested,
    /// One has been let in and has not run yet; the others wait for the only stack.
    Entering,
    /// In the callee, which has said that the effect has been had.
    Returning,
}

impl Place {
    pub(crate) const ALL: [Self; 6] = [
        Self::Running,
        Self::Receiving,
        Self::Sleeping,
        Self::Nested,
        Self::Entering,
        Self::Returning,
    ];

    /// The program that brings a guest there.
    pub(crate) fn steps(self) -> &'static [Step] {
        match self {
            Self::Running => &[Step::Effect, Step::Spin],
            Self::Receiving => &[Step::Effect, Step::Receive],
            Self::Sleeping => &[Step::Effect, Step::Nap],
            Self::Nested => &[Step::Nest, Step::Effect, Step::Nap],
            Self::Entering => &[],
            Self::Returning => &[Step::Effect, Step::Done, Step::Nap],
        }
    }

    /// What a caller is told if the callee fails.
    pub(crate) fn progress(self) -> Progress {
        match self {
            Self::Running | Self::Receiving | Self::Sleeping | Self::Nested => {
                Progress::MAYBE_EXECUTED
            }
            Self::Entering => Progress::NOT_ENTERED,
            Self::Returning => Progress::COMPLETED,
        }
    }

    /// What the callee's journal says of one whose visit was cut off there.
    pub(crate) fn entered(self) -> u64 {
        match self {
            Self::Running | Self::Receiving | Self::Sleeping | Self::Returning => BEGUN | EFFECT,
            Self::Nested => BEGUN,
            Self::Entering => 0,
        }
    }

    /// What the callee's journal says of one that came to the end.
    pub(crate) fn finished(self) -> u64 {
        BEGUN
            | ENDED
            | match self {
                Self::Running | Self::Receiving | Self::Sleeping | Self::Returning => EFFECT,
                Self::Nested | Self::Entering => 0,
            }
    }

    /// Waits until so many are there.
    #[track_caller]
    pub(crate) fn await_guests(self, server: Host, middle: Host, count: u64) {
        match self {
            Self::Nested => {
                server.await_inside(count);
                middle.await_inside(count);
            }
            _ => server.await_inside(count),
        }
        // Whoever is inside still has a step or two to take to where it waits.
        thread::sleep(Span::from_millis(3));
    }

    /// Lets so many go on, as far as they do not by themselves.
    #[track_caller]
    pub(crate) fn release(self, server: Host, count: u64) {
        match self {
            Self::Running => server.make(Request::Open),
            Self::Receiving => server.make(Request::Feed(count)),
            _ => {}
        }
    }
}
