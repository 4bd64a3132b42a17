//! The direct map: every physical address, at a fixed distance in the kernel's half.
//!
//! The one place where a frame number becomes a pointer. Both boot paths are told to map physical
//! memory at [`START`], and the kernel's own tables map it there again, writable and never
//! executable.

use core::ptr;

use super::Frame;
use super::page_table::Table;

/// Where physical address 0 is mapped.
pub const START: u64 = 0xffff_8800_0000_0000;

/// The kernel's pointer to a frame's first byte.
#[must_use]
pub const fn pointer(frame: Frame) -> *mut u8 {
    at(frame.address())
}

/// The kernel's pointer to a physical address.
#[must_use]
pub const fn at(address: u64) -> *mut u8 {
    ptr::with_exposed_provenance_mut((START + address) as usize)
}

/// The physical address behind a pointer into the direct map.
#[must_use]
pub fn physical<T: ?Sized>(pointer: *const T) -> u64 {
    (pointer.cast::<u8>().expose_provenance() as u64).wrapping_sub(START)
}

/// The bytes of a frame.
///
/// # Safety
/// The caller owns the frame, or it is mapped for somebody who may see this access; nobody else
/// holds a reference to it for as long as this one lives.
#[must_use]
pub unsafe fn bytes(frame: Frame) -> &'static mut [u8; 4096] {
    // SAFETY: The direct map covers every frame, page-aligned; exclusiveness is the caller's.
    unsafe { &mut *pointer(frame).cast() }
}

/// A frame as a page table.
///
/// # Safety
/// As for [`bytes`].
#[must_use]
pub unsafe fn table(frame: Frame) -> &'static mut Table {
    // SAFETY: As for `bytes`; any bit pattern is a valid entry.
    unsafe { &mut *pointer(frame).cast() }
}

/// Fills a frame with zeroes, eight bytes an instruction: QEMU does `rep stosb` byte by byte.
pub fn zero(frame: Frame) {
    // SAFETY: Called with frames the caller has just allocated or owns.
    unsafe {
        core::arch::asm!(
            "rep stosq",
            inout("rcx") 512 => _,
            inout("rdi") pointer(frame) => _,
            in("rax") 0,
            options(nostack, preserves_flags),
        );
    }
}

/// Copies one frame onto another.
pub fn copy(from: Frame, to: Frame) {
    // SAFETY: The frames differ, and the caller owns `to`.
    unsafe {
        core::arch::asm!(
            "rep movsq",
            inout("rcx") 512 => _,
            inout("rsi") pointer(from) => _,
            inout("rdi") pointer(to) => _,
            options(nostack, preserves_flags),
        );
    }
}
