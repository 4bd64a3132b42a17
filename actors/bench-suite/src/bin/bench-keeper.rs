//! A keeper: has persistent regions, and answers when it has opened them all.
//!
//! Its arguments are how many, and of how many MiB each; 0 is a page.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::format;

use bench_suite::subject::{self, Subject};
use judging::check;
use judging::check::Must;
use syscall::PersistentRegion;
use syscall::prelude::*;

fn start(start: Start) -> Result<Serve<Subject>> {
    let [regions, mib] = [0, 1].map(|index| {
        let number = start.argument(index).and_then(|word| word.parse().ok());
        let number: usize = number.must("a number");
        number
    });
    for number in 0..regions {
        let bytes = (mib << 20).max(1);
        let region = PersistentRegion::open(&format!("kept-{number}"), bytes)?;
        let is_again = start.incarnation() > 1;
        check!(
            region.is_new() != is_again,
            "region {number} of incarnation {}",
            start.incarnation()
        );
        core::mem::forget(region);
    }
    subject::serve(&start, &[])
}

entry!(start);
