//! `cargo xtask ci`: exactly `check` and `test`, which is what continuous integration runs.

use anyhow::Result;

use crate::check::Check;
use crate::shell::{AlreadySaid, say};
use crate::test::Test;

/// Runs `check`, then `test`; the closing line is that of `test`.
#[derive(clap::Args, Debug)]
pub(crate) struct Ci {}

impl Ci {
    /// Runs the verb. A failed check does not hide the tests' result.
    pub(crate) fn run(&self) -> Result<()> {
        let checked = Check::default().run();
        if let Err(error) = &checked {
            say(format!("error: {error:#}"));
            say("testing nevertheless; ci has failed already.");
        }
        Test::default().run()?;
        checked.map_err(|_| AlreadySaid.into())
    }
}
