//! How long interrupts were off.
//!
//! The kernel tells the longest stretch since it was last asked, so all who read the site's counters
//! do it here, and none of it is lost.

use core::sync::atomic::{AtomicU64, Ordering};

use syscall::abi::site::SiteInfo;
use syscall::{info, site};

use crate::check::Must;

/// The longest that interrupts may be off, in nanoseconds, which are instructions under the clock
/// that counts them.
pub const OFF_MAX: u64 = 4_000;

/// The longest stretch so far.
static LONGEST: AtomicU64 = AtomicU64::new(0);

/// The site's counters.
#[track_caller]
pub fn counters() -> SiteInfo {
    // The first time in vain: the answer may be written to pages of ours that come in for it, after
    // the free frames were counted.
    read();
    read()
}

#[track_caller]
fn read() -> SiteInfo {
    let counters = site::info().must("the site's counters");
    LONGEST.fetch_max(counters.interrupts_off, Ordering::SeqCst);
    counters
}

/// Begins anew: whatever came before is not the question.
#[track_caller]
pub fn listen() {
    counters();
    LONGEST.store(0, Ordering::SeqCst);
}

/// Checks that interrupts were never off for long since then.
#[track_caller]
pub fn must_have_been_kept() {
    counters();
    let longest = LONGEST.load(Ordering::SeqCst);
    info!("interrupts were off for {longest} instructions at most");
    check!(
        longest > 0 && longest <= OFF_MAX,
        "interrupts were off for {longest} instructions"
    );
}
