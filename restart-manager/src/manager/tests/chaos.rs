//! Any events at all, from a kernel that makes no sense. Only what the manager itself can know is
//! checked, and that it does not panic or spin.

use abi::{ActorId, Generation, Instant, Name, Slot};
use proptest::prelude::*;

use super::fake::{Dictated, fault, storage};
use crate::group::GroupSlot;
use crate::{
    Action, ActorDeclaration, ActorKind, Event, Parameters, Question, Reaction, RestartManager,
    RestartPolicy, State,
};

const SLOTS: u32 = 5;
const GROUPS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Event {
        kind: u8,
        slot: u32,
        present: bool,
        generation: u32,
        code: u64,
        other: u32,
    },
    Declare {
        slot: u32,
        group: usize,
        generation: u32,
        direct: bool,
    },
    DeclareGroup {
        name: u8,
        base: usize,
    },
    Poll {
        times: u8,
    },
    Notices {
        times: u8,
    },
    Pass {
        nanos: u64,
    },
    Ask,
    Answer {
        which: usize,
    },
}

fn code() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..7_u64, 2 => 10..42_u64]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0..19_u8, 0..SLOTS + 1, prop::bool::weighted(0.8), 0..5_u32, code(), 0..6_u32)
            .prop_map(|(kind, slot, present, generation, code, other)| {
                Step::Event { kind, slot, present, generation, code, other }
            }),
        2 => (0..SLOTS + 1, 0..GROUPS + 1, 0..4_u32, any::<bool>()).prop_map(
            |(slot, group, generation, direct)| Step::Declare { slot, group, generation, direct }
        ),
        1 => (0..4_u8, 0..GROUPS + 2).prop_map(|(name, base)| Step::DeclareGroup { name, base }),
        12 => (1..9_u8).prop_map(|times| Step::Poll { times }),
        2 => (1..9_u8).prop_map(|times| Step::Notices { times }),
        6 => Just(Step::Ask),
        6 => (0..8_usize).prop_map(|which| Step::Answer { which }),
        2 => prop_oneof![Just(u64::MAX), any::<u64>(), 0..100_000_000_u64]
            .prop_map(|nanos| Step::Pass { nanos }),
    ]
}

fn event(step: &Step, manager: &mut RestartManager<'static>, now: Instant) {
    let Step::Event {
        kind,
        slot,
        present,
        generation,
        code,
        other,
    } = *step
    else {
        return;
    };
    let slot = Slot(slot);
    let given = ActorId::new(slot, Generation(generation));
    let known = manager.actor(slot).map(|entry| entry.actor());
    let actor = if present {
        known.unwrap_or(given)
    } else {
        given
    };
    let successor = ActorId::new(slot, Generation(actor.generation().0.saturating_add(other)));
    let record = fault(code, u64::from(other) * 7);
    let record = &record;
    let by = given;
    let event = match kind {
        0 => Event::Loaded { actor },
        1 => Event::LoadFailed {
            actor,
            fault: record,
        },
        2 | 3 => Event::Failed {
            actor,
            fault: record,
        },
        4 => Event::Exited { actor },
        5 => Event::RestartRequested { actor, by },
        6 => Event::KillRequested { actor, by },
        7 => Event::Frozen {
            actor,
            successor: (other > 0).then_some(successor),
        },
        8 => Event::Restarted {
            actor,
            block_reads: code,
        },
        9 => Event::RestartFailed {
            actor,
            fault: record,
        },
        10 => Event::Activated { actor },
        11 => Event::ActivationFailed {
            actor,
            fault: record,
        },
        12 => Event::Ended { actor },
        13 => Event::Ready { actor },
        14 => Event::FirstReply { actor },
        15 => Event::SiteActionRefused,
        16 => match GroupSlot::from_index(other as usize) {
            Some(group) => Event::GiveUpCleared { group, by },
            None => return,
        },
        17 => Event::ActivationPostponed { actor },
        _ => match GroupSlot::from_index(other as usize) {
            Some(group) => Event::GroupKillRequested { group, by },
            None => return,
        },
    };
    manager.on_event(event, now);
}

fn states(manager: &RestartManager<'static>, group: GroupSlot) -> Vec<State> {
    (0..SLOTS)
        .filter_map(|slot| manager.actor(Slot(slot)))
        .filter(|entry| entry.group() == group && entry.state().is_present())
        .map(|entry| entry.state())
        .collect()
}

fn check(manager: &RestartManager<'static>, action: &Action) {
    let (Action::Freeze { actor, .. }
    | Action::Restart { actor, .. }
    | Action::Activate { actor, .. }
    | Action::Terminate { actor, .. }) = *action
    else {
        return;
    };
    let entry = manager.actor(actor.slot()).unwrap();
    assert_eq!(entry.actor(), actor);
    assert!(entry.state().awaits_report());
    let peers = states(manager, entry.group());
    let restarting = peers
        .iter()
        .filter(|state| **state == State::Restarting)
        .count();
    match action {
        Action::Restart { .. } => {
            assert_eq!(restarting, 1);
            assert!(peers.iter().all(|state| !state.may_run()), "{peers:?}");
        }
        Action::Activate { .. } => {
            assert_eq!(restarting, 0);
            assert!(!peers.contains(&State::Frozen), "{peers:?}");
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_breaks_the_manager(
        steps in prop::collection::vec(step(), 0..300),
        room in 0..20_usize,
    ) {
        let mut manager = RestartManager::new(storage(SLOTS as usize, GROUPS, room), &Dictated);
        manager.lend_notices(vec![None; room].leak());
        let mut now = Instant::ZERO;
        let mut questions = Vec::new();
        for name in 0..2 {
            let _ = manager.declare_group(Name::truncated(&format!("{name}")), None);
        }
        for slot in 0..SLOTS - 1 {
            let group = GroupSlot::from_index(slot as usize % 2).unwrap();
            declare(&mut manager, slot, group, 1, true);
        }
        for step in &steps {
            match *step {
                Step::Event { .. } => event(step, &mut manager, now),
                Step::Declare { slot, group, generation, direct } => {
                    let group = GroupSlot::from_index(group).unwrap();
                    declare(&mut manager, slot, group, generation, direct);
                }
                Step::DeclareGroup { name, base } => {
                    let group = GroupSlot::from_index(usize::from(name)).unwrap();
                    let below = GroupSlot::from_index(base).unwrap();
                    let reaction = [Reaction::Restart, Reaction::Notify][base % 2];
                    let _ = manager.declare_edge(group, below, reaction, Reaction::Restart);
                    let base = GroupSlot::from_index(base).filter(|base| base.index() != 4);
                    let _ = manager.declare_group(Name::truncated(&format!("{name}")), base);
                }
                Step::Poll { times } => {
                    for _ in 0..times {
                        if let Some(action) = manager.poll(now) {
                            check(&manager, &action);
                        }
                    }
                }
                Step::Notices { times } => {
                    for _ in 0..times {
                        let _ = manager.next_notice();
                    }
                }
                Step::Ask => {
                    let mut question = Question::new();
                    if manager.next_question(now, &mut question) {
                        questions.push(question);
                    }
                }
                // Now and then a second time, as no kernel should.
                Step::Answer { which } => {
                    if let Some(question) = questions.get(which) {
                        let decision = Dictated.decide(&question.situation());
                        manager.answer(question, decision, now);
                    }
                }
                Step::Pass { nanos } => now = Instant(now.0.saturating_add(nanos)),
            }
        }
        for pair in manager.ledger().entries().collect::<Vec<_>>().windows(2) {
            prop_assert_eq!(pair[0].sequence + 1, pair[1].sequence);
        }
        let mut actions = 0;
        while let Some(action) = manager.poll(now) {
            check(&manager, &action);
            actions += 1;
            prop_assert!(actions <= SLOTS + 1);
        }
        prop_assert!(manager.next_deadline().is_none_or(|deadline| deadline > now));
    }
}

fn declare(
    manager: &mut RestartManager<'static>,
    slot: u32,
    group: GroupSlot,
    generation: u32,
    direct: bool,
) {
    let _ = manager.declare_actor(ActorDeclaration {
        actor: ActorId::new(Slot(slot), Generation(generation)),
        name: Name::truncated("actor"),
        group,
        kind: if direct {
            ActorKind::Direct
        } else {
            ActorKind::Indirect
        },
        parameters: Parameters::DEFAULT,
        started: 0,
    });
}
