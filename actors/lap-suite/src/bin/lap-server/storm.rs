//! The server's part in the randomized test.

use syscall::prelude::*;

use crate::Server;

pub(crate) fn begin(_server: &'static Server, _seed: u64) -> Result<()> {
    Ok(())
}
