//! Who is restarted with whom, and who does not notice.

use posix::File;
use posix_suite::TICKS;
use syscall::prelude::*;
use syscall::{RemotePort, site, thread};

use crate::check::{Must, wait_until};
use crate::peers::{MANAGER, PATIENCE, incarnation, must_come_back, must_hold, patiently, put};

/// An application that depends on the manager.
const TICKER: &str = "ticker";
/// Another one, which has a child that fails as soon as there is a file `fail`.
const FAMILY: &str = "family";
/// An actor of the native personality: it counts how often it is called.
const NATIVE: &str = "native";

/// How long the file is that the ticker writes to.
#[track_caller]
fn ticks() -> u64 {
    patiently(|| File::open(TICKS)?.seek(0, posix::file::Whence::End)).must("the ticks")
}

#[track_caller]
fn must_go_on() {
    let before = ticks();
    check!(
        wait_until(PATIENCE, || ticks() > before),
        "the ticker stands still"
    );
}

/// The next count of the native actor.
#[track_caller]
fn count() -> u64 {
    let port = RemotePort::find(NATIVE, PATIENCE).must("the native actor");
    port.request(&(), PATIENCE).must("a count")
}

/// Applications of a group that depends on the manager's are restarted with it and find their
/// files; one that fails itself takes nobody along.
pub(crate) fn applications_restart_with_the_manager(_: &Start) {
    put("kept", b"as it was");
    check!(
        wait_until(PATIENCE, || File::open(TICKS).is_ok()),
        "no ticks"
    );
    for round in 1..=20 {
        must_go_on();
        let before = ticks();
        let lives = [incarnation(MANAGER), incarnation(TICKER)];
        must_come_back(MANAGER, site::kill);
        let follows = || incarnation(TICKER) == lives[1] + 1;
        check!(wait_until(PATIENCE, follows), "the ticker does not follow");
        check!(ticks() >= before, "{} ticks of {before}", ticks());
        must_go_on();
        check_eq!(incarnation(MANAGER), lives[0] + 1, "round {round}");
        // The other way round nobody follows.
        must_come_back(TICKER, site::kill);
        must_go_on();
        check_eq!(incarnation(MANAGER), lives[0] + 1, "round {round}");
        check_eq!(incarnation(TICKER), lives[1] + 2, "round {round}");
    }
    // A child that fails in a way that nobody can catch restarts its family, and nobody else.
    check_eq!(incarnation(FAMILY), 21);
    let lives = [MANAGER, TICKER].map(incarnation);
    put("fail", b"");
    check!(
        wait_until(PATIENCE, || incarnation(FAMILY) == 22),
        "no failure"
    );
    check!(
        wait_until(PATIENCE, || File::open("failed").is_ok()),
        "no second life"
    );
    check_eq!([MANAGER, TICKER].map(incarnation), lives);
    check_eq!(incarnation(FAMILY), 22);
    must_hold("kept", b"as it was");
    check_eq!(site::info().must("counters").reloads, 0);
}

/// Killing one personality shows the other untouched.
pub(crate) fn one_dies_and_the_other_goes_on(_: &Start) {
    put("kept", b"as it was");
    check!(
        wait_until(PATIENCE, || File::open(TICKS).is_ok()),
        "no ticks"
    );
    let mut expected = count();
    for _ in 0..10 {
        must_come_back(MANAGER, site::kill);
        expected += 1;
        check_eq!(count(), expected);
        must_go_on();
    }
    check_eq!(incarnation(NATIVE), 1);
    let lives = [incarnation(MANAGER), incarnation(TICKER)];
    for _ in 0..10 {
        must_go_on();
        must_come_back(NATIVE, site::kill);
        expected += 1;
        check_eq!(count(), expected);
    }
    // The applications of the subsystem end for good, and the other personality with its manager
    // goes on.
    site::kill_group(TICKER).must("the end of the ticker");
    let end = ticks();
    thread::sleep(Span::from_millis(20));
    check!(ticks() <= end + 1, "the ticker goes on");
    check_eq!([incarnation(MANAGER), incarnation(TICKER)], lives);
    check_eq!(incarnation(NATIVE), 11);
    must_hold("kept", b"as it was");
    expected += 1;
    check_eq!(count(), expected);
}
