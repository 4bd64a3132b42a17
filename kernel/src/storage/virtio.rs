//! The virtio block device.
//!
//! The loader thread sleeps until the device interrupts. It looks again at every tick, too, so
//! that a machine whose interrupt line we do not know works as well, only slower.

use alloc::boxed::Box;
use core::ptr::NonNull;

use abi::Span;
use virtio_drivers::device::blk::{BlkReq, BlkResp, VirtIOBlk};
use virtio_drivers::transport::DeviceType;
use virtio_drivers::transport::pci::bus::{Command, ConfigurationAccess as _, PciRoot};
use virtio_drivers::transport::pci::{PciTransport, virtio_device_type};
use virtio_drivers::{BufferDirection, Hal, PhysAddr};

use super::pci::Ports;
use super::{BLOCK_BYTES, StorageError};
use crate::arch::{clock, interrupts};
use crate::kernel;
use crate::mm::{direct, kernel_map};

/// How long the device may take for one request. A request takes milliseconds, but a disk that has
/// to start turning takes seconds; other systems wait as long before they take it for gone. Under
/// QEMU's instruction clock an idle guest's time runs ahead of the host's disk, by far less.
const PATIENCE: Span = Span::from_secs(30);

/// Buses that are searched: what a PC without bridges has.
const BUSES: u8 = 1;

/// The disk, or where it was.
pub struct Disk {
    device: Option<VirtIOBlk<KernelHal, PciTransport>>,
    is_sought: bool,
    blocks: u64,
    request: Box<BlkReq>,
    response: Box<BlkResp>,
    buffer: Option<&'static mut [u8; BLOCK_BYTES]>,
    line: u8,
}

impl Disk {
    /// The most bytes read with one request.
    pub const CHUNK_BYTES: usize = 64 * 1024;

    /// A disk that is looked for when it is needed first: a restart of the site needs none.
    #[must_use]
    pub fn unsought() -> Self {
        Self {
            device: None,
            is_sought: false,
            blocks: 0,
            request: Box::default(),
            response: Box::default(),
            buffer: Some(Box::leak(Box::new([0; BLOCK_BYTES]))),
            line: 0,
        }
    }

    /// Finds the first virtio block device. Without one, every read fails as `NoDisk`.
    fn seek(&mut self) {
        if core::mem::replace(&mut self.is_sought, true) {
            return;
        }
        let (device, line) = find_device().unzip();
        let line = line.unwrap_or(0);
        kernel::with(|kernel| {
            kernel.disk_line = line;
            if line != 0 {
                interrupts::unmask(line);
            }
        });
        self.blocks = device.as_ref().map_or(0, VirtIOBlk::capacity);
        self.device = device;
        self.line = line;
    }

    /// Size in blocks.
    #[must_use]
    pub fn blocks(&mut self) -> u64 {
        self.seek();
        self.blocks
    }

    /// Reads whole blocks. `buffer` is in the direct map, or one block long.
    ///
    /// # Errors
    /// `NoDisk`, `Device` or `TimedOut`. A device that timed out is not used again: it may still
    /// write to the buffers it was given, which are therefore never freed.
    pub fn read(&mut self, block: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        if buffer.len() == BLOCK_BYTES {
            // The device cannot reach stacks: through a buffer that it can, which is never freed.
            let Some(own) = self.buffer.take() else {
                return Err(StorageError::NoDisk);
            };
            let result = self.read_direct(block, own.as_mut_slice());
            buffer.copy_from_slice(own.as_slice());
            if result != Err(StorageError::TimedOut) {
                self.buffer = Some(own);
            }
            result
        } else {
            self.read_direct(block, buffer)
        }
    }

    fn read_direct(&mut self, block: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        let device = self.device.as_mut().ok_or(StorageError::NoDisk)?;
        let (request, response) = (&mut *self.request, &mut *self.response);
        // SAFETY: None of the three buffers is touched until the request is complete; see below
        // for the request that never is.
        let token = unsafe { device.read_blocks_nb(block as usize, request, buffer, response) };
        let token = token.map_err(|_| StorageError::Device)?;
        let deadline = clock::now().after(PATIENCE);
        let line = self.line;
        // The check and the wait are one step: the interrupt cannot come in between.
        while kernel::with(|kernel| {
            let is_waiting = device.peek_used() != Some(token);
            if is_waiting {
                let look_again = clock::now().after(Span(interrupts::TICK_NANOSECONDS));
                kernel.wait_for_event(Some(look_again));
            }
            is_waiting
        }) {
            if clock::now() > deadline {
                // The device may still write: it and its buffers are given up for good.
                core::mem::forget(self.device.take());
                core::mem::forget(core::mem::take(&mut self.request));
                core::mem::forget(core::mem::take(&mut self.response));
                return Err(StorageError::TimedOut);
            }
        }
        device.ack_interrupt();
        kernel::with(|_| {
            if line != 0 {
                interrupts::unmask(line);
            }
        });
        // SAFETY: The same buffers as above.
        let result = unsafe { device.complete_read_blocks(token, request, buffer, response) };
        result.map_err(|_| StorageError::Device)
    }
}

/// The first virtio block device and its interrupt line, 0 if that is not known.
fn find_device() -> Option<(VirtIOBlk<KernelHal, PciTransport>, u8)> {
    let mut root = PciRoot::new(Ports);
    let mut found = None;
    for bus in 0..BUSES {
        for (function, information) in root.enumerate_bus(bus) {
            if virtio_device_type(&information) == Some(DeviceType::Block) {
                found = found.or(Some(function));
            }
        }
    }
    let function = found?;
    root.set_command(
        function,
        Command::MEMORY_SPACE | Command::IO_SPACE | Command::BUS_MASTER,
    );
    let transport = PciTransport::new::<KernelHal, _>(&mut root, function);
    let transport = transport
        .inspect_err(|error| log::error!("virtio: {error}"))
        .ok()?;
    // Interrupt line, as the firmware has set it up (PCI Local Bus Specification 3.0, 6.2.4).
    let line = (Ports.read_word(function, 0x3c) & 0xff) as u8;
    let line = if (3..16).contains(&line) { line } else { 0 };
    let device = VirtIOBlk::new(transport).inspect_err(|error| log::error!("virtio: {error}"));
    Some((device.ok()?, line))
}

/// What the driver needs of the kernel.
struct KernelHal;

// SAFETY: Memory comes from the frame allocator and is never given to anybody else; addresses are
// those of the direct map.
unsafe impl Hal for KernelHal {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let frames = kernel::with(|kernel| kernel.frames.allocate_contiguous(pages as u32));
        let Some(first) = frames else {
            return (0, NonNull::dangling());
        };
        for page in 0..pages as u32 {
            direct::zero(first.offset(page));
        }
        let pointer = NonNull::new(direct::pointer(first)).unwrap_or(NonNull::dangling());
        (first.address(), pointer)
    }

    unsafe fn dma_dealloc(_address: PhysAddr, _pointer: NonNull<u8>, _pages: usize) -> i32 {
        // Contiguous frames are never given back; the device is found once per kernel start.
        0
    }

    unsafe fn mmio_phys_to_virt(address: PhysAddr, size: usize) -> NonNull<u8> {
        kernel::with(|kernel| {
            let root = kernel.kernel_root;
            kernel_map::map_device(&mut kernel.frames, root, address, size as u64);
        });
        NonNull::new(direct::at(address)).unwrap_or(NonNull::dangling())
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> PhysAddr {
        direct::physical(buffer.as_ptr())
    }

    unsafe fn unshare(_address: PhysAddr, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}
