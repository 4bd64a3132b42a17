//! `otp`: supervision as in Erlang/OTP, with the tree of groups as the tree of supervisors.
//!
//! A group is the supervisor of those that stand directly on it, and the kernel group that of the
//! rest. Its own parameters say how it supervises:
//!
//! | OTP | parameter of the group below |
//! |---|---|
//! | strategy (one-for-one, one-for-all, rest-for-one) | `strategy` |
//! | intensity: most restarts in a period | `hot_limit` |
//! | period | `window` |
//!
//! Within the intensity the failed group is restarted from memory, alone or with its peers as the
//! strategy says. One failure more, and the supervisor has failed: it is restarted, with all that
//! stands on it, its count starts anew, and that counts as one failure with *its* supervisor. When
//! the kernel group's intensity is exceeded too, the site is restarted. Nothing is put off. (A
//! supervisor that is held or has ended cannot be restarted: there the manager's built-in policy
//! decides.)
//!
//! # Nested intensities multiply
//! A leaf that fails at once each time is restarted `I` times before its supervisor is, which gives
//! it `I` more, and so on: with intensities `I1`, `I2`, … from the leaf's supervisor to the kernel
//! group, the site is restarted on failure number `(I1 + 1) × (I2 + 1) × …`, if all of them fall
//! into each period. [`failures_until_site_restart`] computes it. Three levels with the default of
//! 3 take 64 failures: choose small intensities in deep trees.

use restart_manager::{
    AncestorFacts, Decision, GroupSlot, Peers, Response, RestartPolicy, Situation, Strategy,
};

/// Restarts as an OTP supervisor does.
#[derive(Clone, Copy, Debug)]
pub struct Otp;

impl RestartPolicy for Otp {
    fn name(&self) -> &'static str {
        "otp"
    }

    /// Bounded: it looks at each group below once.
    fn decide(&self, situation: &Situation<'_>) -> Decision {
        let tree = &situation.tree;
        let mut failed = situation.group.group;
        for supervisor in tree.ancestors().filter_map(|group| tree.facts(group)) {
            // The failed actor's is counted already; that of a supervisor is only thought of.
            let present = u32::from(failed != situation.group.group);
            let failures = supervisor.failures_above.saturating_add(present);
            if failures <= supervisor.parameters.hot_limit {
                return Decision::now(restart(situation, failed, &supervisor));
            }
            failed = supervisor.group;
        }
        Decision::now(Response::SiteRestart)
    }
}

fn restart(situation: &Situation<'_>, failed: GroupSlot, supervisor: &AncestorFacts) -> Response {
    match supervisor.parameters.strategy {
        Strategy::OneForAll => Response::HotRestartPeers(failed, Peers::All),
        Strategy::RestForOne => Response::HotRestartPeers(failed, Peers::Later),
        Strategy::OneForOne if failed == situation.group.group => Response::HotRestart,
        Strategy::OneForOne => Response::HotRestartGroup(failed),
    }
}

/// On which failure of a crash loop the site is restarted, with these intensities from the leaf's
/// supervisor to the kernel group, if all fall into each period.
#[must_use]
pub const fn failures_until_site_restart(intensities: &[u32]) -> u64 {
    let mut product = 1_u64;
    let mut rest = intensities;
    while let [first, others @ ..] = rest {
        product = product.saturating_mul((*first as u64).saturating_add(1));
        rest = others;
    }
    product
}

#[cfg(test)]
mod tests {
    use restart_manager::Parameters;

    use super::*;
    use crate::table::{Answer, Failure, check_tree, count_until, group};

    fn supervisor(hot_limit: u32, strategy: Strategy) -> Parameters {
        Parameters {
            hot_limit,
            strategy,
            ..Parameters::DEFAULT
        }
    }

    fn row(at_millis: u64, group: &'static str, answer: Answer) -> Failure {
        Failure {
            at_millis,
            group,
            answer,
            delay_millis: 0,
        }
    }

    #[test]
    fn the_supervisor_of_a_crash_loop_fails_and_starts_with_a_clean_slate() {
        let groups = [
            group("base", None, supervisor(1, Strategy::OneForOne)),
            group("one", Some(0), Parameters::DEFAULT),
            group("two", Some(0), Parameters::DEFAULT),
        ];
        let hot = Answer::Own(Response::HotRestart);
        let rows = [
            row(1, "one", hot),
            row(2, "two", Answer::Below("base")),
            row(3, "two", hot),
            row(70_000, "one", hot),
        ];
        check_tree(&Otp, &groups, &rows);
    }

    #[test]
    fn the_strategy_says_who_is_restarted_with_the_failed_group() {
        for (strategy, answer) in [
            (Strategy::OneForOne, Answer::Own(Response::HotRestart)),
            (Strategy::OneForAll, Answer::Peers("one", Peers::All)),
            (Strategy::RestForOne, Answer::Peers("one", Peers::Later)),
        ] {
            let groups = [
                group("base", None, supervisor(1, strategy)),
                group("one", Some(0), Parameters::DEFAULT),
            ];
            check_tree(&Otp, &groups, &[row(1, "one", answer)]);
        }
    }

    #[test]
    fn nested_intensities_multiply_as_documented() {
        assert_eq!(failures_until_site_restart(&[]), 1);
        assert_eq!(failures_until_site_restart(&[3, 3, 3]), 64);
        for (low, high) in [(0, 0), (1, 2), (3, 1), (2, 5)] {
            let groups = [
                group("base", None, supervisor(high, Strategy::OneForOne)),
                group("middle", Some(0), supervisor(low, Strategy::OneForAll)),
                group("leaf", Some(1), Parameters::DEFAULT),
            ];
            let expected = failures_until_site_restart(&[low, high, 3]);
            let counted = count_until(&Otp, &groups, "leaf", Response::SiteRestart);
            assert_eq!(counted, expected, "{low} {high}");
        }
    }
}
