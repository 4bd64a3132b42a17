//! A fake kernel: carries out actions one report at a time, checks that each makes sense, and
//! fails where it is told to.

use abi::start::PreviousEnd;
use abi::{
    ActorId, FaultKind, FaultRecord, Generation, Instant, LedgerEntry, Name, Outcome, Slot, Span,
};

use crate::group::{Goal, Phase};
use crate::{
    Action, ActorDeclaration, ActorEntry, ActorKind, Decision, Event, Fate, GroupEntry, GroupSlot,
    Parameters, Peers, Question, Reaction, Remains, Response, RestartManager, RestartPolicy,
    Situation, Source, State, Storage, Unanswered,
};

/// Actors that can be spawned in a test.
const SPARE: usize = 6;

/// Does what the fault says: its code is the response, its address the delay in milliseconds.
pub(super) struct Dictated;

pub(super) const HOT: u64 = 0;
pub(super) const RELOAD: u64 = 1;
pub(super) const TERMINATE: u64 = 2;
pub(super) const HOLD: u64 = 3;
pub(super) const SITE_RESTART: u64 = 4;
pub(super) const SITE_REBOOT: u64 = 5;
/// To these the number of a group is added.
pub(super) const BELOW: u64 = 10;
pub(super) const PEERS: u64 = 20;
pub(super) const LATER: u64 = 30;
pub(super) const PANIC: u64 = 40;
pub(super) const SLOW: u64 = 41;

/// The group with this number; the last number of the range is the kernel group.
fn nth(number: u64) -> GroupSlot {
    let index = usize::try_from(number).unwrap();
    if index == 9 {
        return GroupSlot::KERNEL;
    }
    GroupSlot::from_index(index).unwrap()
}

/// A dependency: dependent and base by number, and what each end does.
pub(super) type Edge = (usize, usize, Reaction, Reaction);

impl RestartPolicy for Dictated {
    fn name(&self) -> &'static str {
        "dictated"
    }

    fn decide(&self, situation: &Situation<'_>) -> Decision {
        let response = match situation.fault.code {
            HOT => Response::HotRestart,
            RELOAD => Response::Reload,
            TERMINATE => Response::Terminate,
            HOLD => Response::Hold,
            SITE_RESTART => Response::SiteRestart,
            code @ BELOW..PEERS => Response::HotRestartGroup(nth(code - BELOW)),
            code @ PEERS..LATER => Response::HotRestartPeers(nth(code - PEERS), Peers::All),
            code @ LATER..PANIC => Response::HotRestartPeers(nth(code - LATER), Peers::Later),
            PANIC => Response::NoAnswer(Unanswered::Panicked),
            SLOW => Response::NoAnswer(Unanswered::OverBudget),
            _ => Response::SiteReboot,
        };
        Decision {
            response,
            delay: Span::from_millis(situation.fault.address),
        }
    }
}

/// A fault whose answer is `code`, after `delay` milliseconds.
pub(super) fn fault(code: u64, delay: u64) -> FaultRecord {
    FaultRecord {
        code,
        address: delay,
        ..FaultRecord::new(FaultKind::PANIC)
    }
}

/// What the fake kernel knows of an actor, independently of the manager.
#[derive(Clone, Debug)]
pub(super) struct FakeActor {
    pub(super) actor: ActorId,
    pub(super) group: GroupSlot,
    pub(super) kind: ActorKind,
    pub(super) has_threads: bool,
    pub(super) is_fresh: bool,
    pub(super) is_loaded: bool,
    pub(super) is_gone: bool,
    pub(super) starts: u32,
    /// How many were declared before it was, the last time.
    pub(super) serial: usize,
    /// What was kept of it at its end.
    pub(super) remains: Remains,
}

pub(super) struct Fake {
    pub(super) manager: RestartManager<'static>,
    pub(super) actors: Vec<FakeActor>,
    pub(super) groups: Vec<GroupSlot>,
    pub(super) in_flight: Vec<Action>,
    heard: Vec<abi::Notice>,
    declared: usize,
    /// Per group, the last member restarted and the last activated since it last started over.
    order: Vec<(usize, usize)>,
    pub(super) now: Instant,
    pub(super) thinking: Thinking,
    /// Questions that were fetched and not answered.
    questions: Vec<Question>,
}

/// When the policy answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Thinking {
    /// Right after the event.
    AtOnce,
    /// When the test says so.
    Long,
}

/// Lends storage for ever; a test's process is short.
pub(super) fn storage(actors: usize, groups: usize, ledger: usize) -> Storage<'static> {
    Storage {
        actors: vec![ActorEntry::EMPTY; actors].leak(),
        groups: vec![GroupEntry::EMPTY; groups].leak(),
        ledger: vec![None; ledger].leak(),
    }
}

impl Fake {
    /// A site of as many groups as there are lists, with members of these kinds. Members of
    /// different groups alternate in the table of actors.
    pub(super) fn new(
        groups: &[&[ActorKind]],
        ledger: usize,
        policy: &'static dyn RestartPolicy,
    ) -> Self {
        let total: usize = groups.iter().map(|members| members.len()).sum();
        let storage = storage(total + SPARE, groups.len(), ledger);
        let mut fake = Self {
            manager: RestartManager::new(storage, policy),
            actors: Vec::new(),
            groups: Vec::new(),
            in_flight: Vec::new(),
            heard: Vec::new(),
            declared: 0,
            order: vec![(0, 0); groups.len()],
            now: Instant(1_000),
            thinking: Thinking::AtOnce,
            questions: Vec::new(),
        };
        fake.manager.lend_notices(vec![None; 8].leak());
        for index in 0..groups.len() {
            let name = Name::truncated(&format!("group {index}"));
            fake.groups
                .push(fake.manager.declare_group(name, None).unwrap());
        }
        let longest = groups
            .iter()
            .map(|members| members.len())
            .max()
            .unwrap_or(0);
        for position in 0..longest {
            for (group, members) in fake.groups.clone().into_iter().zip(groups) {
                if let Some(kind) = members.get(position) {
                    fake.declare(group, *kind);
                }
            }
        }
        fake
    }

    /// A site that runs, with these edges. A group's first edge is that to its parent, so edges
    /// must lead to groups of lower numbers.
    pub(super) fn tree(
        groups: &[&[ActorKind]],
        edges: &[Edge],
        policy: &'static dyn RestartPolicy,
    ) -> Self {
        let mut fake = Self::new(groups, 256, policy);
        fake.declare_edges(edges);
        fake.run();
        fake
    }

    pub(super) fn declare_edges(&mut self, edges: &[Edge]) {
        for &(dependent, base, reaction, reverse) in edges {
            let (dependent, base) = (self.groups[dependent], self.groups[base]);
            self.manager
                .declare_edge(dependent, base, reaction, reverse)
                .unwrap();
            let entry = &mut self.manager.groups[dependent.index()];
            entry.base = entry.base.or(Some(base));
        }
    }

    /// An actor is spawned, if there is room and the manager agrees: a former member of the group
    /// if there is one, in its slot and with its name.
    pub(super) fn spawn(&mut self, group: GroupSlot) {
        let is_running = self
            .actors
            .iter()
            .any(|actor| actor.group == group && actor.has_threads);
        let has_room = self.manager.actor_slots() > self.actors.len();
        let group_entry = self.manager.group(group).unwrap();
        let is_refused =
            group_entry.is_stopping() || group_entry.goal == Goal::End || group_entry.has_ended();
        let former = self.actors.iter().position(|actor| {
            actor.group == group && actor.is_gone && actor.kind == ActorKind::Indirect
        });
        match former {
            Some(index) if is_running && !is_refused => self.declare_again(index),
            None if is_running && has_room && !is_refused => {
                self.declare(group, ActorKind::Indirect);
            }
            _ => {}
        }
    }

    fn declare_again(&mut self, index: usize) {
        let former = self.actors[index].clone();
        let next = former.actor.generation().next().unwrap();
        let actor = ActorId::new(former.actor.slot(), next);
        let entry = &self.manager.actors[index];
        let (name, history) = (entry.name, entry.history.clone());
        let declaration = ActorDeclaration {
            actor,
            name,
            group: former.group,
            kind: former.kind,
            parameters: Parameters::DEFAULT,
            started: 0,
        };
        self.manager.declare_actor(declaration).unwrap();
        let entry = &self.manager.actors[index];
        assert_eq!(
            (entry.incarnation, &entry.history),
            (former.starts, &history)
        );
        self.declared += 1;
        self.actors[index] = FakeActor {
            actor,
            has_threads: false,
            is_fresh: false,
            is_loaded: false,
            is_gone: false,
            serial: self.declared,
            remains: Remains::Nothing,
            ..former
        };
    }

    fn declare(&mut self, group: GroupSlot, kind: ActorKind) {
        let slot = Slot(u32::try_from(self.actors.len()).unwrap());
        let actor = ActorId::new(slot, Generation::FIRST);
        self.declared += 1;
        let name = Name::truncated(&format!("actor {}", slot.0));
        let parameters = Parameters::DEFAULT;
        let declaration = ActorDeclaration {
            actor,
            name,
            group,
            kind,
            parameters,
            started: 0,
        };
        self.manager.declare_actor(declaration).unwrap();
        self.actors.push(FakeActor {
            actor,
            group,
            kind,
            has_threads: false,
            is_fresh: false,
            is_loaded: false,
            is_gone: false,
            starts: 0,
            serial: self.declared,
            remains: Remains::Nothing,
        });
    }

    /// A site that runs.
    pub(super) fn running(groups: &[&[ActorKind]]) -> Self {
        let mut fake = Self::new(groups, 64, &Dictated);
        fake.run();
        fake
    }

    fn run(&mut self) {
        for index in 0..self.actors.len() {
            self.load(index);
        }
        self.settle();
        assert!(self.actors.iter().all(|actor| actor.has_threads));
    }

    /// Reports something, and fetches the notices as a kernel must.
    pub(super) fn tell(&mut self, event: Event<'_>) {
        self.manager.on_event(event, self.now);
        if self.thinking == Thinking::AtOnce {
            self.answer_all();
        }
        self.hear();
    }

    /// Fetches the next question, to be answered later; false if there is none.
    pub(super) fn ask(&mut self) -> bool {
        let mut question = Question::new();
        let is_there = self.manager.next_question(self.now, &mut question);
        self.hear();
        if is_there {
            self.questions.push(question);
        }
        is_there
    }

    /// Answers one of the questions that were fetched; false if there is none.
    pub(super) fn answer(&mut self, which: usize) -> bool {
        if self.questions.is_empty() {
            return false;
        }
        let question = self.questions.remove(which % self.questions.len());
        let decision = self.manager.policy().decide(&question.situation());
        self.manager.answer(&question, decision, self.now);
        self.hear();
        true
    }

    /// Answers everything.
    pub(super) fn answer_all(&mut self) {
        while self.ask() || self.answer(0) {}
    }

    fn hear(&mut self) {
        let news = std::iter::from_fn(|| self.manager.next_notice());
        self.heard.extend(news.map(|notice| notice.record));
    }

    pub(super) fn id(&self, index: usize) -> ActorId {
        self.actors[index].actor
    }

    pub(super) fn state(&self, index: usize) -> State {
        self.manager
            .actor(Slot(u32::try_from(index).unwrap()))
            .unwrap()
            .state()
    }

    pub(super) fn load(&mut self, index: usize) {
        self.actors[index].is_loaded = true;
        self.actors[index].is_fresh = true;
        self.tell(Event::Loaded {
            actor: self.id(index),
        });
    }

    pub(super) fn fail(&mut self, index: usize, code: u64, delay: u64) {
        self.tell(Event::Failed {
            actor: self.id(index),
            fault: &fault(code, delay),
        });
    }

    pub(super) fn pass(&mut self, millis: u64) {
        self.now = self.now.after(Span::from_millis(millis));
    }

    /// Takes one action on, and checks that it makes sense now.
    pub(super) fn poll(&mut self) -> Option<Action> {
        let mut action = self.manager.poll(self.now);
        while self.withdraw() && action.is_none() {
            action = self.manager.poll(self.now);
        }
        let action = action?;
        if let Some(index) = target(&action) {
            self.check(index, &action);
        }
        self.in_flight.push(action);
        Some(action)
    }

    /// Postpones activations that are not wanted any more, of every other actor: the others' have
    /// been begun. Says whether there was one.
    fn withdraw(&mut self) -> bool {
        let mut has_withdrawn = false;
        while let Some(actor) = self.manager.next_withdrawal() {
            let is_it = |action: &Action| matches!(action, Action::Activate { actor: out, .. } if *out == actor);
            let place = self.in_flight.iter().position(is_it).unwrap();
            if actor.slot().0 % 2 == 0 {
                self.in_flight.remove(place);
                let group = self.actors[actor.slot().index()].group;
                self.order[group.index()].1 = 0;
                self.tell(Event::ActivationPostponed { actor });
                has_withdrawn = true;
            }
        }
        has_withdrawn
    }

    /// Takes on everything there is, and returns it.
    pub(super) fn poll_all(&mut self) -> Vec<Action> {
        let actions: Vec<_> = std::iter::from_fn(|| self.poll()).take(1_000).collect();
        assert!(
            actions.len() <= self.actors.len() + 1,
            "one action an actor, one for the site"
        );
        actions
    }

    fn check(&mut self, index: usize, action: &Action) {
        let subject = self.actors[index].clone();
        assert!(!subject.is_gone, "{action:?} of a dead actor");
        let others = self.in_flight.iter().filter_map(target);
        assert!(
            others.clone().all(|other| other != index),
            "two actions out for {index}"
        );
        let peers: Vec<_> = self
            .actors
            .iter()
            .filter(|peer| peer.group == subject.group)
            .collect();
        let group = subject.group.index();
        let alone = |wanted: fn(&Action) -> bool| {
            !self.in_flight.iter().any(|other| {
                wanted(other)
                    && target(other).is_some_and(|i| self.actors[i].group.index() == group)
            })
        };
        self.check_tree(subject.group, action);
        match *action {
            Action::Freeze { actor, .. } => {
                assert_eq!(actor, subject.actor);
                self.order[group] = (0, 0);
            }
            Action::Restart { actor, .. } => {
                assert_eq!(actor, subject.actor);
                assert_eq!(subject.kind, ActorKind::Direct);
                assert!(
                    peers.iter().all(|peer| !peer.has_threads),
                    "restart beside a live member"
                );
                assert!(alone(|_| true), "no other action in the group");
                assert!(
                    self.order[group].0 <= subject.serial,
                    "restart out of order"
                );
                self.order[group] = (subject.serial, 0);
            }
            Action::Activate {
                actor,
                previous,
                incarnation,
            } => {
                assert_eq!(actor, subject.actor);
                assert!(
                    subject.is_fresh && !subject.has_threads,
                    "activation without a restart"
                );
                assert!(alone(|other| !matches!(other, Action::Freeze { .. })));
                assert_eq!(incarnation, subject.starts + 1);
                assert_eq!(previous == PreviousEnd::None, incarnation == 1);
                assert!(
                    peers.iter().all(|peer| peer.has_threads
                        || peer.is_fresh
                        || peer.is_gone
                        || !peer.is_loaded),
                    "activation before the last restart"
                );
                if subject.starts > 0 {
                    assert!(
                        self.order[group].1 <= subject.serial,
                        "activation out of order"
                    );
                    self.order[group].1 = subject.serial;
                }
            }
            Action::Terminate { actor, remains } => {
                assert_eq!(actor, subject.actor);
                assert!(!subject.has_threads, "end of a live actor");
                let goal = self.manager.group(subject.group).unwrap().goal;
                let is_done = self.manager.actors[index].is_leaving;
                let expected = match (subject.kind, goal) {
                    (ActorKind::Indirect, Goal::Restart(Source::Memory)) if !is_done => {
                        Remains::Everything
                    }
                    (ActorKind::Indirect, Goal::Restart(Source::Memory) | Goal::Departures) => {
                        Remains::Image
                    }
                    _ => Remains::Nothing,
                };
                assert_eq!(remains, expected, "{goal:?}");
            }
            Action::SiteRestart { .. } | Action::SiteReboot { .. } => {}
        }
    }

    /// What must hold between groups: frozen from the leaves to the root, restarted and activated
    /// from the root to the leaves. Each edge is checked, so that whole trees are.
    fn check_tree(&self, group: GroupSlot, action: &Action) {
        let entry = self.manager.group(group).unwrap();
        let lives = |group: GroupSlot| {
            self.actors
                .iter()
                .any(|actor| actor.group == group && actor.has_threads)
        };
        let takes_part = |entry: &GroupEntry| {
            !entry.has_ended()
                && !entry.is_held()
                && (entry.phase == Phase::Idle || entry.goal < Goal::Hold)
        };
        let is_restart = matches!(entry.goal, Goal::Restart(_));
        match action {
            Action::Freeze { .. } | Action::Restart { .. } if is_restart => {
                for dependent in entry.edges.restart_dependents.iter() {
                    let takes_part = takes_part(self.manager.group(dependent).unwrap());
                    assert!(
                        !takes_part || !lives(dependent),
                        "{action:?} of {group:?} before {dependent:?} is frozen"
                    );
                }
            }
            _ => {}
        }
        match action {
            Action::Restart { .. } | Action::Activate { .. } if is_restart => {
                for base in entry.edges.restart_bases.iter() {
                    let is_up =
                        self.actors
                            .iter()
                            .filter(|actor| actor.group == base)
                            .all(|actor| {
                                actor.has_threads
                                    || actor.is_gone
                                    || !actor.is_loaded
                                    || actor.starts == 0
                                    || self.manager.actors[actor.actor.slot().index()].is_leaving
                                    || actor.kind == ActorKind::Indirect
                            });
                    let takes_part = takes_part(self.manager.group(base).unwrap());
                    assert!(
                        !takes_part || is_up,
                        "{action:?} of {group:?} before {base:?} runs"
                    );
                }
            }
            _ => {}
        }
    }

    /// The notices since this was last asked.
    pub(super) fn notices(&mut self) -> Vec<abi::Notice> {
        std::mem::take(&mut self.heard)
    }

    /// Carries out an action that is out, and reports how it went: with `Err`, it fails. Every
    /// fourth number postpones an activation.
    pub(super) fn complete(&mut self, which: usize, result: Result<(), &FaultRecord>) {
        if self.in_flight.is_empty() {
            return;
        }
        let action = self.in_flight.remove(which % self.in_flight.len());
        let Some(index) = target(&action) else {
            return self.tell(Event::SiteActionRefused);
        };
        let subject = &mut self.actors[index];
        let event = match (action, result) {
            (Action::Freeze { actor, fate }, _) => {
                subject.has_threads = false;
                subject.is_fresh = false;
                let next = actor.generation().next().unwrap();
                let successor = (fate == Fate::Restart).then(|| ActorId::new(actor.slot(), next));
                subject.actor = successor.unwrap_or(actor);
                Event::Frozen { actor, successor }
            }
            (Action::Restart { actor, source }, Ok(())) => {
                subject.is_fresh = true;
                Event::Restarted {
                    actor,
                    block_reads: if source == Source::Memory { 0 } else { 7 },
                }
            }
            (Action::Restart { actor, .. }, Err(fault)) => {
                subject.is_fresh = false;
                Event::RestartFailed { actor, fault }
            }
            (Action::Activate { actor, .. }, Ok(())) if which % 4 == 3 => {
                // Asked for again, from the first member on.
                self.order[subject.group.index()].1 = 0;
                Event::ActivationPostponed { actor }
            }
            (
                Action::Activate {
                    actor, incarnation, ..
                },
                Ok(()),
            ) => {
                subject.has_threads = true;
                subject.starts = incarnation;
                Event::Activated { actor }
            }
            (Action::Activate { actor, .. }, Err(fault)) => {
                // The group starts over; those that are fresh already stay so.
                subject.is_fresh = false;
                self.order[subject.group.index()] = (0, 0);
                Event::ActivationFailed { actor, fault }
            }
            (Action::Terminate { actor, remains }, _) => {
                subject.is_gone = true;
                subject.remains = remains;
                Event::Ended { actor }
            }
            (Action::SiteRestart { .. } | Action::SiteReboot { .. }, _) => return,
        };
        self.tell(event);
    }

    /// Carries everything out, without failures and letting time pass, until nothing is left.
    pub(super) fn settle(&mut self) {
        self.thinking = Thinking::AtOnce;
        for _ in 0..100 * (self.actors.len() + 1) {
            self.answer_all();
            self.poll_all();
            if !self.in_flight.is_empty() {
                self.complete(0, Ok(()));
            } else if let Some(deadline) = self.manager.next_deadline() {
                assert!(
                    deadline > self.now,
                    "a deadline that has come gives an action"
                );
                self.now = deadline;
            } else {
                return;
            }
        }
        panic!("the site does not come to rest");
    }

    /// Carries everything out without letting time pass.
    pub(super) fn settle_until_delayed(&mut self) {
        while !self.poll_all().is_empty() || !self.in_flight.is_empty() {
            self.complete(0, Ok(()));
        }
    }

    pub(super) fn ledger(&self) -> Vec<LedgerEntry> {
        self.manager.ledger().entries().copied().collect()
    }

    /// Checks what must hold of a site at rest.
    pub(super) fn check_rest(&self) {
        let mut someone_is_held = false;
        for (index, actor) in self.actors.iter().enumerate() {
            let is_held = self.manager.group(actor.group).unwrap().is_held();
            someone_is_held |= is_held;
            let state = self.state(index);
            match state {
                State::Running => assert!(actor.has_threads && !is_held),
                State::Terminated => assert!(actor.is_gone),
                State::Declared => assert!(!actor.is_loaded),
                State::Held | State::Frozen | State::Prepared => assert!(is_held, "{state:?}"),
                _ => panic!("actor {index} rests in {state:?}"),
            }
        }
        let entries = self.ledger();
        for pair in entries.windows(2) {
            assert_eq!(
                pair[0].sequence + 1,
                pair[1].sequence,
                "a number is left out"
            );
        }
        if let Some(last) = entries.last() {
            assert_eq!(last.sequence + 1, self.manager.ledger().next_sequence());
        }
        for entry in &entries {
            assert!(
                someone_is_held || entry.outcome != Outcome::PENDING,
                "{entry:?}"
            );
            let comes_back = entry.response == abi::Response::HOT_RESTART
                || entry.response == abi::Response::RELOAD;
            if entry.outcome == Outcome::DONE
                && comes_back
                && self.actors[entry.actor.slot().index()].kind == ActorKind::Direct
            {
                assert!(!entry.successor.is_none(), "{entry:?}");
            }
        }
    }
}

/// The actor an action is about.
pub(super) fn target(action: &Action) -> Option<usize> {
    match action {
        Action::Freeze { actor, .. }
        | Action::Restart { actor, .. }
        | Action::Activate { actor, .. }
        | Action::Terminate { actor, .. } => Some(actor.slot().index()),
        Action::SiteRestart { .. } | Action::SiteReboot { .. } => None,
    }
}
