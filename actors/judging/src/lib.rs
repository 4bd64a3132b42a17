//! What the judges of the tests in QEMU share.
//!
//! A judge is an actor that runs one scenario and ends the site with what came of it. Its first
//! argument names the scenario; the site of the same name says whom it has to deal with.
//!
//! | module | its one idea |
//! |---|---|
//! | [`check`] | assertions that end the site |
//! | [`ledger`] | the ledger, entry by entry |
//! | [`counters`] | the site's counters, before and after |
//! | [`quiet`] | how long interrupts were off |
//! | [`random`] | numbers that look random and are the same each time |

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

#[macro_use]
pub mod check;

pub mod counters;
pub mod ledger;
pub mod quiet;
pub mod random;

use syscall::abi::start::PreviousEnd;
use syscall::prelude::*;
use syscall::site;

/// A scenario: returns if it holds.
pub type Scenario = fn(&Start);

/// Runs the scenario that the judge's arguments name, of those there are by the name of their site,
/// and ends the site.
pub fn run(start: &Start, scenarios: &[(&str, Scenario)]) -> ! {
    // Once is enough: a judge that failed has nothing to say. One that comes back with the site goes
    // on; whether the site may come back, the harness knows.
    check!(
        matches!(
            start.previous(),
            PreviousEnd::None | PreviousEnd::Site { .. }
        ),
        "the judge failed: {:?}",
        start.previous()
    );
    let name = start.argument(0).unwrap_or(start.name());
    let Some((_, scenario)) = scenarios.iter().find(|(known, _)| *known == name) else {
        fail!("there is no scenario `{name}`")
    };
    scenario(start);
    info!("{name}: all assertions hold");
    check::end(site::shutdown(0))
}
