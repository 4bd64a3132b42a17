//! Actors whose subsystem has a manager: they run when it says so, and not before.

use syscall::abi::site::ActorState;
use syscall::abi::{FaultKind, Response};
use syscall::prelude::*;
use syscall::{site, thread};
use tree_suite::{Reply, Request};

use crate::check::{Must, wait_until};
use crate::inbox::PATIENCE;
use crate::ledger::{self, Reader};
use crate::peers::{ask, await_all, incarnations, info, kill};

const MANAGER: &str = "manager";
const APPLICATIONS: [&str; 3] = ["one", "two", "three"];
/// Long enough for whatever would happen by itself.
const A_WHILE: Span = Span::from_millis(20);
/// How long the kernel lets a manager take.
const MANAGER_PATIENCE: Span = Span::from_secs(5);

/// Waits until an application waits for the manager, and checks that nothing else happens.
#[track_caller]
fn must_wait(name: &str) -> u64 {
    let expected = || site::find(name).must(name).raw();
    let is_it = || ask(MANAGER, Request::Waiting) == Reply::Number(expected());
    check!(wait_until(PATIENCE, is_it), "{name} does not wait");
    let before = info(name).incarnation;
    thread::sleep(A_WHILE);
    check_eq!(info(name).incarnation, before, "{name}");
    check_eq!(info(name).threads, 0, "{name}");
    check!(info(name).state != ActorState::RUNNING, "{name}");
    expected()
}

#[track_caller]
fn activate(by: &str, actor: u64) -> Status {
    match ask(by, Request::Activate(actor)) {
        Reply::Status(status) => Status(status),
        other => fail!("no status but {other:?}"),
    }
}

/// Has the manager activate applications, each when its turn has come.
#[track_caller]
fn activate_all(names: &[&str]) {
    for name in names {
        let actor = must_wait(name);
        check_eq!(activate("stranger", actor), Status::NOT_OWNER);
        check_eq!(activate(MANAGER, actor), Status::OK);
        await_all(&[name]);
        check_eq!(activate(MANAGER, actor), Status::NOT_FOUND);
    }
    check_eq!(ask(MANAGER, Request::Waiting), Reply::Number(0));
}

/// At boot, after a restart, and when the manager itself fails or does nothing meanwhile.
pub(crate) fn managers_activate(_: &Start) {
    await_all(&[MANAGER, "stranger"]);
    // Nobody has to be waited for yet: each as it is loaded, but for one after the other in a group.
    activate_all(&["one", "three", "two"]);
    check_eq!(incarnations(APPLICATIONS), [1, 1, 1]);

    // A group, and what stands on it: each in its turn.
    kill("two");
    activate_all(&APPLICATIONS);
    check_eq!(incarnations(APPLICATIONS), [2, 2, 2]);

    // The manager dies when it has activated one of them: the subsystem is restarted.
    kill("one");
    let one = must_wait("one");
    check_eq!(activate(MANAGER, one), Status::OK);
    await_all(&["one"]);
    must_wait("two");
    kill(MANAGER);
    await_incarnation(2);
    activate_all(&APPLICATIONS);
    check_eq!(incarnations(APPLICATIONS), [4, 3, 3]);

    // It does nothing: it has hung, and the next one does it.
    let mut reader = Reader::at_end();
    let time = thread::now();
    kill("three");
    must_wait("three");
    await_incarnation(3);
    check!(thread::now().since(time) >= MANAGER_PATIENCE);
    // Its entry is finished when it runs again.
    check_eq!(reader.take_unfinished().name.as_str(), "three");
    let hung = reader.take();
    check_eq!(hung.name.as_str(), MANAGER);
    check_eq!(ledger::fault(&hung).kind, FaultKind::HUNG);
    ledger::must_be_done(&hung, Response::HOT_RESTART);
    activate_all(&APPLICATIONS);
    check_eq!(incarnations(APPLICATIONS), [5, 4, 4]);
    check_eq!(info("stranger").incarnation, 1);
}

#[track_caller]
fn await_incarnation(expected: u32) {
    let is_there = || info(MANAGER).incarnation == expected;
    check!(wait_until(PATIENCE, is_there), "{:?}", info(MANAGER));
}
