//! A member of a group: answers, and dies when it is told to.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use bench_suite::subject::{self, Subject};
use syscall::prelude::*;

fn start(start: Start) -> Result<Serve<Subject>> {
    subject::serve(&start, &[])
}

entry!(start);
