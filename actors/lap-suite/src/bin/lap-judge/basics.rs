//! What goes in and what comes out of a LAP, when nobody fails.

use syscall::prelude::*;

pub(crate) fn arguments_and_results_pass(_: &Start) {}
