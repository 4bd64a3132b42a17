//! Text on its way to the serial port.
//!
//! A port takes its time, and nobody should wait for it with interrupts off: text is kept here
//! and written by a kernel thread, a few bytes at a time. When there is no room left, the one who
//! has something to say writes the oldest himself: nothing is lost and nothing is out of order.
//! Whoever ends the site writes all of it first.

use spin::Mutex;
use x86_64::instructions::interrupts::without_interrupts;

use crate::arch::serial;
use crate::kernel::{self, Kernel};
use crate::{logger, recording};

/// Room for some two hundred lines.
const BYTES: usize = 16 * 1024;

/// Bytes written in one go: what a port's buffer holds.
const AT_ONCE: usize = 16;

/// Priority of the thread that writes: below all recovery, above most actors.
pub const PRIORITY: u8 = 57;

struct Backlog {
    bytes: [u8; BYTES],
    start: usize,
    length: usize,
}

static BACKLOG: Mutex<Backlog> = Mutex::new(Backlog {
    bytes: [0; BYTES],
    start: 0,
    length: 0,
});

impl Backlog {
    fn push(&mut self, text: &[u8]) {
        for byte in text {
            if self.length == BYTES {
                self.write_some();
            }
            let end = (self.start + self.length) % BYTES;
            self.bytes[end] = *byte;
            self.length += 1;
        }
    }

    /// Writes the oldest bytes. At the end of the ring that is less than could be.
    fn write_some(&mut self) {
        let count = self.length.min(AT_ONCE).min(BYTES - self.start);
        serial::write(&self.bytes[self.start..self.start + count]);
        self.start = (self.start + count) % BYTES;
        self.length -= count;
    }
}

/// Adds text, the parts of one line together.
pub fn push(parts: &[&[u8]]) {
    without_interrupts(|| {
        let mut backlog = BACKLOG.lock();
        for part in parts {
            backlog.push(part);
        }
    });
}

/// Whether there is text to be written.
#[must_use]
pub fn is_pending() -> bool {
    without_interrupts(|| BACKLOG.lock().length > 0)
}

/// Writes everything, for whoever ends the site. With interrupts off.
pub fn flush() {
    let mut backlog = BACKLOG.lock();
    while backlog.length > 0 {
        backlog.write_some();
    }
}

/// Frees the backlog from whoever was interrupted while using it; only for a dying kernel.
///
/// # Safety
/// The interrupted user never runs again.
pub unsafe fn break_lock() {
    // SAFETY: As the caller promises.
    unsafe { BACKLOG.force_unlock() };
}

/// The thread that writes. The tick wakes it when there is something to write.
pub extern "C" fn run() -> ! {
    loop {
        while let Some(entry) = kernel::with(Kernel::take_untold) {
            logger::tell(&entry);
        }
        while let Some(entry) = kernel::with(Kernel::take_unrecorded) {
            recording::tell(entry);
        }
        while is_pending() {
            without_interrupts(|| BACKLOG.lock().write_some());
        }
        kernel::with(|kernel| {
            if !kernel.has_untold() && !kernel.has_unrecorded() {
                kernel.wait_for_event(None);
            }
        });
    }
}
