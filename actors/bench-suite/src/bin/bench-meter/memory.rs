//! How much memory is in use.

use bench_suite::samples;
use syscall::site;

use crate::check::Must;

/// Bytes of a machine: what is not in use of them is.
const MACHINE: u64 = 512 << 20;

/// Prints how many bytes are in use, of all kinds of memory. Some of that is not: what the kernel has
/// put aside for its heap, and has not used yet. The differences are right.
pub(crate) fn print(name: &str) {
    let counters = site::info().must("the site's counters");
    let free = counters.free_frames * 4096;
    let preserved = counters.preserved_frames * 4096;
    samples::print(name, &[MACHINE - free + preserved + counters.heap_used]);
}
