//! Wherever the threads of all are when the kernel ends, everybody comes back.

use site_suite::member::{Order, Place};
use syscall::prelude::*;
use syscall::{site, thread};

use crate::check::Must;
use crate::steps::{Steps, await_inside, have, inspect, order, tell};

const MEMBERS: &[&str] = &["first", "second", "third"];

/// What each member keeps.
const KEPT: [u64; 3] = [100, 2_000, 30_000];

/// What is prepared in a step, after the places.
const MORE: [fn(&mut Steps); 5] = [
    everywhere_at_once,
    frozen,
    frozen_with_guests,
    frozen_as_guest,
    in_a_commit,
];

/// One place after the other, then what takes more than a thread.
pub(crate) fn everywhere(start: &Start) {
    let mut steps = Steps::go_on(start, MEMBERS);
    for (name, kept) in MEMBERS.iter().zip(KEPT) {
        if steps.step() == 0 {
            have(name, Order::Keep(kept));
        } else {
            let condition = steps.must_be_back(name, kept);
            check_eq!(
                condition.was_interrupted,
                was_in_a_commit(&steps, name),
                "{name}"
            );
            check_eq!(condition.committed, if *name == "first" { 8 } else { 0 });
        }
    }
    if steps.step() == 0 {
        have("first", Order::Commit(8));
    }
    // It has nothing to do but to come back, and takes memory for that.
    inspect("watched");
    steps.nothing_may_be_lost();
    steps.nothing_may_be_read();

    let step = steps.step() as usize;
    let more = step.checked_sub(Place::ALL.len());
    match (Place::ALL.get(step), more.map(|more| MORE.get(more))) {
        (Some(place), _) => {
            go(*place);
            steps.end()
        }
        (None, Some(Some(prepare))) => {
            prepare(&mut steps);
            steps.end()
        }
        _ => {}
    }
}

/// Sends a thread of the first member to a place, and waits until it is there.
#[track_caller]
fn go(place: Place) {
    have("first", Order::Go(place));
    let (host, count) = match place {
        Place::Visit(0) | Place::VisitAwake => ("second", 1),
        Place::Visit(1) => ("third", 1),
        // Round the three of them, back home.
        Place::Visit(_) => ("first", 1),
        Place::Door => {
            await_inside("second", 4);
            ("first", 1)
        }
        _ => ("first", 1),
    };
    await_inside(host, count);
    // Those that go on and on are somewhere in the middle then.
    thread::sleep(Span::from_millis(2));
    await_inside(host, count);
}

/// All of them, in all places, but where there is room for one only.
fn everywhere_at_once(_: &mut Steps) {
    for place in Place::ALL {
        let members = match place {
            Place::Console | Place::Interrupt | Place::Trap | Place::Door => 1,
            _ => MEMBERS.len(),
        };
        for name in &MEMBERS[..members] {
            if place != Place::Door && !matches!(place, Place::Visit(_) | Place::VisitAwake) {
                have(name, Order::Go(place));
            }
        }
    }
    for name in MEMBERS {
        have(name, Order::Go(Place::Visit(1)));
        have(name, Order::Go(Place::VisitAwake));
    }
    thread::sleep(Span::from_millis(20));
}

#[track_caller]
fn freeze(name: &str) {
    site::freeze(inspect(name).actor).must(name);
}

fn frozen(_: &mut Steps) {
    go(Place::Compute);
    freeze("first");
}

fn frozen_with_guests(_: &mut Steps) {
    go(Place::Visit(0));
    go_awake();
    freeze("second");
}

fn go_awake() {
    have("first", Order::Go(Place::VisitAwake));
    await_inside("second", 2);
}

fn frozen_as_guest(_: &mut Steps) {
    go(Place::Visit(1));
    freeze("first");
}

/// The first member has the kernel end while it writes down another number.
fn in_a_commit(steps: &mut Steps) {
    let _ = order("first", Order::Inside);
    steps.close();
    tell("first", Order::Commit(9));
    steps.wait_for_the_end()
}

/// Whether the step before was the one with the commit.
fn was_in_a_commit(steps: &Steps, name: &str) -> bool {
    name == "first" && steps.step() as usize == Place::ALL.len() + MORE.len()
}
