//! Text on its way to the serial port.
//!
//! A port takes its time, and nobody should wait for it with interrupts off: text is kept here
//! and written by a kernel thread, a few bytes at a time. When there is no room left, the one who
//! has something to say writes the oldest himself: nothing is lost and nothing is out of order.
//! Whoever ends the site writes all of it first.

use spin::Mutex;

use crate::arch::cpu::without_interrupts;
use crate::arch::serial;
use crate::kernel::{self, Kernel};
use crate::{logger, recording};

/// Room for some two hundred lines.
const BYTES: usize = 16 * 1024;

/// Bytes written in one go: what a port's buffer holds.
const AT_ONCE: usize = 16;

/// More than any line takes.
const LINE_MAX: usize = 512;

/// How often a port that takes nothing is asked again before what it should take is given up: one
/// that nobody reads must not stop the kernel.
const PATIENCE: u32 = 100_000;

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
    const fn has_room(&self, bytes: usize) -> bool {
        bytes <= BYTES - self.length
    }

    /// Adds text there is room for.
    fn push(&mut self, text: &[u8]) {
        let end = (self.start + self.length) % BYTES;
        let (first, second) = text.split_at(text.len().min(BYTES - end));
        self.bytes[end..end + first.len()].copy_from_slice(first);
        self.bytes[..second.len()].copy_from_slice(second);
        self.length += text.len();
    }

    /// The oldest bytes, as many as a port's buffer holds. At the end of the ring that is less than
    /// could be.
    fn oldest(&self) -> &[u8] {
        let count = self.length.min(AT_ONCE).min(BYTES - self.start);
        &self.bytes[self.start..self.start + count]
    }

    fn forget(&mut self, count: usize) {
        self.start = (self.start + count) % BYTES;
        self.length -= count;
    }

    fn forget_oldest(&mut self) {
        self.forget(self.oldest().len());
    }

    /// Writes the oldest bytes, waiting for the port.
    fn write(&mut self) {
        serial::write(self.oldest());
        self.forget_oldest();
    }
}

/// Adds text, the parts of one line together.
pub fn push(parts: &[&[u8]]) {
    let bytes = parts.iter().map(|part| part.len()).sum();
    let push_or_write = || {
        let mut backlog = BACKLOG.lock();
        let has_room = backlog.has_room(bytes);
        if has_room {
            for part in parts {
                backlog.push(part);
            }
        } else {
            backlog.write();
        }
        has_room
    };
    while !without_interrupts(push_or_write) {}
}

/// Whether there is room for a line. If not, some is made, as far as the port takes anything now.
pub fn make_room() -> bool {
    let has_room = without_interrupts(|| BACKLOG.lock().has_room(LINE_MAX));
    if !has_room {
        write_some();
    }
    has_room
}

/// Writes the oldest bytes, as many as the port takes at once; returns how many.
fn write_some() -> usize {
    without_interrupts(|| {
        let mut backlog = BACKLOG.lock();
        let sent = serial::send(backlog.oldest());
        backlog.forget(sent);
        sent
    })
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
        backlog.write();
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
        write_all();
        kernel::with(|kernel| {
            if !kernel.has_untold() && !kernel.has_unrecorded() {
                kernel.wait_for_event(None);
            }
        });
    }
}

/// Writes everything, with interrupts on while the port is busy.
fn write_all() {
    let mut patience = PATIENCE;
    while is_pending() {
        if write_some() > 0 {
            patience = PATIENCE;
            // The end of a step: see `progress`.
            kernel::with(|_| ());
        } else if patience > 0 {
            patience -= 1;
        } else {
            without_interrupts(|| BACKLOG.lock().forget_oldest());
        }
    }
}
