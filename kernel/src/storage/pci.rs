//! PCI configuration space, through the ports every PC has.

use virtio_drivers::transport::pci::bus::{ConfigurationAccess, DeviceFunction};
use x86_64::instructions::port::Port;

use crate::arch::cpu::without_interrupts;

/// The port that takes a register's address.
pub const ADDRESS: u16 = 0xcf8;
/// The first of the four ports at which that register is.
pub const DATA: u16 = 0xcfc;

/// Configuration mechanism 1 (PCI Local Bus Specification 3.0, 3.2.2.3.2).
pub struct Ports;

impl Ports {
    /// What the address port takes for a register.
    #[must_use]
    pub fn address(device: DeviceFunction, register: u8) -> u32 {
        0x8000_0000
            | u32::from(device.bus) << 16
            | u32::from(device.device) << 11
            | u32::from(device.function) << 8
            | u32::from(register & 0xfc)
    }

    fn select(device: DeviceFunction, register: u8) {
        // SAFETY: Selects what the data port shows; no effect by itself.
        unsafe { Port::new(ADDRESS).write(Self::address(device, register)) };
    }
}

impl ConfigurationAccess for Ports {
    fn read_word(&self, device: DeviceFunction, register: u8) -> u32 {
        without_interrupts(|| {
            Self::select(device, register);
            // SAFETY: Reading configuration space has no side effects.
            unsafe { Port::new(DATA).read() }
        })
    }

    fn write_word(&mut self, device: DeviceFunction, register: u8, data: u32) {
        without_interrupts(|| {
            Self::select(device, register);
            // SAFETY: The driver that calls owns the device it configures.
            unsafe { Port::new(DATA).write(data) };
        });
    }

    unsafe fn unsafe_clone(&self) -> Self {
        Self
    }
}
