//! Whether all that was seen is as it must be.

use core::fmt;

use crate::Conductor;
use crate::escalation::{CHAIN, FRONT};
use crate::promise::Promise;
use crate::records::Records;

/// What may be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
            Self::Returns => "those who were killed did not come back as they were to",
        })
    }
}

/// Says what was wrong, if anything.
pub(crate) fn of(conductor: &Conductor, records: &Records) -> Result<(), Wrong> {
    let Conductor {
        counts,
        visits,
        escalation,
        personalities,
        tree,
        promise,
        ..
    } = conductor;
    let promise = promise.as_ref();
    let is_given_up_as_promised = |promise: &Promise| {
        let is_expected =
            |name: &&str| tree.is_given_up(name) == (*name == FRONT && promise.is_given_up());
        CHAIN.iter().all(is_expected)
    };
    let rules = [
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
        (tree.is_as_described(), Wrong::Tree),
        (
            promise.is_none_or(|promise| escalation.keeps(promise, records)),
            Wrong::Escalation,
        ),
        (promise.is_none_or(is_given_up_as_promised), Wrong::GivenUp),
        (personalities.are_apart(), Wrong::OtherPersonality),
        (personalities.are_as_promised(), Wrong::Returns),
    ];
    match rules.into_iter().find(|(holds, _)| !holds) {
        Some((_, wrong)) => Err(wrong),
        None => Ok(()),
    }
}
