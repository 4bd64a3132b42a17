//! The text log, on its way to the first serial port through the [`backlog`].
//!
//! | level | means |
//! |---|---|
//! | error | something is lost: an actor was given up, an image could not be read |
//! | warn | something was refused or recovered |
//! | info | what a person wants to see: the site's start, each recovery, actors' own words |
//! | debug, trace | for the developer; not compiled in by default |
//!
//! The macros of `log` format, which takes thousands of instructions: they are for kernel threads,
//! with interrupts on. Whoever holds the kernel puts lines together with [`say`].

use core::fmt::Write as _;

use abi::{Advice, Cause, LedgerEntry, Text};
use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::arch::{clock, serial};
use crate::backlog;
use crate::line::{self, HEAD_BYTES, one_line};

/// The longest line, without the actor's or module's name.
const LINE_BYTES: usize = 255;

struct Serial;

impl Log for Serial {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        let module = record.target().rsplit("::").next().unwrap_or_default();
        let mut line = Text::<LINE_BYTES>::EMPTY;
        // Text takes what fits and never fails.
        let _ = write!(line, "{}", record.args());
        say(record.level(), [module, ": ", line.as_str()]);
    }

    fn flush(&self) {}
}

/// Logs one line, which comes in three parts.
pub fn say(level: Level, [first, second, third]: [&str; 3]) {
    if level <= log::max_level() {
        let mut space = [0; HEAD_BYTES];
        let head = line::head(&mut space, clock::now(), level);
        let parts = [first, second, third, "\n"].map(str::as_bytes);
        let [first, second, third, end] = parts;
        backlog::push(&[head, first, second, third, end]);
    }
}

/// Tells of a failure, as the ledger has it.
pub fn tell(entry: &LedgerEntry) {
    if let Cause::Fault(fault) = &entry.cause {
        let mut text = Text::<LINE_BYTES>::EMPTY;
        // Text takes what fits and never fails.
        let _ = write!(text, "{fault}");
        let (mut bytes, text) = ([0; LINE_BYTES], text.as_bytes());
        let line = &mut bytes[..text.len()];
        line.copy_from_slice(text);
        log::warn!(target: "recovery", "{}: {}", entry.name, one_line(line));
        tell_of_decision(entry);
    }
}

/// Tells what was decided about a failure, where that is not what the policy said, or is not about
/// the actor's own group.
fn tell_of_decision(entry: &LedgerEntry) {
    let (name, response) = (entry.name, entry.response);
    if entry.scope != entry.group {
        log::warn!(target: "recovery", "{name}: {response} of {}", entry.scope);
    }
    if !matches!(entry.advice, Advice::NOT_ASKED | Advice::FOLLOWED) {
        log::warn!(target: "recovery", "{name}: {response}; {}", entry.advice);
    }
}

/// Starts logging.
pub fn initialise() {
    serial::initialise();
    // The logger can be set once only; a second kernel in the same memory finds it set.
    let _ = log::set_logger(&Serial);
    log::set_max_level(LevelFilter::Info);
}
