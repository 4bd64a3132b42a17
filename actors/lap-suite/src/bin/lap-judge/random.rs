//! The randomized test: a server crashes at random, and what its callers are told is the truth.
//!
//! The server dies in the middle of requests and at random times; now and then the judge has it,
//! the server behind it, or one of the clients restarted. The seed makes each run the same, as far
//! as the machine counts instructions.

use lap_suite::client::{self, Tally};
use lap_suite::program::Step;
use lap_suite::random::Random;
use lap_suite::server::{self, STACKS};
use syscall::prelude::*;
use syscall::thread;

use crate::baseline::Baseline;
use crate::check::{Must, wait_until};
use crate::peers::{Guests, Host, PATIENCE, info, restart};
use crate::wave::{self, Reports};

const NAMES: [&str; 4] = ["client", "other", "server", "middle"];

/// Every outcome is the truth, each kind of outcome occurs, and nothing is lost.
pub(crate) fn every_outcome_is_true(start: &Start) {
    let number = |index| {
        start
            .argument(index)
            .and_then(|word| word.parse::<u64>().ok())
    };
    let seed = number(1).must("a seed");
    let count = number(2).must("a number of restarts");
    let reports = Reports::open();
    // What is used for the first time stays in use: the first storm is for that.
    storm(seed ^ 0xffff, 100);
    let before = Baseline::of(&NAMES);
    let tallies = storm(seed, count);
    before.must_hold(&NAMES);

    for tally in tallies {
        for (what, counts) in [("invocations", tally.invoked), ("calls", tally.called)] {
            info!("{what}: returned, not entered, maybe, completed: {counts:?}");
        }
        check!(
            tally.invoked.iter().all(|count| *count > 0),
            "some never occur: {tally:?}"
        );
        let [returned, not_entered, maybe, _] = tally.called;
        check!(
            returned > 0 && not_entered > 0 && maybe > 0,
            "some never occur: {tally:?}"
        );
    }
    // All stacks are there still.
    let wave = wave::send(Guests::CLIENT, Host::SERVER.wide(), &[Step::Receive], 16);
    let other = wave::send(Guests::OTHER, Host::SERVER.wide(), &[Step::Receive], 8);
    Host::SERVER.await_inside(u64::from(STACKS));
    Host::SERVER.make(server::Request::Feed(u64::from(STACKS)));
    reports.of(&(wave.start..other.end));
}

/// Lets the server crash so many times, with two clients at it.
#[track_caller]
fn storm(seed: u64, count: u64) -> [Tally; 2] {
    let mut random = Random::new(seed, 0);
    let end = u64::from(info("server").incarnation) + count;
    must_begin(seed);
    for (number, guests) in [Guests::CLIENT, Guests::OTHER].into_iter().enumerate() {
        guests.make(client::Request::Storm(seed, number as u64));
    }
    let mut last = (thread::now(), 0);
    while u64::from(info("server").incarnation) < end {
        thread::sleep(Span::from_millis(random.below(4)));
        match random.below(16) {
            0 => restart_if_there("server"),
            1 => restart_if_there("middle"),
            2 => restart_if_there("other"),
            _ => {}
        }
        let incarnation = info("server").incarnation;
        if incarnation != last.1 {
            last = (thread::now(), incarnation);
        }
        check!(
            thread::now().since(last.0) < PATIENCE,
            "the server's {incarnation}th incarnation lives on"
        );
    }
    let tallies = [Guests::CLIENT, Guests::OTHER].map(Guests::calm);
    must_begin(0);
    for tally in tallies {
        check_eq!(tally.lie, 0, "{:?}", tally.evidence);
    }
    tallies
}

/// Tells the server, which may crash before it answers.
#[track_caller]
fn must_begin(seed: u64) {
    let is_told = || {
        let answer = Host::SERVER.try_ask(server::Request::Storm(seed));
        answer == Ok(server::Reply::Done)
    };
    check!(wait_until(PATIENCE, is_told), "the server does not listen");
}

/// Asks for a restart, unless the actor is just being restarted.
fn restart_if_there(name: &str) {
    if info(name).state == syscall::abi::site::ActorState::RUNNING {
        restart(name);
    }
}
