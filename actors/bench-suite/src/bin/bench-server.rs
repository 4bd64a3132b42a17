//! The server: whatever is asked, it does nothing, and answers; at one port, with the time.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use bench_suite::{CLOCK, ECHO, NULL, STACK};
use syscall::abi::layout::MESSAGE_MAX;
use syscall::prelude::*;
use syscall::{Lap, Stacks, Thread, site, ticks};

/// Priority of the actor, as its site says.
const PRIORITY: u8 = 32;

/// Answers each call with when it came, and when this was.
fn tell_time(_: u64) {
    let Ok(port) = Port::create(CLOCK, 4) else {
        return;
    };
    let (mut request, mut reply) = ([0; 16], [0; 16]);
    let mut caller = None;
    loop {
        reply[8..].copy_from_slice(&ticks::now().to_le_bytes());
        let next = port.reply_receive(caller.take(), &reply, &mut request, Span::FOREVER);
        let now = ticks::now();
        let Ok(message) = next else { return };
        caller = message.caller;
        reply[..8].copy_from_slice(&now.to_le_bytes());
    }
}

fn start(_: Start) -> Result<()> {
    Lap::create(NULL, Stacks::of_count(1), 0, |_| (0, 0))?.keep();
    Thread::spawn(tell_time, 0, STACK, PRIORITY)?;
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
