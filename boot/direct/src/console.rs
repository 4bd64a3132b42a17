//! The loader's last words: COM1, and the way out of QEMU.
//!
//! A loader that works says nothing; the console belongs to the kernel. No UART set-up is done,
//! as QEMU's transmits from the start, and this loader runs nowhere else.

use core::fmt::{self, Write as _};

use x86_64::instructions::hlt;
use x86_64::instructions::port::Port;

/// Data register of the first serial port; the line status register is five above.
const COM1: u16 = 0x3f8;
/// Bit of the line status register: the transmitter takes another byte.
const TRANSMITTER_EMPTY: u8 = 1 << 5;
/// How often we look before we write anyway: a port that is not there never becomes ready.
const PATIENCE: u32 = 10_000;

/// QEMU's isa-debug-exit device.
const EXIT_PORT: u16 = 0xf4;
/// What we write there; QEMU ends with status 2 * 0x13 + 1 = 39, which no kernel outcome uses.
const LOADER_FAILED: u32 = 0x13;

/// Prints one line and leaves QEMU; halts for good where there is no way to leave.
pub(crate) fn die(reason: impl fmt::Display) -> ! {
    // Writing to the port cannot fail, and there would be nobody to tell.
    let _ = writeln!(Serial, "boot-direct: {reason}");
    let mut exit = Port::new(EXIT_PORT);
    // SAFETY: the port belongs to isa-debug-exit; without that device the write goes nowhere.
    unsafe { exit.write(LOADER_FAILED) };
    loop {
        hlt();
    }
}

/// The first serial port, as a text sink.
struct Serial;

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut data = Port::<u8>::new(COM1);
        let mut status = Port::<u8>::new(COM1 + 5);
        for byte in text.bytes() {
            for _ in 0..PATIENCE {
                // SAFETY: reading the line status register has no effect that matters here.
                if unsafe { status.read() } & TRANSMITTER_EMPTY != 0 {
                    break;
                }
            }
            // SAFETY: writing the data register transmits the byte and touches no memory.
            unsafe { data.write(byte) };
        }
        Ok(())
    }
}
