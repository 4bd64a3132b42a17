//! `chorus`, the default: a hot restart, then a reload, then the layer below, down to the site.
//!
//! The rule of CHORUS/OS (paper, 2.7). Of the failures that count (those in the actor's `window`,
//! none of them older than its last run of `stable_after`):
//!
//! | failures | answer |
//! |---|---|
//! | the first `hot_limit` | hot restart of the actor's group |
//! | the next `reload_limit` | reload of it |
//! | the next, as many as the parent's `propagation_limit` in its own window | hot restart of the group below, and of all that depends on it |
//! | and so on, for each group below | the same |
//! | the next, as many as the site's `propagation_limit` | restart of the site |
//! | one more | the group is given up |
//!
//! So a crash loop at depth `d` comes to its end after `hot_limit + reload_limit` failures and the
//! sum of `d` propagation limits, the site's included: it grows with the depth, it does not
//! multiply. All restarts but that of the site are put off by the actor's backoff.
//!
//! The ladder itself is the Restart Manager's [`fallback`], because it stands in for every policy
//! that fails.

use restart_manager::{Decision, RestartPolicy, Situation, fallback};

/// Climbs the paper's ladder.
#[derive(Clone, Copy, Debug)]
pub struct Chorus;

impl RestartPolicy for Chorus {
    fn name(&self) -> &'static str {
        "chorus"
    }

    fn decide(&self, situation: &Situation<'_>) -> Decision {
        fallback::chorus(situation, &situation.actor.parameters)
    }
}

#[cfg(test)]
mod tests {
    use restart_manager::{Parameters, Response};

    use super::*;
    use crate::table::{Answer, Failure, check_tree, group};

    fn climb(at_millis: u64, answer: Answer, delay_millis: u64) -> Failure {
        Failure {
            at_millis,
            group: "leaf",
            answer,
            delay_millis,
        }
    }

    #[test]
    fn a_crash_loop_climbs_down_the_tree_to_the_site_and_is_given_up() {
        let groups = [
            group("base", None, Parameters::DEFAULT),
            group("middle", Some(0), Parameters::DEFAULT),
            group("leaf", Some(1), Parameters::DEFAULT),
        ];
        let hot = Answer::Own(Response::HotRestart);
        let reload = Answer::Own(Response::Reload);
        let rows = [
            climb(1, hot, 0),
            climb(2, hot, 10),
            climb(3, hot, 20),
            climb(4, reload, 40),
            climb(5, reload, 80),
            climb(6, Answer::Below("middle"), 160),
            climb(7, Answer::Below("base"), 320),
            climb(8, Answer::Own(Response::SiteRestart), 0),
            climb(9, Answer::Own(Response::Terminate), 0),
        ];
        check_tree(&Chorus, &groups, &rows);
    }

    #[test]
    fn every_limit_is_a_parameter() {
        let tuned = Parameters {
            hot_limit: 1,
            reload_limit: 0,
            propagation_limit: 2,
            ..Parameters::DEFAULT
        };
        let unblamed = Parameters {
            propagation_limit: 0,
            ..tuned
        };
        let groups = [
            group("base", None, tuned),
            group("middle", Some(0), unblamed),
            group("leaf", Some(1), tuned),
        ];
        let rows = [
            climb(1, Answer::Own(Response::HotRestart), 0),
            climb(2, Answer::Below("base"), 10),
            climb(3, Answer::Below("base"), 20),
            climb(4, Answer::Own(Response::SiteRestart), 0),
            climb(5, Answer::Own(Response::Terminate), 0),
            // All of that is out of the window, and the actor has run for long.
            climb(70_000, Answer::Own(Response::HotRestart), 0),
            climb(70_001, Answer::Below("base"), 10),
        ];
        check_tree(&Chorus, &groups, &rows);
    }
}
