//! What a manager makes of a restart of the site that it comes with.

use abi::start::PreviousEnd;
use abi::{ActorId, Cause, FaultKind, FaultRecord, Generation, Instant, Outcome, SiteCause, Slot};
use abi::{Name, Response, Span};

use super::fake::{Fake, storage};
use crate::actor::ActorKind::{Direct, Indirect};
use crate::policy::RestartPolicy;
use crate::{
    Action, ActorDeclaration, DeclareError, Event, GroupSlot, Parameters, RestartManager,
    SiteReboot, SiteReturn, Storage,
};

impl Fake {
    /// Tells the manager of a restart of the site now.
    pub(super) fn note_site_restart(&mut self, because: Option<u64>) {
        note(&mut self.manager, because, self.now);
    }
}

fn note(manager: &mut RestartManager<'_>, because: Option<u64>, at: Instant) {
    let fault = FaultRecord {
        time: at,
        ..FaultRecord::new(FaultKind::SITE)
    };
    let back = SiteReturn {
        cause: SiteCause::WATCHDOG,
        fault: &fault,
        because,
        started: 3,
        entered: at.after(Span(7)),
    };
    manager.note_site_restart(&back, at.after(Span(10)));
}

/// A manager with the ledger of another one, as after a restart of the site.
fn returned(mut before: Fake, because: Option<u64>, policy: &'static dyn RestartPolicy) -> Fake {
    let ledger = before.manager.ledger();
    let mut kept = vec![None; 256];
    for entry in ledger.entries() {
        kept[(entry.sequence - 1) as usize % 256] = Some(*entry);
    }
    let storage = Storage {
        ledger: kept.leak(),
        ..storage(8, 4, 0)
    };
    before.manager = RestartManager::new(storage, policy);
    before.note_site_restart(because);
    before
}

fn declare(fake: &mut Fake, group: GroupSlot, slot: u32, kind: crate::ActorKind, started: u32) {
    let declaration = ActorDeclaration {
        actor: ActorId::new(Slot(slot), Generation(900)),
        name: Name::truncated("somebody"),
        group,
        kind,
        parameters: Parameters::DEFAULT,
        started,
    };
    fake.manager.declare_actor(declaration).unwrap();
}

/// What the actor in this slot is told when it is activated first.
fn activation(fake: &mut Fake, slot: u32) -> (PreviousEnd, u32) {
    let actor = ActorId::new(Slot(slot), Generation(900));
    fake.manager.on_event(Event::Loaded { actor }, fake.now);
    match fake.manager.poll(fake.now) {
        Some(Action::Activate {
            previous,
            incarnation,
            ..
        }) => {
            fake.manager.on_event(Event::Activated { actor }, fake.now);
            (previous, incarnation)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn actors_hear_of_it_and_go_on_counting() {
    let before = Fake::running(&[&[Direct]]);
    let mut fake = returned(before, None, &super::fake::Dictated);
    let entry = fake.manager.ledger().next_sequence() - 1;
    let group = fake
        .manager
        .declare_group(Name::truncated("group"), None)
        .unwrap();
    declare(&mut fake, group, 0, Direct, 5);
    declare(&mut fake, group, 1, Indirect, 2);
    declare(&mut fake, group, 2, Direct, 0);
    let site = PreviousEnd::Site {
        cause: SiteCause::WATCHDOG,
        ledger: entry,
    };
    assert_eq!(activation(&mut fake, 0), (site, 6));
    assert_eq!(activation(&mut fake, 1), (site, 3));
    assert_eq!(activation(&mut fake, 2), (PreviousEnd::None, 1));
}

#[test]
fn the_ledger_goes_on_and_nothing_in_it_stays_pending() {
    let mut before = Fake::running(&[&[Direct], &[Direct]]);
    before.fail(0, super::fake::HOT, 0);
    before.fail(1, super::fake::SITE_RESTART, 0);
    let mut fake = returned(before, Some(2), &super::fake::Dictated);
    let outcome = |fake: &Fake, number| fake.manager.ledger().get(number).unwrap().outcome;
    assert_eq!(outcome(&fake, 1), Outcome::SUPERSEDED);
    assert_eq!(outcome(&fake, 2), Outcome::DONE);
    let entry = *fake.manager.ledger().get(3).unwrap();
    assert_eq!(entry.cause, Cause::Group { because: 2 });
    assert_eq!(
        (entry.response, entry.outcome, entry.incarnation),
        (Response::SITE_RESTART, Outcome::PENDING, 3)
    );
    fake.pass(1);
    fake.manager.note_site_activated(4, fake.now);
    let actor = ActorId::new(Slot(0), Generation(900));
    let group = fake
        .manager
        .declare_group(Name::truncated("group"), None)
        .unwrap();
    declare(&mut fake, group, 0, Direct, 1);
    activation(&mut fake, 0);
    fake.pass(2);
    for _ in 0..2 {
        fake.manager.on_event(Event::FirstReply { actor }, fake.now);
        fake.pass(5);
    }
    let entry = *fake.manager.ledger().get(3).unwrap();
    assert_eq!((entry.outcome, entry.block_reads), (Outcome::DONE, 4));
    let phases = entry.phases;
    assert_eq!((phases.freeze, phases.restart), (Span(7), Span(3)));
    assert_eq!(phases.activate, Span(Span::from_millis(1).0 - 10));
    assert_eq!(phases.first_reply, Span::from_millis(2));
}

#[test]
fn what_had_come_to_its_end_is_not_told_again() {
    let mut before = Fake::running(&[&[Direct], &[Direct]]);
    before.fail(0, super::fake::HOT, 0);
    before.fail(1, super::fake::SITE_RESTART, 0);
    let mut fake = returned(before, Some(2), &super::fake::Dictated);
    fake.manager
        .lend_marks(vec![0; 256 / crate::ledger::MARKS].leak());
    fake.note_site_restart(None);
    let changed = std::iter::from_fn(|| fake.manager.take_changed());
    let changed: Vec<_> = changed
        .map(|entry| (entry.sequence, entry.outcome))
        .collect();
    assert_eq!(changed, [(3, Outcome::DONE), (4, Outcome::PENDING)]);
}

#[test]
fn a_group_that_had_ended_is_known_as_ended_and_can_be_started_again_if_it_may() {
    let before = Fake::running(&[&[Direct]]);
    let mut fake = returned(before, None, &super::fake::Dictated);
    let names = ["given up", "ended"].map(Name::truncated);
    for (name, was_given_up) in names.into_iter().zip([true, false]) {
        fake.manager.note_ended_group(name, was_given_up);
        let group = fake.manager.group_named(&name).unwrap();
        assert!(fake.manager.group(group).unwrap().has_ended());
    }
    assert_eq!(
        fake.manager.declare_group(names[0], None),
        Err(DeclareError::GivenUp)
    );
    assert!(fake.manager.declare_group(names[1], None).is_ok());
}

/// A reboot is the first entry of a new ledger, and nobody is told of it.
#[test]
fn a_reboot_is_on_record_with_its_times_and_nobody_has_a_past() {
    let mut fake = Fake::new(&[], 0, &super::fake::Dictated);
    fake.manager = RestartManager::new(storage(8, 4, 4), &super::fake::Dictated);
    let group = fake.manager.declare_group(Name::truncated("group"), None);
    let fault = FaultRecord::new(FaultKind::SITE);
    let reboot = SiteReboot {
        fault: &fault,
        count: 2,
        firmware: Span(500),
        start: Span(30),
    };
    fake.manager.note_site_reboot(&reboot, Instant(20));
    declare(&mut fake, group.unwrap(), 1, Direct, 0);
    fake.now = Instant(60);
    assert_eq!(activation(&mut fake, 1), (PreviousEnd::None, 1));
    fake.manager.note_site_activated(7, Instant(120));
    let actor = ActorId::new(Slot(1), Generation(900));
    fake.manager
        .on_event(Event::FirstReply { actor }, Instant(220));
    let [entry] = fake.ledger()[..] else {
        panic!("{:?}", fake.ledger());
    };
    assert_eq!((entry.sequence, entry.incarnation), (1, 2));
    assert_eq!(
        (entry.response, entry.outcome, entry.block_reads),
        (Response::SITE_REBOOT, Outcome::DONE, 7)
    );
    let phases = entry.phases;
    assert_eq!((phases.freeze, phases.restart), (Span(500), Span(30)));
    assert_eq!(
        (phases.activate, phases.first_reply),
        (Span(100), Span(100))
    );
}
