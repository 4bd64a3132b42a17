//! The kernel's own death, in the way the host says, and what comes after it. What the kernel says of
//! it the host sees.

use alloc::string::String;

use syscall::abi::site::Hook;
use syscall::abi::start::PreviousEnd;
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{site, thread};
use test_suite::Request;

use crate::check::Must;
use crate::victim::Victim;

/// How long the host may take, and the kernel to die.
const PATIENCE: Span = Span::from_secs(60);

/// Reads a hook and its argument, and pulls it; no hook is the end, if the site was restarted. Some act only when this or that is done: a line is
/// written, an actor fails, or somebody is in ring 3 for long.
pub(crate) fn as_the_host_says(start: &Start) {
    let is_back = if let PreviousEnd::Site { cause, .. } = start.previous() {
        info!("back from: {cause}");
        Victim::find("victim").fell(Request::Die(Way::NullWrite));
        true
    } else {
        false
    };
    let [hook, argument] = numbers();
    if hook == 0 && is_back {
        return;
    }
    if hook != 0 {
        site::hook(Hook(hook), argument).must("the hook");
    }
    info!("pulled");
    // Without the tick some would wait for ever.
    if Hook(hook) != Hook::MASK_TICK {
        Victim::find("victim").fell(Request::Die(Way::NullWrite));
    }
    let end = thread::now().after(PATIENCE);
    // In ring 3, for the most part.
    while thread::now() < end {
        for round in 0..100_000 {
            core::hint::black_box(round);
        }
    }
    fail!("hook {hook} did nothing")
}

/// Two numbers from the host, on a line.
fn numbers() -> [u64; 2] {
    info!("host: which hook, and its argument?");
    let mut line = String::new();
    let mut typed = [0; 16];
    while !line.ends_with('\n') {
        let piece = site::console_read(&mut typed, PATIENCE).must("a line from the host");
        line.push_str(core::str::from_utf8(piece).must("text"));
    }
    let mut words = line.split_whitespace();
    [(); 2].map(|()| {
        let number = words.next().and_then(|word| word.parse().ok());
        number.must("a number")
    })
}
