//! The server: whatever is asked, it does nothing, and answers.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use bench_suite::{ECHO, NULL};
use syscall::abi::layout::MESSAGE_MAX;
use syscall::prelude::*;
use syscall::{Lap, Stacks, site};

fn start(_: Start) -> Result<()> {
    Lap::create(NULL, Stacks::of_count(1), 0, |_| (0, 0))?.keep();
    let port = Port::create(ECHO, 4)?;
    site::ready();
    let mut request = [0; MESSAGE_MAX];
    let reply = [0; MESSAGE_MAX];
    let mut caller = None;
    let mut length = 0;
    loop {
        let answer = reply.get(..length).unwrap_or_default();
        let message = port.reply_receive(caller.take(), answer, &mut request, Span::FOREVER)?;
        length = message.bytes.len();
        caller = message.caller;
    }
}

entry!(start);
