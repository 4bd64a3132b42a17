//! Who called whom, from frame pointers.

use core::arch::asm;

use abi::epitaph::BACKTRACE_MAX;

use super::frame::TrapFrame;
use crate::mm::kernel_map;

/// Return addresses, from where an exception was, or from here. Frames are followed upwards only,
/// and only on the kernel's own stacks, so that a damaged one ends it and does no harm.
#[must_use]
pub fn from(frame: Option<&TrapFrame>) -> [u64; BACKTRACE_MAX] {
    let mut found = [0; BACKTRACE_MAX];
    let mut places = found.iter_mut();
    let mut at = match frame {
        Some(frame) => {
            if let Some(place) = places.next() {
                *place = frame.rip;
            }
            frame.rbp
        }
        None => {
            let at: u64;
            // SAFETY: Reads a register.
            unsafe { asm!("mov {}, rbp", out(reg) at, options(nomem, nostack, preserves_flags)) };
            at
        }
    };
    let (text, bytes) = kernel_map::constant_part();
    for place in places {
        if !at.is_multiple_of(8) || !kernel_map::is_on_stack(at, at.wrapping_add(16)) {
            break;
        }
        let words: *const u64 = core::ptr::with_exposed_provenance(at as usize);
        // SAFETY: Both words are on one of the kernel's stacks.
        let (next, back) = unsafe { (words.read(), words.add(1).read()) };
        if back < text || back >= text + bytes as u64 {
            break;
        }
        *place = back;
        if next <= at {
            break;
        }
        at = next;
    }
    found
}
