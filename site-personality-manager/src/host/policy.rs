//! Policy tables: the site's, each group's, each actor's, each over the one above.

use restart_manager::parameters::Strategy;
use restart_manager::{Backoff, Parameters};

use super::entry::Entry;
use super::problem::Problems;

const KEYS: &[&str] = &[
    "window",
    "hot_limit",
    "reload_limit",
    "stable_after",
    "backoff",
    "propagation_limit",
    "strategy",
];
const BACKOFF_KEYS: &[&str] = &["free", "first", "longest"];

/// Reads the table `policy` of an entry. What it does not say is as in `above`.
pub(super) fn read(
    problems: &mut Problems<'_>,
    entry: &Entry<'_>,
    above: Parameters,
) -> Parameters {
    let Some(table) = entry.table(problems, "policy", KEYS) else {
        return above;
    };
    // No `..above` here and below: a parameter added to the Restart Manager must be added here.
    Parameters {
        window: table
            .span(problems, "policy.window")
            .unwrap_or(above.window),
        hot_limit: table
            .limit(problems, "policy.hot_limit")
            .unwrap_or(above.hot_limit),
        reload_limit: table
            .limit(problems, "policy.reload_limit")
            .unwrap_or(above.reload_limit),
        stable_after: table
            .span(problems, "policy.stable_after")
            .unwrap_or(above.stable_after),
        backoff: read_backoff(problems, &table, above.backoff),
        propagation_limit: table
            .limit(problems, "policy.propagation_limit")
            .unwrap_or(above.propagation_limit),
        strategy: table
            .word(problems, "policy.strategy", Strategy::NAMED)
            .unwrap_or(above.strategy),
    }
}

fn read_backoff(problems: &mut Problems<'_>, policy: &Entry<'_>, above: Backoff) -> Backoff {
    let Some(table) = policy.table(problems, "policy.backoff", BACKOFF_KEYS) else {
        return above;
    };
    Backoff {
        free: table
            .limit(problems, "policy.backoff.free")
            .unwrap_or(above.free),
        first: table
            .span(problems, "policy.backoff.first")
            .unwrap_or(above.first),
        longest: table
            .span(problems, "policy.backoff.longest")
            .unwrap_or(above.longest),
    }
}
