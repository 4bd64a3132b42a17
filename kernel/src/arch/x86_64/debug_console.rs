//! QEMU's debug console: a port that takes every byte at once.

use abi::trace::PORT;
use x86_64::instructions::port::Port;

/// Whether somebody listens: then the port reads as its own number.
#[must_use]
pub fn is_there() -> bool {
    // SAFETY: The port is the debug console's or nobody's, and reading changes neither.
    let answer: u8 = unsafe { Port::new(PORT).read() };
    u16::from(answer) == PORT
}

/// Writes bytes.
pub fn write(bytes: &[u8]) {
    let mut port = Port::new(PORT);
    for byte in bytes {
        // SAFETY: As above; the device takes any byte.
        unsafe { port.write(*byte) };
    }
}
