//! `budget`: so many failures within a window are answered with a hot restart, the next one ends
//! the actor.
//!
//! The budget is `hot_limit` failures in `window`; `reload_limit` is not used. Restarts are put
//! off by the actor's backoff. A hot restart that cannot be done falls to a reload, as always.

use restart_manager::{Decision, Response, RestartPolicy, Situation};

/// Restarts from memory within a budget.
#[derive(Clone, Copy, Debug)]
pub struct Budget;

impl RestartPolicy for Budget {
    fn name(&self) -> &'static str {
        "budget"
    }

    fn decide(&self, situation: &Situation<'_>) -> Decision {
        if situation.failures() <= situation.actor.parameters.hot_limit {
            situation.after_backoff(Response::HotRestart)
        } else {
            Decision::now(Response::Terminate)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{check, row};

    #[test]
    fn the_budget_is_spent_and_comes_back_with_the_window() {
        check(
            &Budget,
            &[
                row(0, Response::HotRestart, 0),
                row(1_000, Response::HotRestart, 10),
                row(2_000, Response::HotRestart, 20),
                row(3_000, Response::Terminate, 0),
                // The first two are older than 60 s now; of the last two, one is the present one.
                row(62_500, Response::HotRestart, 10),
            ],
        );
    }
}
