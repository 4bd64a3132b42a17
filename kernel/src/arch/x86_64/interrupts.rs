//! The interrupt controller (two 8259s) and the tick (channel 0 of the 8254).

use pic8259::ChainedPics;
use spin::Mutex;
use x86_64::instructions::port::Port;

/// Vector of interrupt line 0; the other fifteen follow.
pub const FIRST_VECTOR: u8 = 32;

/// Ticks in a second. A thousand keeps timeouts within a millisecond; under `-icount` a tick is a
/// million instructions, of which its handler takes a few hundred.
pub const TICKS_PER_SECOND: u64 = 1000;

/// Nanoseconds between two ticks.
pub const TICK_NANOSECONDS: u64 = 1_000_000_000 / TICKS_PER_SECOND;

/// Interrupt line of the tick.
pub const LINE_TICK: u8 = 0;
/// Interrupt line of the first serial port.
pub const LINE_SERIAL: u8 = 4;

// SAFETY: The vectors are those of our own table, above the exceptions.
static PICS: Mutex<ChainedPics> = Mutex::new(unsafe { ChainedPics::new_contiguous(FIRST_VECTOR) });

/// Programs the controller, with every line masked but the tick's and the serial port's, and
/// starts the tick.
///
/// # Safety
/// Called once per kernel start with interrupts off.
pub unsafe fn initialise() {
    let divisor = (1_193_182 / TICKS_PER_SECOND) as u16;
    let mut command = Port::<u8>::new(0x43);
    let mut channel = Port::<u8>::new(0x40);
    let mut pics = PICS.lock();
    // SAFETY: The devices are the kernel's, and no interrupt can come in between.
    unsafe {
        pics.initialize();
        pics.write_masks(!(1 << LINE_TICK | 1 << LINE_SERIAL), 0xff);
        command.write(0b0011_0100);
        channel.write((divisor & 0xff) as u8);
        channel.write((divisor >> 8) as u8);
    }
}

/// Tells the controller that the interrupt was taken.
pub fn acknowledge(vector: u8) {
    // SAFETY: Called once for each interrupt taken, with interrupts off.
    unsafe { PICS.lock().notify_end_of_interrupt(vector) };
}

/// Lets a line interrupt.
pub fn unmask(line: u8) {
    change_masks(|masks| masks & !(1 << line));
}

/// Keeps a line from interrupting.
pub fn mask(line: u8) {
    change_masks(|masks| masks | 1 << line);
}

fn change_masks(change: impl FnOnce(u16) -> u16) {
    // Line 2 is the second controller: open whenever one of its lines is.
    const CASCADE: u16 = 1 << 2;
    let mut pics = PICS.lock();
    // SAFETY: The controller is the kernel's, and interrupts are off.
    unsafe {
        let [first, second] = pics.read_masks();
        let masks = change(u16::from_le_bytes([first, second]));
        let masks = if masks >> 8 == 0xff {
            masks | CASCADE
        } else {
            masks & !CASCADE
        };
        let [first, second] = masks.to_le_bytes();
        pics.write_masks(first, second);
    }
}

/// Interrupt line of the real-time clock.
const LINE_CLOCK: u8 = 8;

/// Makes a device ready to interrupt again, for devices the kernel has to do it for: an actor has
/// no ports. The real-time clock wants its status register C read.
pub fn rearm(line: u8) {
    if line == LINE_CLOCK {
        let _ = clock_register(0x0c, None);
    }
}

/// Starts or stops the real-time clock's periodic interrupt, 1024 times a second.
pub fn set_clock_interrupt(is_on: u64) {
    let old = clock_register(0x0b, None);
    let new = if is_on == 0 { old & !0x40 } else { old | 0x40 };
    let _ = clock_register(0x0b, Some(new));
    let _ = clock_register(0x0c, None);
}

/// Reads a register of the real-time clock, or writes it.
fn clock_register(register: u8, value: Option<u8>) -> u8 {
    let mut index = Port::<u8>::new(0x70);
    let mut data = Port::<u8>::new(0x71);
    // SAFETY: The clock is the kernel's, and interrupts are off.
    unsafe {
        index.write(register);
        if let Some(value) = value {
            data.write(value);
        }
        index.write(register);
        data.read()
    }
}
