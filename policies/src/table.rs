//! Runs a policy through a table of failures of one actor with default parameters.

use restart_manager::abi::{
    ActorId, FaultKind, FaultRecord, Generation, Instant, Name, Slot, Span,
};
use restart_manager::group::GroupSlot;
use restart_manager::{
    ActorFacts, Decision, GroupFacts, History, Parameters, Response, RestartPolicy, Situation,
};

/// One failure and the answer it must get.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) at_millis: u64,
    pub(crate) response: Response,
    pub(crate) delay_millis: u64,
}

/// Asks `policy` about every failure in turn.
pub(crate) fn check(policy: &dyn RestartPolicy, rows: &[Row]) {
    let fault = FaultRecord::new(FaultKind::PANIC);
    let name = Name::truncated("subject");
    let actor = ActorFacts::new(
        ActorId::new(Slot(0), Generation::FIRST),
        name,
        Parameters::DEFAULT,
    );
    let mut history = History::EMPTY;
    for (index, row) in rows.iter().enumerate() {
        let now = Instant::ZERO.after(Span::from_millis(row.at_millis));
        history.record(now, fault.kind);
        let group = GroupFacts::new(GroupSlot::FIRST, name, 1, &history);
        let decision = policy.decide(&Situation::new(&fault, actor, &history, group, now));
        let delay = Span::from_millis(row.delay_millis);
        let expected = Decision {
            response: row.response,
            delay,
        };
        assert_eq!(decision, expected, "failure {}", index + 1);
        history.answer(decision.response.recorded());
    }
}
