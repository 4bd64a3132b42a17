//! From the actor down to the kernel group, and what a crash loop costs others.

use syscall::abi::start::PreviousEnd;
use syscall::abi::{Advice, Cause, NoticePhase, Outcome, Response, SiteCause};
use syscall::prelude::*;
use syscall::{group, site, thread};
use tree_suite::{Reply, Request};

use crate::check::{Must, must_be_refused};
use crate::inbox::{Inbox, notices};
use crate::ledger::Reader;
use crate::peers::{ask, await_all, await_group, group_info, incarnations, kill};

/// Hot restart, reload, the group below, the one below that, and the kernel group, which is the
/// site; each after its backoff. That did not help: so after as many again the group is given up,
/// and that can be cleared.
pub(crate) fn to_the_kernel_group(start: &Start) {
    await_all(&["upper", "middle", "base"]);
    climb_down();
    let inbox = Inbox::of(&["upper"]);
    let mut reader = Reader::at_end();
    let counts = incarnations(["upper", "middle", "base"]);
    kill("upper");
    let PreviousEnd::Site { cause, ledger } = start.previous() else {
        check_eq!(counts, [6, 3, 2]);
        thread::sleep(Span::from_secs(10));
        fail!("the site was not restarted");
    };
    check_eq!(cause, SiteCause::POLICY);
    check_eq!(counts, [12, 6, 4]);
    told_of_the_site(ledger);
    given_up(&inbox, &mut reader);
    check_eq!(incarnations(["middle", "base"]), [6, 4]);

    group::clear("upper").must("clearing");
    check!(!group_info("upper").is_given_up);
    must_be_refused(group::clear("upper"), Status::NOT_FOUND, "clearing twice");
    must_be_refused(group::clear("nobody"), Status::NOT_FOUND, "clearing nobody");
}

/// The ledger goes on over a restart of the site: first the failure that led to it, then the site's
/// own entry.
fn told_of_the_site(sequence: u64) {
    let mut reader = Reader::at(sequence - 1);
    let (failure, site) = (reader.take(), reader.take());
    check_eq!(
        (
            failure.name.as_str(),
            failure.response,
            failure.scope.as_str()
        ),
        ("upper", Response::SITE_RESTART, "kernel")
    );
    check_eq!(
        (failure.advice, failure.outcome),
        (Advice::FOLLOWED, Outcome::DONE)
    );
    check_eq!(
        (site.name.as_str(), site.response, site.outcome),
        ("kernel", Response::SITE_RESTART, Outcome::DONE)
    );
    check_eq!(
        site.cause,
        Cause::Group {
            because: failure.sequence
        }
    );
    check_eq!((site.block_reads, site.incarnation), (0, 1));
    check_eq!(site::info().must("counters").site_restarts, 1);
}

fn climb_down() {
    let inbox = Inbox::of(&["upper"]);
    let mut reader = Reader::at_end();
    let steps = [
        (Response::HOT_RESTART, "upper", 0, [2, 1, 1]),
        (Response::HOT_RESTART, "upper", 10, [3, 1, 1]),
        (Response::RELOAD, "upper", 20, [4, 1, 1]),
        (Response::HOT_RESTART, "middle", 40, [5, 2, 1]),
        (Response::HOT_RESTART, "base", 80, [6, 3, 2]),
    ];
    let first = incarnations(["upper", "middle", "base"]);
    for (response, scope, delay, counts) in steps {
        kill("upper");
        await_all(&["upper", "middle", "base"]);
        let told = notices(&inbox.take_all());
        let entry = reader.take();
        check_eq!(
            (entry.response, entry.scope.as_str(), entry.outcome),
            (response, scope, Outcome::DONE)
        );
        check_eq!(entry.advice, Advice::FOLLOWED);
        check_eq!(entry.block_reads > 0, response == Response::RELOAD);
        // Callers are told at once, and the restart waits for the backoff.
        let after = |phase| {
            let notice = told.iter().find(|notice| notice.phase == phase);
            notice.must(phase.name()).time.since(entry.time)
        };
        let delay = Span::from_millis(delay);
        check!(after(NoticePhase::FROZEN) < Span::from_millis(1));
        check!(after(NoticePhase::RESTARTED) >= delay);
        if response == Response::HOT_RESTART {
            check!(after(NoticePhase::ACTIVATED).0 < delay.0 + 3_000_000);
        }
        let now = incarnations(["upper", "middle", "base"]);
        let started: [u32; 3] = core::array::from_fn(|layer| now[layer] - first[layer] + 1);
        check_eq!(started, counts);
        reader.skip();
    }
}

fn given_up(inbox: &Inbox, reader: &mut Reader) {
    let told = notices(&inbox.take_all());
    let entry = reader.take();
    check_eq!(
        (entry.response, entry.scope.as_str(), entry.advice),
        (Response::TERMINATE, "upper", Advice::FOLLOWED)
    );
    // Said right after the failure, before the freeze.
    let phases: alloc::vec::Vec<_> = told.iter().map(|notice| notice.phase).collect();
    check_eq!(
        phases,
        [
            NoticePhase::FAILED,
            NoticePhase::GIVEN_UP,
            NoticePhase::FROZEN
        ]
    );
    await_group("upper", |group| group.is_given_up && group.members == 0);
}

/// A crash loop of an urgent actor, whose every failure is answered with a hot restart, leaves most
/// of the time to one that is less urgent than everybody: its restarts are put off longer and
/// longer.
pub(crate) fn crash_loop_beside_work(_: &Start) {
    await_all(&["crasher", "worker"]);
    let work = || match ask("worker", Request::Work(400)) {
        Reply::Number(rounds) => rounds,
        other => fail!("no number but {other:?}"),
    };
    let undisturbed = work();
    let before = site::info().must("the site's counters").hot_restarts;
    kill("crasher");
    let disturbed = work();
    let restarts = site::info().must("the site's counters").hot_restarts - before;
    check!((5..30).contains(&restarts), "{restarts} restarts");
    check!(
        disturbed * 10 >= undisturbed * 9,
        "{disturbed} rounds instead of {undisturbed}"
    );
}
