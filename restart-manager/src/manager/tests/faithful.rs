//! Random failures in a kernel that reports truthfully, with noise on the line.

use abi::{ActorId, Generation};
use proptest::prelude::*;

use super::fake::{Dictated, Fake, Thinking, fault};
use crate::{Action, ActorKind, Event, State};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Poll,
    PollAll,
    Complete {
        which: usize,
    },
    CompleteBadly {
        which: usize,
        code: u64,
        delay: u64,
    },
    Fail {
        actor: usize,
        code: u64,
        delay: u64,
    },
    FailWhileActivated {
        code: u64,
    },
    Exit {
        actor: usize,
    },
    Restart {
        actor: usize,
    },
    Kill {
        actor: usize,
    },
    KillGroup {
        group: usize,
    },
    Load {
        actor: usize,
    },
    LoadBadly {
        actor: usize,
    },
    Reply {
        actor: usize,
    },
    Noise {
        actor: usize,
        kind: u8,
        generation: u32,
    },
    Pass {
        millis: u64,
    },
    Ask,
    Answer {
        which: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let actor = 0..8_usize;
    let code = prop_oneof![5 => Just(0_u64), 3 => Just(1), 1 => 2..6_u64];
    let delay = prop_oneof![2 => Just(0_u64), 1 => 0..50_u64];
    let which = 0..8_usize;
    prop_oneof![
        8 => Just(Step::Poll),
        8 => Just(Step::PollAll),
        16 => which.clone().prop_map(|which| Step::Complete { which }),
        6 => Just(Step::Ask),
        6 => which.clone().prop_map(|which| Step::Answer { which }),
        3 => (which, code.clone(), delay.clone())
            .prop_map(|(which, code, delay)| Step::CompleteBadly { which, code, delay }),
        8 => (actor.clone(), code.clone(), delay)
            .prop_map(|(actor, code, delay)| Step::Fail { actor, code, delay }),
        2 => code.prop_map(|code| Step::FailWhileActivated { code }),
        1 => actor.clone().prop_map(|actor| Step::Exit { actor }),
        2 => actor.clone().prop_map(|actor| Step::Restart { actor }),
        1 => actor.clone().prop_map(|actor| Step::Kill { actor }),
        1 => (0..3_usize).prop_map(|group| Step::KillGroup { group }),
        4 => actor.clone().prop_map(|actor| Step::Load { actor }),
        1 => actor.clone().prop_map(|actor| Step::LoadBadly { actor }),
        1 => actor.clone().prop_map(|actor| Step::Reply { actor }),
        4 => (actor, 0..9_u8, 0..4_u32)
            .prop_map(|(actor, kind, generation)| Step::Noise { actor, kind, generation }),
        2 => (0..60_u64).prop_map(|millis| Step::Pass { millis }),
    ]
}

fn site() -> impl Strategy<Value = Vec<Vec<ActorKind>>> {
    let kind = prop_oneof![4 => Just(ActorKind::Direct), 1 => Just(ActorKind::Indirect)];
    prop::collection::vec(prop::collection::vec(kind, 1..5), 1..4)
}

fn take(fake: &mut Fake, step: Step) {
    let count = fake.actors.len();
    match step {
        Step::Poll => {
            fake.poll();
        }
        Step::PollAll => {
            fake.poll_all();
        }
        Step::Complete { which } => fake.complete(which, Ok(())),
        Step::CompleteBadly { which, code, delay } => {
            fake.complete(which, Err(&fault(code, delay)));
        }
        Step::Fail { actor, code, delay } => {
            if fake.actors[actor % count].has_threads {
                fake.fail(actor % count, code, delay);
            }
        }
        Step::FailWhileActivated { code } => {
            let activation = fake
                .in_flight
                .iter()
                .position(|action| matches!(action, Action::Activate { .. }));
            if let Some(Action::Activate {
                actor, incarnation, ..
            }) = activation.map(|which| fake.in_flight.remove(which))
            {
                let index = actor.slot().index();
                fake.actors[index].has_threads = true;
                fake.actors[index].starts = incarnation;
                fake.fail(index, code, 0);
                // The report crosses the failure.
                fake.tell(Event::Activated { actor });
            }
        }
        Step::Exit { actor } => {
            if fake.actors[actor % count].has_threads {
                fake.tell(Event::Exited {
                    actor: fake.id(actor % count),
                });
            }
        }
        Step::Restart { actor } => fake.tell(Event::RestartRequested {
            actor: fake.id(actor % count),
            by: ActorId::NONE,
        }),
        Step::Kill { actor } => {
            fake.tell(Event::KillRequested {
                actor: fake.id(actor % count),
                by: ActorId::NONE,
            });
        }
        Step::KillGroup { group } => {
            let group = fake.groups[group % fake.groups.len()];
            fake.tell(Event::GroupKillRequested {
                group,
                by: ActorId::NONE,
            });
        }
        Step::Load { actor } => {
            if fake.state(actor % count) == State::Declared {
                fake.load(actor % count);
            }
        }
        Step::LoadBadly { actor } => {
            if fake.state(actor % count) == State::Declared {
                let actor = fake.id(actor % count);
                fake.tell(Event::LoadFailed {
                    actor,
                    fault: &fault(0, 0),
                });
            }
        }
        Step::Reply { actor } => {
            if fake.actors[actor % count].has_threads {
                fake.tell(Event::Ready {
                    actor: fake.id(actor % count),
                });
                fake.tell(Event::FirstReply {
                    actor: fake.id(actor % count),
                });
            }
        }
        Step::Noise {
            actor,
            kind,
            generation,
        } => noise(fake, actor % count, kind, generation),
        Step::Pass { millis } => fake.pass(millis),
        Step::Ask => {
            fake.ask();
        }
        Step::Answer { which } => {
            fake.answer(which);
        }
    }
}

/// An event that must change nothing: of an old incarnation, or a report nobody waits for.
fn noise(fake: &mut Fake, index: usize, kind: u8, generation: u32) {
    let present = fake.id(index);
    let old = ActorId::new(present.slot(), Generation(generation));
    let record = fault(2, 0);
    let (actor, is_stale) = if old == present || generation >= 3 {
        (present, false)
    } else {
        (old, true)
    };
    let state = fake.state(index);
    let before = (
        fake.manager.ledger().next_sequence(),
        fake.manager.ignored(),
    );
    let event = match kind {
        0 if is_stale => Event::Failed {
            actor,
            fault: &record,
        },
        1 if is_stale => Event::KillRequested { actor, by: actor },
        2 if is_stale => Event::Exited { actor },
        3 if is_stale || state != State::Declared => Event::Loaded { actor },
        4 if is_stale || state != State::Freezing => Event::Frozen {
            actor,
            successor: Some(present),
        },
        5 if is_stale || state != State::Restarting => Event::Restarted {
            actor,
            block_reads: 1,
        },
        6 if is_stale || state != State::Activating => Event::Activated { actor },
        7 if is_stale || state != State::Terminating => Event::Ended { actor },
        8 if is_stale || state != State::Restarting => Event::RestartFailed {
            actor,
            fault: &record,
        },
        _ => return,
    };
    fake.tell(event);
    assert_eq!(fake.state(index), state);
    let ignored = fake.manager.ignored();
    assert_eq!(fake.manager.ledger().next_sequence(), before.0);
    assert_eq!(
        ignored.stale + ignored.misplaced,
        before.1.stale + before.1.misplaced + 1
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// `Fake::poll` checks every action; `check_rest` what is left when all is done.
    #[test]
    fn whatever_fails_the_site_comes_to_rest(
        site in site(),
        room in 1..40_usize,
        loaded in any::<u16>(),
        thinks_long in any::<bool>(),
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let groups: Vec<&[ActorKind]> = site.iter().map(Vec::as_slice).collect();
        let mut fake = Fake::new(&groups, room, &Dictated);
        for index in (0..fake.actors.len()).filter(|index| loaded >> index & 3 != 0) {
            fake.load(index);
        }
        if thinks_long {
            fake.thinking = Thinking::Long;
        }
        for step in steps {
            take(&mut fake, step);
        }
        fake.settle();
        fake.check_rest();
    }

    /// Restarts that always fail end their group after at most two attempts a member, even under
    /// a policy that always asks for the mildest.
    #[test]
    fn restarts_that_cannot_be_done_come_to_an_end(
        members in 1..6_usize,
        first in 0..6_usize,
        activations_fail in any::<bool>(),
    ) {
        let kinds = vec![ActorKind::Direct; members];
        let mut fake = Fake::running(&[&kinds]);
        fake.fail(first % members, 0, 0);
        let (mut restarts, mut rounds) = (0, 0);
        while !fake.in_flight.is_empty() || !fake.poll_all().is_empty() {
            rounds += 1;
            prop_assert!(rounds < 100 * members);
            let bad = fault(0, 0);
            let result = match fake.in_flight[0] {
                Action::Restart { .. } => {
                    restarts += 1;
                    if activations_fail { Ok(()) } else { Err(&bad) }
                }
                Action::Activate { .. } => Err(&bad),
                _ => Ok(()),
            };
            fake.complete(0, result);
        }
        prop_assert!(restarts <= 2 * members);
        fake.check_rest();
        prop_assert!(fake.actors.iter().all(|actor| actor.is_gone));
    }
}
