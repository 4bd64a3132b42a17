//! A small console: what runs, what failed, and how to make more of it fail.
//!
//! Needs the rights CONSOLE and RESTART.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use demo::counter::{Reply, Request};
use syscall::abi::{Cause, LedgerEntry, Phases, Text};
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{ledger, site};

/// Longest line that can be typed.
const LINE_MAX: usize = 120;

/// How long a crash may take to be told.
const PATIENCE: Span = Span::from_secs(2);

/// How many ledger entries are shown unless another number is given.
const LAST: usize = 20;

const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;

/// A line being typed.
struct Line {
    bytes: [u8; LINE_MAX],
    length: usize,
}

impl Line {
    /// Takes a byte; returns the line when it is complete.
    fn take(&mut self, byte: u8) -> Option<Text<LINE_MAX>> {
        match byte {
            b'\r' | b'\n' => {
                let line = Text::from_utf8_prefix(self.bytes.get(..self.length)?);
                self.length = 0;
                return Some(line);
            }
            BACKSPACE | DELETE => self.length = self.length.saturating_sub(1),
            _ => {
                if let Some(place) = self.bytes.get_mut(self.length) {
                    *place = byte;
                    self.length += 1;
                }
            }
        }
        None
    }
}

fn start(_start: Start) -> Result<()> {
    info!("type `help` and press Enter");
    let mut line = Line {
        bytes: [0; LINE_MAX],
        length: 0,
    };
    let mut buffer = [0; 64];
    loop {
        for byte in site::console_read(&mut buffer, Span::FOREVER)? {
            if let Some(line) = line.take(*byte) {
                obey(line.as_str());
            }
        }
    }
}

/// Carries out one line.
fn obey(line: &str) {
    let mut words = line.split_whitespace();
    let Some(command) = words.next() else { return };
    info!("> {line}");
    let done = match (command, words.next(), words.next()) {
        ("ps", None, None) => list_actors(),
        ("ledger", count, None) => list_ledger(count),
        ("crash", Some(name), Some(kind)) => crash(name, kind),
        ("restart", Some(name), None) => restart(name),
        ("help", None, None) => {
            help();
            Ok(())
        }
        _ => {
            info!("not understood; type `help`");
            Ok(())
        }
    };
    if let Err(error) = done {
        info!("failed: {error}");
    }
}

fn help() {
    info!("ps               lists the actors");
    info!("ledger [COUNT]   lists the last failures, and what was done about them");
    info!("crash NAME KIND  asks the actor at port NAME to die; counter does");
    info!("restart NAME     restarts an actor hot");
    info!("help             shows this");
    info!("KIND is one of:");
    for ways in Way::ALL.chunks(4) {
        let mut line = Text::<LINE_MAX>::EMPTY;
        for way in ways {
            // Writing to a `Text` cannot fail: what does not fit is cut.
            let _ = core::fmt::write(&mut line, format_args!("{way:<22}"));
        }
        info!("  {}", line.as_str().trim_end());
    }
}

fn list_actors() -> Result<()> {
    info!(
        "{:<12} {:<16} {:>11} {:<10} threads ports frames",
        "actor", "name", "incarnation", "state"
    );
    for actor in site::actors() {
        let actor = actor?;
        let id = text(actor.actor);
        info!(
            "{id:<12} {:<16} {:>11} {:<10} {:>7} {:>5} {:>6}",
            actor.name,
            actor.incarnation,
            actor.state,
            actor.threads,
            actor.ports,
            actor.private_frames,
        );
    }
    Ok(())
}

fn list_ledger(count: Option<&str>) -> Result<()> {
    let count = count.and_then(|count| count.parse().ok()).unwrap_or(LAST);
    let total = ledger::entries_from(0).count();
    for entry in ledger::entries_from(0).skip(total.saturating_sub(count)) {
        show(&entry?);
    }
    Ok(())
}

fn show(entry: &LedgerEntry) {
    let LedgerEntry {
        sequence,
        time,
        name,
        incarnation,
        response,
        outcome,
        ..
    } = entry;
    let head = format_args!("{sequence:>4} {time} {name} #{incarnation}");
    match entry.cause {
        Cause::Fault(fault) => info!("{head}: {fault}"),
        Cause::CleanExit => info!("{head}: clean exit"),
        Cause::Requested { by } => info!("{head}: restart requested by {by}"),
        Cause::Killed { by } => info!("{head}: killed by {by}"),
        Cause::Group { because } => info!("{head}: with its group, because of {because}"),
    }
    let mut times = Text::<120>::EMPTY;
    let Phases {
        freeze,
        delay,
        restart,
        activate,
        first_reply,
    } = entry.phases;
    let phases = [
        ("freeze", freeze),
        ("backoff", delay),
        ("restart", restart),
        ("activate", activate),
        ("reply", first_reply),
    ];
    // What was not measured did not happen, or not yet.
    for (phase, time) in phases.into_iter().filter(|(_, time)| *time != Span::ZERO) {
        // Writing to a `Text` cannot fail: what does not fit is cut.
        let _ = core::fmt::write(&mut times, format_args!("; {phase} {time}"));
    }
    info!("     {response}, {outcome}{times}");
}

fn crash(name: &str, kind: &str) -> Result<()> {
    let Some(way) = Way::named(kind) else {
        info!("there is no way to die called `{kind}`; `help` lists them");
        return Ok(());
    };
    let port = RemotePort::find(name, PATIENCE)?;
    match port.request::<Reply>(&Request::Crash(way), PATIENCE) {
        Ok(_) => info!("{name} answers as if nothing had happened"),
        Err(Error::Restarted { new, progress }) => {
            info!("{name} is back: its port is {new} now, the request was {progress}");
        }
        Err(error) => info!("{name}: {error}"),
    }
    Ok(())
}

fn restart(name: &str) -> Result<()> {
    site::restart(site::find(name)?)?;
    info!("{name} restarts");
    Ok(())
}

/// What something looks like as text, so that it can be padded.
fn text(value: impl core::fmt::Display) -> Text<24> {
    let mut text = Text::EMPTY;
    // Writing to a `Text` cannot fail: what does not fit is cut.
    let _ = core::fmt::write(&mut text, format_args!("{value}"));
    text
}

entry!(start);
