//! Whether all that was seen is as it must be.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::Conductor;
use crate::escalation::{self, CHAIN, FRONT};
use crate::promise::Promise;
use crate::records::Records;

/// What may be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Wrong {
    Count,
    SilentClient,
    Cause,
    UnfinishedCounter,
    FalseOutcome,
    UntoldVisitor,
    BlockRead,
    Tree,
    Escalation,
    GivenUp,
    OtherPersonality,
    Returns,
    SiteRestart,
    Conductor,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Count => "a count is wrong",
            Self::SilentClient => "the client did not hear from every incarnation of the counter",
            Self::Cause => "the counter did not die as it was meant to",
            Self::UnfinishedCounter => "the counter neither died in all eight ways nor was ended",
            Self::FalseOutcome => "a visitor of the vault was told something that is not so",
            Self::UntoldVisitor => "a visitor of the vault was not told what became of its visit",
            Self::BlockRead => "a hot restart read from the disk",
            Self::Tree => "a group does not stand where it was declared to",
            Self::Escalation => "the broken layer was not treated as the policy promises",
            Self::GivenUp => "other groups of the chain are given up than the policy promises",
            Self::OtherPersonality => "a personality was touched by what befell the other",
            Self::Returns => "not everybody came back as they were to",
            Self::SiteRestart => "the site was not restarted as it was to be",
            Self::Conductor => "the conductor itself failed",
        })
    }
}

/// What was wrong, if anything, while actors failed and were killed.
pub(crate) fn of_failures(conductor: &Conductor, records: &Records) -> Result<(), Wrong> {
    let Conductor {
        counts,
        visits,
        personalities,
        ..
    } = conductor;
    first(&[
        (!counts.is_any_wrong(), Wrong::Count),
        (
            counts.is_complete_up_to(records.recoveries()),
            Wrong::SilentClient,
        ),
        (!records.is_any_cause_wrong(), Wrong::Cause),
        (records.counter_is_through(), Wrong::UnfinishedCounter),
        (visits.are_true(), Wrong::FalseOutcome),
        (
            visits.are_complete() || records.is_vault_ended(),
            Wrong::UntoldVisitor,
        ),
        (records.block_reads() == 0, Wrong::BlockRead),
        (personalities.are_apart(), Wrong::OtherPersonality),
        (personalities.are_as_promised(), Wrong::Returns),
    ])
}

/// What was wrong, if anything, while the layer failed.
pub(crate) fn of_layers(conductor: &Conductor, records: &Records) -> Result<(), Wrong> {
    let Conductor {
        tree,
        promise,
        counts,
        ..
    } = conductor;
    let promise = promise.as_ref();
    let is_given_up_as_promised = |promise: &Promise| {
        let is_expected =
            |name: &&str| tree.is_given_up(name) == (*name == FRONT && promise.is_given_up());
        CHAIN.iter().all(is_expected)
    };
    first(&[
        (!counts.is_any_wrong(), Wrong::Count),
        (tree.is_as_described(), Wrong::Tree),
        (
            promise.is_none_or(|promise| escalation::keeps(promise, records)),
            Wrong::Escalation,
        ),
        (promise.is_none_or(is_given_up_as_promised), Wrong::GivenUp),
        (records.block_reads() == 0, Wrong::BlockRead),
    ])
}

/// The first of these that does not hold.
pub(crate) fn first(rules: &[(bool, Wrong)]) -> Result<(), Wrong> {
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, wrong)) => Err(*wrong),
        None => Ok(()),
    }
}
