//! Whether a site whose kernel has ended is restarted from memory, or goes through the firmware.
//!
//! The kernel is gone when this is asked, and the policy with it. So the answer is a plain rule,
//! tuned by what the site says about the kernel group: as many restarts within its window as
//! `hot-limit` says, then reboots, as many as `reload-limit` says, then the site stays down.

use abi::epitaph::RebootCause;
use abi::{Instant, SiteCause, Span};

/// How many restarts are remembered.
const TIMES: usize = 16;

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The kernel is entered again, from memory.
    Restart,
    /// The machine is reset.
    Reboot(RebootCause),
}

/// What the verdict is tuned by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How many restarts there may be within the window on account of the kernel's own failures.
    pub restarts: u32,
    /// The window.
    pub window: Span,
    /// How many reboots in a row there may be.
    pub reboots: u32,
    /// How long the site must run for the reboots before to be forgotten.
    pub stable_after: Span,
}

/// Where a kernel is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Stage(u64);

impl Stage {
    /// It has come up.
    pub const UP: Self = Self(0x7570_7570_7570_7570);
    /// It was booted, and has not come up yet.
    pub const BOOTED: Self = Self(0x626f_6f74_6564_2121);
    /// It was entered again, and has not come up yet.
    pub const ENTERED: Self = Self(0x656e_7465_7265_6421);
}

/// When the site was restarted, the latest last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Times {
    times: [Instant; TIMES],
    count: u64,
}

impl Times {
    /// Never yet.
    pub const NONE: Self = Self {
        times: [Instant::ZERO; TIMES],
        count: 0,
    };

    /// Notes a restart.
    pub fn note(&mut self, now: Instant) {
        self.times.rotate_left(1);
        self.times[TIMES - 1] = now;
        self.count = self.count.saturating_add(1);
    }

    /// How many there were, ever.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// How many of those remembered are not older than the window.
    fn within(&self, window: Span, now: Instant) -> u32 {
        let known = usize::try_from(self.count).unwrap_or(TIMES).min(TIMES);
        let recent = self.times[TIMES - known..]
            .iter()
            .filter(|time| now.since(**time) <= window);
        recent.count() as u32
    }
}

/// What is to be done about a kernel that ended at this stage, for this cause.
#[must_use]
pub fn verdict(
    stage: Stage,
    cause: SiteCause,
    times: &Times,
    limits: Limits,
    now: Instant,
) -> Verdict {
    match stage {
        Stage::UP => {}
        Stage::BOOTED | Stage::ENTERED => return Verdict::Reboot(RebootCause::UNFINISHED),
        _ => return Verdict::Reboot(RebootCause::RECORD),
    }
    // What was decided was counted by who decided it.
    let is_failure = !matches!(cause, SiteCause::POLICY | SiteCause::REQUESTED);
    if is_failure && times.within(limits.window, now) >= limits.restarts {
        return Verdict::Reboot(RebootCause::TOO_MANY);
    }
    Verdict::Restart
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        restarts: 3,
        window: Span::from_secs(60),
        reboots: 2,
        stable_after: Span::from_secs(10),
    };

    fn times(seconds: &[u64]) -> Times {
        let mut times = Times::NONE;
        for second in seconds {
            times.note(at(*second));
        }
        times
    }

    fn at(second: u64) -> Instant {
        Instant::ZERO.after(Span::from_secs(second))
    }

    #[test]
    fn a_kernel_that_has_not_come_up_is_not_restarted() {
        for stage in [Stage::ENTERED, Stage::BOOTED] {
            for cause in SiteCause::KNOWN {
                let verdict = verdict(stage, *cause, &Times::NONE, LIMITS, at(1));
                assert_eq!(verdict, Verdict::Reboot(RebootCause::UNFINISHED));
            }
        }
        // Nor one of which that cannot be told.
        let damaged = Stage(Stage::UP.0 ^ 1);
        let verdict = verdict(damaged, SiteCause::PANIC, &Times::NONE, LIMITS, at(1));
        assert_eq!(verdict, Verdict::Reboot(RebootCause::RECORD));
    }

    #[test]
    fn so_many_failures_within_the_window_and_no_more() {
        let ask = |times: &Times, cause, now| verdict(Stage::UP, cause, times, LIMITS, at(now));
        let many = Verdict::Reboot(RebootCause::TOO_MANY);
        let (two, three) = (times(&[100, 110]), times(&[100, 110, 120]));
        assert_eq!(ask(&two, SiteCause::PANIC, 120), Verdict::Restart);
        assert_eq!(ask(&three, SiteCause::PANIC, 130), many);
        assert_eq!(ask(&three, SiteCause::WATCHDOG, 160), many);
        assert_eq!(ask(&three, SiteCause::PANIC, 161), Verdict::Restart);
        assert_eq!(ask(&three, SiteCause::POLICY, 130), Verdict::Restart);
        assert_eq!(ask(&three, SiteCause::REQUESTED, 130), Verdict::Restart);
    }

    #[test]
    fn more_than_can_be_remembered_is_many() {
        let all: [u64; 40] = core::array::from_fn(|second| second as u64);
        let times = times(&all);
        assert_eq!(times.count(), 40);
        assert_eq!(times.within(Span::from_secs(5), at(39)), 6);
        assert_eq!(times.within(Span::from_secs(60), at(39)), 16);
        let unlimited = Limits {
            restarts: u32::MAX,
            ..LIMITS
        };
        let verdict = verdict(Stage::UP, SiteCause::PANIC, &times, unlimited, at(39));
        assert_eq!(verdict, Verdict::Restart);
    }
}
