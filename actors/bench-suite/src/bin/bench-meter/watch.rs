//! The probe, as the meter uses it.

use bench_suite::probe::{IN_TWO_SECONDS, NAME, Request};
use syscall::abi::Name;
use syscall::prelude::*;
use syscall::ticks;

use crate::check::Must;
use crate::subject::PATIENCE;

/// Interrupts during which something is watched.
const INTERRUPTS: u64 = 200;

/// Does something over and over, and has the probe print how long interrupts took meanwhile.
pub(crate) fn watched<T>(name: &str, mut operation: impl FnMut() -> T) {
    let probe = RemotePort::find(NAME, PATIENCE).must("the probe");
    let name = Name::new(name).must("a short name");
    let tell = |request| {
        let answer: Result<()> = probe.request(&request, PATIENCE);
        answer.must("an answer of the probe");
    };
    tell(Request::Start);
    let end = ticks::now() + INTERRUPTS * 2_000_000_000 / IN_TWO_SECONDS;
    while ticks::now() < end {
        operation();
    }
    tell(Request::Stop(name));
}
