//! Conducts the demonstration: watches the others, prints the tables, and ends the site.
//!
//! | act | |
//! |---|---|
//! | failures | the counter dies in eight ways, and the vault with visitors inside; then we kill an application of the POSIX-like personality, and its manager |
//! | layers | the topmost layer fails whatever is done to it, until the policy gives it up or restarts the site, or for long enough |
//! | crash | the kernel panics while clients work, and they go on |
//! | costs | what each recovery took; and then the site is rebooted, and the next boot adds what that took |
//!
//! The site's restarts are restarts of the conductor, too: how far it has come is in a persistent
//! region ([`stage`]). What counts is the ledger, which the kernel keeps, what is known about groups
//! and actors, what the client says about the counts, and what the visitors were told.
//!
//! Needs the rights SHUTDOWN, HOOK and SITE, and to kill in `posix` and `init`.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod costs;
mod counts;
mod crash;
mod escalation;
mod kept;
mod personalities;
mod promise;
mod records;
mod stage;
mod table;
mod tree;
mod verdict;
mod visits;

use demo::conductor::{Notice, PORT};
use demo::layer::CUE;
use syscall::abi::epitaph::RebootCause;
use syscall::abi::site::SiteRestart;
use syscall::abi::start::PreviousEnd;
use syscall::abi::{Cause, LedgerEntry, Name, SiteCause};
use syscall::prelude::*;
use syscall::{decode, site, thread};

use crate::counts::Counts;
use crate::escalation::FRONT;
use crate::personalities::Personalities;
use crate::promise::Promise;
use crate::records::Records;
use crate::stage::{Act, Stage};
use crate::tree::Tree;
use crate::verdict::Wrong;
use crate::visits::Visits;

/// How often we look at the ledger. It keeps 256 entries, and far fewer come in this time.
const PERIOD: Span = Span::from_millis(10);

/// When an act is over in any case. It takes a second or two when all is well; this leaves room for
/// a slow machine.
const LONGEST: Span = Span::from_secs(15);

/// Time for the last incarnation to have its first reply entered in the ledger.
const SETTLING: Span = Span::from_millis(200);

/// Messages that the client may have waiting: one an incarnation, and we look often.
const DEPTH: usize = 32;

/// All that we are told.
struct Conductor {
    port: Port,
    stage: Stage,
    counts: Counts,
    visits: Visits,
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
            stage: Stage::open()?,
            counts: Counts::new(),
            visits: Visits::new(),
            personalities: Personalities::new(),
            tree: Tree::new(),
            promise: promise::of(policy.as_str()),
            policy,
        })
    }

    /// Takes what we are told, for as long as `span`.
    fn listen(&mut self, span: Span) {
        listen(&self.port, &mut self.counts, &mut self.visits, span);
    }

    /// The first act: others fail, and are killed.
    fn play_failures(&mut self, records: &mut Records) -> Result<()> {
        let end = thread::now().after(LONGEST);
        while thread::now() < end && !self.are_failures_over(records) {
            self.personalities.look();
            self.listen(PERIOD);
            records.read_on();
        }
        self.personalities.note_failures(records);
        self.strike(records);
        self.listen(SETTLING);
        records.read_on();

        table::print(records, &self.counts);
        self.visits.print();
        self.personalities.print();
        let verdict = verdict::of_failures(self, records);
        self.stage.go_on(Act::Layers, verdict)
    }

    /// Whether all have done what they were to.
    fn are_failures_over(&self, records: &Records) -> bool {
        records.counter_is_through()
            && (self.visits.are_complete() || records.is_vault_ended())
            && self.personalities.are_at_work(records)
    }

    /// We kill.
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

    /// The second act: the layer fails. If the site is restarted for it, our next incarnation
    /// concludes.
    fn play_layers(&mut self, records: &mut Records) -> Result<()> {
        let cue = Port::create(CUE, 1)?;
        let end = thread::now().after(LONGEST);
        let is_over = |conductor: &Self, records: &Records| {
            let is_given_up = conductor.tree.is_given_up(FRONT);
            escalation::is_through(records, conductor.promise.as_ref(), is_given_up)
        };
        while thread::now() < end && !is_over(self, records) {
            self.listen(PERIOD);
            self.tree.look();
            records.read_on();
        }
        drop(cue);
        self.conclude_layers(records)
    }

    fn conclude_layers(&mut self, records: &mut Records) -> Result<()> {
        self.listen(SETTLING);
        records.read_on();
        self.tree.look();
        escalation::print(records, self.policy.as_str(), self.tree.is_given_up(FRONT));
        self.tree.print();
        let verdict = verdict::of_layers(self, records);
        self.stage.go_on(Act::Crash, verdict)
    }

    /// The last act.
    fn conclude(&mut self, records: &mut Records) -> Result<()> {
        records.read_on();
        costs::print(records);
        if let Some(wrong) = self.stage.wrong() {
            error!("not right: {wrong}");
            return site::shutdown(1);
        }
        info!("everything is right; and now all of it anew, through the firmware");
        site::restart_site(SiteRestart::Reboot)
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

/// After a reboot there is nothing left but to say what it took.
fn after_reboot(entry: &LedgerEntry) -> Result<()> {
    costs::print_reboot(entry);
    let Cause::Fault(fault) = entry.cause else {
        return site::shutdown(1);
    };
    let is_ours = fault.message.as_str() == RebootCause::REQUESTED.name();
    site::shutdown(u64::from(!is_ours))
}

fn start(start: Start) -> Result<()> {
    if let Some(entry) = costs::reboot() {
        return after_reboot(&entry);
    }
    let mut conductor = Conductor::new()?;
    let mut records = Records::new();
    records.read_on();
    let previous = start.previous();
    match (conductor.stage.act(), previous) {
        (_, PreviousEnd::None) => {}
        (Act::Layers, PreviousEnd::Site { .. }) => conductor.conclude_layers(&mut records)?,
        (
            Act::Crash,
            PreviousEnd::Site {
                cause: SiteCause::PANIC,
                ledger,
            },
        ) => {
            let verdict = crash::conclude(&mut conductor, ledger);
            conductor.stage.go_on(Act::Costs, verdict)?;
        }
        (Act::Crash | Act::Costs, PreviousEnd::Site { .. }) => {}
        // The site was restarted before its time, or only we were.
        _ => conductor.stage.go_on(Act::Costs, Err(Wrong::Conductor))?,
    }
    if conductor.stage.act() == Act::Failures {
        conductor.play_failures(&mut records)?;
    }
    if conductor.stage.act() == Act::Layers {
        conductor.play_layers(&mut records)?;
    }
    if conductor.stage.act() == Act::Crash {
        crash::play(&mut conductor)?;
    }
    conductor.conclude(&mut records)
}

entry!(start);
