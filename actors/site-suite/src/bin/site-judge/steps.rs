//! A scenario as steps: each prepares something and has the kernel end; the next start of the judge
//! looks at what has become of it.

use serde::{Deserialize, Serialize};
use site_suite::member::{Answer, Condition, Order};
use syscall::abi::site::{ActorState, Hook};
use syscall::abi::start::PreviousEnd;
use syscall::abi::{Response, SiteCause};
use syscall::prelude::*;
use syscall::{site, thread};

use crate::check::{Must, wait_until};
use crate::counters;
use crate::ledger;
use crate::peers::PATIENCE;
use crate::quiet;

/// The most members there are.
const MEMBERS_MAX: usize = 8;

/// What the judge knows of the steps so far.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
struct Diary {
    /// How many there were.
    step: u64,
    /// How often each member had been started when the kernel ended.
    started: [u32; MEMBERS_MAX],
    /// Blocks read from the disk by then.
    block_reads: u64,
    /// The counters after the first step.
    baseline: Option<[u64; 10]>,
}

/// Where the scenario has come to.
pub(crate) struct Steps {
    kept: Checkpoint<Diary>,
    diary: Diary,
    members: &'static [&'static str],
}

impl Steps {
    /// Goes on, or begins. All members that the site starts are there, and have come back with it.
    #[track_caller]
    pub(crate) fn go_on(start: &Start, members: &'static [&'static str]) -> Self {
        let kept = Checkpoint::open("diary", 256, Diary::default()).must("the diary");
        let steps = Self {
            diary: *kept.get(),
            kept,
            members,
        };
        if steps.diary.step == 0 {
            check_eq!(start.previous(), PreviousEnd::None);
        } else {
            steps.check_return(start);
        }
        steps
    }

    #[track_caller]
    fn check_return(&self, start: &Start) {
        let PreviousEnd::Site { cause, ledger } = start.previous() else {
            fail!("previous is {:?}", start.previous())
        };
        check_eq!(cause, SiteCause::PANIC);
        let entry = ledger::finished(ledger);
        ledger::must_be_done(&entry, Response::SITE_RESTART);
        check_eq!(entry.name.as_str(), "kernel");
        check_eq!(u64::from(start.incarnation()), self.diary.step + 1);
    }

    /// How many steps there were.
    pub(crate) fn step(&self) -> u64 {
        self.diary.step
    }

    /// Checks that a member has come back with the site, once more often started than before, and
    /// with what it had.
    #[track_caller]
    pub(crate) fn must_be_back(&self, name: &str, kept: u64) -> Condition {
        let condition = inspect(name);
        check_eq!(condition.incarnation, self.started(name) + 1, "{name}");
        check_eq!(condition.kept, kept, "{name}");
        check_eq!(condition.left, 0, "{name}");
        if self.diary.step > 0 {
            let is_told = matches!(condition.previous, PreviousEnd::Site { .. });
            check!(is_told, "{name}: {:?}", condition.previous);
        }
        let info = site::actor(name).must(name).must(name);
        check_eq!(
            (info.state, info.actor),
            (ActorState::RUNNING, condition.actor),
            "{name}"
        );
        condition
    }

    /// How often a member had been started when the kernel ended.
    #[track_caller]
    pub(crate) fn started(&self, name: &str) -> u32 {
        let index = self.members.iter().position(|member| *member == name);
        self.diary.started[index.must(name)]
    }

    /// Checks that all tables, and memory, are as they were after the first restart.
    #[track_caller]
    pub(crate) fn nothing_may_be_lost(&mut self) {
        let now = counters::now();
        match self.diary.baseline {
            _ if self.diary.step == 0 => {}
            None => self.diary.baseline = Some(now.map(|(_, value)| value)),
            Some(before) => {
                let before = core::array::from_fn(|index| (now[index].0, before[index]));
                counters::must_come_back(&before);
            }
        }
    }

    /// Checks that nothing was read from the disk since the kernel ended.
    #[track_caller]
    pub(crate) fn nothing_may_be_read(&self) {
        if self.diary.step > 0 {
            check_eq!(quiet::counters().block_reads, self.diary.block_reads);
        }
    }

    /// Blocks read from the disk since the kernel ended.
    pub(crate) fn block_reads(&self) -> u64 {
        quiet::counters().block_reads - self.diary.block_reads
    }

    /// Writes down what is so now. The kernel may end from here on.
    #[track_caller]
    pub(crate) fn close(&mut self) {
        self.diary.step += 1;
        for (index, name) in self.members.iter().enumerate() {
            let info = site::actor(name).must(name);
            // One that is not there any more, or not yet, keeps what was written down before.
            if let Some(info) = info {
                self.diary.started[index] = info.incarnation;
            }
        }
        self.diary.block_reads = quiet::counters().block_reads;
        self.kept.commit(self.diary).must("the diary");
    }

    /// Has the kernel end.
    #[track_caller]
    pub(crate) fn end(mut self) -> ! {
        self.close();
        let refused = site::hook(Hook::KERNEL_PANIC, 0);
        fail!("the kernel goes on: {refused:?}")
    }

    /// Waits for the kernel to end by somebody else's doing.
    #[track_caller]
    pub(crate) fn wait_for_the_end(&self) -> ! {
        thread::sleep(PATIENCE);
        fail!("the kernel goes on")
    }
}

/// Orders a member to do something that it lives through.
#[track_caller]
pub(crate) fn order(name: &str, order: Order) -> Answer {
    let port = RemotePort::find(name, PATIENCE).must(name);
    port.request(&order, PATIENCE).must(name)
}

/// The same, of what has no other answer.
#[track_caller]
pub(crate) fn have(name: &str, what: Order) {
    check_eq!(order(name, what), Answer::Done, "{name}");
}

/// The same, without waiting for the member to do it.
#[track_caller]
pub(crate) fn tell(name: &str, order: Order) {
    let port = RemotePort::find(name, PATIENCE).must(name);
    port.notify(&order, PATIENCE).must(name);
}

/// What a member finds itself in.
#[track_caller]
pub(crate) fn inspect(name: &str) -> Condition {
    match order(name, Order::Inspect) {
        Answer::Condition(condition) => condition,
        other => fail!("no condition but {other:?}"),
    }
}

/// Waits until as many threads as this are in a place in a member.
#[track_caller]
pub(crate) fn await_inside(name: &str, count: u64) {
    let are_inside = || order(name, Order::Inside) == Answer::Number(count);
    check!(
        wait_until(PATIENCE, are_inside),
        "{name}: {:?}",
        order(name, Order::Inside)
    );
}
