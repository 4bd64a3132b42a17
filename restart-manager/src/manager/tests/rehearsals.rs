//! Rehearsals of whatever may happen: a policy is shown what it was shown then.

use std::cell::RefCell;

use abi::LedgerEntry;
use proptest::prelude::*;

use super::fake::{Dictated, Edge, Fake};
use super::forest::{Step, forest, step, take};
use crate::{ActorKind, Decision, RestartPolicy, Situation, fallback, rehearse};

thread_local! {
    static SHOWN: RefCell<Vec<Shown>> = const { RefCell::new(Vec::new()) };
}

/// What a policy was shown.
#[derive(Clone, PartialEq, Debug)]
struct Shown {
    /// Of the actor and its group.
    own: String,
    /// What depends on who has gone, or is about to go.
    others: String,
}

/// Asks another policy, and writes down all that it is shown.
struct Witness<'p>(&'p dyn RestartPolicy);

impl RestartPolicy for Witness<'_> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn decide(&self, situation: &Situation<'_>) -> Decision {
        let Situation {
            fault,
            actor,
            group,
            tree,
            ..
        } = situation;
        // A rehearsal does not know when the site was up.
        let ran_for = (actor.incarnation > 1).then_some(actor.ran_for);
        let own = format!(
            "{:?} {:?} {:?} {ran_for:?} {:?}\n{:?} {:?}\n{:?} {:?}",
            (fault.code, fault.address),
            actor.actor,
            actor.incarnation,
            situation.history.deaths(),
            group.name,
            group.history.deaths(),
            situation.failed_attempt,
            situation.now,
        );
        let below = tree.ancestors().filter_map(|group| tree.facts(group));
        let below = below.map(|below| {
            let counts = (below.restarts, below.failures_above);
            (below.name, counts, below.is_restartable)
        });
        let others = format!("{} {:?}", group.members, below.collect::<Vec<_>>());
        SHOWN.with_borrow_mut(|all| all.push(Shown { own, others }));
        self.0.decide(situation)
    }
}

/// The paper's ladder, at the site's own heights.
struct Ladder;

impl RestartPolicy for Ladder {
    fn name(&self) -> &'static str {
        "ladder"
    }

    fn decide(&self, situation: &Situation<'_>) -> Decision {
        fallback::chorus(situation, &situation.actor.parameters)
    }
}

fn shown() -> Vec<Shown> {
    SHOWN.take()
}

/// What the policy is shown in a rehearsal of `entries`, and in which entries it decides something
/// else than is recorded.
fn rehearsed(
    groups: &[&[ActorKind]],
    edges: &[Edge],
    entries: &[LedgerEntry],
    policy: &'static dyn RestartPolicy,
) -> (Vec<Shown>, Vec<u64>) {
    let mut like = Fake::new(groups, 0, policy);
    like.declare_edges(edges);
    let mut others = Vec::new();
    rehearse(&mut like.manager, entries, |rehearsed| {
        if !rehearsed.agrees() {
            others.push(rehearsed.entry.sequence);
        }
    });
    (shown(), others)
}

/// When things happen.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Pace {
    /// All but failures of restarts when the site is at rest.
    Rest,
    /// Failures and restarts at any moment.
    Haste,
}

fn live(fake: &mut Fake, steps: &[Step], pace: Pace) {
    for index in 0..fake.actors.len() {
        fake.load(index);
    }
    fake.settle();
    for step in steps {
        match (pace, step) {
            // Long enough for histories to be forgotten, and for failures to leave the window.
            (_, Step::Pass { millis }) => fake.pass(millis * 500),
            (_, Step::Poll | Step::PollAll | Step::Complete { .. })
            | (Pace::Rest, Step::CompleteBadly { .. })
            | (Pace::Haste, Step::Fail { .. } | Step::Restart { .. } | Step::Kill { .. }) => {
                take(fake, step);
            }
            // Who is not declared is taken for a direct member.
            (_, Step::Spawn { .. }) | (Pace::Haste, _) => {}
            (Pace::Rest, _) => {
                fake.settle();
                take(fake, step);
            }
        }
    }
    fake.settle();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_rehearsal_shows_the_policy_what_it_was_shown(
        (mut groups, edges) in forest(),
        steps in prop::collection::vec(step(), 0..150),
        is_ladder in any::<bool>(),
        is_hasty in any::<bool>(),
    ) {
        let policy: &'static dyn RestartPolicy =
            if is_ladder { &Witness(&Ladder) } else { &Witness(&Dictated) };
        let pace = if is_hasty { Pace::Haste } else { Pace::Rest };
        // What happens to a group without members is not on record.
        for group in groups.iter_mut().filter(|group| group.is_empty()) {
            group.push(ActorKind::Direct);
        }
        let groups: Vec<&[ActorKind]> = groups.iter().map(Vec::as_slice).collect();
        let mut fake = Fake::new(&groups, 256, policy);
        fake.declare_edges(&edges);
        live(&mut fake, &steps, pace);
        let then = shown();
        let (now, others) = rehearsed(&groups, &edges, &fake.ledger(), policy);
        prop_assert_eq!(then.len(), now.len());
        for (then, now) in then.iter().zip(&now) {
            prop_assert_eq!(&then.own, &now.own);
            if pace == Pace::Rest {
                prop_assert_eq!(&then.others, &now.others);
            }
        }
        if pace == Pace::Rest {
            prop_assert_eq!(others, vec![]);
        }
    }
}

/// After a restart of the site the policy has forgotten what was before, here as there.
#[test]
fn a_restart_of_the_site_is_forgotten_in_a_rehearsal_too() {
    let mut fake = Fake::new(&[&[ActorKind::Direct]], 16, &Ladder);
    fake.load(0);
    fake.settle();
    for _ in 0..3 {
        fake.fail(0, 0, 0);
        fake.settle();
    }
    let mut entries = fake.ledger();
    let mut site = entries[2];
    site.sequence = 4;
    site.actor = abi::ActorId::NONE;
    site.response = abi::Response::SITE_RESTART;
    site.advice = abi::Advice::NOT_ASKED;
    // The same failure again would be the fourth, and be answered with a reload.
    let again = LedgerEntry {
        sequence: 5,
        time: site.activated_at(),
        incarnation: entries[2].incarnation + 1,
        ..entries[2]
    };
    entries.extend([site, again]);
    let groups: &[&[ActorKind]] = &[&[ActorKind::Direct]];
    assert_eq!(
        rehearsed(groups, &[], &entries, &Ladder).1,
        Vec::<u64>::new()
    );
    entries.remove(3);
    assert_eq!(rehearsed(groups, &[], &entries, &Ladder).1, [5]);
}
