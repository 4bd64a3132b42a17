//! When memory does not help: through the firmware, and how often.

use syscall::abi::site::{Hook, SiteRestart};
use syscall::abi::start::PreviousEnd;
use syscall::prelude::*;
use syscall::{site, thread};

use crate::check::Must;
use crate::quiet;

/// What the judge keeps from restart to restart, and loses in a reboot.
#[track_caller]
fn count(start: &Start) -> u32 {
    let mut kept = PersistentCell::<u32>::open("count").must("a cell");
    let is_first = start.previous() == PreviousEnd::None;
    check_eq!(kept.is_new(), is_first);
    let count = kept.update(|count| count + 1);
    check_eq!(count, start.incarnation());
    let info = quiet::counters();
    check_eq!(info.site_restarts, u64::from(count) - 1);
    check!(info.block_reads > 0);
    info!(
        "start {count} of this boot, {} blocks read",
        info.block_reads
    );
    count
}

/// The kernel ends at each start.
pub(crate) fn again_and_again(start: &Start) {
    count(start);
    let refused = site::hook(Hook::KERNEL_PANIC, 0);
    fail!("the kernel goes on: {refused:?}")
}

/// The same, but the judge lets the site run for a while before, and stops when it is told to.
pub(crate) fn now_and_then(start: &Start) {
    count(start);
    info!("host: are these enough?");
    let mut buffer = [0; 16];
    if site::console_read(&mut buffer, Span::from_millis(2_500)).is_ok() {
        return;
    }
    let refused = site::hook(Hook::KERNEL_PANIC, 0);
    fail!("the kernel goes on: {refused:?}")
}

/// Others have the kernel end, while the site is coming up again.
pub(crate) fn while_coming_up(start: &Start) {
    count(start);
    thread::sleep(Span::from_millis(50));
    let refused = site::hook(Hook::KERNEL_PANIC, 0);
    fail!("the kernel goes on: {refused:?}")
}

/// On request.
pub(crate) fn on_request(start: &Start) {
    count(start);
    let refused = site::restart_site(SiteRestart::Reboot);
    fail!("the kernel goes on: {refused:?}")
}
