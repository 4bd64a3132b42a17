//! The rules about policy parameters.
//!
//! A policy must cope with any numbers; these rules refuse what could only be a mistake.

use restart_manager::Parameters;
use restart_manager::history::HISTORY_MAX;

use super::{Place, Report, Rule};

pub(super) fn check(report: &mut Report<'_>, place: Place, parameters: &Parameters) {
    if !parameters.is_valid() {
        let limit = HISTORY_MAX;
        report.add(place, "policy", Rule::LimitsOverHistory { limit });
    }
    if parameters.window.0 == 0 {
        report.add(place, "policy.window", Rule::WindowEmpty);
    }
    if parameters.backoff.first > parameters.backoff.longest {
        report.add(place, "policy.backoff", Rule::BackoffShrinks);
    }
}
