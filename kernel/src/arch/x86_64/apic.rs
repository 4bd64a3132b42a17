//! The local APIC, as far as we need it: how a non-maskable interrupt reaches the CPU.
//!
//! Interrupts come from the two 8259s, through the input LINT0; NMIs through LINT1. Firmware
//! usually sets both up so, but a kernel that counts on an NMI to find it hanging cannot count on
//! that. A CPU without an APIC, or with it off, has both as pins of its own.

use core::arch::x86_64::__cpuid;

use x86_64::registers::model_specific::Msr;

use crate::mm::direct;

/// IA32_APIC_BASE: where the registers are, and whether there are any (Intel SDM vol. 3A, 11.4.4).
const BASE: u32 = 0x1b;
/// The APIC is on.
const BASE_ENABLED: u64 = 1 << 11;
/// Its registers are model-specific registers and not memory (x2APIC).
const BASE_EXTENDED: u64 = 1 << 10;

/// Numbers of registers; in memory they are 16 bytes apart, and as model-specific registers they
/// begin at 0x800 (Intel SDM vol. 3A, tables 11-1 and 11-6).
const SPURIOUS: u32 = 0x0f;
const LINT0: u32 = 0x35;
const LINT1: u32 = 0x36;

/// Software enable in the spurious-interrupt register: without it all inputs are masked.
const ENABLE: u32 = 1 << 8;
/// Where spurious interrupts would go: the last line of the 8259s. None come, for the APIC has no
/// interrupts of its own here; old CPUs want the low four bits set.
const SPURIOUS_VECTOR: u32 = 0x2f;
/// Delivery modes of the inputs: as an NMI, and with the vector that the 8259 tells.
const DELIVER_NMI: u32 = 4 << 8;
const DELIVER_EXTERNAL: u32 = 7 << 8;

/// Has NMIs reach the CPU, and interrupts of the 8259s as before. `map` puts registers into the
/// direct map.
///
/// # Safety
/// Called with interrupts off, when the direct map is in use; the APIC is the kernel's.
pub unsafe fn let_nmi_through(mut map: impl FnMut(u64)) {
    let has_apic = __cpuid(1).edx & 1 << 9 != 0;
    if !has_apic {
        return;
    }
    // SAFETY: A CPU with an APIC has the register.
    let base = unsafe { Msr::new(BASE).read() };
    if base & BASE_ENABLED == 0 {
        return;
    }
    let page = base & 0x000f_ffff_ffff_f000;
    if base & BASE_EXTENDED == 0 {
        map(page);
    }
    for (register, value) in [
        (SPURIOUS, ENABLE | SPURIOUS_VECTOR),
        (LINT0, DELIVER_EXTERNAL),
        (LINT1, DELIVER_NMI),
    ] {
        if base & BASE_EXTENDED != 0 {
            // SAFETY: The registers exist in this mode, and the values are valid for them.
            unsafe { Msr::new(0x800 + register).write(u64::from(value)) };
        } else {
            let pointer = direct::at(page + u64::from(register) * 16).cast::<u32>();
            // SAFETY: The registers were just mapped; the values are valid.
            unsafe { pointer.write_volatile(value) };
        }
    }
}
