//! Site reboot: through the firmware, with everything lost; and how often.
//!
//! A few bytes of the real-time clock's memory outlive it. They say why the machine was reset and
//! how often in a row, so that a site that cannot run comes to a stop, and says so, instead of going
//! round for ever. They are written before a site restart too, and taken back when the site is up:
//! a restart that ends in a reset counts, however it came to that.

use core::fmt::{self, Write as _};

use abi::Span;
use abi::epitaph::RebootCause;

use crate::arch::{clock, exit, reset, serial};

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
    /// When: the CPU's counter.
    pub counter: u64,
    /// And the second of the minute.
    pub second: u8,
}

impl Reboots {
    /// As bytes, the last of which makes their sum zero.
    fn bytes(self) -> [u8; reset::BYTES] {
        let mut bytes = [0; reset::BYTES];
        bytes[..2].copy_from_slice(&MARK);
        bytes[2..6].copy_from_slice(&[self.count, self.limit, self.cause.0, self.second]);
        bytes[6..14].copy_from_slice(&self.counter.to_le_bytes());
        let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        bytes[reset::BYTES - 1] = sum.wrapping_neg();
        bytes
    }

    /// From bytes, if they are ours.
    fn from_bytes(bytes: [u8; reset::BYTES]) -> Option<Self> {
        let [_, _, count, limit, cause, second, counter @ .., _] = bytes;
        let reboots = Self {
            count,
            limit,
            cause: RebootCause(cause),
            counter: u64::from_le_bytes(counter),
            second,
        };
        (reboots.bytes() == bytes && count > 0).then_some(reboots)
    }

    /// How long ago the latest was when the counter stood at `entered`, if that can be told: a reset
    /// may set the counter back, and then the clock of the wall disagrees.
    #[must_use]
    pub fn took(&self, entered: u64, scaled: impl Fn(u64) -> Span) -> Option<Span> {
        let took = scaled(entered.checked_sub(self.counter)?);
        let passed = (60 + i64::from(reset::second()) - i64::from(self.second)) % 60;
        let counted = (took.0 / 1_000_000_000 % 60) as i64;
        matches!((60 + passed - counted) % 60, 0 | 1 | 59).then_some(took)
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

/// Counts a reset before it comes.
pub fn announce(cause: RebootCause, limit: u32) -> Reboots {
    let count = reboots().map_or(0, |reboots| reboots.count);
    let next = Reboots {
        count: count.saturating_add(1),
        limit: u8::try_from(limit).unwrap_or(u8::MAX),
        cause,
        counter: clock::counter(),
        second: reset::second(),
    };
    reset::write_lasting(next.bytes());
    next
}

/// Takes the announcement of a reset back that did not come.
pub fn withdraw() {
    if let Some(reboots) = reboots() {
        let count = reboots.count - 1;
        reset::write_lasting(Reboots { count, ..reboots }.bytes());
    }
}

/// Resets the machine, of which there may be `limit` in a row; after those the site stays down.
pub fn reboot(cause: RebootCause, limit: u32) -> ! {
    let reboots = announce(cause, limit);
    let _ = writeln!(Words, "refrain: site reboot: {cause}");
    stop_if_too_many(reboots);
    reset::machine()
}

/// Comes to a stop if there were too many reboots. Whoever switches the machine on again begins
/// anew.
pub fn stop_if_too_many(reboots: Reboots) {
    if reboots.count <= reboots.limit {
        return;
    }
    reset::write_lasting([0; reset::BYTES]);
    let _ = writeln!(
        Words,
        "refrain: the site stays down: {} reboots without a stable run, and again: {}",
        reboots.count - 1,
        reboots.cause
    );
    exit::exit(exit::Code::KernelPanic)
}

/// Writes to the serial port without any state of the kernel's.
struct Words;

impl fmt::Write for Words {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        serial::write_bare(text.as_bytes());
        Ok(())
    }
}
