//! Watches the demonstration, prints what came of it, and ends the site.
//!
//! In the first part others fail by themselves. It is over when the counter has died and come back
//! in all eight ways, the vault has died with visitors inside as often as it was to (unless the
//! policy ended them), and the topmost layer was given up or has failed often enough; in any case
//! after [`LONGEST`]. In the second part we kill an application of the POSIX-like personality,
//! and its manager. What counts is the ledger, which the kernel keeps, the notices, what is known
//! about groups and actors, what the client says about the counts, and what the visitors were told.
//!
//! Needs the right SHUTDOWN, to subscribe to `front`, and to kill in `posix` and `init`.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod counts;
mod escalation;
mod kept;
mod personalities;
mod promise;
mod records;
mod table;
mod tree;
mod verdict;
mod visits;

use demo::conductor::{Notice, PORT};
use syscall::abi::Name;
use syscall::group::Subscription;
use syscall::prelude::*;
use syscall::{decode, site, thread};

use crate::counts::Counts;
use crate::escalation::{Escalation, FRONT};
use crate::personalities::Personalities;
use crate::promise::Promise;
use crate::records::Records;
use crate::tree::Tree;
use crate::visits::Visits;

/// How often we look at the ledger. It keeps 256 entries, and far fewer come in this time.
const PERIOD: Span = Span::from_millis(10);

/// When the demonstration is over in any case. It takes two seconds when all is well; this leaves
/// room for a slow machine, and for the rest of the twenty seconds that were promised.
const LONGEST: Span = Span::from_secs(15);

/// Time for the last incarnation to have its first reply entered in the ledger.
const SETTLING: Span = Span::from_millis(200);

/// Messages that the client may have waiting: one an incarnation, and we look often.
const DEPTH: usize = 32;

/// Notices that may wait: five for each member of a chain of three, several times over.
const NOTICES: usize = 64;

/// All that we are told.
struct Conductor {
    port: Port,
    subscription: Subscription,
    counts: Counts,
    visits: Visits,
    escalation: Escalation,
    personalities: Personalities,
    tree: Tree,
    /// The name of the policy.
    policy: Name,
    /// What it promises, if that is known.
    promise: Option<Promise>,
}

impl Conductor {
    fn new() -> Result<Self> {
        let policy = site::info()?.policy;
        Ok(Self {
            port: Port::create(PORT, DEPTH)?,
            subscription: Subscription::to(FRONT, NOTICES)?,
            counts: Counts::new(),
            visits: Visits::new(),
            escalation: Escalation::new(),
            personalities: Personalities::new(),
            tree: Tree::new(),
            promise: promise::of(policy.as_str()),
            policy,
        })
    }

    /// The first part: others fail.
    fn watch(&mut self, records: &mut Records) {
        let end = thread::now().after(LONGEST);
        while thread::now() < end && !self.is_through(records) {
            self.tree.look();
            self.personalities.look();
            self.listen(PERIOD);
            records.read_on();
        }
        self.personalities.note_failures(records);
    }

    /// Whether all have done what they were to.
    fn is_through(&self, records: &Records) -> bool {
        records.counter_is_through()
            && (self.visits.are_complete() || records.is_vault_ended())
            && self.escalation.is_through(records, self.promise.as_ref())
            && self.personalities.are_at_work(records)
    }

    /// Takes what we are told, for as long as `span`.
    fn listen(&mut self, span: Span) {
        listen(&self.port, &mut self.counts, &mut self.visits, span);
        while let Ok(delivery) = self.subscription.next(Span::ZERO) {
            self.escalation.note(&delivery.notice);
        }
    }

    /// The second part: we kill.
    fn strike(&mut self, records: &mut Records) {
        let Self {
            port,
            counts,
            visits,
            personalities,
            ..
        } = self;
        personalities.play(records, |records| {
            listen(port, counts, visits, PERIOD);
            records.read_on();
        });
    }
}

/// Takes what the client and the visitors say, for as long as `span`.
fn listen(port: &Port, counts: &mut Counts, visits: &mut Visits, span: Span) {
    let mut buffer = [0; 64];
    let end = thread::now().after(span);
    loop {
        let left = end.since(thread::now());
        match port.receive(&mut buffer, left) {
            Ok(message) => match decode::<Notice>(message.bytes) {
                Ok(Notice::Count(count)) => counts.note(count),
                Ok(Notice::Visit(visit)) => visits.note(visit),
                Err(_) => {}
            },
            Err(_) => return,
        }
    }
}

fn start(start: Start) -> Result<()> {
    let mut records = Records::new();
    let mut conductor = Conductor::new()?;
    if start.incarnation() > 1 {
        // The client's reports went down with our predecessor.
        error!("the conductor itself failed: {:?}", start.previous());
        conductor.counts.give_up();
    }
    conductor.watch(&mut records);
    conductor.strike(&mut records);
    conductor.listen(SETTLING);
    records.read_on();
    records.refresh();

    conductor.tree.look();
    conductor.tree.print();
    table::print(&records, &conductor.counts);
    conductor.visits.print();
    let policy = conductor.policy;
    conductor.escalation.print(&records, policy.as_str());
    conductor.personalities.print();
    let verdict = verdict::of(&conductor, &records);
    match verdict {
        Ok(()) => info!("everything is right"),
        Err(wrong) => error!("not right: {wrong}"),
    }
    site::shutdown(u64::from(verdict.is_err()))
}

entry!(start);
