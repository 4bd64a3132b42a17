//! The client's part in the randomized test.

use lap_suite::client::Tally;
use syscall::prelude::*;

pub(crate) fn begin(_seed: u64) -> Result<()> {
    Ok(())
}

pub(crate) fn end() -> Tally {
    Tally::default()
}
