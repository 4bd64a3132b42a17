//! The first serial port.

use spin::Mutex;
use uart_16550::backend::PioBackend;
use uart_16550::spec::registers::IER;
use uart_16550::{Config, Uart16550};

const fn first_port() -> Uart16550<PioBackend> {
    // SAFETY: 0x3f8 is the first serial port of every PC, and this is its only driver.
    match unsafe { Uart16550::new_port(0x3f8) } {
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
    PORT.lock().send_bytes(bytes)
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
