//! `always-hot`: what fails is restarted from memory, at once, for ever.
//!
//! For measurements and soak tests, and for actors whose every failure is known to be passing. An
//! actor that fails at once each time keeps its priority's share of the processor busy: that is
//! what [`Escalating`](crate::Escalating) is for.

use restart_manager::{Decision, Response, RestartPolicy, Situation};

/// Restarts from memory whatever fails.
#[derive(Clone, Copy, Debug)]
pub struct AlwaysHot;

impl RestartPolicy for AlwaysHot {
    fn name(&self) -> &'static str {
        "always-hot"
    }

    fn decide(&self, _situation: &Situation<'_>) -> Decision {
        Decision::now(Response::HotRestart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Row, check};

    #[test]
    fn the_hundredth_failure_is_like_the_first() {
        let rows = [Row {
            at_millis: 1,
            response: Response::HotRestart,
            delay_millis: 0,
        }; 100];
        check(&AlwaysHot, &rows);
    }
}
