//! Carrying out what the Restart Manager decides.
//!
//! One kernel thread does it, in steps that each take a bounded number of instructions. Between
//! two steps interrupts are taken and more urgent threads run, however large the actor is that is
//! being restarted. Nothing is decided here.
//!
//! ```text
//! fault ─▶ news ─▶ on_event ─▶ poll ─▶ Freeze ─▶ Frozen ─▶ … ─▶ Activate ─▶ Activated
//! ```

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use abi::epitaph::{EventKind, RebootCause};
use abi::site::ActorState;
use abi::{
    ActorId, FaultKind, FaultRecord, Instant, LedgerEntry, Name, SiteCause, Slot, Text, ThreadId,
};
use log::Level;
use restart_manager::{
    Action, ActorEntry, ActorKind, Event, Fate, GroupSlot, Polled, Question, Remains,
    RestartManager, Source,
};

use crate::actor::{DELEGATED, NEWS, News};
use crate::arch::clock;
use crate::freeze::Thawing;
use crate::hooks::{self, Place};
use crate::kernel::{self, Kernel};
use crate::lap::CLOSING;
use crate::list::{Link, List};
use crate::logger;
use crate::memory::pristine_entry;
use crate::mm::Frame;
use crate::mm::address_space::Progress;
use crate::naming::{self, WayIn};
use crate::region::{Origin, Region};
use crate::site::record::LifeEnd;
use crate::slot;
use crate::spawn::{STARTS_MAX, Start, Waiter};
use crate::thread::{HOME, State, Wait};
use crate::timer::tick_at;
use crate::{advice, fail};

/// Priority of the recovery thread. Above almost everything, so that recovery is quick; three
/// levels are left for what must not wait even for that.
pub const PRIORITY: u8 = 60;

/// How long a step goes on to further pages, threads, ports or actions, in ticks of the CPU's
/// counter: long against the way in and out of a step, short enough to leave room, within the time
/// that interrupts may be off, for the longest single thing that is begun just before.
const STEP_TICKS: u64 = 800;

/// The same for pages alone, each of which takes little: so that more than two fit in a step.
const PAGES_TICKS: u64 = 2000;

/// The Restart Manager and what it is doing.
pub struct Recovery {
    /// The Restart Manager.
    pub manager: RestartManager<'static>,
    /// Actors of which it has to be told something.
    pub news: List<NEWS>,
    /// LAPs whose stacks are to be freed.
    pub closing: List<CLOSING>,
    /// Actors that their managers have activated.
    pub approved: List<DELEGATED>,
    /// Images to be read, for the loader.
    pub loads: VecDeque<Load>,
    /// Spawned actors that are being started.
    pub starts: VecDeque<Start>,
    /// Actors whose threads are being let go on after a thaw.
    pub thawing: Thawing,
    work: Option<Work>,
    /// When the present step began, by the CPU's counter.
    step_began: u64,
    /// Sequence number of the next ledger entry that the log has to tell of.
    told: u64,
    /// What the log writer took to be recorded last.
    pub recorded: Option<LedgerEntry>,
    thread: u32,
    loader: u32,
    writer: u32,
}

/// An image to be read from stable storage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Load {
    /// For which incarnation.
    pub actor: ActorId,
    /// What for.
    pub purpose: Purpose,
}

/// What an image is read for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// A restart from storage.
    Reload,
    /// A first start, for which somebody waits.
    Spawn(Waiter),
    /// All of a group that has ended.
    Group(Name),
}

/// An action that is under way.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// Stopping an actor: its handlers are disconnected, its lendings hidden, its LAPs and ports
    /// renounced, its guests sent back, its threads stopped.
    Freeze {
        actor: ActorId,
        fate: Fate,
        successor: Option<ActorId>,
        /// LAPs and ports still to be renounced.
        laps: u32,
        ports: u32,
        /// The one of them at which not everybody who waits has been told yet.
        way: Option<WayIn>,
        /// The thread stopped last.
        thread: Option<u32>,
    },
    /// Destroying what does not outlive an incarnation, then what `after` says.
    Wipe { actor: ActorId, after: After },
    /// Giving back what was kept of former members of a group that has ended.
    Forget { group: GroupSlot },
    /// Letting the first thread of an incarnation run, now that subscribers know of it.
    Start { thread: ThreadId },
}

/// What follows when private things are destroyed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum After {
    /// The actor starts from the image in memory.
    HotRestart,
    /// Everything else goes too; the actor starts from a new image.
    Reload,
    /// Everything else goes too, but for what remains; the actor has ended.
    Terminate(Remains),
}

impl Recovery {
    /// Recovery with nothing to do.
    #[must_use]
    pub fn new(manager: RestartManager<'static>) -> Self {
        let told = manager.ledger().next_sequence();
        Self {
            manager,
            news: List::EMPTY,
            approved: List::EMPTY,
            thawing: Thawing::EMPTY,
            starts: VecDeque::with_capacity(STARTS_MAX),
            closing: List::EMPTY,
            loads: VecDeque::with_capacity(kernel::ACTORS_MAX as usize),
            work: None,
            step_began: 0,
            told,
            recorded: None,
            thread: slot::NONE,
            loader: slot::NONE,
            writer: slot::NONE,
        }
    }

    /// Tells which kernel threads do the work.
    pub const fn set_threads(&mut self, recovery: u32, loader: u32, writer: u32) {
        self.thread = recovery;
        self.loader = loader;
        self.writer = writer;
    }

    /// Has the first thread of an incarnation start when all subscribers have been told of it.
    pub const fn start_when_told(&mut self, thread: ThreadId) {
        self.work = Some(Work::Start { thread });
    }

    /// Whether the present step has taken as long as one may go on.
    fn is_step_over(&self) -> bool {
        clock::counter().wrapping_sub(self.step_began) >= STEP_TICKS
    }
}

/// The recovery thread.
pub extern "C" fn run() -> ! {
    let mut question = Box::new(Question::new());
    let policy = kernel::with(|kernel| kernel.recovery.manager.policy());
    loop {
        let step = kernel::with(|kernel| {
            let step = kernel.recovery_steps(&mut question);
            if step == Step::Finished {
                let deadline = kernel.recovery.manager.next_deadline();
                kernel.wait_for_event(deadline);
            }
            step
        });
        if step == Step::Ask {
            advice::ask(policy, &question);
        }
        hooks::pass(Place::RecoveryThread);
    }
}

/// What is next for the recovery thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// A further step.
    More,
    /// A question to the policy, which thinks while interrupts are on and others run.
    Ask,
    /// Nothing, for now.
    Finished,
}

impl Kernel {
    /// Wakes the recovery thread.
    pub fn wake_recovery(&mut self) {
        self.wake_event(self.recovery.thread);
    }

    /// Wakes the loader thread.
    pub fn wake_loader(&mut self) {
        self.wake_event(self.recovery.loader);
    }

    /// Wakes the thread that writes the log.
    pub fn wake_writer(&mut self) {
        self.wake_event(self.recovery.writer);
    }

    /// Wakes a kernel thread that waits to be woken.
    pub fn wake_event(&mut self, thread: u32) {
        let waits = self
            .threads
            .at(thread)
            .is_some_and(|record| matches!(record.wait, Wait::Event));
        if waits {
            self.clear_deadline(thread);
            self.make_ready(thread);
        }
    }

    /// Blocks the current kernel thread until it is woken, or until `deadline`.
    pub fn wait_for_event(&mut self, deadline: Option<Instant>) {
        let thread = self.scheduler.current();
        self.block_current(Wait::Event);
        if let Some(deadline) = deadline {
            self.set_deadline_tick(thread, tick_at(deadline));
        }
    }

    /// Asks for the restart of an actor by somebody else.
    pub fn request_restart(&mut self, slot: u32, by: ActorId) {
        let actor = self.actor_id(slot);
        self.report(Event::RestartRequested { actor, by });
    }

    /// Steps of recovery for as long as one borrow of the kernel may take, or until somebody more
    /// urgent is ready.
    fn recovery_steps(&mut self, question: &mut Question) -> Step {
        self.recovery.step_began = clock::counter();
        loop {
            let step = self.recovery_step(question);
            let is_over = self.scheduler.is_requested() || self.recovery.is_step_over();
            if step != Step::More || is_over {
                return step;
            }
        }
    }

    /// One step of recovery.
    fn recovery_step(&mut self, question: &mut Question) -> Step {
        if self.deliver_notice() == Progress::More {
            return Step::More;
        }
        if let Some(work) = self.recovery.work.take() {
            self.recovery.work = self.continue_work(work);
            return Step::More;
        }
        if self.start_approved() == Progress::More {
            return Step::More;
        }
        // Before further news: what is decided may make those a part of this.
        let now = clock::now();
        if self.recovery.manager.next_question(now, question) {
            self.note_event(EventKind::ASK, ActorId::NONE);
            return Step::Ask;
        }
        if let Some(slot) = self.recovery.news.pop_front(&mut self.actors) {
            self.tell_manager(slot);
            return Step::More;
        }
        // The frames that a start takes are cleared in steps of their own.
        if !self.recovery.starts.is_empty() && self.clear_for_start() == Progress::More {
            return Step::More;
        }
        if let Some(start) = self.recovery.starts.pop_front() {
            self.start_spawned(start);
            return Step::More;
        }
        if let Some(slot) = self.recovery.thawing.first() {
            while self.thaw_step(slot) == Progress::More && !self.recovery.is_step_over() {}
            return Step::More;
        }
        match self.recovery.manager.poll_some(now) {
            Polled::Action(action) => {
                self.begin(action);
                Step::More
            }
            Polled::More => Step::More,
            Polled::Nothing if self.withdraw_one() == Progress::More => Step::More,
            Polled::Nothing => match self.recovery.closing.first() {
                Some(lap) => {
                    self.close_some(lap);
                    Step::More
                }
                None => Step::Finished,
            },
        }
    }

    /// The next ledger entry that the log has not told of yet. Telling takes time, so it is not
    /// done where the failure is: the thread that writes the log does it.
    pub fn take_untold(&mut self) -> Option<LedgerEntry> {
        let entry = *self
            .recovery
            .manager
            .ledger()
            .read_from(self.recovery.told)?;
        self.recovery.told = entry.sequence + 1;
        Some(entry)
    }

    /// Whether there is a ledger entry that the log has not told of yet.
    #[must_use]
    pub fn has_untold(&self) -> bool {
        self.recovery.told < self.recovery.manager.ledger().next_sequence()
    }

    /// Tells the Restart Manager the news of an actor. The actor stays stopped by it until the
    /// freeze.
    fn tell_manager(&mut self, slot: u32) {
        let actor = self.actor_id(slot);
        let Some(record) = self.actors.at(slot) else {
            return;
        };
        let now = clock::now();
        let manager = &mut self.recovery.manager;
        match record.news() {
            Some(News::Failed(fault)) => manager.on_event(Event::Failed { actor, fault }, now),
            Some(News::Exited) => manager.on_event(Event::Exited { actor }, now),
            Some(News::RestartRequested(by)) => {
                manager.on_event(Event::RestartRequested { actor, by: *by }, now);
            }
            None => {}
        }
        hooks::pass(Place::RestartManager);
    }

    fn begin(&mut self, action: Action) {
        if let Some((kind, actor)) = happening(&action) {
            self.note_event(kind, actor);
        }
        match action {
            Action::Freeze { actor, fate } => self.begin_freeze(actor, fate),
            Action::Restart { actor, source } => {
                let block_reads = self.counters.block_reads;
                let state = match source {
                    Source::Memory => ActorState::RESTARTING,
                    Source::Storage => ActorState::LOADING,
                };
                if let Some(record) = self.actors.at_mut(actor.slot().0) {
                    record.stop(state);
                    record.block_reads = block_reads;
                }
                let after = match source {
                    Source::Memory => After::HotRestart,
                    Source::Storage => After::Reload,
                };
                self.recovery.work = Some(Work::Wipe { actor, after });
            }
            Action::Activate {
                actor,
                previous,
                incarnation,
            } => {
                self.activate(actor, previous, incarnation);
            }
            Action::Terminate { actor, remains } => {
                self.recovery.work = Some(Work::Wipe {
                    actor,
                    after: After::Terminate(remains),
                });
            }
            Action::SiteRestart { because } => {
                let name = self.recovery.manager.ledger().get(because);
                let name = name.map_or(Name::EMPTY, |entry| entry.name);
                let reason = format_args!("on account of {name}");
                fail::restart_site(SiteCause::POLICY, reason, Some(because))
            }
            Action::SiteReboot { .. } => {
                let limit = self.reboot_limit();
                fail::reboot_site(RebootCause::POLICY, limit)
            }
        }
    }

    fn begin_freeze(&mut self, actor: ActorId, fate: Fate) {
        let slot = actor.slot();
        let Some(record) = self.actors.at_mut(slot.0) else {
            return;
        };
        record.stop(ActorState::FROZEN);
        record.deflects = fate == Fate::End;
        self.recovery.news.remove(&mut self.actors, slot.0);
        self.forget_freeze(slot.0);
        let successor = match fate {
            Fate::Restart => self
                .actors
                .rename(slot)
                .map(|generation| ActorId::new(slot, generation)),
            Fate::End | Fate::Hold => None,
        };
        let Some(record) = self.actors.at(slot.0) else {
            return;
        };
        let (laps, ports) = match fate {
            Fate::Restart | Fate::End => (record.lap_count, record.port_count),
            Fate::Hold => (0, 0),
        };
        self.recovery.work = Some(Work::Freeze {
            actor,
            fate,
            successor,
            laps,
            ports,
            way: None,
            thread: None,
        });
    }

    /// Does a step of what is under way; returns what is left of it.
    fn continue_work(&mut self, work: Work) -> Option<Work> {
        match work {
            Work::Freeze {
                actor,
                fate,
                successor,
                mut laps,
                mut ports,
                mut way,
                mut thread,
            } => {
                let slot = actor.slot().0;
                let fate_of_ways = match fate {
                    Fate::Restart => naming::Fate::Successor,
                    Fate::End | Fate::Hold => naming::Fate::End,
                };
                while let Some(record) = self.actors.at_mut(slot) {
                    if let Some(waiting) = record.delegations.first() {
                        self.postpone(slot, waiting);
                    } else if let Some(handler) = record.handlers.first() {
                        self.disconnect(handler);
                    } else if let Some(lending) = record.lendings.first() {
                        self.hide_lending(lending);
                    } else if let Some(subscription) = record.subscriptions.first()
                        && fate != Fate::Hold
                    {
                        self.unsubscribe(subscription);
                    } else if let Some(begun) = way {
                        if self.turn_one_away(begun) == Progress::Finished {
                            way = None;
                        }
                    } else if laps > 0 || ports > 0 {
                        way = if laps > 0 {
                            laps -= 1;
                            record.laps.rotate(&mut self.laps).map(WayIn::Lap)
                        } else {
                            ports -= 1;
                            record.ports.rotate(&mut self.ports).map(WayIn::Port)
                        };
                        if let Some(way) = way {
                            self.renounce(way, fate_of_ways);
                        }
                    } else if let Some(visitor) = record.visitors.first()
                        && fate != Fate::Hold
                    {
                        self.deflect(visitor);
                    } else if let Some(first) = self.next_thread(slot, thread) {
                        thread = Some(self.stop_threads(first));
                    } else {
                        self.report(Event::Frozen { actor, successor });
                        return None;
                    }
                    if self.recovery.is_step_over() {
                        break;
                    }
                }
                Some(Work::Freeze {
                    actor,
                    fate,
                    successor,
                    laps,
                    ports,
                    way,
                    thread,
                })
            }
            Work::Start { thread } => {
                self.start_thread(thread);
                None
            }
            Work::Wipe { actor, after } => {
                while self.wipe_one(actor.slot().0, after) == Progress::More {
                    if self.recovery.is_step_over() {
                        return Some(work);
                    }
                }
                // The end of an actor takes as long as a step may: it has one of its own.
                if matches!(after, After::Terminate(_)) && self.recovery.is_step_over() {
                    return Some(work);
                }
                self.wiped(actor, after)
            }
            Work::Forget { group } => {
                let is_over = self.forget_formers(group) == Progress::Finished;
                (!is_over).then_some(work)
            }
        }
    }

    /// The thread of an actor to be stopped after `last`. Should that one be gone, all are gone
    /// through again: stopping is done once or twice with the same effect.
    fn next_thread(&self, slot: u32, last: Option<u32>) -> Option<u32> {
        let threads = self.actors.at(slot)?.threads;
        let last = last.filter(|last| {
            let record = self.threads.at(*last);
            record.is_some_and(|record| {
                record.home.slot() == Slot(slot) && record.links[HOME].is_linked()
            })
        });
        match last {
            Some(last) => threads.after(&self.threads, last),
            None => threads.first(),
        }
    }

    /// Stops a thread and those behind it in its actor's list, until the step is over. Returns the last.
    fn stop_threads(&mut self, first: u32) -> u32 {
        let mut thread = first;
        loop {
            let next = self.threads.at(thread).map(|record| record.links[HOME]);
            self.stop_thread(thread);
            match next.and_then(Link::next) {
                Some(next) if !self.recovery.is_step_over() => thread = next,
                _ => return thread,
            }
        }
    }

    /// Stops a thread wherever it is. It is never on a kernel stack, so this is all. One that is a
    /// guest elsewhere is left alone: it ends when it would come home.
    #[inline]
    fn stop_thread(&mut self, thread: u32) {
        let Some(record) = self.threads.at_mut(thread) else {
            return;
        };
        if record.is_guest() {
            return;
        }
        let state = core::mem::replace(&mut record.state, State::Stopped);
        // One that is ready waits for nothing.
        if state == State::Ready {
            self.unready(thread);
        } else {
            self.cancel_wait(thread);
        }
    }

    /// Destroys one thing that does not outlive an incarnation.
    fn wipe_one(&mut self, slot: u32, after: After) -> Progress {
        let Some(actor) = self.actors.at(slot) else {
            return Progress::Finished;
        };
        if let Some(thread) = actor.threads.first() {
            if self
                .threads
                .at(thread)
                .is_some_and(|record| record.is_guest())
            {
                self.disown_thread(thread);
            } else {
                self.destroy_thread(thread);
            }
            return Progress::More;
        }
        // A reloaded actor makes its ports anew; until then its callers wait for them.
        if matches!(after, After::Terminate(_)) {
            let port = actor.ports.first().map(WayIn::Port);
            if let Some(way) = port.or(actor.laps.first().map(WayIn::Lap)) {
                self.end_some(way);
                return Progress::More;
            }
        }
        let Some(actor) = self.actors.at_mut(slot) else {
            return Progress::Finished;
        };
        let regions = &actor.regions;
        let image = actor.image.and_then(|image| self.images.at(image));
        let is_damaged = &mut actor.is_damaged;
        let Some(space) = &mut actor.space else {
            return Progress::Finished;
        };
        let mut last: Option<&Region> = None;
        let origin = |page| {
            if last.is_none_or(|region| !region.contains(page)) {
                last = regions.find(page);
            }
            let region = last?;
            let origin = region.origin(page);
            if let Origin::Copy(frame) = origin
                && after == After::HotRestart
            {
                // What the dead incarnation changed comes from the image again: check it first.
                *is_damaged |= image.is_none_or(|image| !image.is_intact(frame));
            }
            pristine_entry(region.kind, origin)
        };
        let step_began = self.recovery.step_began;
        let is_over = || clock::counter().wrapping_sub(step_began) >= PAGES_TICKS;
        let progress = space.drop_private(&mut self.frames, origin, is_over);
        if progress == Progress::More || after == After::HotRestart {
            return progress;
        }
        if after != After::Terminate(Remains::Everything)
            && let Some(region) = actor.persistent.first()
        {
            self.drop_persistent(Slot(region));
            return Progress::More;
        }
        let Some(actor) = self.actors.at_mut(slot) else {
            return Progress::Finished;
        };
        let Some(space) = &mut actor.space else {
            return Progress::Finished;
        };
        let root = space.root();
        if space.drop_table(&mut self.frames) == Progress::More {
            self.leave_root(root);
            return Progress::More;
        }
        if let Some(space) = actor.space.take() {
            space.free_root(&mut self.frames);
        }
        self.leave_root(root);
        Progress::Finished
    }

    /// Nothing private is left of an actor. Returns what is to be done next for it.
    fn wiped(&mut self, id: ActorId, after: After) -> Option<Work> {
        let slot = id.slot().0;
        let actor = self.actors.at_mut(slot)?;
        actor.stale_translations = true;
        actor.has_replied = false;
        match after {
            After::HotRestart => {
                actor.regions.remove_private();
                let is_damaged = core::mem::take(&mut actor.is_damaged);
                // Counted, not assumed: no block is read while this thread works.
                let block_reads = self.counters.block_reads - actor.block_reads;
                let image = actor.image.and_then(|image| self.images.at(image));
                if is_damaged || image.is_none_or(|image| image.is_damaged) {
                    self.refuse_image(id);
                    return None;
                }
                self.counters.hot_restarts += 1;
                self.report(Event::Restarted {
                    actor: id,
                    block_reads,
                });
                None
            }
            After::Reload => {
                actor.regions.clear();
                self.release_image(slot);
                self.request_load(Load {
                    actor: id,
                    purpose: Purpose::Reload,
                });
                None
            }
            After::Terminate(remains) => self.terminated(id, remains),
        }
    }

    fn terminated(&mut self, id: ActorId, remains: Remains) -> Option<Work> {
        let slot = id.slot().0;
        let actor = self.actors.at_mut(slot)?;
        match remains {
            Remains::Everything => actor.regions.keep_persistent(),
            Remains::Image | Remains::Nothing => actor.regions = crate::region::Regions::new(),
        }
        actor.stop(ActorState::TERMINATED);
        let (name, group) = (actor.declaration.name, actor.group);
        self.recovery.news.remove(&mut self.actors, slot);
        self.forget_freeze(slot);
        self.forget_server(slot);
        logger::say(Level::Warn, ["recovery: ", name.as_str(), ": terminated"]);
        let kind = self
            .recovery
            .manager
            .actor(Slot(slot))
            .map(ActorEntry::kind);
        match kind {
            Some(ActorKind::Indirect) => self.become_former(slot, remains),
            Some(ActorKind::Direct) | None => self.release_image(slot),
        }
        self.report(Event::Ended { actor: id });
        let group_entry = self.recovery.manager.group(group)?;
        let has_ended = group_entry.has_ended();
        let end = match (kind, group_entry.is_given_up()) {
            (Some(ActorKind::Indirect), _) => LifeEnd::None,
            (_, false) => LifeEnd::Ended,
            (_, true) => LifeEnd::GivenUp,
        };
        self.note_life(slot, end);
        has_ended.then_some(Work::Forget { group })
    }

    /// The pristine image is not what it was: the actor is not started from it.
    fn refuse_image(&mut self, id: ActorId) {
        let slot = id.slot().0;
        if let Some(image) = self.actors.at(slot).and_then(|actor| actor.image)
            && let Some(image) = self.images.at_mut(image)
        {
            image.is_damaged = true;
        }
        let fault = FaultRecord {
            actor: id,
            time: clock::now(),
            message: Text::truncated("the pristine image fails its check"),
            ..FaultRecord::new(FaultKind::BAD_IMAGE)
        };
        self.report(Event::RestartFailed {
            actor: id,
            fault: &fault,
        });
    }

    /// Checks one page of the pristine images; the idle thread goes round all of them. Text and
    /// untouched data are in use all the time, so there is no moment before their use.
    /// Returns which page fails, at first.
    pub fn scrub(&mut self) -> Option<(Name, u32)> {
        let (slot, page) = self.scrubbed;
        let Some(image) = self
            .images
            .at_mut(slot)
            .filter(|image| page < image.plan.frames)
        else {
            let next = slot + 1;
            self.scrubbed = (if next < self.images.end() { next } else { 0 }, 0);
            return None;
        };
        self.scrubbed = (slot, page + 1);
        let frame = Frame(image.extent.start).offset(page);
        if image.is_damaged || image.is_intact(frame) {
            return None;
        }
        image.is_damaged = true;
        Some((image.name, page))
    }

    /// Asks the loader to read an actor's image.
    pub fn request_load(&mut self, load: Load) {
        self.recovery.loads.push_back(load);
        self.wake_loader();
    }

    /// Gives up an actor's pristine image; the last user's goes.
    pub fn release_image(&mut self, actor: u32) {
        let image = self
            .actors
            .at_mut(actor)
            .and_then(|record| record.image.take());
        if let Some(index) = image {
            self.drop_image_user(index);
            self.note_image_released(actor);
        }
    }

    /// Takes back what a half-made start of an actor has: nothing of it runs yet.
    pub fn unload(&mut self, actor: u32) {
        self.release_image(actor);
        let Some(record) = self.actors.at_mut(actor) else {
            return;
        };
        record.regions.clear();
        if let Some(mut space) = record.space.take() {
            while space.drop_table(&mut self.frames) == Progress::More {}
            space.free_root(&mut self.frames);
        }
    }

    /// A pristine image has one user less; the last one's goes.
    pub fn drop_image_user(&mut self, index: u32) {
        let Some(image) = self.images.at_mut(index) else {
            return;
        };
        image.users -= 1;
        if image.users == 0 {
            self.remove_image(index);
        }
    }

    /// Gives a pristine image up that nobody uses.
    pub fn remove_image(&mut self, index: u32) {
        if let Some(image) = self.images.remove(Slot(index)) {
            self.book.images.remove(image.note);
            self.preserved.free(image.extent);
        }
    }

    /// An actor has answered a call: if for the first time, that ends its recovery.
    pub fn note_reply(&mut self, slot: u32) {
        let id = self.actor_id(slot);
        if let Some(actor) = self.actors.at_mut(slot)
            && !actor.has_replied
        {
            actor.has_replied = true;
            self.recovery
                .manager
                .on_event(Event::FirstReply { actor: id }, clock::now());
        }
    }
}

/// What an action is to the actor it is about.
const fn happening(action: &Action) -> Option<(EventKind, ActorId)> {
    match *action {
        Action::Freeze { actor, .. } => Some((EventKind::FREEZE, actor)),
        Action::Restart { actor, source } => match source {
            Source::Memory => Some((EventKind::RESTART, actor)),
            Source::Storage => Some((EventKind::RELOAD, actor)),
        },
        Action::Activate { actor, .. } => Some((EventKind::ACTIVATE, actor)),
        Action::Terminate { actor, .. } => Some((EventKind::TERMINATE, actor)),
        Action::SiteRestart { .. } | Action::SiteReboot { .. } => None,
    }
}
