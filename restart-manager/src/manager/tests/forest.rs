//! Random failures in random trees of groups, in a kernel that reports truthfully.
//!
//! `Fake::poll` checks every action: who is frozen before whom, restarted after whom, and that
//! nobody has two actions out.

use abi::{ActorId, Generation, NoticePhase};
use proptest::prelude::*;

use super::fake::{BELOW, Dictated, Edge, Fake, HOT, LATER, PEERS, Thinking, fault};
use crate::{Action, ActorKind, Event, Parameters, Reaction, Response, State, fallback};

#[derive(Clone, Debug)]
pub(super) enum Step {
    Poll,
    PollAll,
    Complete { which: usize },
    CompleteBadly { which: usize, code: u64 },
    Fail { actor: usize, code: u64, delay: u64 },
    Exit { actor: usize },
    Restart { actor: usize },
    Kill { actor: usize },
    KillGroup { group: usize },
    Spawn { group: usize },
    Load { actor: usize },
    Ready { actor: usize },
    Clear { group: usize },
    Pass { millis: u64 },
    Ask,
    Answer { which: usize },
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let actor = 0..16_usize;
    let group = 0..6_usize;
    let code = prop_oneof![
        6 => Just(HOT),
        2 => Just(1_u64),
        1 => 2..6_u64,
        2 => BELOW..BELOW + 6,
        1 => Just(BELOW + 9),
        1 => PEERS..PEERS + 6,
        1 => LATER..LATER + 6,
        1 => 40..42_u64,
    ];
    let delay = prop_oneof![2 => Just(0_u64), 1 => 0..50_u64, 1 => Just(4_000_000)];
    prop_oneof![
        8 => Just(Step::Poll),
        8 => Just(Step::PollAll),
        20 => (0..8_usize).prop_map(|which| Step::Complete { which }),
        2 => (0..8_usize, code.clone())
            .prop_map(|(which, code)| Step::CompleteBadly { which, code }),
        8 => (actor.clone(), code, delay)
            .prop_map(|(actor, code, delay)| Step::Fail { actor, code, delay }),
        1 => actor.clone().prop_map(|actor| Step::Exit { actor }),
        2 => actor.clone().prop_map(|actor| Step::Restart { actor }),
        1 => actor.clone().prop_map(|actor| Step::Kill { actor }),
        1 => group.clone().prop_map(|group| Step::KillGroup { group }),
        2 => group.clone().prop_map(|group| Step::Spawn { group }),
        4 => actor.clone().prop_map(|actor| Step::Load { actor }),
        1 => actor.prop_map(|actor| Step::Ready { actor }),
        1 => group.prop_map(|group| Step::Clear { group }),
        2 => (0..60_u64).prop_map(|millis| Step::Pass { millis }),
        6 => Just(Step::Ask),
        6 => (0..8_usize).prop_map(|which| Step::Answer { which }),
    ]
}

/// Groups with members, and edges that lead to groups of lower numbers.
pub(super) fn forest() -> impl Strategy<Value = (Vec<Vec<ActorKind>>, Vec<Edge>)> {
    let kind = prop_oneof![5 => Just(ActorKind::Direct), 1 => Just(ActorKind::Indirect)];
    let group = prop::collection::vec(kind, 0..3);
    let reaction = || {
        prop_oneof![
            5 => Just(Reaction::Restart),
            1 => Just(Reaction::Notify),
            1 => Just(Reaction::None),
        ]
    };
    let reverse = prop_oneof![1 => Just(Reaction::Restart), 4 => Just(Reaction::None)];
    let edge = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        reaction(),
        reverse,
    );
    (
        prop::collection::vec(group, 1..7),
        prop::collection::vec(edge, 0..9),
    )
        .prop_map(|(mut groups, edges)| {
            if groups.iter().all(Vec::is_empty) {
                groups[0].push(ActorKind::Direct);
            }
            let count = groups.len();
            let edges = edges
                .into_iter()
                .filter_map(|(dependent, base, reaction, reverse)| {
                    let dependent = dependent.index(count);
                    (dependent > 0).then(|| (dependent, base.index(dependent), reaction, reverse))
                });
            (groups, edges.collect())
        })
}

pub(super) fn take(fake: &mut Fake, step: &Step) {
    let count = fake.actors.len();
    let group = |fake: &Fake, group: usize| fake.groups[group % fake.groups.len()];
    let by = ActorId::NONE;
    match *step {
        Step::Poll => {
            fake.poll();
        }
        Step::PollAll => {
            fake.poll_all();
        }
        Step::Complete { which } => fake.complete(which, Ok(())),
        Step::CompleteBadly { which, code } => fake.complete(which, Err(&fault(code, 0))),
        Step::Fail { actor, code, delay } => {
            if fake.actors[actor % count].has_threads {
                fake.fail(actor % count, code, delay);
            }
        }
        Step::Exit { actor } => {
            if fake.actors[actor % count].has_threads {
                fake.tell(Event::Exited {
                    actor: fake.id(actor % count),
                });
            }
        }
        Step::Restart { actor } => {
            fake.tell(Event::RestartRequested {
                actor: fake.id(actor % count),
                by,
            });
        }
        Step::Kill { actor } => {
            fake.tell(Event::KillRequested {
                actor: fake.id(actor % count),
                by,
            });
        }
        Step::KillGroup { group: number } => {
            fake.tell(Event::GroupKillRequested {
                group: group(fake, number),
                by,
            });
        }
        Step::Spawn { group: number } => fake.spawn(group(fake, number)),
        Step::Load { actor } => {
            if fake.state(actor % count) == State::Declared {
                fake.load(actor % count);
            }
        }
        Step::Ready { actor } => {
            if fake.actors[actor % count].has_threads {
                fake.tell(Event::Ready {
                    actor: fake.id(actor % count),
                });
            }
        }
        Step::Clear { group: number } => {
            fake.tell(Event::GiveUpCleared {
                group: group(fake, number),
                by,
            });
        }
        Step::Pass { millis } => fake.pass(millis),
        Step::Ask => {
            fake.ask();
        }
        Step::Answer { which } => {
            fake.answer(which);
        }
    }
}

/// Each incarnation's notices come in the order of its life, and none is missing.
fn check_notices(fake: &mut Fake) {
    let lost = fake.manager.lost_notices();
    assert_eq!(lost, 0);
    let notices = fake.notices();
    for (number, notice) in (1..).zip(&notices) {
        assert_eq!(notice.sequence, number);
    }
    for slot in 0..fake.actors.len() {
        let of_slot = notices.iter().filter(|notice| {
            notice.phase != NoticePhase::GIVEN_UP && notice.old.slot().index() == slot
        });
        let mut present = Generation::FIRST;
        let mut is_active = false;
        let is_spawned = fake.actors[slot].kind == ActorKind::Indirect;
        for notice in of_slot {
            if is_spawned && !is_active && notice.old.generation() > present {
                // Spawned again.
                present = notice.old.generation();
            }
            assert_eq!(notice.old.generation(), present, "{notice:?}");
            match notice.phase {
                NoticePhase::ACTIVATED => {
                    assert!(!is_active, "{notice:?}");
                    is_active = true;
                }
                NoticePhase::READY => assert!(is_active, "{notice:?}"),
                NoticePhase::FROZEN => {
                    is_active = false;
                    if !notice.new.is_none() {
                        present = notice.new.generation();
                    }
                }
                NoticePhase::RESTARTED => assert!(!is_active, "{notice:?}"),
                _ => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fails_in_whatever_tree_the_site_comes_to_rest(
        (groups, edges) in forest(),
        loaded in any::<u32>(),
        thinks_long in any::<bool>(),
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let groups: Vec<&[ActorKind]> = groups.iter().map(Vec::as_slice).collect();
        let mut fake = Fake::new(&groups, 128, &Dictated);
        fake.declare_edges(&edges);
        for index in (0..fake.actors.len()).filter(|index| loaded >> (index & 31) & 1 != 0) {
            fake.load(index);
        }
        if thinks_long {
            fake.thinking = Thinking::Long;
        }
        for step in &steps {
            take(&mut fake, step);
        }
        fake.settle();
        fake.check_rest();
        check_notices(&mut fake);
    }

    /// With nothing but failures answered hot, everybody is back in the end; who was restarted is
    /// exactly who depends on one that failed, and nobody more often than something failed.
    #[test]
    fn hot_restarts_lose_nobody_and_touch_nobody_else(
        (groups, edges) in forest(),
        failures in prop::collection::vec((0..16_usize, 0..60_usize), 1..6),
    ) {
        let groups: Vec<Vec<ActorKind>> =
            groups.iter().map(|group| vec![ActorKind::Direct; group.len()]).collect();
        let groups: Vec<&[ActorKind]> = groups.iter().map(Vec::as_slice).collect();
        let mut fake = Fake::tree(&groups, &edges, &Dictated);
        let mut concerned = vec![false; groups.len()];
        let mut failed = 0;
        for (actor, steps) in failures {
            let actor = actor % fake.actors.len();
            if fake.state(actor) == State::Running {
                failed += 1;
                let group = fake.actors[actor].group.index();
                if !fake.manager.group(fake.groups[group]).unwrap().is_stopping() {
                    mark(&edges, group, &mut concerned);
                }
                fake.fail(actor, HOT, 0);
            }
            for _ in 0..steps {
                if fake.poll().is_none() {
                    fake.complete(0, Ok(()));
                }
            }
        }
        fake.settle();
        fake.check_rest();
        for index in 0..fake.actors.len() {
            prop_assert_eq!(fake.state(index), State::Running);
            let actor = &fake.actors[index];
            let restarts = actor.actor.generation().0 - 1;
            prop_assert_eq!(restarts > 0, concerned[actor.group.index()]);
            prop_assert!(restarts <= failed);
        }
    }

    /// All of a tree is frozen before any of it is restarted, however deep.
    #[test]
    fn all_are_frozen_before_any_is_restarted((groups, edges) in forest(), actor in 0..16_usize) {
        let groups: Vec<Vec<ActorKind>> =
            groups.iter().map(|group| vec![ActorKind::Direct; group.len()]).collect();
        let groups: Vec<&[ActorKind]> = groups.iter().map(Vec::as_slice).collect();
        let mut fake = Fake::tree(&groups, &edges, &Dictated);
        let actor = actor % fake.actors.len();
        let mut concerned = vec![false; groups.len()];
        mark(&edges, fake.actors[actor].group.index(), &mut concerned);
        fake.fail(actor, HOT, 0);
        let mut has_begun = false;
        while !fake.poll_all().is_empty() || !fake.in_flight.is_empty() {
            let is_restart = |action: &Action| matches!(action, Action::Restart { .. });
            if !has_begun && fake.in_flight.iter().any(is_restart) {
                has_begun = true;
                for actor in &fake.actors {
                    prop_assert_eq!(actor.has_threads, !concerned[actor.group.index()]);
                }
            }
            let is_freeze = |action: &Action| matches!(action, Action::Freeze { .. });
            let is_late = has_begun && fake.in_flight.iter().any(is_freeze);
            prop_assert!(!is_late, "a freeze after a restart");
            fake.complete(0, Ok(()));
        }
        prop_assert!(has_begun);
    }

    /// The totals that `chorus` documents, at any depth: so many failures until it wants the site
    /// restarted, and one more until it gives up.
    #[test]
    fn the_ladder_is_as_long_as_documented(
        depth in 1..5_usize,
        hot_limit in 0..4_u32,
        reload_limit in 0..4_u32,
        limits in prop::collection::vec(0..3_u32, 5),
    ) {
        let groups = vec![&[ActorKind::Direct][..]; depth];
        let edges: Vec<Edge> = (1..depth)
            .map(|group| (group, group - 1, Reaction::Restart, Reaction::None))
            .collect();
        let mut fake = Fake::tree(&groups, &edges, &Ladder);
        for (index, slot) in fake.groups.clone().into_iter().enumerate() {
            let parameters = Parameters { propagation_limit: limits[index], ..Parameters::DEFAULT };
            fake.manager.set_group_parameters(slot, parameters).unwrap();
        }
        let leaf = depth - 1;
        let parameters = Parameters { hot_limit, reload_limit, ..Parameters::DEFAULT };
        fake.manager.actors[leaf].parameters = parameters;
        let propagations: u32 = limits[..leaf].iter().sum();
        let mut failures = 0;
        let asked = loop {
            failures += 1;
            fake.fail(leaf, HOT, 0);
            if let Some(action) = fake.poll()
                && matches!(action, Action::SiteRestart { .. })
            {
                break failures;
            }
            fake.settle();
            prop_assert!(failures < 100);
        };
        prop_assert_eq!(asked, hot_limit + reload_limit + propagations + 1);
        fake.settle();
        prop_assert!(fake.manager.group(fake.groups[leaf]).unwrap().is_given_up());
    }
}

struct Ladder;

impl crate::RestartPolicy for Ladder {
    fn name(&self) -> &'static str {
        "ladder"
    }

    fn decide(&self, situation: &crate::Situation<'_>) -> crate::Decision {
        let decision = fallback::chorus(situation, &situation.actor.parameters);
        assert!(!matches!(decision.response, Response::NoAnswer(_)));
        decision
    }
}

/// Who is restarted when a group fails: a model of its own, by going over the edges until nothing
/// changes. A pair that is declared twice is as the second says.
fn mark(edges: &[Edge], failed: usize, concerned: &mut [bool]) {
    let mut mine = vec![false; concerned.len()];
    mine[failed] = true;
    let holds = |index: usize| {
        let (dependent, base, ..) = edges[index];
        !edges[index + 1..]
            .iter()
            .any(|later| (later.0, later.1) == (dependent, base))
    };
    for (index, &(dependent, base, _, reverse)) in edges.iter().enumerate() {
        if dependent == failed && reverse == Reaction::Restart && holds(index) {
            mine[base] = true;
        }
    }
    for _ in 0..edges.len() {
        for (index, &(dependent, base, reaction, _)) in edges.iter().enumerate() {
            if mine[base] && reaction == Reaction::Restart && holds(index) {
                mine[dependent] = true;
            }
        }
    }
    for (all, mine) in concerned.iter_mut().zip(mine) {
        *all |= mine;
    }
}
