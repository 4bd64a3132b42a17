//! The first serial port.

use spin::Mutex;
use uart_16550::backend::PioBackend;
use uart_16550::spec::registers::IER;
use uart_16550::{Config, Uart16550};
use x86_64::instructions::port::Port;

/// The first serial port of every PC.
const FIRST_PORT: u16 = 0x3f8;

use crate::hooks::{self, Place};

const fn first_port() -> Uart16550<PioBackend> {
    // SAFETY: This is its only driver.
    match unsafe { Uart16550::new_port(FIRST_PORT) } {
        Ok(uart) => uart,
        Err(_) => panic!("0x3f8 is a valid port"),
    }
}

static PORT: Mutex<Uart16550<PioBackend>> = Mutex::new(first_port());

/// How often a full transmitter is asked again before the rest of the text is given up: a port
/// that nobody reads must not stop the kernel.
const PATIENCE: u32 = 100_000;

/// Prepares the port and lets it interrupt when something was typed. A machine without the port
/// goes on without a console.
pub fn initialise() {
    let mut port = PORT.lock();
    if port.init(Config::DEFAULT).is_ok() {
        port.enable_interrupts(IER::DATA_READY);
    }
}

/// Sends bytes, waiting for the port. With interrupts off.
pub fn write(bytes: &[u8]) {
    let mut port = PORT.lock();
    let mut rest = bytes;
    let mut patience = PATIENCE;
    while !rest.is_empty() && patience > 0 {
        let sent = port.send_bytes(rest);
        rest = rest.get(sent..).unwrap_or_default();
        if sent == 0 {
            patience -= 1;
        }
    }
}

/// Sends bytes, as many as the port takes at once; returns how many.
pub fn send(bytes: &[u8]) -> usize {
    let mut port = PORT.lock();
    hooks::pass(Place::LogWriter);
    port.send_bytes(bytes)
}

/// Sends bytes with no state but the port's own: for who cannot trust this kernel's. A port that was
/// never prepared sends them garbled.
pub fn write_bare(bytes: &[u8]) {
    let mut data = Port::<u8>::new(FIRST_PORT);
    let mut status = Port::<u8>::new(FIRST_PORT + 5);
    for byte in bytes {
        // SAFETY: The port is the kernel's; the transmitter is empty (bit 5 of the line status), or
        // nobody takes what is sent.
        unsafe {
            for _ in 0..PATIENCE {
                if status.read() & 0x20 != 0 {
                    break;
                }
            }
            data.write(*byte);
        }
    }
}

/// Takes one typed byte, if there is one.
#[must_use]
pub fn read() -> Option<u8> {
    PORT.lock().try_receive_byte().ok()
}

/// Frees the port from whoever was interrupted while using it; only for a dying kernel.
///
/// # Safety
/// The interrupted user never runs again.
pub unsafe fn break_lock() {
    // SAFETY: As the caller promises.
    unsafe { PORT.force_unlock() };
}
