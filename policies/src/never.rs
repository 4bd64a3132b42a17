//! `never`: what fails ends.
//!
//! For sites that watch their actors from outside, and for seeing what a failure does when nothing
//! is done about it.

use restart_manager::{Decision, Response, RestartPolicy, Situation};

/// Terminates whatever fails.
#[derive(Clone, Copy, Debug)]
pub struct Never;

impl RestartPolicy for Never {
    fn name(&self) -> &'static str {
        "never"
    }

    fn decide(&self, _situation: &Situation<'_>) -> Decision {
        Decision::now(Response::Terminate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Row, check};

    #[test]
    fn the_first_failure_ends_the_actor() {
        check(
            &Never,
            &[Row {
                at_millis: 0,
                response: Response::Terminate,
                delay_millis: 0,
            }],
        );
    }
}
