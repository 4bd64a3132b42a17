//! Silencing the devices: no interrupt comes and no device writes to memory from here on.
//!
//! Through ports only, with no memory of the kernel's: what a device was given is found out from the
//! device itself. Disks of the virtio kind are reset, so that they forget the queues they had; every
//! device loses the leave to use the bus on its own; the watchdog is stopped.

use x86_64::instructions::port::Port;

use crate::watchdog;

/// Leave to use the bus, in the command register (PCI Local Bus Specification 3.0, 6.2.2).
const BUS_MASTER: u32 = 1 << 2;
/// In the status register: there is a list of capabilities (6.2.3).
const CAPABILITIES: u32 = 1 << 20;
/// Class of bridges: what is behind them is silenced at its own place.
const BRIDGE: u32 = 0x06;
/// Vendor of virtio devices.
const VIRTIO: u32 = 0x1af4;
/// Identity of vendor-specific capabilities.
const VENDOR_SPECIFIC: u32 = 0x09;
/// Kinds of those of virtio (Virtual I/O Device 1.2, 4.1.4): common configuration, and a window that
/// reaches it from configuration space.
const COMMON: u32 = 1;
const WINDOW: u32 = 5;
/// Where in the common configuration the device's status is; 0 is a reset (4.1.4.3).
const DEVICE_STATUS: u32 = 20;
/// The most capabilities there can be: they are four bytes long and lie above the header.
const CAPABILITIES_MAX: u32 = 48;
/// How often a device that is being reset is asked whether it is.
const PATIENCE: u32 = 1000;

/// Silences all of them.
pub fn all() {
    // SAFETY: Nobody else uses these ports any more. Both interrupt controllers masked; the
    // real-time clock's interrupts off.
    unsafe {
        Port::<u8>::new(0x21).write(0xff);
        Port::<u8>::new(0xa1).write(0xff);
        Port::<u8>::new(0x70).write(0x0b);
        let mode = Port::<u8>::new(0x71).read();
        Port::<u8>::new(0x70).write(0x0b);
        Port::<u8>::new(0x71).write(mode & !0x70);
    }
    for device in 0..32_u32 {
        for function in 0..8_u32 {
            let address = 0x8000_0000 | device << 11 | function << 8;
            silence(address);
            // A device without functions beyond the first says so in its header type.
            if function == 0 && read(address + 0x0c) & 1 << 23 == 0 {
                break;
            }
        }
    }
}

fn silence(address: u32) {
    let identity = read(address);
    if identity & 0xffff == 0xffff {
        return;
    }
    if identity == watchdog::IDENTITY {
        // An NMI would find no handler.
        // SAFETY: Nobody else uses configuration space any more.
        unsafe { watchdog::stop(address) };
    }
    if identity & 0xffff == VIRTIO {
        reset(address);
    }
    let command = read(address + 4);
    if read(address + 8) >> 24 != BRIDGE && command & BUS_MASTER != 0 {
        // The upper half is the status, where a one clears.
        write(address + 4, command & 0xffff & !BUS_MASTER);
    }
}

/// Resets a virtio device, through the window in its configuration space.
fn reset(address: u32) {
    let (Some(common), Some(window)) = (capability(address, COMMON), capability(address, WINDOW))
    else {
        return;
    };
    let bar = read(common + 4) & 0xff;
    let status = read(common + 8) + DEVICE_STATUS;
    // The window: which BAR, where in it, how many bytes; then the bytes themselves.
    write(window + 4, bar);
    write(window + 8, status);
    write(window + 12, 1);
    write_byte(window + 16, 0);
    for _ in 0..PATIENCE {
        if read(window + 16) & 0xff == 0 {
            break;
        }
    }
}

/// The address of a device's virtio capability of this kind.
fn capability(address: u32, kind: u32) -> Option<u32> {
    if read(address + 4) & CAPABILITIES == 0 {
        return None;
    }
    let mut next = read(address + 0x34) & 0xfc;
    for _ in 0..CAPABILITIES_MAX {
        if next == 0 {
            return None;
        }
        let head = read(address + next);
        if head & 0xff == VENDOR_SPECIFIC && head >> 24 == kind {
            return Some(address + next);
        }
        next = head >> 8 & 0xfc;
    }
    None
}

fn read(address: u32) -> u32 {
    // SAFETY: Reading configuration space has no side effects, but for the window, whose are wanted.
    unsafe {
        Port::<u32>::new(0xcf8).write(address);
        Port::<u32>::new(0xcfc).read()
    }
}

fn write(address: u32, value: u32) {
    // SAFETY: The device is nobody's any more.
    unsafe {
        Port::<u32>::new(0xcf8).write(address);
        Port::<u32>::new(0xcfc).write(value);
    }
}

fn write_byte(address: u32, value: u8) {
    // SAFETY: As above.
    unsafe {
        Port::<u32>::new(0xcf8).write(address);
        Port::<u8>::new(0xcfc).write(value);
    }
}
