//! The yielder: for each message it gives way twice, to whoever has its priority.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use bench_suite::YIELDER;
use syscall::prelude::*;
use syscall::thread;

fn start(_: Start) -> Result<()> {
    let port = Port::create(YIELDER, 4)?;
    let mut message = [0; 8];
    loop {
        port.receive(&mut message, Span::FOREVER)?;
        thread::yield_now();
        thread::yield_now();
    }
}

entry!(start);
