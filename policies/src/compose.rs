//! `compose`: the first policy whose condition matches decides.
//!
//! A combinator, made in a constant and registered under a name like any other policy:
//!
//! ```
//! use policies::{Arm, Chorus, Compose, Condition, Never};
//! use restart_manager::abi::FaultKind;
//!
//! const CAREFUL: Compose = Compose {
//!     name: "careful",
//!     arms: &[
//!         Arm { when: Condition::Fault(FaultKind::COMPLAINT), then: &Never },
//!         Arm { when: Condition::Group("drivers"), then: &policies::Backoff },
//!     ],
//!     otherwise: &Chorus,
//! };
//! ```
//!
//! Conditions look at the situation alone, so a composed policy is as much a function as its parts.

use restart_manager::abi::FaultKind;
use restart_manager::{ActorKind, Decision, RestartPolicy, Situation};

/// Asks the first policy whose condition matches.
#[derive(Clone, Copy)]
pub struct Compose {
    /// The name it is chosen by.
    pub name: &'static str,
    /// Looked at in this order.
    pub arms: &'static [Arm],
    /// Asked when no condition matches.
    pub otherwise: &'static dyn RestartPolicy,
}

/// One condition, and who decides if it matches.
#[derive(Clone, Copy)]
pub struct Arm {
    /// The condition.
    pub when: Condition,
    /// Who decides.
    pub then: &'static dyn RestartPolicy,
}

/// What a situation may be like.
#[derive(Clone, Copy, Debug)]
pub enum Condition {
    /// The failure is of this kind.
    Fault(FaultKind),
    /// The actor has this name.
    Actor(&'static str),
    /// The actor's group has this name.
    Group(&'static str),
    /// The actor is of this kind.
    Kind(ActorKind),
    /// At least so many failures of the actor count, this one included.
    Failures(u32),
    /// It is a restart that failed.
    FailedAttempt,
    /// All of these.
    All(&'static [Condition]),
}

impl Condition {
    fn matches(&self, situation: &Situation<'_>) -> bool {
        match self {
            Self::Fault(kind) => situation.fault.kind == *kind,
            Self::Actor(name) => situation.actor.name.as_str() == *name,
            Self::Group(name) => situation.group.name.as_str() == *name,
            Self::Kind(kind) => situation.actor.kind == *kind,
            Self::Failures(least) => situation.failures() >= *least,
            Self::FailedAttempt => situation.failed_attempt.is_some(),
            Self::All(conditions) => conditions.iter().all(|each| each.matches(situation)),
        }
    }
}

impl RestartPolicy for Compose {
    fn name(&self) -> &'static str {
        self.name
    }

    fn decide(&self, situation: &Situation<'_>) -> Decision {
        let arm = self.arms.iter().find(|arm| arm.when.matches(situation));
        arm.map_or(self.otherwise, |arm| arm.then).decide(situation)
    }
}

#[cfg(test)]
mod tests {
    use restart_manager::Response::{self, HotRestart, Terminate};

    use super::*;
    use crate::table::{check, row};
    use crate::{AlwaysHot, Backoff, Never};

    const fn composed(arms: &'static [Arm]) -> Compose {
        Compose {
            name: "composed",
            arms,
            otherwise: &AlwaysHot,
        }
    }

    #[test]
    fn the_first_condition_that_matches_decides() {
        use Condition as C;
        const fn when(when: Condition) -> Arm {
            Arm { when, then: &Never }
        }
        let table: [(&'static [Arm], Response); 12] = [
            (const { &[] }, HotRestart),
            (const { &[when(C::Fault(FaultKind::PANIC))] }, Terminate),
            (const { &[when(C::Fault(FaultKind::HUNG))] }, HotRestart),
            (const { &[when(C::Actor("subject"))] }, Terminate),
            (const { &[when(C::Actor("object"))] }, HotRestart),
            (const { &[when(C::Group("subject"))] }, Terminate),
            (const { &[when(C::Group("object"))] }, HotRestart),
            (const { &[when(C::Kind(ActorKind::Indirect))] }, HotRestart),
            (const { &[when(C::Failures(2))] }, HotRestart),
            (const { &[when(C::FailedAttempt)] }, HotRestart),
            (
                const { &[when(C::All(&[C::Failures(1), C::Actor("x")]))] },
                HotRestart,
            ),
            (
                const { &[when(C::All(&[C::Failures(1), C::Kind(ActorKind::Direct)]))] },
                Terminate,
            ),
        ];
        for (arms, response) in table {
            check(&composed(arms), &[row(1, response, 0)]);
        }
        const ARMS: &[Arm] = &[
            Arm {
                when: C::Failures(3),
                then: &Never,
            },
            Arm {
                when: C::Failures(2),
                then: &Backoff,
            },
        ];
        let rows = [
            row(1, HotRestart, 0),
            row(1, HotRestart, 10),
            row(1, Terminate, 0),
        ];
        check(&composed(ARMS), &rows);
    }
}
