//! The last words of the kernel before this one, as this one tells them: in the log, in a few lines,
//! and to a host that records it, where `cargo xtask epitaph` finds them.
//!
//! What ended that kernel stands in the line before, about the restart of the site.

use core::fmt::Write as _;

use abi::{Epitaph, Registers, Text};

use crate::recording;

/// Registers, or return addresses, in a line.
const IN_A_LINE: usize = 6;

/// Room for a line.
const LINE_MAX: usize = 160;

/// Tells it.
pub fn tell(epitaph: Epitaph) {
    let Epitaph {
        time,
        registers,
        address,
        thread,
        actor,
        backtrace,
        ..
    } = epitaph;
    if actor.is_empty() {
        log::info!("it ended at {time}, in thread {thread} of its own");
    } else {
        log::info!("it ended at {time}, in thread {thread}, in {actor}");
    }
    if registers != Registers::default() {
        let mut named = registers.named().into_iter();
        in_lines(|line| {
            let (name, value) = named.next()?;
            write!(line, " {name} {value:#x}").ok()
        });
        log::info!("  address of the last page fault {address:#x}");
    }
    let mut called = backtrace.into_iter().take_while(|address| *address != 0);
    in_lines(|line| write!(line, " {:#x}", called.next()?).ok());
    recording::tell_epitaph(epitaph);
}

/// Writes as many pieces as there are, so many a line.
fn in_lines(mut next: impl FnMut(&mut Text<LINE_MAX>) -> Option<()>) {
    loop {
        let mut line = Text::EMPTY;
        let written = (0..IN_A_LINE).map_while(|_| next(&mut line)).count();
        if written > 0 {
            log::info!(" {line}");
        }
        if written < IN_A_LINE {
            return;
        }
    }
}
