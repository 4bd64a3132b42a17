//! Ends that the harness must be able to tell apart.

use syscall::abi::site::Hook;
use syscall::prelude::*;
use syscall::site;

use crate::check::Must;

/// Fails an assertion.
pub(crate) fn fail_an_assertion(_: &Start) {
    check_eq!(1 + 1, 3);
}

/// Panics in the kernel.
pub(crate) fn panic_in_the_kernel(_: &Start) {
    pull(Hook::KERNEL_PANIC);
}

/// Makes the CPU give up.
pub(crate) fn triple_fault(_: &Start) {
    pull(Hook::TRIPLE_FAULT);
}

/// Hangs.
pub(crate) fn hang(_: &Start) {
    pull(Hook::HANG);
}

/// Leaves with the right code, but without the line that has to go with it.
pub(crate) fn exit_early(_: &Start) {
    pull(Hook::EXIT_EARLY);
}

fn pull(hook: Hook) {
    site::hook(hook, 0).must("a hook");
    fail!("the hook `{hook}` did nothing")
}
