//! What may happen while the policy thinks.

use abi::{ActorId, Advice, NoticePhase, Outcome, Response};

use super::fake::{Fake, HOT, RELOAD, TERMINATE, Thinking, fault};
use crate::ActorKind::Direct;
use crate::{Action, Event, Fate, State};

/// A site of one group of two, whose policy takes its time.
fn site() -> Fake {
    let mut fake = Fake::running(&[&[Direct, Direct]]);
    fake.thinking = Thinking::Long;
    fake.notices();
    fake
}

#[test]
fn nothing_is_done_before_the_answer_and_then_what_it_says() {
    let mut fake = site();
    fake.fail(0, RELOAD, 0);
    assert_eq!(fake.poll_all(), []);
    let entry = fake.ledger()[0];
    assert_eq!(
        (entry.response, entry.outcome),
        (Response::NONE, Outcome::PENDING)
    );
    assert_eq!(fake.notices(), []);
    assert!(fake.ask() && !fake.ask());
    assert_eq!(fake.poll_all(), []);
    assert!(fake.answer(0));
    let notices = fake.notices();
    assert_eq!(
        (notices.len(), notices[0].phase, notices[0].response),
        (1, NoticePhase::FAILED, Response::RELOAD)
    );
    assert_eq!(fake.poll_all().len(), 2);
    let entry = fake.ledger()[0];
    assert_eq!(
        (entry.response, entry.advice),
        (Response::RELOAD, Advice::FOLLOWED)
    );
    fake.settle();
    fake.check_rest();
}

#[test]
fn a_group_that_is_ended_meanwhile_needs_no_answer() {
    for is_fetched in [false, true] {
        let mut fake = site();
        fake.fail(0, HOT, 0);
        if is_fetched {
            assert!(fake.ask());
        }
        let group = fake.groups[0];
        fake.tell(Event::GroupKillRequested {
            group,
            by: ActorId::NONE,
        });
        assert!(!fake.ask());
        let frozen = fake.poll_all();
        assert!(frozen.iter().all(|action| matches!(
            action,
            Action::Freeze {
                fate: Fate::End,
                ..
            }
        )));
        // It is frozen before the answer comes, and subscribers are told in order all the same.
        fake.complete(0, Ok(()));
        assert_eq!((frozen.len(), fake.answer(0)), (2, is_fetched));
        fake.settle();
        fake.check_rest();
        let failures = fake.ledger();
        assert_eq!(
            (
                failures[0].response,
                failures[0].advice,
                failures[0].outcome
            ),
            (Response::TERMINATE, Advice::NOT_ASKED, Outcome::DONE)
        );
        let phases: Vec<_> = fake.notices().iter().map(|notice| notice.phase).collect();
        assert_eq!(phases[0], NoticePhase::FAILED);
        assert_eq!(
            phases
                .iter()
                .filter(|phase| **phase == NoticePhase::FAILED)
                .count(),
            1
        );
        assert!(fake.actors.iter().all(|actor| actor.is_gone));
    }
}

#[test]
fn a_group_that_is_restarted_meanwhile_is_restarted_once() {
    let mut fake = site();
    fake.fail(0, TERMINATE, 0);
    assert!(fake.ask());
    fake.tell(Event::RestartRequested {
        actor: fake.id(1),
        by: ActorId::NONE,
    });
    assert!(fake.answer(0));
    fake.settle();
    fake.check_rest();
    assert_eq!((fake.actors[0].starts, fake.actors[1].starts), (2, 2));
    let entry = fake.ledger()[0];
    assert_eq!(
        (entry.response, entry.advice),
        (Response::HOT_RESTART, Advice::NOT_ASKED)
    );
}

#[test]
fn a_restart_that_could_not_be_done_is_not_tried_again_before_the_answer() {
    let mut fake = site();
    fake.fail(0, HOT, 0);
    fake.answer_all();
    fake.poll_all();
    fake.complete(0, Ok(()));
    fake.complete(0, Ok(()));
    fake.poll_all();
    fake.complete(0, Err(&fault(RELOAD, 0)));
    assert!(fake.ask());
    assert_eq!(fake.poll_all(), []);
    // Another cause sends the group back to freezing. The answer is still waited for.
    fake.tell(Event::RestartRequested {
        actor: fake.id(1),
        by: ActorId::NONE,
    });
    assert_eq!(fake.poll_all(), []);
    assert_eq!(fake.state(0), State::Frozen);
    assert!(fake.answer(0));
    fake.settle();
    fake.check_rest();
    assert_eq!(fake.ledger()[2].response, Response::RELOAD);
}
