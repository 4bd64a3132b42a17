//! Fails at once, each time it is started: what escalation is for.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use syscall::prelude::*;

fn start(start: Start) {
    panic!("incarnation {} cannot go on", start.incarnation());
}

entry!(start);
