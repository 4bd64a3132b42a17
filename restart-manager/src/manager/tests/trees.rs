//! Single stories about groups that depend on each other.

use abi::start::PreviousEnd;
use abi::{
    ActorId, Advice, Cause, CauseKind, Name, NoticePhase, Outcome, Response as Recorded, Slot, Span,
};

use super::fake::{
    BELOW, Dictated, Edge, Fake, HOLD, HOT, LATER, PANIC, PEERS, RELOAD, SITE_RESTART, SLOW,
    TERMINATE, fault, storage,
};
use crate::ActorKind::{Direct, Indirect};
use crate::{
    Action, DeclareError, Event, GroupSlot, Parameters, Reaction, Remains, RestartManager, Source,
    State, rehearse,
};

const UP: Reaction = Reaction::Restart;
const TOLD: Reaction = Reaction::Notify;
const NOT: Reaction = Reaction::None;

/// Groups 0, 1 and 2 stand on each other, with actors 0, 1 and 2.
const CHAIN: [Edge; 2] = [(1, 0, UP, NOT), (2, 1, UP, NOT)];
const ONES: [&[crate::ActorKind]; 3] = [&[Direct], &[Direct], &[Direct]];

fn chain() -> Fake {
    Fake::tree(&ONES, &CHAIN, &Dictated)
}

/// Carries everything out and says which actor had which turn: `f`, `r`, `a` or `t`.
fn turns(fake: &mut Fake) -> String {
    let mut turns = String::new();
    for _ in 0..1_000 {
        let new = fake.poll_all();
        for action in &new {
            let letter = match action {
                Action::Freeze { .. } => 'f',
                Action::Restart {
                    source: Source::Memory,
                    ..
                } => 'r',
                Action::Restart { .. } => 'R',
                Action::Activate { .. } => 'a',
                Action::Terminate { .. } => 't',
                Action::SiteRestart { .. } | Action::SiteReboot { .. } => 's',
            };
            let actor = super::fake::target(action);
            turns.push(letter);
            turns.extend(actor.map(|actor| char::from_digit(actor as u32, 10).unwrap()));
            turns.push(' ');
        }
        if fake.in_flight.is_empty() {
            match fake.manager.next_deadline() {
                Some(deadline) => fake.now = deadline,
                None => break,
            }
        } else {
            fake.complete(0, Ok(()));
        }
    }
    fake.check_rest();
    turns.trim_end().to_owned()
}

fn generations(fake: &Fake) -> Vec<u32> {
    let actors = fake.actors.iter();
    actors.map(|actor| actor.actor.generation().0).collect()
}

#[test]
fn who_comes_to_depend_on_what_is_on_its_way_waits_for_it() {
    let mut fake = Fake::tree(&ONES, &[], &Dictated);
    fake.fail(0, HOT, 50);
    fake.settle_until_delayed();
    let (dependent, base) = (fake.groups[1], fake.groups[0]);
    let declared = fake.manager.declare_edge(dependent, base, UP, NOT);
    assert_eq!(declared, Ok(()));
    fake.fail(1, HOT, 0);
    assert_eq!(turns(&mut fake), "f1 r0 a0 r1 a1");
}

#[test]
fn a_base_is_frozen_last_and_restarted_first() {
    let mut fake = chain();
    fake.fail(0, HOT, 0);
    assert_eq!(turns(&mut fake), "f2 f1 f0 r0 a0 r1 a1 r2 a2");
    assert_eq!(generations(&fake), [2, 2, 2]);
    let entries = fake.ledger();
    assert!(matches!(entries[0].cause, Cause::Fault(_)));
    for entry in &entries[1..] {
        assert_eq!(entry.cause, Cause::Group { because: 1 });
        assert_eq!(entry.response, Recorded::HOT_RESTART);
        assert_eq!(entry.advice, Advice::NOT_ASKED);
    }
    assert_eq!(entries[0].advice, Advice::FOLLOWED);
}

#[test]
fn what_is_below_is_not_touched_and_a_reload_is_a_hot_restart_above() {
    let mut fake = chain();
    fake.fail(1, RELOAD, 0);
    assert_eq!(turns(&mut fake), "f2 f1 R1 a1 r2 a2");
    assert_eq!(generations(&fake), [1, 2, 2]);
}

#[test]
fn a_restart_by_request_takes_the_dependents_along() {
    let mut fake = chain();
    fake.tell(Event::RestartRequested {
        actor: fake.id(1),
        by: ActorId::NONE,
    });
    assert_eq!(turns(&mut fake), "f2 f1 r1 a1 r2 a2");
}

#[test]
fn edges_that_only_notify_or_say_nothing_restart_nobody() {
    for reaction in [TOLD, NOT] {
        let edges = [(1, 0, reaction, NOT), (2, 1, UP, NOT)];
        let mut fake = Fake::tree(&ONES, &edges, &Dictated);
        fake.fail(0, HOT, 0);
        assert_eq!(turns(&mut fake), "f0 r0 a0");
        let audience: Vec<_> = fake
            .manager
            .group(fake.groups[0])
            .unwrap()
            .audience()
            .collect();
        assert_eq!(audience.contains(&fake.groups[1]), reaction == TOLD);
    }
}

#[test]
fn the_reverse_edge_restarts_the_base_of_what_fails_and_only_then() {
    // 1 concerns its base 0; 2 only tells its base 1.
    let edges = [(1, 0, UP, UP), (2, 1, UP, TOLD)];
    let mut fake = Fake::tree(&ONES, &edges, &Dictated);
    fake.fail(2, HOT, 0);
    assert_eq!(turns(&mut fake), "f2 r2 a2");
    fake.fail(1, HOT, 0);
    assert_eq!(turns(&mut fake), "f2 f1 f0 r0 a0 r1 a1 r2 a2");
    fake.tell(Event::KillRequested {
        actor: fake.id(1),
        by: ActorId::NONE,
    });
    assert_eq!(turns(&mut fake), "f2 f1 r1 a1 r2 a2");
    fake.fail(1, TERMINATE, 0);
    assert_eq!(turns(&mut fake), "f1 t1");
    // What is restarted together is in order, whatever the edge between.
    let mut fake = Fake::tree(&ONES, &[(1, 0, TOLD, UP)], &Dictated);
    fake.fail(1, HOT, 0);
    assert_eq!(fake.poll_all().len(), 1, "the base is frozen after it");
    assert_eq!(turns(&mut fake), "f0 r0 a0 r1 a1");
    // And what is not is not: who is only told does not wait for a backoff below.
    fake.fail(0, HOT, 50);
    fake.settle_until_delayed();
    fake.tell(Event::RestartRequested {
        actor: fake.id(1),
        by: ActorId::NONE,
    });
    assert_eq!(turns(&mut fake), "f1 r1 a1 r0 a0");
}

#[test]
fn a_wider_restart_takes_over_a_narrower_one_at_every_step() {
    for steps in 0..40 {
        let mut fake = chain();
        fake.fail(1, HOT, 0);
        for _ in 0..steps {
            if fake.poll().is_none() {
                fake.complete(0, Ok(()));
            }
        }
        let before = generations(&fake);
        fake.fail(0, HOT, 0);
        fake.settle();
        fake.check_rest();
        let states = [0, 1, 2].map(|index| fake.state(index));
        assert_eq!(states, [State::Running; 3], "after {steps} steps");
        let after = generations(&fake);
        assert_eq!(after[0], 2);
        for index in 1..3 {
            // Once for each cause at most, and once for both if the first was not over.
            let restarts = after[index] - before[index];
            assert!(
                restarts <= 1 && after[index] >= 2,
                "after {steps} steps: {after:?}"
            );
        }
    }
}

#[test]
fn a_failure_of_a_base_that_is_back_already_stops_what_follows_it() {
    let mut fake = chain();
    fake.fail(0, HOT, 0);
    while fake.state(1) != State::Restarting {
        fake.poll_all();
        fake.complete(0, Ok(()));
        fake.poll_all();
    }
    fake.fail(0, HOT, 0);
    // 1 finishes what is under way and then waits; it is not restarted again.
    assert_eq!(turns(&mut fake), "f0 r0 a0 a1 r2 a2");
    assert_eq!(generations(&fake), [3, 2, 2]);
}

#[test]
fn what_two_bases_share_is_restarted_once_and_after_both() {
    let edges = [(2, 0, UP, NOT), (2, 1, UP, NOT)];
    let mut fake = Fake::tree(&ONES, &edges, &Dictated);
    fake.fail(0, HOT, 0);
    fake.fail(1, HOT, 30);
    let turns = turns(&mut fake);
    assert!(turns.ends_with("r1 a1 r2 a2"), "{turns}");
    assert_eq!(generations(&fake), [2, 2, 2]);
}

#[test]
fn a_backoff_above_does_not_hold_the_base_and_one_below_does() {
    let mut fake = chain();
    fake.fail(1, HOT, 50);
    fake.settle_until_delayed();
    fake.fail(0, HOT, 0);
    assert_eq!(turns(&mut fake), "f0 r0 a0 r1 a1 r2 a2");
    fake.fail(0, HOT, 50);
    fake.settle_until_delayed();
    assert_eq!(fake.poll_all(), []);
    assert_eq!(turns(&mut fake), "r0 a0 r1 a1 r2 a2");
}

#[test]
fn an_end_below_is_no_restart() {
    let mut fake = chain();
    fake.fail(0, TERMINATE, 0);
    assert_eq!(turns(&mut fake), "f0 t0");
    assert_eq!(fake.state(1), State::Running);
    let mut fake = chain();
    fake.fail(0, HOT, 20);
    fake.settle_until_delayed();
    let group = fake.groups[0];
    fake.tell(Event::GroupKillRequested {
        group,
        by: ActorId::NONE,
    });
    let before = fake.now;
    assert_eq!(turns(&mut fake), "t0 r1 a1 r2 a2");
    assert_eq!(fake.now, before, "the backoff was that of the base");
}

#[test]
fn a_held_group_is_left_alone_and_what_depends_on_it_too() {
    let mut fake = chain();
    fake.fail(1, HOLD, 0);
    fake.settle();
    fake.fail(0, HOT, 0);
    assert_eq!(turns(&mut fake), "f0 r0 a0");
    assert!(fake.manager.group(fake.groups[1]).unwrap().is_held());
    // Nor is one that is about to be held.
    let mut other = chain();
    other.fail(1, HOLD, 0);
    other.fail(0, HOT, 0);
    assert_eq!(turns(&mut other), "f1 f0 r0 a0");
    fake.tell(Event::RestartRequested {
        actor: fake.id(1),
        by: ActorId::NONE,
    });
    assert_eq!(turns(&mut fake), "f2 f1 r1 a1 r2 a2");
}

#[test]
fn the_blame_goes_to_a_group_below_and_the_ledger_says_to_which() {
    let mut fake = chain();
    fake.fail(2, BELOW, 0);
    assert_eq!(turns(&mut fake), "f2 f1 f0 r0 a0 r1 a1 r2 a2");
    let entry = fake.ledger()[0];
    assert_eq!(entry.scope, Name::truncated("group 0"));
    assert_eq!(
        (entry.response, entry.outcome),
        (Recorded::HOT_RESTART, Outcome::DONE)
    );
    assert_eq!(entry.group, Name::truncated("group 2"));
    // Also when the way down is not one of restarts: what failed is restarted in any case.
    let edges = [(1, 0, UP, NOT), (2, 1, TOLD, NOT)];
    let mut fake = Fake::tree(&ONES, &edges, &Dictated);
    fake.fail(2, BELOW, 0);
    fake.settle();
    assert_eq!(generations(&fake), [2, 2, 2]);
}

#[test]
fn peers_are_restarted_without_their_base() {
    let groups: [&[crate::ActorKind]; 4] = [&[Direct]; 4];
    let edges = [(1, 0, UP, NOT), (2, 0, UP, NOT), (3, 0, UP, NOT)];
    for (code, restarted) in [(PEERS + 2, [1, 2, 2, 2]), (LATER + 2, [1, 1, 2, 2])] {
        let mut fake = Fake::tree(&groups, &edges, &Dictated);
        fake.fail(2, code, 0);
        assert!(fake.poll_all().len() > 1);
        while fake.in_flight.len() > 1 {
            fake.complete(0, Ok(()));
            assert_eq!(fake.poll_all(), [], "a restart before the last is frozen");
        }
        fake.settle();
        fake.check_rest();
        assert_eq!(generations(&fake), restarted);
    }
}

#[test]
fn an_answer_that_makes_no_sense_is_replaced_and_the_ledger_says_why() {
    let hour = 3_600_000;
    let held = |fake: &mut Fake| {
        fake.fail(0, HOLD, 0);
        fake.settle();
    };
    type Prepare = fn(&mut Fake);
    let nothing: Prepare = |_| {};
    let ended: Prepare = |fake| {
        let (group, by) = (fake.groups[0], ActorId::NONE);
        fake.tell(Event::GroupKillRequested { group, by });
        fake.settle();
    };
    let table: [(Prepare, u64, u64, Advice); 11] = [
        (ended, BELOW, 0, Advice::NOT_RESTARTABLE),
        (nothing, PANIC, 0, Advice::PANICKED),
        (nothing, SLOW, 0, Advice::OVER_BUDGET),
        (nothing, HOT, hour + 1, Advice::DELAY_TOO_LONG),
        (nothing, HOT, hour, Advice::FOLLOWED),
        (nothing, BELOW + 8, 0, Advice::UNKNOWN_GROUP),
        (nothing, BELOW + 2, 0, Advice::NOT_BELOW),
        (nothing, BELOW + 1, 0, Advice::NOT_BELOW),
        (nothing, PEERS + 9, 0, Advice::NOT_RESTARTABLE),
        (held, BELOW, 0, Advice::NOT_RESTARTABLE),
        (nothing, PEERS + 2, 0, Advice::NOT_BELOW),
    ];
    for (prepare, code, delay, advice) in table {
        let mut fake = chain();
        prepare(&mut fake);
        let number = fake.ledger().len();
        fake.fail(1, code, delay);
        let entry = fake.ledger()[number];
        assert_eq!(entry.advice, advice, "{code}");
        assert_eq!(entry.response, Recorded::HOT_RESTART);
        assert_eq!(entry.scope, Name::truncated("group 1"));
        fake.settle();
        fake.check_rest();
        assert_eq!(fake.state(1), State::Running, "{code}");
    }
}

#[test]
fn the_stand_in_climbs_its_own_ladder() {
    let mut fake = Fake::tree(&ONES, &CHAIN, &Dictated);
    for _ in 0..9 {
        fake.fail(2, PANIC, 0);
        fake.settle();
    }
    let entries = fake.ledger();
    let asked = entries
        .iter()
        .filter(|entry| entry.advice == Advice::PANICKED);
    let scopes: Vec<_> = asked
        .map(|entry| (entry.response, entry.scope.as_str()))
        .collect();
    let (hot, reload) = (Recorded::HOT_RESTART, Recorded::RELOAD);
    let expected = [
        (hot, "group 2"),
        (hot, "group 2"),
        (hot, "group 2"),
        (reload, "group 2"),
        (reload, "group 2"),
        (hot, "group 1"),
        (hot, "group 0"),
    ];
    assert_eq!(scopes, expected);
    let last = entries
        .iter()
        .find(|entry| entry.response == Recorded::SITE_RESTART)
        .unwrap();
    assert_eq!(
        (last.scope.as_str(), last.advice),
        ("kernel", Advice::SITE_REFUSED)
    );
    assert_eq!(fake.state(2), State::Terminated);
}

#[test]
fn a_refused_site_action_gives_the_group_up_until_that_is_cleared() {
    for code in [SITE_RESTART, BELOW + 9] {
        let mut fake = chain();
        fake.fail(2, code, 0);
        assert_eq!(turns(&mut fake), "s f2 t2");
        let entries = fake.ledger();
        assert_eq!(entries[0].response, Recorded::SITE_RESTART);
        assert_eq!(entries[0].advice, Advice::SITE_REFUSED);
        assert_eq!(entries[1].response, Recorded::TERMINATE);
        let group = fake.groups[2];
        let entry = fake.manager.group(group).unwrap();
        assert!(entry.is_given_up() && entry.has_ended());
        let name = *entry.name();
        let base = Some(fake.groups[1]);
        assert_eq!(
            fake.manager.declare_group(name, base),
            Err(DeclareError::GivenUp)
        );
        let other = fake.manager.declare_group(Name::truncated("other"), None);
        assert_eq!(other, Err(DeclareError::NoSlot), "it stays to be seen");
        fake.tell(Event::GiveUpCleared {
            group,
            by: ActorId::NONE,
        });
        assert_eq!(fake.manager.declare_group(name, base), Ok(group));
        assert!(!fake.manager.group(group).unwrap().is_given_up());
    }
}

#[test]
fn notices_tell_the_story_in_order() {
    let mut fake = chain();
    fake.tell(Event::Ready { actor: fake.id(1) });
    assert_eq!(fake.notices().last().unwrap().phase, NoticePhase::READY);
    fake.fail(1, HOT, 0);
    fake.settle();
    fake.tell(Event::Ready { actor: fake.id(1) });
    fake.tell(Event::Ready { actor: fake.id(1) });
    fake.fail(1, TERMINATE, 0);
    let notices = fake.notices();
    let story: Vec<_> = notices
        .iter()
        .map(|notice| {
            let actor = notice.actor.as_str().chars().last().unwrap();
            let generations = (notice.old.generation().0, notice.new.generation().0);
            (
                notice.phase,
                actor,
                generations,
                notice.cause,
                notice.ledger,
            )
        })
        .collect();
    let (fault, group) = (CauseKind::FAULT, CauseKind::GROUP);
    let expected = [
        (NoticePhase::FAILED, '1', (1, 0), fault, 1),
        (NoticePhase::FROZEN, '2', (1, 2), group, 2),
        (NoticePhase::FROZEN, '1', (1, 2), fault, 1),
        (NoticePhase::RESTARTED, '1', (2, 2), fault, 1),
        (NoticePhase::ACTIVATED, '1', (2, 2), fault, 1),
        (NoticePhase::RESTARTED, '2', (2, 2), group, 2),
        (NoticePhase::ACTIVATED, '2', (2, 2), group, 2),
        (NoticePhase::READY, '1', (2, 2), fault, 1),
        (NoticePhase::FAILED, '1', (2, 0), fault, 3),
        (NoticePhase::GIVEN_UP, '1', (2, 0), fault, 3),
    ];
    assert_eq!(story, expected);
    for pair in notices.windows(2) {
        assert_eq!(pair[0].sequence + 1, pair[1].sequence);
    }
    assert_eq!(notices[9].response, Recorded::TERMINATE);
    assert_eq!(fake.manager.lost_notices(), 0);
}

#[test]
fn activated_comes_before_whatever_the_new_incarnation_does() {
    let table: [fn(&mut Fake, ActorId); 3] = [
        |fake, actor| fake.tell(Event::Ready { actor }),
        |fake, actor| fake.tell(Event::FirstReply { actor }),
        |fake, _| fake.fail(0, HOT, 0),
    ];
    for does in table {
        let mut fake = chain();
        fake.fail(0, HOT, 0);
        while fake.state(0) != State::Activating {
            fake.poll_all();
            if fake.state(0) != State::Activating {
                fake.complete(0, Ok(()));
            }
        }
        fake.notices();
        let actor = fake.id(0);
        does(&mut fake, actor);
        let first = fake.notices()[0];
        assert_eq!((first.phase, first.new), (NoticePhase::ACTIVATED, actor));
    }
}

#[test]
fn spawned_members_are_stopped_with_their_group_and_do_not_keep_it() {
    let mut fake = chain();
    fake.spawn(fake.groups[1]);
    fake.load(3);
    fake.settle();
    assert_eq!(fake.state(3), State::Running);
    fake.fail(0, HOT, 0);
    fake.poll();
    // While its group is stopped nobody in it can spawn.
    let refused = fake.manager.declare_actor(crate::ActorDeclaration {
        actor: ActorId::new(Slot(4), abi::Generation::FIRST),
        name: Name::truncated("late"),
        group: fake.groups[1],
        kind: Indirect,
        parameters: Parameters::DEFAULT,
        started: 0,
    });
    assert_eq!(refused, Err(DeclareError::GroupStopping));
    fake.settle();
    fake.check_rest();
    assert_eq!(
        (fake.state(1), fake.state(3)),
        (State::Running, State::Terminated)
    );
    assert_eq!(fake.actors[3].remains, Remains::Everything);
    fake.spawn(fake.groups[1]);
    fake.load(3);
    fake.settle();
    let again = &fake.actors[3];
    assert_eq!((again.starts, again.actor.generation().0), (2, 2));
    fake.tell(Event::Exited { actor: fake.id(1) });
    fake.settle();
    fake.check_rest();
    assert_eq!(fake.state(3), State::Terminated);
    assert_eq!(fake.actors[3].remains, Remains::Nothing);
    let group = fake.manager.group(fake.groups[1]).unwrap();
    assert!(group.has_ended() && !group.is_given_up());
}

#[test]
fn what_is_kept_of_a_spawned_member_depends_on_why_it_ends() {
    type End = fn(&mut Fake);
    let rows: [(End, Remains, Option<PreviousEnd>); 4] = [
        (
            |fake| fake.tell(Event::Exited { actor: fake.id(3) }),
            Remains::Image,
            Some(PreviousEnd::Exited),
        ),
        (
            |fake| fake.fail(1, HOT, 0),
            Remains::Everything,
            Some(PreviousEnd::WithGroup),
        ),
        (
            |fake| fake.fail(1, RELOAD, 0),
            Remains::Nothing,
            Some(PreviousEnd::WithGroup),
        ),
        (
            |fake| {
                fake.tell(Event::GroupKillRequested {
                    group: fake.groups[1],
                    by: ActorId::NONE,
                });
            },
            Remains::Nothing,
            None,
        ),
    ];
    for (end, remains, previous) in rows {
        let mut fake = chain();
        fake.spawn(fake.groups[1]);
        fake.load(3);
        fake.settle();
        end(&mut fake);
        fake.settle();
        assert_eq!(
            (fake.state(3), fake.actors[3].remains),
            (State::Terminated, remains)
        );
        assert_eq!(
            fake.manager.group(fake.groups[1]).unwrap().has_ended(),
            previous.is_none()
        );
        if let Some(previous) = previous {
            fake.spawn(fake.groups[1]);
            assert_eq!(fake.manager.actors[3].previous, previous);
        }
    }
}

#[test]
fn a_spawned_member_that_keeps_failing_is_seen_by_the_policy_to_do_so() {
    let mut fake = chain();
    for failures in 1..=3 {
        fake.spawn(fake.groups[1]);
        fake.load(3);
        fake.settle();
        fake.fail(3, HOT, 0);
        fake.settle();
        let history = fake.manager.actors[3].history();
        let counted = history.failures_within(Span::from_secs(1), fake.now);
        assert_eq!(counted, failures);
    }
    // Another actor in that slot begins with nothing.
    let former = fake.id(3);
    let next = former.generation().next().unwrap();
    let other = crate::ActorDeclaration {
        actor: ActorId::new(former.slot(), next),
        name: Name::truncated("another"),
        group: fake.groups[1],
        kind: Indirect,
        parameters: Parameters::DEFAULT,
        started: 0,
    };
    fake.manager.declare_actor(other).unwrap();
    let entry = &fake.manager.actors[3];
    assert_eq!((entry.incarnation, entry.previous), (0, PreviousEnd::None));
    assert_eq!(entry.history, crate::History::EMPTY);
}

#[test]
fn cycles_are_refused_and_a_name_that_comes_back_keeps_its_dependents() {
    let mut fake = chain();
    let [zero, one, two] = [0, 1, 2].map(|index| fake.groups[index]);
    for (dependent, base) in [(zero, two), (zero, one), (one, one)] {
        let refused = fake.manager.declare_edge(dependent, base, UP, NOT);
        assert_eq!(refused, Err(DeclareError::Cycle));
    }
    assert_eq!(
        fake.manager.declare_edge(two, GroupSlot::KERNEL, UP, UP),
        Ok(())
    );
    fake.tell(Event::GroupKillRequested {
        group: zero,
        by: ActorId::NONE,
    });
    fake.settle();
    assert_eq!(
        fake.manager.declare_edge(two, zero, UP, NOT),
        Err(DeclareError::NoGroup)
    );
    let other = Name::truncated("other");
    assert_eq!(
        fake.manager.declare_group(other, None),
        Err(DeclareError::NoSlot)
    );
    let name = Name::truncated("group 0");
    assert_eq!(
        fake.manager.declare_group(name, Some(two)),
        Err(DeclareError::Cycle)
    );
    assert_eq!(fake.manager.declare_group(name, None), Ok(zero));
    let declaration = crate::ActorDeclaration {
        actor: ActorId::new(Slot(0), abi::Generation(7)),
        name,
        group: zero,
        kind: Direct,
        parameters: Parameters::DEFAULT,
        started: 0,
    };
    fake.manager.declare_actor(declaration).unwrap();
    fake.actors[0].actor = declaration.actor;
    fake.actors[0].is_gone = false;
    fake.actors[0].starts = 0;
    fake.load(0);
    fake.settle();
    fake.fail(0, HOT, 0);
    assert_eq!(turns(&mut fake), "f2 f1 f0 r0 a0 r1 a1 r2 a2");
    // A leaf that ended depends on nothing, so that what it depended on leaves its place too.
    for group in [two, one] {
        fake.tell(Event::GroupKillRequested {
            group,
            by: ActorId::NONE,
        });
        fake.settle();
    }
    assert_eq!(fake.manager.declare_group(other, Some(zero)), Ok(one));
}

#[test]
fn a_rehearsal_shows_what_another_policy_would_have_decided() {
    let mut fake = chain();
    for (index, code) in [(2, HOT), (2, RELOAD), (0, HOT), (2, HOT)] {
        fake.fail(index, code, 0);
        if index == 0 {
            // A failure about which no policy is asked.
            fake.fail(1, RELOAD, 0);
        }
        fake.settle();
        fake.pass(1);
    }
    let entries = fake.ledger();
    // The same policy decides the same.
    let mut manager = RestartManager::new(storage(8, 8, 0), &Dictated);
    let mut pairs = Vec::new();
    rehearse(&mut manager, &entries, |rehearsed| {
        pairs.push((rehearsed.recorded, rehearsed.decision.response.recorded()));
        assert_eq!(rehearsed.recorded_scope, rehearsed.scope);
    });
    assert_eq!(pairs.len(), 4, "the others were not asked about");
    assert!(
        pairs.iter().all(|(recorded, now)| recorded == now),
        "{pairs:?}"
    );
    // What there is no room for is left out.
    let mut manager = RestartManager::new(storage(1, 1, 0), &Dictated);
    let mut count = 0;
    rehearse(&mut manager, &entries, |_| count += 1);
    assert_eq!(count, 3);
    assert_eq!(manager.actor(Slot(0)).unwrap().history().deaths().len(), 3);
}

#[test]
fn a_rehearsal_knows_what_had_been_tried_in_vain() {
    let mut fake = Fake::running(&[&[Direct]]);
    fake.fail(0, HOT, 0);
    fake.poll_all();
    fake.complete(0, Ok(()));
    fake.poll_all();
    fake.complete(0, Err(&fault(HOT, 0)));
    fake.settle();
    let entries = fake.ledger();
    let mut manager = RestartManager::new(storage(1, 1, 0), &Dictated);
    let mut answers = Vec::new();
    rehearse(&mut manager, &entries, |rehearsed| {
        answers.push((rehearsed.decision.response.recorded(), rehearsed.advice));
    });
    let expected = [
        (Recorded::HOT_RESTART, Advice::FOLLOWED),
        (Recorded::RELOAD, Advice::SEVERER),
    ];
    assert_eq!(answers, expected);
    assert_eq!(entries[1].advice, Advice::SEVERER);
}

#[test]
fn a_rehearsal_forgets_what_a_stable_run_makes_forgotten() {
    let mut fake = Fake::running(&[&[Direct]]);
    let mut after = |millis| {
        fake.pass(millis);
        fake.fail(0, HOT, 0);
        fake.pass(6_000);
        fake.settle();
    };
    // Each restart takes 6 s, which is no part of the run that follows.
    for millis in [9_000, 9_000, 10_000] {
        after(millis);
    }
    let mut manager = RestartManager::new(storage(1, 1, 0), &Dictated);
    let mut kept = Vec::new();
    for entry in fake.ledger() {
        let entries = [entry];
        rehearse(&mut manager, &entries, |_| ());
        kept.push(manager.actor(Slot(0)).unwrap().history().deaths().len());
    }
    assert_eq!(kept, [1, 2, 1]);
}

#[test]
fn a_restart_that_cannot_be_done_is_no_second_failure_to_the_base() {
    let mut fake = Fake::tree(&ONES, &[(1, 0, UP, UP)], &Dictated);
    fake.fail(1, HOT, 0);
    while fake.state(1) != State::Restarting {
        fake.poll_all();
        if fake.state(1) != State::Restarting {
            fake.complete(0, Ok(()));
        }
    }
    fake.complete(0, Err(&fault(HOT, 0)));
    assert_eq!(turns(&mut fake), "R1 a1");
    assert_eq!(generations(&fake), [2, 2, 1]);
}

#[test]
fn a_restart_that_is_over_holds_nobody_back() {
    // 0 has two members, 0 and 3.
    let groups: [&[crate::ActorKind]; 3] = [&[Direct, Direct], &[Direct], &[Direct]];
    let edges = [(1, 0, UP, NOT), (2, 0, UP, NOT)];
    let mut fake = Fake::tree(&groups, &edges, &Dictated);
    fake.fail(0, HOT, 0);
    fake.settle();
    // A member of the base is leaving; the base is not restarted.
    fake.tell(Event::Exited { actor: fake.id(3) });
    assert_eq!(fake.poll_all().len(), 1);
    fake.fail(1, HOT, 0);
    fake.poll_all();
    fake.complete(1, Ok(()));
    let next = fake.poll_all();
    assert!(matches!(next[..], [Action::Restart { .. }]), "{next:?}");
    fake.settle();
    // One that it was restarted with is being frozen, now for itself.
    fake.fail(2, HOT, 0);
    fake.poll_all();
    fake.fail(1, HOT, 0);
    fake.poll_all();
    fake.complete(1, Ok(()));
    let next = fake.poll_all();
    assert!(matches!(next[..], [Action::Restart { .. }]), "{next:?}");
    fake.settle();
    fake.check_rest();
}

#[test]
fn a_group_that_asked_for_the_site_runs_on_and_is_waited_for() {
    let mut fake = chain();
    fake.fail(2, SITE_RESTART, 0);
    fake.fail(0, HOT, 0);
    let turns = turns(&mut fake);
    assert!(turns.starts_with("s f2 "), "{turns}");
    assert!(turns.find("f2") < turns.find("f1"), "{turns}");
    assert_eq!(
        (fake.state(1), fake.state(2)),
        (State::Running, State::Terminated)
    );
}

#[test]
fn a_member_that_leaves_does_not_hide_that_its_group_is_not_up_yet() {
    let groups: [&[crate::ActorKind]; 2] = [&[Direct, Direct], &[Direct]];
    let mut fake = Fake::tree(&groups, &[(1, 0, UP, NOT)], &Dictated);
    fake.fail(0, HOT, 0);
    while fake.state(2) != State::Activating {
        fake.complete(0, Ok(()));
        fake.poll_all();
    }
    fake.tell(Event::Exited { actor: fake.id(0) });
    let next = fake.poll_all();
    assert!(matches!(next[..], [Action::Freeze { .. }]), "{next:?}");
    assert_eq!(turns(&mut fake), "t0 r1 a1");
}

#[test]
fn the_ladder_steps_over_what_is_held_and_remembers_restarts_of_the_site() {
    let mut fake = chain();
    fake.fail(1, HOLD, 0);
    fake.settle();
    fake.note_site_restart(None);
    let mut last = None;
    for _ in 0..7 {
        let number = fake.manager.ledger().next_sequence();
        fake.fail(2, PANIC, 0);
        fake.settle();
        last = fake.manager.ledger().get(number).copied();
        let scope = last.map(|entry| entry.scope);
        assert_ne!(scope, Some(Name::truncated("group 1")));
        if scope == Some(Name::truncated("group 0")) {
            assert!(fake.manager.group(fake.groups[1]).unwrap().is_held());
        }
    }
    assert_eq!(last.map(|entry| entry.response), Some(Recorded::TERMINATE));
    fake.check_rest();
}
