//! Site reboot: through the firmware, with everything lost; and how often.
//!
//! A few bytes of the real-time clock's memory outlive it. They say why the machine was reset and
//! how often in a row, so that a site that cannot run comes to a stop, and says so, instead of going
//! round for ever.

use abi::epitaph::RebootCause;

use crate::arch::{exit, reset, serial};
use crate::{backlog, fail};

/// What marks the bytes as ours.
const MARK: [u8; 2] = *b"Rf";

/// What outlives a reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reboots {
    /// How many in a row.
    pub count: u8,
    /// How many there may be.
    pub limit: u8,
    /// Why the latest.
    pub cause: RebootCause,
}

impl Reboots {
    /// As bytes, the last of which makes their sum zero.
    const fn bytes(self) -> [u8; reset::BYTES] {
        let [first, second] = MARK;
        let sum = first
            .wrapping_add(second)
            .wrapping_add(self.count)
            .wrapping_add(self.limit)
            .wrapping_add(self.cause.0);
        [
            first,
            second,
            self.count,
            self.limit,
            self.cause.0,
            sum.wrapping_neg(),
        ]
    }

    /// From bytes, if they are ours.
    fn from_bytes(bytes: [u8; reset::BYTES]) -> Option<Self> {
        let [_, _, count, limit, cause, _] = bytes;
        let reboots = Self {
            count,
            limit,
            cause: RebootCause(cause),
        };
        (reboots.bytes() == bytes && count > 0).then_some(reboots)
    }
}

/// The reboots before this start; none if the machine was switched on.
#[must_use]
pub fn reboots() -> Option<Reboots> {
    Reboots::from_bytes(reset::read_lasting())
}

/// Forgets them: the site has run well for some time.
pub fn forget() {
    if reboots().is_some() {
        reset::write_lasting([0; reset::BYTES]);
    }
}

/// Resets the machine, of which there may be `limit` in a row.
pub fn reboot(cause: RebootCause, limit: u32) -> ! {
    let count = reboots().map_or(0, |reboots| reboots.count);
    let next = Reboots {
        count: count.saturating_add(1),
        limit: u8::try_from(limit).unwrap_or(u8::MAX - 1),
        cause,
    };
    reset::write_lasting(next.bytes());
    reset::machine()
}

/// Comes to a stop if there were too many reboots. Whoever switches the machine on again begins
/// anew.
pub fn stop_if_too_many() {
    let Some(reboots) = reboots().filter(|reboots| reboots.count > reboots.limit) else {
        return;
    };
    reset::write_lasting([0; reset::BYTES]);
    serial::initialise();
    let _ = core::fmt::Write::write_fmt(
        &mut fail::Words,
        format_args!(
            "refrain: the site stays down: {} reboots without a stable run, the last because {}\n",
            reboots.count - 1,
            reboots.cause
        ),
    );
    backlog::flush();
    exit::exit(exit::Code::Failed)
}
