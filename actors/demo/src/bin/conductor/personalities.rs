//! Two personalities side by side: one fails, is killed, and comes back, and the other goes on.

use core::fmt::Write as _;

use demo::counter::{PORT, Reply, Request};
use syscall::abi::Text;
use syscall::abi::site::{ActorInfo, ActorState};
use syscall::prelude::*;
use syscall::{site, thread};

use crate::kept::Kept;
use crate::records::{COUNTER, Records};

/// The manager of the POSIX-like personality.
pub(crate) const MANAGER: &str = "posix-manager";
/// An application of it, and its group, in which its children are too.
pub(crate) const INIT: &str = "init";
/// Who calls the counter.
pub(crate) const CLIENT: &str = "client";

/// How many scenes there are.
const SCENES: usize = 3;
/// How long it may take until somebody who was killed is back and has done something.
const LONGEST: Span = Span::from_secs(3);
/// How long a scene lasts at least, so that there is something to be seen.
const SHORTEST: Span = Span::from_millis(200);
/// How long the counter may take to say its count.
const PATIENCE: Span = Span::from_millis(500);

/// Both personalities at one moment. Incarnations are 0 before the actor is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Moment {
    counter: u32,
    client: u32,
    /// Requests counted; nothing if the counter was ended.
    count: Option<u64>,
    manager: u32,
    init: u32,
    /// Programs that ran to their end.
    processes: u64,
}

impl Moment {
    fn now(records: &Records) -> Self {
        Self {
            counter: incarnation(COUNTER),
            client: incarnation(CLIENT),
            count: count(),
            manager: incarnation(MANAGER),
            init: incarnation(INIT),
            processes: records.processes,
        }
    }

    /// Whether requests were counted meanwhile, if there was somebody to count them.
    fn has_counted_since(&self, before: &Self) -> bool {
        before.count.is_none() || self.count > before.count
    }

    fn is_native_alike(&self, other: &Self) -> bool {
        (self.counter, self.client) == (other.counter, other.client)
    }

    fn is_posix_alike(&self, other: &Self) -> bool {
        (self.manager, self.init) == (other.manager, other.init)
    }
}

/// The incarnation of an actor that runs; 0 if it does not.
pub(crate) fn incarnation(name: &str) -> u32 {
    let running = |info: &ActorInfo| info.state == ActorState::RUNNING;
    let info = site::actor(name).ok().flatten().filter(running);
    info.map_or(0, |info| info.incarnation)
}

/// How far the counter has counted.
pub(crate) fn count() -> Option<u64> {
    let port = RemotePort::find(PORT, Span::ZERO).ok()?;
    let reply: Reply = port.request(&Request::Read, PATIENCE).ok()?;
    Some(reply.count)
}

/// What happens in a scene.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Event {
    /// The counter fails as often as it is to.
    CounterFails,
    /// The application is killed.
    ApplicationIsKilled,
    /// The manager is killed.
    ManagerIsKilled,
}

/// A scene, with what was before and what was after it.
struct Scene {
    event: Event,
    before: Moment,
    after: Moment,
    /// Who ended in it, by the ledger.
    ended: Text<60>,
}

impl Scene {
    /// Whether the other personality went on as if nothing was.
    fn is_other_untouched(&self) -> bool {
        let (before, after) = (&self.before, &self.after);
        match self.event {
            Event::CounterFails => {
                after.is_posix_alike(before)
                    && before.manager > 0
                    && before.init > 0
                    && after.processes > before.processes
            }
            Event::ApplicationIsKilled | Event::ManagerIsKilled => {
                after.is_native_alike(before) && after.has_counted_since(before)
            }
        }
    }

    /// Whether those came back that were to, and only those.
    fn is_as_promised(&self) -> bool {
        let (before, after) = (&self.before, &self.after);
        let restarts = (after.manager - before.manager, after.init - before.init);
        !self.ended.is_empty()
            && match self.event {
                Event::CounterFails => after.counter != before.counter,
                Event::ApplicationIsKilled => restarts == (0, 1),
                Event::ManagerIsKilled => restarts == (1, 1),
            }
    }

    fn print(&self) {
        let (before, after, ended) = (&self.before, &self.after, &self.ended);
        let counter = change(before.counter.into(), after.counter.into());
        let client = change(before.client.into(), after.client.into());
        let manager = change(before.manager.into(), after.manager.into());
        let init = change(before.init.into(), after.init.into());
        let processes = change(before.processes, after.processes);
        let requests = match (before.count, after.count) {
            (Some(before), Some(after)) => change(before, after),
            _ => Text::truncated("-"),
        };
        let other = match (self.is_other_untouched(), self.event) {
            (false, _) => "NOBODY",
            (true, Event::CounterFails) => "posix",
            (true, _) => "native",
        };
        info!(
            "{ended:<46} | {counter:<9} {client:<9} {requests:<9} | {manager:<13} {init:<9} \
             {processes:<9} | {other}"
        );
    }
}

/// What is known about both personalities.
pub(crate) struct Personalities {
    scenes: Kept<Scene, 3>,
    before: Moment,
    /// The last entry of the ledger before the present scene.
    since: u64,
}

impl Personalities {
    pub(crate) fn new() -> Self {
        Self {
            scenes: Kept::new(),
            before: Moment::default(),
            since: 0,
        }
    }

    /// Looks who has come up. The first scene begins as the site does, and for each actor when it
    /// is first seen.
    pub(crate) fn look(&mut self) {
        let before = &mut self.before;
        for (seen, name) in [
            (&mut before.counter, COUNTER),
            (&mut before.client, CLIENT),
            (&mut before.manager, MANAGER),
            (&mut before.init, INIT),
        ] {
            if *seen == 0 {
                *seen = incarnation(name);
            }
        }
        if before.counter > 0 && before.count.is_none() {
            before.count = count();
        }
    }

    /// Whether the POSIX-like personality has done enough for the first scene.
    pub(crate) fn are_at_work(&self, records: &Records) -> bool {
        self.before.init > 0 && records.processes > self.before.processes
    }

    /// Ends the scene in which the counter failed.
    pub(crate) fn note_failures(&mut self, records: &Records) {
        self.close(Event::CounterFails, records);
    }

    /// Kills an application, and then the manager; `watch` lets a while pass.
    pub(crate) fn play(&mut self, records: &mut Records, mut watch: impl FnMut(&mut Records)) {
        for (event, name) in [
            (Event::ApplicationIsKilled, INIT),
            (Event::ManagerIsKilled, MANAGER),
        ] {
            if let Err(error) = site::find(name).and_then(site::kill) {
                error!("{name} cannot be killed: {error}");
            }
            let begin = thread::now();
            let lasts = |span| thread::now() < begin.after(span);
            while lasts(SHORTEST) || lasts(LONGEST) && !self.is_back(name, records) {
                watch(records);
            }
            self.close(event, records);
        }
    }

    /// Whether an actor that was killed is back, and everybody has done something since.
    fn is_back(&self, name: &str, records: &Records) -> bool {
        let (before, now) = (&self.before, Moment::now(records));
        let is_next = match name {
            MANAGER => now.manager > before.manager && now.init > before.init,
            _ => now.init > before.init,
        };
        is_next && now.processes > before.processes && now.has_counted_since(before)
    }

    /// Ends a scene, and begins the next.
    fn close(&mut self, event: Event, records: &Records) {
        let after = Moment::now(records);
        let ended = ended(records, self.since);
        let before = self.before;
        self.scenes.push(Scene {
            event,
            before,
            after,
            ended,
        });
        self.before = after;
        let last = records.all().last();
        self.since = last.map_or(self.since, |record| record.sequence);
    }

    /// Whether the other personality was untouched in each scene.
    pub(crate) fn are_apart(&self) -> bool {
        self.scenes.len() == SCENES && self.scenes.iter().all(Scene::is_other_untouched)
    }

    /// Whether those who were killed came back, with those that stand on them.
    pub(crate) fn are_as_promised(&self) -> bool {
        self.scenes.iter().all(Scene::is_as_promised)
    }

    /// Prints a line for each scene.
    pub(crate) fn print(&self) {
        info!(
            "Two personalities; one is struck, and the other goes on (incarnations before > after):"
        );
        info!("{:<46} | {:<29} | {:<33} |", "", "native", "posix");
        info!(
            "{:<46} | {:<9} {:<9} {:<9} | {:<13} {:<9} {:<9} | untouched",
            "who ended", COUNTER, CLIENT, "requests", MANAGER, INIT, "processes"
        );
        for scene in self.scenes.iter() {
            scene.print();
        }
    }
}

/// A number before and after.
fn change(before: u64, after: u64) -> Text<24> {
    let mut text = Text::EMPTY;
    // Writing to a `Text` cannot fail: what does not fit is cut.
    let _ = write!(text, "{before} > {after}");
    text
}

/// Who of those that are watched has ended since an entry of the ledger.
fn ended(records: &Records, since: u64) -> Text<60> {
    let mut text = Text::EMPTY;
    for name in [COUNTER, CLIENT, MANAGER, INIT] {
        let ends = || {
            let all = records.all();
            all.filter(|record| record.sequence > since && record.is_of(name))
        };
        let gap = if text.is_empty() { "" } else { ", " };
        // Writing to a `Text` cannot fail: what does not fit is cut.
        let _ = match (ends().next(), ends().count()) {
            (None, _) => Ok(()),
            (Some(end), 1) => write!(text, "{gap}{name} ({})", end.cause),
            (Some(_), count) => write!(text, "{gap}{name} ({count} times)"),
        };
    }
    text
}
