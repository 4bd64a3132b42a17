//! `escalating`: a hot restart, then a reload, then the end.
//!
//! The paper's rule (2.7): an actor that fails again soon after a hot restart failed because of
//! what memory holds, so the next, severer thing is tried. Of the failures that count (those in
//! `window`, none of them older than the last run of `stable_after`) the first `hot_limit` are
//! answered from memory, the next `reload_limit` from stable storage, and one more ends the actor.
//! Restarts are put off by the actor's backoff.

use restart_manager::{Decision, Response, RestartPolicy, Situation};

/// Answers repeated failures with severer and severer restarts.
#[derive(Clone, Copy, Debug)]
pub struct Escalating;

impl RestartPolicy for Escalating {
    fn name(&self) -> &'static str {
        "escalating"
    }

    fn decide(&self, situation: &Situation<'_>) -> Decision {
        let failures = situation.failures();
        let parameters = &situation.actor.parameters;
        if failures <= parameters.hot_limit {
            situation.after_backoff(Response::HotRestart)
        } else if failures <= parameters.total_limit() {
            situation.after_backoff(Response::Reload)
        } else {
            Decision::now(Response::Terminate)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Row, check, row};

    #[test]
    fn a_crash_loop_climbs_to_the_end() {
        let row = |response, delay_millis| Row {
            at_millis: 1,
            response,
            delay_millis,
        };
        check(
            &Escalating,
            &[
                row(Response::HotRestart, 0),
                row(Response::HotRestart, 10),
                row(Response::HotRestart, 20),
                row(Response::Reload, 40),
                row(Response::Reload, 80),
                row(Response::Terminate, 0),
            ],
        );
    }

    #[test]
    fn failures_that_leave_the_window_no_longer_count() {
        check(
            &Escalating,
            &[
                row(0, Response::HotRestart, 0),
                row(20_000, Response::HotRestart, 10),
                row(40_000, Response::HotRestart, 20),
                row(59_000, Response::Reload, 40),
                row(101_000, Response::HotRestart, 10),
                row(300_000, Response::HotRestart, 0),
            ],
        );
    }
}
