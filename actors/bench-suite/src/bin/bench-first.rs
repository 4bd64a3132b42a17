//! The first actor: says when it came to its first instruction, or its first few, and ends the site.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use bench_suite::samples;
use syscall::prelude::*;
use syscall::{site, thread, ticks};

fn start(_: Start) -> Result<()> {
    let (counter, clock) = (ticks::now(), thread::now());
    samples::print("boot", &[counter]);
    samples::print("boot.kernel", &[clock.0]);
    site::shutdown(0)
}

entry!(start);
