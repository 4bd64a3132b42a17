//! Resetting the machine, and the few bytes that outlive that.

use x86_64::instructions::port::Port;
use x86_64::instructions::tables::lidt;
use x86_64::structures::DescriptorTablePointer;

use super::cpu;

/// How long a way of resetting is given before the next is tried, in turns of a loop.
const PATIENCE: u32 = 1_000_000;

/// Resets the machine: by the reset register of the chipset, by the keyboard controller, by an
/// exception that cannot be handled, in that order.
pub fn machine() -> ! {
    cpu::disable();
    // SAFETY: The ports are the chipset's: a hard reset (Intel 82371 datasheet, RC register), then a
    // pulse on the reset line (8042, command 0xfe).
    unsafe {
        let mut register = Port::<u8>::new(0xcf9);
        register.write(0x02);
        register.write(0x06);
        wait();
        Port::<u8>::new(0x64).write(0xfe);
        wait();
    }
    let empty = DescriptorTablePointer {
        limit: 0,
        base: x86_64::VirtAddr::zero(),
    };
    // SAFETY: There is no way back from here, which is what is wanted.
    unsafe {
        lidt(&empty);
        core::arch::asm!("ud2", options(noreturn));
    }
}

fn wait() {
    for _ in 0..PATIENCE {
        core::hint::spin_loop();
    }
}

/// The first of the bytes of the real-time clock's memory that are ours. Firmware keeps what it
/// needs below 0x40 and, in QEMU, at 0x5b to 0x5f.
const FIRST: u8 = 0x70;

/// Bytes that outlive a reset.
pub const BYTES: usize = 15;

/// Reads the bytes that outlive a reset.
#[must_use]
pub fn read_lasting() -> [u8; BYTES] {
    core::array::from_fn(|index| read(FIRST + index as u8))
}

/// Writes the bytes that outlive a reset.
pub fn write_lasting(bytes: [u8; BYTES]) {
    for (index, byte) in (0..).zip(bytes) {
        // SAFETY: As in `read`.
        unsafe {
            Port::<u8>::new(0x70).write(FIRST + index);
            Port::<u8>::new(0x71).write(byte);
        }
    }
}

/// The second of the minute, by the clock that goes on over a reset.
#[must_use]
pub fn second() -> u8 {
    const BINARY: u8 = 1 << 2;
    let (second, mode) = (read(0x00), read(0x0b));
    if mode & BINARY == 0 {
        (second >> 4) * 10 + (second & 0x0f)
    } else {
        second
    }
}

fn read(register: u8) -> u8 {
    // SAFETY: The clock's ports are the kernel's; interrupts are off or the caller's are the only
    // accesses.
    unsafe {
        Port::<u8>::new(0x70).write(register);
        Port::<u8>::new(0x71).read()
    }
}
