//! What goes in and what comes out of a LAP, when nobody fails.

use core::sync::atomic::{AtomicU64, Ordering};

use lap_suite::program::{Step, program};
use lap_suite::server::{Reply, Request, STACKS};
use syscall::abi::{LapId, Slot};
use syscall::lap::{self, Invocation};
use syscall::prelude::*;
use syscall::{Lap, RemoteLap, Stacks, Thread, thread};

use crate::check::{Must, must_be_refused, wait_until};
use crate::peers::{Host, PATIENCE, info};
use crate::wave;

const SERVER: Host = Host::SERVER;

/// Arguments, results, the cookie and the caller's identity pass; a syscall in a LAP is the
/// callee's.
pub(crate) fn arguments_and_results_pass(start: &Start) {
    let number = wave::numbers(1).start;
    let result = SERVER
        .wide()
        .invoke([program(&[Step::Effect]), number], Span::ZERO);
    check_eq!(result, Ok((1, number)));
    let who = SERVER
        .wide()
        .invoke([program(&[Step::Who]), number], Span::ZERO);
    let own = start.actor().raw();
    check_eq!(who, Ok((own, own)));

    // By a capability that was handed over, too.
    let Reply::Laps { wide, narrow } = SERVER.ask(Request::Laps) else {
        fail!("no LAPs")
    };
    check_eq!((wide, narrow), (SERVER.wide().id(), SERVER.narrow().id()));
    for id in [wide, narrow] {
        let result = RemoteLap::from(id).invoke([0, number], Span::ZERO);
        check_eq!(result, Ok((1, number)));
    }

    // Its own LAP, without a name.
    let add = |invocation: &mut Invocation<'_>| {
        let [first, second] = invocation.arguments();
        (first.wrapping_add(second), invocation.cookie())
    };
    let lap = Lap::create("", Stacks::of_count(1), 77, add).must("a LAP");
    check_eq!(lap.remote().invoke([u64::MAX, 3], Span::ZERO), Ok((2, 77)));
    static SHARED: AtomicU64 = AtomicU64::new(5);
    let count = |shared: &'static AtomicU64, invocation: &mut Invocation<'_>| {
        (
            shared.fetch_add(1, Ordering::SeqCst),
            invocation.caller().raw(),
        )
    };
    let shared = Lap::with_context("", Stacks::of_count(1), &SHARED, count).must("a LAP");
    check_eq!(shared.remote().invoke([0; 2], Span::ZERO), Ok((5, own)));
    check_eq!(shared.remote().invoke([0; 2], Span::ZERO), Ok((6, own)));

    // Outside any invocation there is nothing to be done with.
    must_be_refused(lap::done(), Status::BAD_ARGUMENT, "being done with nothing");

    let before = info("server");
    let got = SERVER
        .wide()
        .invoke([program(&[Step::Acquire]), number], Span::ZERO);
    let (address, is_done) = got.must("an acquisition");
    check_eq!(is_done, 1);
    check_eq!(info("server").ports, before.ports + 1);
    check_eq!(info("lap-judge").ports, 0);
    check_eq!(SERVER.number(Request::ReadAt(address)), 0);
}

/// LAPs are found by name, and not by those who come too early or too late.
pub(crate) fn names_are_found_and_taken(_: &Start) {
    let nothing = |_: &mut Invocation<'_>| (0, 0);
    let one = Stacks::of_count(1);
    let create = |name: &str| Lap::create(name, one, 0, nothing);
    let theirs = SERVER.wide().id();
    must_be_refused(create("server"), Status::ALREADY_EXISTS, "another's name");
    let mine = create("mine").must("a LAP");
    must_be_refused(create("mine"), Status::ALREADY_EXISTS, "one's own name");
    check_eq!(RemoteLap::resolve("mine", Span::ZERO), Ok(mine.remote()));
    let too_long = "a name of more than thirty-one bytes";
    check!(create(too_long).is_err() && RemoteLap::resolve(too_long, Span::ZERO).is_err());

    let missing = RemoteLap::resolve("later", Span::ZERO);
    must_be_refused(missing, Status::NOT_FOUND, "what is not there");
    let before = thread::now();
    let short = Span::from_millis(20);
    check!(
        RemoteLap::resolve("later", short).is_err(),
        "found too early"
    );
    check!(thread::now().since(before) >= short, "did not wait");
    // A port of the same name is something else.
    let port = Port::create("later", 1).must("a port");
    check!(
        RemoteLap::resolve("later", Span::ZERO).is_err(),
        "a port is no LAP"
    );
    static FOUND: AtomicU64 = AtomicU64::new(0);
    for _ in 0..3 {
        let body = |_| {
            let lap = RemoteLap::resolve("later", PATIENCE).must("what comes later");
            check_eq!(lap.invoke([0; 2], Span::ZERO), Ok((0, 0)));
            FOUND.fetch_add(1, Ordering::SeqCst);
        };
        Thread::spawn(body, 0, 16 * 1024, 10).must("a thread");
    }
    thread::sleep(short);
    check_eq!(FOUND.load(Ordering::SeqCst), 0);
    let later = Lap::create("later", Stacks::of_count(3), 0, nothing).must("a LAP");
    let are_found = || FOUND.load(Ordering::SeqCst) == 3;
    check!(wait_until(PATIENCE, are_found), "not found");
    drop(port);

    // What is destroyed is gone, and its name is free.
    let old = later.remote();
    later.destroy().must("its end");
    must_be_refused(old.invoke([0; 2], PATIENCE), Status::DEAD, "the destroyed");
    check!(
        RemoteLap::resolve("later", Span::ZERO).is_err(),
        "found the destroyed"
    );
    let again = create("later").must("the name again");
    must_be_refused(old.invoke([0; 2], PATIENCE), Status::DEAD, "the destroyed");
    check_eq!(again.remote().invoke([0; 2], Span::ZERO), Ok((0, 0)));

    // What never was, is dead too; and nobody destroys what is another's.
    let id = theirs;
    let future = LapId::new(id.slot(), id.generation().next().must("a generation"));
    for nobody in [LapId::NONE, future, LapId::new(Slot(5000), id.generation())] {
        let result = RemoteLap::from(nobody).invoke([0; 2], PATIENCE);
        must_be_refused(result, Status::DEAD, "nobody");
    }
    let destroyed = syscall::call::lap::sys_lap_destroy(id);
    must_be_refused(destroyed, Status::NOT_OWNER, "destroying another's");

    for stacks in [
        Stacks::of_count(0),
        Stacks::of_count(33),
        Stacks { count: 1, bytes: 0 },
        Stacks {
            count: 1,
            bytes: 1 << 40,
        },
    ] {
        let result = Lap::create("", stacks, 0, nothing);
        must_be_refused(result, Status::BAD_ARGUMENT, "stacks of no good size");
    }
}

/// A guest that is inside a LAP that is destroyed finishes; nobody enters any more.
pub(crate) fn guests_of_a_destroyed_lap_finish(_: &Start) {
    static ENDED: AtomicU64 = AtomicU64::new(0);
    let lap = SERVER.narrow();
    let body = |lap| {
        let lap = RemoteLap::from(LapId::from_raw(lap));
        let result = lap.invoke([program(&[Step::Receive]), 0], PATIENCE);
        check_eq!(result, Ok((1, 0)));
        ENDED.fetch_add(1, Ordering::SeqCst);
    };
    Thread::spawn(body, lap.id().raw(), 16 * 1024, 10).must("a guest");
    SERVER.await_inside(1);
    let body = |lap| {
        let lap = RemoteLap::from(LapId::from_raw(lap));
        must_be_refused(lap.invoke([0; 2], PATIENCE), Status::DEAD, "who waited");
        ENDED.fetch_add(100, Ordering::SeqCst);
    };
    Thread::spawn(body, lap.id().raw(), 16 * 1024, 10).must("one who waits");
    thread::sleep(Span::from_millis(5));
    SERVER.make(Request::DestroyNarrow);
    let is_told = || ENDED.load(Ordering::SeqCst) == 100;
    check!(wait_until(PATIENCE, is_told), "who waits is not told");
    must_be_refused(lap.invoke([0; 2], PATIENCE), Status::DEAD, "who comes late");
    check_eq!(SERVER.state().inside, 1);
    SERVER.make(Request::Feed(1));
    let is_out = || ENDED.load(Ordering::SeqCst) == 101;
    check!(wait_until(PATIENCE, is_out), "the guest did not finish");
}

/// Who finds no stack free is refused, or waits; and a guest brings its own priority.
pub(crate) fn stacks_are_waited_for(_: &Start) {
    let hold = |lap| {
        let lap = RemoteLap::from(LapId::from_raw(lap));
        let _ = lap.invoke([program(&[Step::Receive]), 0], Span::ZERO);
    };
    let narrow = SERVER.narrow();
    Thread::spawn(hold, narrow.id().raw(), 16 * 1024, 10).must("a guest");
    SERVER.await_inside(1);
    let number = wave::numbers(1).start;
    let refused = narrow.invoke([0, number], Span::ZERO);
    must_be_refused(refused, Status::LIMIT_REACHED, "who does not wait");
    let before = thread::now();
    let short = Span::from_millis(20);
    must_be_refused(
        narrow.invoke([0, number], short),
        Status::TIMED_OUT,
        "who waits too briefly",
    );
    check!(thread::now().since(before) >= short, "did not wait");
    SERVER.make(Request::Feed(1));
    check_eq!(narrow.invoke([0, number], PATIENCE), Ok((1, number)));

    // All stacks of the wide one are used, and each is free again.
    let wide = SERVER.wide();
    for _ in 0..3 {
        for _ in 0..STACKS {
            Thread::spawn(hold, wide.id().raw(), 16 * 1024, 10).must("a guest");
        }
        SERVER.await_inside(u64::from(STACKS));
        let refused = wide.invoke([0, number], Span::ZERO);
        must_be_refused(refused, Status::LIMIT_REACHED, "one too many");
        SERVER.make(Request::Feed(u64::from(STACKS)));
        SERVER.await_inside(0);
    }

    // A guest below the server's own thread does not keep it from answering; one above does.
    let spin = |lap| {
        let lap = RemoteLap::from(LapId::from_raw(lap));
        let result = lap.invoke([program(&[Step::Spin]), 0], Span::ZERO);
        check_eq!(
            result.err().map(|error| error.status()),
            Some(Status::RESTARTED)
        );
    };
    Thread::spawn(spin, wide.id().raw(), 16 * 1024, 10).must("a low guest");
    SERVER.await_inside(1);
    Thread::spawn(spin, wide.id().raw(), 16 * 1024, 30).must("a high guest");
    let port = RemotePort::find("server", Span::ZERO).must("the server's port");
    let state = port.request::<Reply>(&Request::State, short);
    must_be_refused(state, Status::TIMED_OUT, "what waits behind a high guest");
    crate::peers::restart("server");
    check_eq!(SERVER.state().inside, 0);
}
