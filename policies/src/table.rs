//! Runs a policy through tables of failures: of one actor with default parameters, or in a tree.

use restart_manager::abi::{
    self, ActorId, Advice, Cause, FaultKind, FaultRecord, Generation, Instant, LedgerEntry, Name,
    Outcome, Phases, Slot, Span,
};
use restart_manager::{
    ActorDeclaration, ActorEntry, ActorFacts, ActorKind, Decision, GroupEntry, GroupFacts,
    GroupSlot, History, Parameters, Peers, Response, RestartManager, RestartPolicy, Situation,
    Storage, rehearse,
};

/// One failure and the answer it must get.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) at_millis: u64,
    pub(crate) response: Response,
    pub(crate) delay_millis: u64,
}

pub(crate) const fn row(at_millis: u64, response: Response, delay_millis: u64) -> Row {
    Row {
        at_millis,
        response,
        delay_millis,
    }
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

/// A group of a tree: its name, the number of the one it stands on, its parameters. The actor in
/// it has the same.
pub(crate) type Group = (&'static str, Option<usize>, Parameters);

pub(crate) const fn group(name: &'static str, base: Option<usize>, own: Parameters) -> Group {
    (name, base, own)
}

/// What is expected to be decided.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Answer {
    /// This, about the failed actor's own group or the site.
    Own(Response),
    /// A hot restart of the group of this name.
    Below(&'static str),
    /// One of the group of this name and of peers.
    Peers(&'static str, Peers),
}

/// A failure of the actor in one of the groups, and the answer it must get.
#[derive(Clone, Copy)]
pub(crate) struct Failure {
    pub(crate) at_millis: u64,
    pub(crate) group: &'static str,
    pub(crate) answer: Answer,
    pub(crate) delay_millis: u64,
}

/// A manager of these groups, with an actor in each.
fn site(policy: &'static dyn RestartPolicy, groups: &[Group]) -> RestartManager<'static> {
    let storage = Storage {
        actors: vec![ActorEntry::EMPTY; groups.len()].leak(),
        groups: vec![GroupEntry::EMPTY; groups.len()].leak(),
        ledger: &mut [],
    };
    let mut manager = RestartManager::new(storage, policy);
    let mut slots = Vec::new();
    for (index, (name, base, parameters)) in groups.iter().enumerate() {
        let name = Name::truncated(name);
        let base = base.map(|base| slots[base]);
        let group = manager.declare_group(name, base).unwrap();
        manager.set_group_parameters(group, *parameters).unwrap();
        slots.push(group);
        let slot = Slot(u32::try_from(index).unwrap());
        let declaration = ActorDeclaration {
            actor: ActorId::new(slot, Generation::FIRST),
            name,
            group,
            kind: ActorKind::Direct,
            parameters: *parameters,
            started: 0,
        };
        manager.declare_actor(declaration).unwrap();
    }
    manager
}

/// What the ledger would have recorded of a failure: whatever is answered now, the actor came back
/// then.
fn entry(at_millis: u64, group: &str) -> LedgerEntry {
    LedgerEntry {
        sequence: 0,
        time: Instant::ZERO.after(Span::from_millis(at_millis)),
        actor: ActorId::NONE,
        successor: ActorId::new(Slot(0), Generation::FIRST),
        name: Name::truncated(group),
        group: Name::truncated(group),
        incarnation: 1,
        cause: Cause::Fault(FaultRecord::new(FaultKind::PANIC)),
        response: abi::Response::HOT_RESTART,
        outcome: Outcome::DONE,
        block_reads: 0,
        phases: Phases::default(),
        advice: Advice::FOLLOWED,
        scope: Name::truncated(group),
    }
}

/// Asks `policy` about failures here and there in a tree, in turn.
pub(crate) fn check_tree(
    policy: &'static dyn RestartPolicy,
    groups: &[Group],
    failures: &[Failure],
) {
    let mut manager = site(policy, groups);
    for (index, failure) in failures.iter().enumerate() {
        let entry = entry(failure.at_millis, failure.group);
        let mut asked = 0;
        rehearse(&mut manager, [&entry], |rehearsed| {
            asked += 1;
            let number = index + 1;
            let named = groups
                .iter()
                .find(|group| Name::truncated(group.0) == rehearsed.scope);
            let answer = match (rehearsed.decision.response, named) {
                (Response::HotRestartGroup(_), Some(named)) => Answer::Below(named.0),
                (Response::HotRestartPeers(_, peers), Some(named)) => Answer::Peers(named.0, peers),
                (other, _) => Answer::Own(other),
            };
            assert_eq!(answer, failure.answer, "failure {number}");
            let delay = Span::from_millis(failure.delay_millis);
            assert_eq!(rehearsed.decision.delay, delay, "failure {number}");
            assert_eq!(rehearsed.advice, Advice::FOLLOWED, "failure {number}");
        });
        assert_eq!(asked, 1);
    }
}

/// On which failure of a crash loop in a group the answer is `wanted`.
pub(crate) fn count_until(
    policy: &'static dyn RestartPolicy,
    groups: &[Group],
    failing: &str,
    wanted: Response,
) -> u64 {
    let mut manager = site(policy, groups);
    for count in 1..10_000 {
        let mut is_over = false;
        rehearse(&mut manager, [&entry(count, failing)], |rehearsed| {
            is_over = rehearsed.decision.response == wanted;
        });
        if is_over {
            return count;
        }
    }
    panic!("never decided");
}
