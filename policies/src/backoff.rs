//! `backoff`: what fails is restarted for ever, later and later.
//!
//! Of the failures that count the first `hot_limit` are answered from memory and all others from
//! stable storage, each put off by the actor's backoff, which doubles up to its cap. For actors
//! without which the site makes no sense and whose trouble comes from outside: a device that is
//! away, a peer that is not up yet. Nobody waits for them meanwhile: their callers are told at the
//! freeze.

use restart_manager::{Decision, Response, RestartPolicy, Situation};

/// Restarts later and later, and never gives up.
#[derive(Clone, Copy, Debug)]
pub struct Backoff;

impl RestartPolicy for Backoff {
    fn name(&self) -> &'static str {
        "backoff"
    }

    fn decide(&self, situation: &Situation<'_>) -> Decision {
        if situation.failures() <= situation.actor.parameters.hot_limit {
            situation.after_backoff(Response::HotRestart)
        } else {
            situation.after_backoff(Response::Reload)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{check, row};

    #[test]
    fn restarts_come_later_and_later_and_never_end() {
        let mut rows = vec![
            row(1, Response::HotRestart, 0),
            row(2, Response::HotRestart, 10),
            row(3, Response::HotRestart, 20),
            row(4, Response::Reload, 40),
            row(5, Response::Reload, 80),
            row(6, Response::Reload, 160),
            row(7, Response::Reload, 320),
            row(8, Response::Reload, 640),
        ];
        rows.extend([row(9, Response::Reload, 1_000); 50]);
        rows.push(row(100_000, Response::HotRestart, 0));
        check(&Backoff, &rows);
    }
}
