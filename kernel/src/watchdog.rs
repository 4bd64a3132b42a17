//! The watchdog: a timer outside the CPU that raises an NMI unless it is kicked.
//!
//! It is the net for whatever no code of ours can see, because none runs: a loop with interrupts
//! off, a lock taken twice, a chain of free memory that has become a ring, a tick that no longer
//! comes. The tick kicks it, after it has found that the kernel comes to an end of what it does
//! ([`crate::progress`]).
//!
//! # The device
//! QEMU has two for a PC. The `ib700` (ISA) counts in steps of two seconds; the `i6300esb` (PCI), a
//! part of Intel's 6300ESB chipset, in milliseconds, and it tells that it has run out. So that one.
//! It counts the virtual clock of the machine: instructions with `-icount`, the host's time without.
//! Both were tried. (With `-icount`, a loop around PAUSE takes minutes of the host's time to get to the
//! end of a virtual second.)
//!
//! Its count has two stages. A kick begins the first again; the second begins when the first has
//! ended, and not before QEMU has noticed that. A QEMU that was kept from running at all for longer
//! than both comes back in the second, so that its guest has half of the time left.
//!
//! # Once is not enough
//! The CPU's thread of QEMU may be kept from running while the one with its timers is not. Then the
//! watchdog runs out although nothing is wrong, and the NMI comes wherever the kernel just was. So
//! the first only starts the watchdog anew, for a shorter time, and the interrupted code goes on. If
//! there is a kick, it was that, and the log is told. If it runs out again, the kernel hangs.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use abi::{Instant, Span};
use log::Level;
use virtio_drivers::transport::pci::bus::{
    Command, ConfigurationAccess as _, DeviceFunction, PciRoot,
};
use x86_64::instructions::port::Port;

use crate::arch::{apic, cpu};
use crate::logger;
use crate::mm::direct;
use crate::storage::pci::{self, Ports};

/// How long the kernel may be without a sign of life, in milliseconds.
///
/// Its longest stretch with interrupts off is some microseconds, so this could be much shorter on a
/// machine of its own. Under QEMU's translator and the host's clock a guest may wait for a busy host
/// for tenths of a second, and a watchdog that barks at that is worse than one that is late. The last
/// quarter comes after the first NMI.
pub const TIMEOUT_MILLISECONDS: u64 = 1000;

/// How often it is kicked. Rare enough to cost nothing, often against half of the timeout.
const KICK_EVERY: Span = Span::from_millis(50);

/// The device's two stages, until it runs out for the first time.
const STAGE: u32 = stage(TIMEOUT_MILLISECONDS * 3 / 4);

/// The same when it has run out once.
const GRACE_STAGE: u32 = stage(TIMEOUT_MILLISECONDS / 4);

/// Half of a time, in the device's slow unit: 2^15 cycles of the PCI clock of 33 MHz, 0.993 ms.
const fn stage(milliseconds: u64) -> u32 {
    (milliseconds / 2 * 33_000 / (1 << 15)) as u32
}

/// Vendor and device, as at the start of configuration space (datasheet of Intel's 6300ESB, document
/// 300641, as all numbers below).
pub const IDENTITY: u32 = 0x25ab_8086;

/// Configuration space: the address of the registers.
const REGISTERS: u8 = 0x10;
/// Configuration space, 16 bits: what happens at the end of each stage, and the unit.
const CONFIGURATION: u8 = 0x60;
/// No interrupt at the end of the first stage, the output at the end of the second, slow unit.
const NO_INTERRUPT: u16 = 3;
/// Configuration space, 8 bits: on or off. (Its lowest bit would lock it.)
const LOCK: u8 = 0x68;
const LOCK_ENABLED: u8 = 1 << 1;

/// Registers: what each stage begins with, and the reload register.
const FIRST_STAGE: u64 = 0x00;
const SECOND_STAGE: u64 = 0x04;
const RELOAD: u64 = 0x0c;
/// What has to be written to the reload register before each write to any of them.
const UNLOCK: [u16; 2] = [0x80, 0x86];
/// Reload register: begins the first stage again.
const RELOAD_NOW: u16 = 1 << 8;
/// Reload register: it has run out; writing it forgets that.
const RAN_OUT: u16 = 1 << 9;

/// The device's address in configuration space, as the port takes it; 0 for no watchdog.
static FUNCTION: AtomicU32 = AtomicU32::new(0);
/// The physical address of its registers.
static BASE: AtomicU64 = AtomicU64::new(0);
/// When it was kicked last.
static KICKED: AtomicU64 = AtomicU64::new(0);
/// It has run out once, and was not kicked since.
static PARDONED: AtomicBool = AtomicBool::new(false);
/// It is being started: what a former kernel has left behind does not count.
static STARTING: AtomicBool = AtomicBool::new(false);

/// Finds the watchdog and starts it, whatever a former kernel has left it doing. Whether there is
/// one, [`is_there`] tells. `map` puts registers into the direct map.
///
/// # Safety
/// Called once per kernel start, with interrupts off, when the kernel's page tables and the
/// descriptor tables are in use; the device is the kernel's.
pub unsafe fn initialise(mut map: impl FnMut(u64)) {
    STARTING.store(true, Ordering::Relaxed);
    PARDONED.store(false, Ordering::Relaxed);
    if let Some((function, base)) = find() {
        FUNCTION.store(function, Ordering::Relaxed);
        map(base);
        BASE.store(base, Ordering::Relaxed);
        // SAFETY: As the caller promises.
        unsafe {
            stop(function);
            start(STAGE);
        }
    }
    // SAFETY: As the caller promises. A kernel that died in an NMI has kept further ones out, and
    // one may be waiting.
    unsafe {
        apic::let_nmi_through(map);
        cpu::let_nmi_in();
    }
    STARTING.store(false, Ordering::Relaxed);
}

/// Whether there is a watchdog.
#[must_use]
pub fn is_there() -> bool {
    function() != 0
}

/// The device as [`stop`] wants it.
#[must_use]
pub fn function() -> u32 {
    FUNCTION.load(Ordering::Relaxed)
}

/// Stops the watchdog; `function` is what [`function`] said once, and 0 does nothing. Writes to two
/// ports and touches no memory, for whoever can trust none.
///
/// # Safety
/// Nobody else is in the middle of using PCI configuration space, or never continues.
#[inline(always)]
pub unsafe fn stop(function: u32) {
    if function != 0 {
        // SAFETY: It is the device's register, and the device is the kernel's.
        unsafe {
            Port::<u32>::new(pci::ADDRESS).write(function | u32::from(LOCK));
            Port::<u8>::new(pci::DATA).write(0);
        }
    }
}

/// Kicks the watchdog, for the tick: when it is time again.
pub fn kick(now: Instant) {
    let last = Instant(KICKED.load(Ordering::Relaxed));
    let was_pardoned = PARDONED.load(Ordering::Relaxed);
    if !is_there() || (now.since(last) < KICK_EVERY && !was_pardoned) {
        return;
    }
    KICKED.store(now.0, Ordering::Relaxed);
    if was_pardoned {
        // Anew, for the usual time.
        // SAFETY: The tick interrupts nobody who is using configuration space.
        unsafe {
            stop(function());
            start(STAGE);
        }
        PARDONED.store(false, Ordering::Relaxed);
        let text = "watchdog: the kernel was kept from running";
        logger::say(Level::Warn, [text, "", ""]);
    }
    write_unlocked(|| write(RELOAD, RELOAD_NOW));
}

/// Whether the watchdog has run out since it was started: whether an NMI is its.
#[must_use]
pub fn has_run_out() -> bool {
    // SAFETY: Reading the register changes nothing.
    is_there() && unsafe { register::<u16>(RELOAD).read_volatile() } & RAN_OUT != 0
}

/// Whether the interrupted code goes on after this NMI; see above. If so, the watchdog runs again.
pub fn is_pardoned() -> bool {
    if STARTING.load(Ordering::Relaxed) {
        return true;
    }
    if !has_run_out() || PARDONED.swap(true, Ordering::Relaxed) {
        return false;
    }
    // SAFETY: As for `start`; whoever was interrupted in the middle of using configuration space
    // finds it as he left it. A kick that was interrupted may be lost, and there are others.
    unsafe {
        let mut address = Port::<u32>::new(pci::ADDRESS);
        let selected = address.read();
        start(GRACE_STAGE);
        address.write(selected);
    }
    true
}

/// Has the watchdog run out in a few milliseconds, for a test.
///
/// # Safety
/// As for [`stop`].
pub unsafe fn hurry() {
    // SAFETY: As the caller promises.
    unsafe {
        stop(function());
        start(1);
    }
}

/// Sets the device up and starts it; each of its two stages takes this many units. It is stopped, by us or by itself when it ran out.
///
/// # Safety
/// As for [`stop`].
unsafe fn start(stage: u32) {
    let function = function();
    // SAFETY: They are the device's registers, and the device is the kernel's.
    unsafe {
        Port::<u32>::new(pci::ADDRESS).write(function | u32::from(CONFIGURATION));
        Port::<u16>::new(pci::DATA).write(NO_INTERRUPT);
        write_unlocked(|| write(FIRST_STAGE, stage));
        write_unlocked(|| write(SECOND_STAGE, stage));
        write_unlocked(|| write(RELOAD, RAN_OUT));
        Port::<u32>::new(pci::ADDRESS).write(function | u32::from(LOCK));
        Port::<u8>::new(pci::DATA).write(LOCK_ENABLED);
    }
}

/// Finds the device: its address in configuration space, and that of its registers.
fn find() -> Option<(u32, u64)> {
    let mut root = PciRoot::new(Ports);
    let mut devices = root.enumerate_bus(0);
    let (device, _) = devices.find(|(_, information)| {
        u32::from(information.device_id) << 16 | u32::from(information.vendor_id) == IDENTITY
    })?;
    let base = base(device)?;
    root.set_command(device, Command::MEMORY_SPACE);
    Some((Ports::address(device, 0), base))
}

/// Where the firmware has put the device's registers, if it did.
fn base(device: DeviceFunction) -> Option<u64> {
    let base = Ports.read_word(device, REGISTERS) & !0xf;
    (base != 0).then_some(u64::from(base))
}

fn write_unlocked(write_it: impl FnOnce()) {
    for word in UNLOCK {
        write(RELOAD, word);
    }
    write_it();
}

fn write<T>(offset: u64, value: T) {
    // SAFETY: A register of the device, of this size.
    unsafe { register::<T>(offset).write_volatile(value) };
}

/// A register, in the direct map: 32 bits of address are always in it.
fn register<T>(offset: u64) -> *mut T {
    direct::at(BASE.load(Ordering::Relaxed) + offset).cast()
}
