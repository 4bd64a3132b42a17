//! The text log, on its way to the first serial port through the [`backlog`].
//!
//! | level | means |
//! |---|---|
//! | error | something is lost: an actor was given up, an image could not be read |
//! | warn | something was refused or recovered |
//! | info | what a person wants to see: the site's start, each recovery, actors' own words |
//! | debug, trace | for the developer; not compiled in by default |

use core::fmt::{self, Write as _};

use abi::{Advice, Cause, LedgerEntry, Text};
use log::{LevelFilter, Log, Metadata, Record};

use crate::arch::{clock, serial};
use crate::backlog;

/// The longest line, without the actor's or module's name.
const LINE_BYTES: usize = 255;

struct Serial;

impl Log for Serial {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mut head = Text::<64>::EMPTY;
        let mut line = Text::<LINE_BYTES>::EMPTY;
        // Text takes what fits and never fails.
        let _ = write!(head, "[{}] {:5} ", clock::now(), record.level());
        if record.target() != "actor" {
            let module = record.target().rsplit("::").next().unwrap_or_default();
            let _ = write!(head, "{module}: ");
        }
        let _ = write!(line, "{}", record.args());
        backlog::push(&[head.as_bytes(), line.as_bytes(), b"\n"]);
    }

    fn flush(&self) {}
}

/// Text of an actor's, with nothing in it that could be taken for the start of another line.
pub struct OneLine<'t>(pub &'t str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(char::is_control) {
            let printable = part.strip_suffix(char::is_control);
            f.write_str(printable.unwrap_or(part))?;
            if printable.is_some() {
                f.write_str(" ")?;
            }
        }
        Ok(())
    }
}

/// Tells of a failure, as the ledger has it.
pub fn tell(entry: &LedgerEntry) {
    if let Cause::Fault(fault) = &entry.cause {
        let mut text = Text::<LINE_BYTES>::EMPTY;
        // Text takes what fits and never fails.
        let _ = write!(text, "{fault}");
        log::warn!(target: "recovery", "{}: {}", entry.name, OneLine(text.as_str()));
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
