//! The actors that the judge has to deal with, and files as it likes to look at them.

use posix::{Errno, File};
use syscall::abi::site::{ActorInfo, ActorState};
use syscall::prelude::*;
use syscall::{site, thread};

use crate::check::{Must, wait_until};

/// How long something may take.
pub(crate) const PATIENCE: Span = Span::from_secs(10);

/// The manager.
pub(crate) const MANAGER: &str = "posix-manager";

/// What the kernel says about an actor.
#[track_caller]
pub(crate) fn info(name: &str) -> ActorInfo {
    site::actor(name)
        .must("the table of actors")
        .must("an actor that was described")
}

#[track_caller]
pub(crate) fn incarnation(name: &str) -> u32 {
    info(name).incarnation
}

/// Does something to an actor that restarts it, and waits for it to run again.
#[track_caller]
pub(crate) fn must_come_back(name: &str, strike: impl FnOnce(ActorId) -> Result<()>) {
    let before = info(name);
    strike(before.actor).must("a strike");
    let is_back = || {
        let now = info(name);
        now.incarnation > before.incarnation && now.state == ActorState::RUNNING
    };
    check!(wait_until(PATIENCE, is_back), "{name} does not come back");
}

/// Makes a call again that is not possible just now.
#[track_caller]
pub(crate) fn patiently<T>(mut call: impl FnMut() -> posix::Result<T>) -> posix::Result<T> {
    let end = thread::now().after(PATIENCE);
    loop {
        match call() {
            Err(Errno::EAGAIN) if thread::now() < end => thread::sleep(Span::from_millis(1)),
            result => return result,
        }
    }
}

/// Checks that a call is refused for this reason.
#[track_caller]
pub(crate) fn must_say<T>(result: posix::Result<T>, errno: Errno, what: &str) {
    check_eq!(result.err(), Some(errno), "{what}");
}

/// Writes a file anew.
#[track_caller]
pub(crate) fn put(name: &str, bytes: &[u8]) {
    let mut file = File::create(name).must(name);
    file.write_all(bytes).must(name);
    file.close().must(name);
}

/// Checks what is in a file, to its end.
#[track_caller]
pub(crate) fn must_hold(name: &str, expected: &[u8]) {
    let mut file = patiently(|| File::open(name)).must(name);
    let mut buffer = [0; 600];
    let mut rest = expected;
    loop {
        let found = file.read_to_end(&mut buffer).must(name);
        check!(rest.starts_with(found), "{name} holds something else");
        rest = rest.get(found.len()..).unwrap_or_default();
        if found.is_empty() {
            check!(rest.is_empty(), "{name} ends {} bytes early", rest.len());
            return file.close().must(name);
        }
    }
}
