//! Single stories, each with the question it answers in its name.

use abi::start::PreviousEnd;
use abi::{
    ActorId, Cause, FaultKind, Generation, LedgerEntry, Name, Outcome, Response as Recorded, Slot,
    Span,
};

use super::fake::{
    Dictated, Fake, HOLD, HOT, RELOAD, SITE_REBOOT, SITE_RESTART, TERMINATE, fault, storage,
};
use crate::ActorKind::{Direct, Indirect};
use crate::{
    Action, ActorDeclaration, DeclareError, Event, Fate, Parameters, RestartManager, Source, State,
};

/// What was done about each end, and how that went: `(actor, response, outcome)`.
fn summary(entries: &[LedgerEntry]) -> Vec<(u32, Recorded, Outcome)> {
    entries
        .iter()
        .map(|entry| (entry.actor.slot().0, entry.response, entry.outcome))
        .collect()
}

fn generation(index: u32, generation: u32) -> ActorId {
    ActorId::new(Slot(index), Generation(generation))
}

#[test]
fn a_failed_actor_is_frozen_restarted_and_activated_under_its_new_name() {
    let mut fake = Fake::running(&[&[Direct]]);
    let (old, new) = (generation(0, 1), generation(0, 2));
    let failed_at = fake.now;
    fake.fail(0, HOT, 0);
    assert_eq!(
        fake.poll_all(),
        [Action::Freeze {
            actor: old,
            fate: Fate::Restart
        }]
    );
    fake.pass(2);
    fake.complete(0, Ok(()));
    assert_eq!(
        fake.poll_all(),
        [Action::Restart {
            actor: new,
            source: Source::Memory
        }]
    );
    fake.pass(3);
    fake.complete(0, Ok(()));
    let previous = PreviousEnd::Failed {
        kind: FaultKind::PANIC,
        ledger: 1,
    };
    let activate = Action::Activate {
        actor: new,
        previous,
        incarnation: 2,
    };
    assert_eq!(fake.poll_all(), [activate]);
    fake.pass(5);
    fake.complete(0, Ok(()));
    fake.pass(7);
    fake.tell(Event::FirstReply { actor: new });
    fake.pass(1);
    fake.tell(Event::FirstReply { actor: new });

    let entries = fake.ledger();
    assert_eq!(
        summary(&entries),
        [(0, Recorded::HOT_RESTART, Outcome::DONE)]
    );
    let entry = entries[0];
    assert_eq!(
        (entry.time, entry.actor, entry.successor),
        (failed_at, old, new)
    );
    assert_eq!((entry.incarnation, entry.block_reads), (1, 0));
    let phases = entry.phases;
    let times = [
        phases.freeze,
        phases.restart,
        phases.activate,
        phases.first_reply,
    ];
    assert_eq!(times, [2, 3, 5, 7].map(Span::from_millis));
}

#[test]
fn callers_are_told_before_the_backoff_begins() {
    let mut fake = Fake::running(&[&[Direct]]);
    fake.fail(0, HOT, 40);
    assert_eq!(fake.poll_all().len(), 1);
    fake.complete(0, Ok(()));
    assert_eq!(fake.id(0), generation(0, 2), "the successor is named");
    assert_eq!(fake.poll_all(), []);
    let deadline = fake.manager.next_deadline().unwrap();
    assert_eq!(deadline.since(fake.now), Span::from_millis(40));
    fake.pass(39);
    assert_eq!(fake.poll_all(), []);
    fake.pass(2);
    assert_eq!(fake.poll_all().len(), 1);
    assert_eq!(fake.manager.next_deadline(), None);
    fake.pass(4);
    fake.settle();
    assert_eq!(
        fake.ledger()[0].phases.restart,
        Span::from_millis(4),
        "the backoff is not in it"
    );
}

#[test]
fn a_group_is_frozen_whole_and_restarted_in_the_order_of_declaration() {
    let mut fake = Fake::running(&[&[Direct, Direct, Direct], &[Direct]]);
    // Slots alternate between the groups: 0, 2 and 3 are in the first one.
    fake.fail(3, HOT, 0);
    let freezes = fake.poll_all();
    assert_eq!(freezes.len(), 3);
    fake.settle();
    fake.check_rest();
    let entries = fake.ledger();
    let order: Vec<_> = entries.iter().map(|entry| entry.actor.slot().0).collect();
    assert_eq!(order, [3, 0, 2], "the one that failed, then the others");
    assert!(matches!(entries[0].cause, Cause::Fault(_)));
    assert!(
        entries[1..]
            .iter()
            .all(|entry| entry.cause == Cause::Group { because: 1 })
    );
    assert_eq!(
        fake.id(1),
        generation(1, 1),
        "the other group is not touched"
    );
}

#[test]
fn a_bad_image_is_reloaded_and_a_bad_reload_ends_the_group() {
    let mut fake = Fake::running(&[&[Direct, Direct]]);
    let bad = fault(HOT, 0);
    fake.fail(0, HOT, 0);
    for _ in 0..2 {
        fake.poll_all();
        fake.complete(0, Ok(()));
        fake.complete(0, Ok(()));
    }
    assert_eq!(fake.in_flight, []);
    // Member 0 is restarted; member 1 is next, and its image is bad.
    assert!(matches!(
        fake.poll_all()[..],
        [Action::Restart {
            source: Source::Memory,
            ..
        }]
    ));
    fake.complete(0, Err(&bad));
    assert!(matches!(
        fake.poll_all()[..],
        [Action::Restart {
            source: Source::Storage,
            ..
        }]
    ));
    fake.complete(0, Err(&bad));
    let ends = fake.poll_all();
    assert!(
        matches!(
            ends[..],
            [Action::Terminate { .. }, Action::Terminate { .. }]
        ),
        "{ends:?}"
    );
    fake.settle();
    fake.check_rest();
    assert_eq!(
        summary(&fake.ledger()),
        [
            (0, Recorded::HOT_RESTART, Outcome::SUPERSEDED),
            (1, Recorded::HOT_RESTART, Outcome::FAILED),
            (1, Recorded::RELOAD, Outcome::FAILED),
            (1, Recorded::TERMINATE, Outcome::DONE),
            (0, Recorded::TERMINATE, Outcome::DONE),
        ]
    );
}

#[test]
fn a_member_that_fails_while_its_group_is_stopped_starts_no_second_restart() {
    let mut fake = Fake::running(&[&[Direct, Direct]]);
    fake.fail(0, HOT, 0);
    fake.poll();
    // Before it is asked for, with an answer that would end the group if the policy were asked.
    fake.fail(1, TERMINATE, 0);
    fake.settle();
    fake.check_rest();
    assert_eq!(
        summary(&fake.ledger()),
        [
            (0, Recorded::HOT_RESTART, Outcome::DONE),
            (1, Recorded::HOT_RESTART, Outcome::DONE),
        ]
    );
    assert_eq!(fake.manager.actor(Slot(1)).unwrap().history().deaths(), []);
}

#[test]
fn a_member_that_fails_while_it_is_being_frozen_is_on_record() {
    let mut fake = Fake::running(&[&[Direct, Direct]]);
    fake.fail(0, HOT, 0);
    fake.poll_all();
    fake.fail(1, TERMINATE, 0);
    fake.settle();
    let entries = fake.ledger();
    assert_eq!(
        summary(&entries),
        [
            (0, Recorded::HOT_RESTART, Outcome::DONE),
            (1, Recorded::HOT_RESTART, Outcome::SUPERSEDED),
            (1, Recorded::HOT_RESTART, Outcome::DONE),
        ]
    );
    assert!(matches!(entries[2].cause, Cause::Fault(_)));
}

#[test]
fn an_incarnation_that_fails_before_its_activation_is_reported_starts_the_group_over() {
    let mut fake = Fake::running(&[&[Direct, Direct]]);
    fake.fail(0, HOT, 0);
    while !matches!(fake.in_flight[..], [Action::Activate { .. }]) {
        fake.complete(0, Ok(()));
        fake.poll_all();
    }
    let Some(Action::Activate {
        actor, incarnation, ..
    }) = fake.in_flight.pop()
    else {
        panic!("nothing is being activated");
    };
    fake.actors[0].has_threads = true;
    fake.actors[0].starts = incarnation;
    fake.fail(0, HOT, 0);
    fake.tell(Event::Activated { actor });
    assert_eq!(
        fake.manager.ignored().misplaced,
        1,
        "the report crossed the failure"
    );
    // Member 1 waits, fresh already: it is neither frozen nor restarted again.
    assert_eq!(
        fake.poll_all(),
        [Action::Freeze {
            actor,
            fate: Fate::Restart
        }]
    );
    fake.settle();
    fake.check_rest();
    assert_eq!(
        summary(&fake.ledger()),
        [
            (0, Recorded::HOT_RESTART, Outcome::SUPERSEDED),
            (1, Recorded::HOT_RESTART, Outcome::DONE),
            (0, Recorded::HOT_RESTART, Outcome::DONE),
        ]
    );
    assert_eq!(
        (fake.id(0), fake.id(1)),
        (generation(0, 3), generation(1, 2))
    );
    assert_eq!(fake.manager.actor(Slot(0)).unwrap().incarnation(), 3);
}

#[test]
fn an_activation_that_fails_is_followed_by_a_reload_of_that_member() {
    let mut fake = Fake::running(&[&[Direct, Direct]]);
    fake.fail(0, HOT, 0);
    while !matches!(fake.in_flight[..], [Action::Activate { .. }]) {
        fake.complete(0, Ok(()));
        fake.poll_all();
    }
    fake.complete(0, Err(&fault(HOT, 0)));
    let next = fake.poll_all();
    assert_eq!(
        next,
        [Action::Restart {
            actor: fake.id(0),
            source: Source::Storage
        }]
    );
    fake.settle();
    fake.check_rest();
    assert_eq!(
        summary(&fake.ledger()),
        [
            (0, Recorded::HOT_RESTART, Outcome::FAILED),
            (1, Recorded::HOT_RESTART, Outcome::DONE),
            (0, Recorded::RELOAD, Outcome::DONE),
        ]
    );
    let last = fake.ledger()[2];
    assert_eq!((last.successor, last.block_reads), (fake.id(0), 7));
}

#[test]
fn once_it_runs_an_actor_that_was_reloaded_is_restarted_from_memory_again() {
    let mut fake = Fake::running(&[&[Direct]]);
    fake.fail(0, HOT, 0);
    fake.poll_all();
    fake.complete(0, Ok(()));
    fake.poll_all();
    fake.complete(0, Err(&fault(HOT, 0)));
    fake.settle();
    fake.fail(0, HOT, 0);
    fake.poll_all();
    fake.complete(0, Ok(()));
    assert!(matches!(
        fake.poll_all()[..],
        [Action::Restart {
            source: Source::Memory,
            ..
        }]
    ));
}

#[test]
fn an_actor_loaded_behind_the_one_being_activated_is_not_forgotten() {
    let mut fake = Fake::new(&[&[Direct, Direct]], 8, &Dictated);
    fake.load(1);
    fake.poll_all();
    fake.load(0);
    fake.settle();
    fake.check_rest();
    assert_eq!(fake.state(0), State::Running);
}

#[test]
fn members_that_wait_for_their_activation_are_reloaded_if_their_group_is() {
    let mut fake = Fake::running(&[&[Direct, Direct]]);
    fake.fail(0, HOT, 0);
    while fake.state(0) != State::Running {
        fake.complete(0, Ok(()));
        fake.poll_all();
    }
    assert_eq!(
        (fake.state(1), fake.in_flight.len()),
        (State::Activating, 1)
    );
    fake.fail(0, RELOAD, 0);
    fake.complete(0, Err(&fault(RELOAD, 0)));
    fake.settle();
    fake.check_rest();

    let mut fake = Fake::running(&[&[Direct, Direct]]);
    fake.fail(0, HOT, 0);
    while fake.state(0) != State::Activating {
        fake.complete(0, Ok(()));
        fake.poll_all();
    }
    fake.actors[0].has_threads = true;
    fake.actors[0].starts += 1;
    fake.in_flight.clear();
    fake.fail(0, RELOAD, 0);
    assert_eq!(fake.state(1), State::Prepared);
    fake.settle();
    fake.check_rest();
    let last = |actor| {
        fake.ledger()
            .into_iter()
            .rfind(|entry| entry.name == actor)
            .unwrap()
    };
    for name in ["actor 0", "actor 1"] {
        assert_eq!(
            last(Name::truncated(name)).response,
            Recorded::RELOAD,
            "{name}"
        );
        assert_eq!(last(Name::truncated(name)).block_reads, 7, "{name}");
    }
}

#[test]
fn what_an_actor_does_shows_that_it_was_activated() {
    let table: [fn(ActorId) -> Event<'static>; 3] = [
        |actor| Event::Ready { actor },
        |actor| Event::FirstReply { actor },
        |actor| Event::Exited { actor },
    ];
    for event in table {
        let mut fake = Fake::running(&[&[Direct]]);
        fake.fail(0, HOT, 0);
        while fake.state(0) != State::Activating {
            fake.complete(0, Ok(()));
            fake.poll_all();
        }
        let actor = fake.id(0);
        fake.tell(event(actor));
        assert_eq!(fake.manager.ignored().misplaced, 0);
        assert_eq!(fake.ledger()[0].outcome, Outcome::DONE);
        fake.complete(0, Ok(()));
        assert_eq!(
            fake.manager.ignored().misplaced,
            1,
            "the report came too late"
        );
        fake.settle();
        fake.check_rest();
    }
}

#[test]
fn a_load_that_fails_does_not_let_a_held_group_go() {
    let mut fake = Fake::new(&[&[Direct, Direct]], 8, &Dictated);
    fake.load(0);
    fake.settle();
    fake.fail(0, HOLD, 0);
    fake.settle();
    fake.tell(Event::LoadFailed {
        actor: fake.id(1),
        fault: &fault(HOT, 0),
    });
    fake.settle();
    fake.check_rest();
    assert_eq!(
        (fake.state(0), fake.state(1)),
        (State::Held, State::Terminated)
    );
}

#[test]
fn a_clean_exit_is_no_failure_and_concerns_nobody_else() {
    let mut fake = Fake::running(&[&[Direct, Direct]]);
    fake.tell(Event::Exited { actor: fake.id(0) });
    fake.settle();
    fake.check_rest();
    assert_eq!(
        (fake.state(0), fake.state(1)),
        (State::Terminated, State::Running)
    );
    assert_eq!((fake.id(1), fake.ledger().len()), (generation(1, 1), 1));
    let entry = fake.ledger()[0];
    assert_eq!(
        (entry.cause, entry.outcome),
        (Cause::CleanExit, Outcome::DONE)
    );
    assert_eq!(entry.response, Recorded::NONE);
    assert_eq!(fake.manager.group(fake.groups[0]).unwrap().members(), 1);
    // It has left: a restart of the group does not bring it back.
    fake.fail(1, HOT, 0);
    fake.settle();
    assert_eq!(fake.state(0), State::Terminated);
}

#[test]
fn a_member_that_exits_while_its_group_is_stopped_still_leaves() {
    let mut fake = Fake::running(&[&[Direct, Direct]]);
    fake.fail(0, HOT, 30);
    fake.poll_all();
    fake.tell(Event::Exited { actor: fake.id(1) });
    fake.complete(0, Ok(()));
    fake.complete(0, Ok(()));
    // Its callers do not wait for the backoff either.
    assert!(matches!(fake.poll_all()[..], [Action::Terminate { .. }]));
    fake.settle();
    fake.check_rest();
    assert_eq!(
        (fake.state(0), fake.state(1)),
        (State::Running, State::Terminated)
    );
}

#[test]
fn indirect_members_end_with_a_restart_and_without_direct_ones() {
    let mut fake = Fake::running(&[&[Direct, Indirect]]);
    fake.fail(1, HOT, 0);
    fake.settle();
    fake.check_rest();
    assert_eq!(
        (fake.state(0), fake.state(1)),
        (State::Running, State::Terminated)
    );
    assert_eq!(fake.id(0), generation(0, 2));

    let mut fake = Fake::running(&[&[Direct, Indirect]]);
    fake.tell(Event::Exited { actor: fake.id(0) });
    fake.settle();
    fake.check_rest();
    assert_eq!(fake.state(1), State::Terminated);
}

#[test]
fn a_request_and_a_kill_restart_the_group_and_do_not_count() {
    let by = generation(7, 1);
    for (kind, cause) in [(0, Cause::Requested { by }), (1, Cause::Killed { by })] {
        let mut fake = Fake::running(&[&[Direct, Direct]]);
        let actor = fake.id(1);
        fake.tell(match kind {
            0 => Event::RestartRequested { actor, by },
            _ => Event::KillRequested { actor, by },
        });
        // One more changes nothing.
        fake.tell(Event::RestartRequested { actor, by });
        fake.settle();
        fake.check_rest();
        let entries = fake.ledger();
        assert_eq!((entries.len(), entries[0].cause), (2, cause));
        assert_eq!(
            (fake.id(0), fake.id(1)),
            (generation(0, 2), generation(1, 2))
        );
        assert_eq!(fake.manager.actor(Slot(1)).unwrap().history().deaths(), []);
    }
}

#[test]
fn a_group_kill_ends_a_group_in_every_phase() {
    for steps in 0..12 {
        let mut fake = Fake::running(&[&[Direct, Direct]]);
        fake.fail(0, HOT, 1);
        for _ in 0..steps {
            if fake.poll().is_none() {
                fake.complete(0, Ok(()));
                fake.pass(1);
            }
        }
        fake.tell(Event::GroupKillRequested {
            group: fake.groups[0],
            by: generation(7, 1),
        });
        fake.settle();
        fake.check_rest();
        assert!(
            fake.actors.iter().all(|actor| actor.is_gone),
            "after {steps} steps"
        );
        let entries = fake.ledger();
        let killed = entries
            .iter()
            .filter(|entry| matches!(entry.cause, Cause::Killed { .. }));
        assert_eq!(killed.count(), 2, "after {steps} steps");
    }
}

#[test]
fn a_held_group_stays_until_somebody_asks_for_it() {
    let mut fake = Fake::running(&[&[Direct, Direct]]);
    fake.fail(0, HOLD, 0);
    let freezes = fake.poll_all();
    assert!(freezes.iter().all(|a| matches!(
        a,
        Action::Freeze {
            fate: Fate::Hold,
            ..
        }
    )));
    fake.settle();
    assert!(fake.manager.group(fake.groups[0]).unwrap().is_held());
    assert_eq!((fake.state(0), fake.id(0)), (State::Held, generation(0, 1)));
    assert_eq!(fake.ledger()[0].outcome, Outcome::DONE);
    fake.tell(Event::RestartRequested {
        actor: fake.id(1),
        by: ActorId::NONE,
    });
    fake.settle();
    fake.check_rest();
    assert_eq!(
        (fake.state(0), fake.id(0)),
        (State::Running, generation(0, 2))
    );
    assert_eq!(
        (fake.state(1), fake.id(1)),
        (State::Running, generation(1, 2))
    );
}

#[test]
fn a_group_that_is_killed_while_it_is_being_held_ends() {
    let mut fake = Fake::running(&[&[Direct]]);
    fake.fail(0, HOLD, 0);
    fake.poll_all();
    fake.tell(Event::GroupKillRequested {
        group: fake.groups[0],
        by: ActorId::NONE,
    });
    assert_eq!(fake.poll_all(), []);
    fake.settle();
    fake.check_rest();
    assert_eq!(fake.state(0), State::Terminated);
}

#[test]
fn a_site_restart_that_is_refused_ends_the_group_instead() {
    for code in [SITE_RESTART, SITE_REBOOT] {
        let mut fake = Fake::running(&[&[Direct], &[Direct]]);
        fake.fail(0, code, 0);
        let asked = if code == SITE_RESTART {
            Action::SiteRestart { because: 1 }
        } else {
            Action::SiteReboot { because: 1 }
        };
        assert_eq!(fake.poll_all(), [asked]);
        fake.settle();
        fake.check_rest();
        assert_eq!(
            (fake.state(0), fake.state(1)),
            (State::Terminated, State::Running)
        );
        let outcomes: Vec<_> = fake.ledger().iter().map(|entry| entry.outcome).collect();
        assert_eq!(outcomes, [Outcome::SUPERSEDED, Outcome::DONE]);
    }
}

#[test]
fn an_image_that_never_loaded_ends_alone_and_the_site_goes_on() {
    let mut fake = Fake::new(&[&[Direct, Direct]], 8, &Dictated);
    fake.tell(Event::LoadFailed {
        actor: fake.id(0),
        fault: &fault(HOT, 0),
    });
    fake.load(1);
    fake.settle();
    fake.check_rest();
    assert_eq!(
        (fake.state(0), fake.state(1)),
        (State::Terminated, State::Running)
    );
    assert_eq!(
        summary(&fake.ledger()),
        [(0, Recorded::TERMINATE, Outcome::DONE)]
    );
}

#[test]
fn a_load_that_fails_while_the_group_restarts_ends_that_member_alone() {
    for steps in 0..8 {
        let mut fake = Fake::new(&[&[Direct, Direct]], 8, &Dictated);
        fake.load(0);
        fake.settle();
        fake.fail(0, HOT, 1);
        for _ in 0..steps {
            if fake.poll().is_none() {
                fake.complete(0, Ok(()));
                fake.pass(1);
            }
        }
        fake.tell(Event::LoadFailed {
            actor: fake.id(1),
            fault: &fault(HOT, 0),
        });
        fake.settle();
        fake.check_rest();
        assert_eq!(
            (fake.state(0), fake.state(1)),
            (State::Running, State::Terminated)
        );
    }
}

#[test]
fn an_actor_loaded_while_its_group_restarts_is_activated_once_and_not_restarted() {
    let mut fake = Fake::new(&[&[Direct, Direct]], 8, &Dictated);
    fake.load(1);
    fake.settle();
    fake.fail(1, RELOAD, 0);
    fake.poll_all();
    fake.load(0);
    fake.settle();
    fake.check_rest();
    assert_eq!(
        (fake.state(0), fake.state(1)),
        (State::Running, State::Running)
    );
    assert_eq!((fake.id(0), fake.actors[0].starts), (generation(0, 1), 1));
    assert_eq!(fake.ledger().len(), 1);
}

#[test]
fn an_actor_without_a_further_name_ends_with_its_group() {
    let mut fake = Fake::running(&[&[Direct, Direct]]);
    fake.fail(0, HOT, 0);
    fake.poll_all();
    fake.in_flight.remove(0);
    fake.actors[0].has_threads = false;
    fake.tell(Event::Frozen {
        actor: fake.id(0),
        successor: None,
    });
    fake.settle();
    fake.check_rest();
    assert!(fake.actors.iter().all(|actor| actor.is_gone));
    let group = fake.manager.group(fake.groups[0]).unwrap();
    assert!(group.is_given_up());
}

#[test]
fn a_stable_run_makes_the_past_forgotten() {
    let mut fake = Fake::running(&[&[Direct]]);
    let failures = |fake: &Fake| {
        fake.manager
            .actor(Slot(0))
            .unwrap()
            .history()
            .deaths()
            .len()
    };
    for expected in 1..=3 {
        fake.fail(0, HOT, 0);
        fake.settle();
        assert_eq!(failures(&fake), expected);
    }
    fake.pass(10_000);
    fake.fail(0, HOT, 0);
    assert_eq!(failures(&fake), 1);
}

#[test]
fn events_of_earlier_incarnations_are_ignored_and_counted() {
    let mut fake = Fake::running(&[&[Direct]]);
    let old = fake.id(0);
    fake.fail(0, HOT, 0);
    fake.settle();
    fake.tell(Event::Failed {
        actor: old,
        fault: &fault(TERMINATE, 0),
    });
    fake.tell(Event::Exited {
        actor: generation(99, 1),
    });
    fake.tell(Event::Ended { actor: fake.id(0) });
    assert_eq!(fake.poll_all(), []);
    let ignored = fake.manager.ignored();
    assert_eq!((ignored.stale, ignored.misplaced), (2, 1));
    assert_eq!(fake.ledger().len(), 1);
}

#[test]
fn freezes_go_before_the_restarts_of_other_groups() {
    let mut fake = Fake::running(&[&[Direct, Direct], &[Direct]]);
    fake.fail(0, RELOAD, 0);
    fake.poll_all();
    fake.complete(0, Ok(()));
    fake.complete(0, Ok(()));
    fake.fail(1, HOT, 0);
    let actions = fake.poll_all();
    assert!(
        matches!(actions[..], [Action::Freeze { .. }, Action::Restart { .. }]),
        "{actions:?}"
    );
}

#[test]
fn declarations_that_make_no_sense_are_refused() {
    let mut manager = RestartManager::new(storage(2, 2, 4), &Dictated);
    let name = Name::truncated("one");
    let group = manager.declare_group(name, None).unwrap();
    assert_eq!(
        manager.declare_group(name, None),
        Err(DeclareError::NameTaken)
    );
    let other = manager
        .declare_group(Name::truncated("two"), Some(group))
        .unwrap();
    assert_eq!(manager.group(other).unwrap().base(), Some(group));
    assert_eq!(
        manager.declare_group(Name::truncated("three"), None),
        Err(DeclareError::NoSlot)
    );

    let good = ActorDeclaration {
        actor: generation(0, 1),
        name,
        group,
        kind: Direct,
        parameters: Parameters::DEFAULT,
        started: 0,
    };
    let bad_parameters = Parameters {
        hot_limit: 16,
        ..Parameters::DEFAULT
    };
    let table = [
        (
            ActorDeclaration {
                actor: generation(2, 1),
                ..good
            },
            DeclareError::NoSlot,
        ),
        (
            ActorDeclaration {
                actor: ActorId::NONE,
                ..good
            },
            DeclareError::NoSlot,
        ),
        (
            ActorDeclaration {
                parameters: bad_parameters,
                ..good
            },
            DeclareError::BadParameters,
        ),
    ];
    for (declaration, error) in table {
        assert_eq!(manager.declare_actor(declaration), Err(error));
    }
    assert_eq!(manager.declare_actor(good), Ok(()));
    assert_eq!(manager.declare_actor(good), Err(DeclareError::SlotTaken));
}

#[test]
fn the_place_of_what_has_ended_can_be_declared_anew() {
    let mut fake = Fake::running(&[&[Direct], &[Direct]]);
    let gone = fake.groups[0];
    fake.fail(0, TERMINATE, 0);
    fake.poll_all();
    fake.complete(0, Ok(()));
    let declaration = ActorDeclaration {
        actor: generation(0, 5),
        name: Name::truncated("again"),
        group: gone,
        kind: Direct,
        parameters: Parameters::DEFAULT,
        started: 0,
    };
    assert_eq!(
        fake.manager.declare_actor(declaration),
        Err(DeclareError::SlotTaken)
    );
    fake.settle();
    assert_eq!(
        fake.manager.declare_actor(declaration),
        Err(DeclareError::NoGroup)
    );
    let name = Name::truncated("group 0");
    assert!(fake.manager.group(gone).unwrap().is_given_up());
    assert_eq!(
        fake.manager.declare_group(name, None),
        Err(DeclareError::GivenUp)
    );
    let cleared = Event::GiveUpCleared {
        group: gone,
        by: ActorId::NONE,
    };
    fake.tell(cleared);
    fake.tell(cleared);
    assert_eq!(fake.manager.ignored().misplaced, 1, "it is cleared once");
    let group = fake.manager.declare_group(name, None).unwrap();
    assert_eq!(group, gone);
    fake.manager.declare_actor(declaration).unwrap();
    fake.tell(Event::Loaded {
        actor: generation(0, 5),
    });
    let activate = Action::Activate {
        actor: generation(0, 5),
        previous: PreviousEnd::None,
        incarnation: 1,
    };
    assert_eq!(fake.manager.poll(fake.now), Some(activate));
}
