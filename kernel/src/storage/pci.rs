//! PCI configuration space, through the ports every PC has.

use virtio_drivers::transport::pci::bus::{ConfigurationAccess, DeviceFunction};
use x86_64::instructions::port::Port;

use crate::arch::cpu::without_interrupts;

/// Configuration mechanism 1 (PCI Local Bus Specification 3.0, 3.2.2.3.2).
pub(super) struct Ports;

impl Ports {
    fn select(device: DeviceFunction, register: u8) {
        let address = 0x8000_0000
            | u32::from(device.bus) << 16
            | u32::from(device.device) << 11
            | u32::from(device.function) << 8
            | u32::from(register & 0xfc);
        // SAFETY: Selects what the data port shows; no effect by itself.
        unsafe { Port::new(0xcf8).write(address) };
    }
}

impl ConfigurationAccess for Ports {
    fn read_word(&self, device: DeviceFunction, register: u8) -> u32 {
        without_interrupts(|| {
            Self::select(device, register);
            // SAFETY: Reading configuration space has no side effects.
            unsafe { Port::new(0xcfc).read() }
        })
    }

    fn write_word(&mut self, device: DeviceFunction, register: u8, data: u32) {
        without_interrupts(|| {
            Self::select(device, register);
            // SAFETY: The driver that calls owns the device it configures.
            unsafe { Port::new(0xcfc).write(data) };
        });
    }

    unsafe fn unsafe_clone(&self) -> Self {
        Self
    }
}
