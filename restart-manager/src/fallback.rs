//! The built-in policy: what the shipped default, `chorus`, does, and what stands in for a policy
//! that fails.
//!
//! It is here and not with the other policies, because the manager must be able to decide when
//! the policy it was given cannot. `chorus` is this ladder with the parameters of the site; the
//! stand-in is the same ladder with default parameters, because the failed policy's may be what
//! it failed on.

use crate::{Decision, GroupSlot, Parameters, Response, Situation};

/// Climbs the paper's ladder (2.7), with these parameters for the actor. Of the failures that
/// count, the first `hot_limit` are answered with a hot restart of the actor's group and the next
/// `reload_limit` with a reload of it. What fails then fails because of what it stands on: the
/// layer below is restarted, at most its own `propagation_limit` times in its own window, then the
/// one below that, down to the kernel group, which is the site. When that has not helped either,
/// the group ends.
///
/// Bounded: it looks at each group below once.
#[must_use]
pub fn chorus(situation: &Situation<'_>, parameters: &Parameters) -> Decision {
    let failures = situation
        .history
        .failures_within(parameters.window, situation.now);
    let after_backoff = |response| Decision {
        response,
        delay: parameters.backoff.delay(failures),
    };
    if failures <= parameters.hot_limit {
        return after_backoff(Response::HotRestart);
    }
    if failures <= parameters.total_limit() {
        return after_backoff(Response::Reload);
    }
    let tree = &situation.tree;
    let blamed = tree
        .ancestors()
        .filter_map(|group| tree.facts(group))
        .find(|facts| facts.is_restartable && facts.restarts < facts.parameters.propagation_limit);
    match blamed {
        Some(facts) if facts.group == GroupSlot::KERNEL => Decision::now(Response::SiteRestart),
        Some(facts) => after_backoff(Response::HotRestartGroup(facts.group)),
        None => Decision::now(Response::Terminate),
    }
}
