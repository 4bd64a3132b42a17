//! A question to the policy, with everything it is shown: a copy.
//!
//! Who asks the policy (the kernel) must not hold the manager meanwhile: a policy thinks for as
//! long as it likes, with interrupts on, and may never answer. So the manager writes down what it
//! shows ([`RestartManager::next_question`](crate::RestartManager::next_question)), goes on with
//! whatever else is reported, and takes the answer when it comes
//! ([`RestartManager::answer`](crate::RestartManager::answer)).
//!
//! A question is a few kilobytes, most of which only a deep tree uses; make one and use it again.

use abi::{ActorId, FaultKind, FaultRecord, Instant, Name, Slot};

use crate::action::Source;
use crate::tree::Layers;
use crate::{ActorFacts, GroupFacts, GroupSlot, History, Parameters, Situation, Tree};

/// One question.
#[derive(Clone, Debug)]
pub struct Question {
    pub(crate) slot: Slot,
    /// Number of the ledger entry it is about.
    pub(crate) sequence: u64,
    pub(crate) fault: FaultRecord,
    pub(crate) actor: ActorFacts,
    pub(crate) history: History,
    pub(crate) group: GroupSlot,
    pub(crate) group_name: Name,
    pub(crate) members: u32,
    pub(crate) group_history: History,
    pub(crate) layers: Layers,
    pub(crate) failed_attempt: Option<Source>,
    pub(crate) now: Instant,
}

impl Question {
    /// Room for a question.
    #[must_use]
    pub fn new() -> Self {
        Self {
            slot: Slot(0),
            sequence: 0,
            fault: FaultRecord::new(FaultKind::PANIC),
            actor: ActorFacts::new(ActorId::NONE, Name::EMPTY, Parameters::DEFAULT),
            history: History::EMPTY,
            group: GroupSlot::FIRST,
            group_name: Name::EMPTY,
            members: 0,
            group_history: History::EMPTY,
            layers: Layers::BARE,
            failed_attempt: None,
            now: Instant::ZERO,
        }
    }

    /// What the policy is shown.
    #[must_use]
    pub fn situation(&self) -> Situation<'_> {
        let group = GroupFacts::new(
            self.group,
            self.group_name,
            self.members,
            &self.group_history,
        );
        Situation {
            failed_attempt: self.failed_attempt,
            tree: Tree {
                layers: &self.layers,
            },
            ..Situation::new(&self.fault, self.actor, &self.history, group, self.now)
        }
    }
}

impl Default for Question {
    fn default() -> Self {
        Self::new()
    }
}
