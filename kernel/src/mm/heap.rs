//! The kernel heap: a fixed run of frames, given out by `linked_list_allocator`.
//!
//! Only tables and boot use it; no fast path and no step of a restart allocates. It never grows,
//! so what the kernel can use for itself is bounded.
//!
//! The lock is only ever held with interrupts off: a kernel thread that allocates cannot be
//! preempted by a handler that allocates too.
//!
//! # Damage
//! Everything that is given out lies between guard words ([`super::guard`]), which are checked when
//! it is given back, also by `realloc`; and what the allocator hands out is looked at before anybody
//! gets it. Free memory is a chain of holes, each with its size and the address of the next in its
//! first 16 bytes, and nothing protects those. If they are written to, then
//!
//! - an address that leads nowhere is an exception while the lock is held, which counts as damage to
//!   the heap ([`is_at_work`]), as does a panic of the allocator about holes that overlap;
//! - a hole outside the heap, or one that reaches out of it, is seen when it is handed out;
//! - a chain that has become a ring is gone round for ever with interrupts off: the watchdog's;
//! - a hole that lies in memory somebody owns, or a size that is too small, is not seen. The first
//!   is when that somebody gives it back.

use core::alloc::{GlobalAlloc, Layout};
use core::fmt;
use core::ptr::{self, NonNull};

use abi::SiteCause;
use linked_list_allocator::Heap;
use spin::Mutex;

use super::{Frame, direct, guard};
use crate::arch::cpu::without_interrupts;
use crate::fail::die;

struct KernelHeap(Mutex<Heap>);

#[global_allocator]
static HEAP: KernelHeap = KernelHeap(Mutex::new(Heap::empty()));

/// Gives the heap its memory. Called once per kernel start.
///
/// # Safety
/// The frames are the caller's, next to each other, and used for nothing else from now on.
pub unsafe fn initialise(start: Frame, frames: u32) {
    let bytes = frames as usize * 4096;
    // SAFETY: The direct map covers the frames; exclusiveness is the caller's.
    without_interrupts(|| unsafe { HEAP.0.lock().init(direct::pointer(start), bytes) });
}

/// Bytes kept free for what cannot fail gracefully: the nodes of the maps of names.
const RESERVE: usize = 256 * 1024;

/// Whether there is room for a further name. Tables grow with fallible allocations only; the maps
/// cannot, so whoever adds to one asks first.
#[must_use]
pub fn has_room() -> bool {
    without_interrupts(|| HEAP.0.lock().free() > RESERVE)
}

/// Whether somebody is in the allocator: for whoever was interrupted by an exception.
#[must_use]
pub fn is_at_work() -> bool {
    HEAP.0.is_locked()
}

/// Whether memory is the heap's.
fn holds(heap: &Heap, pointer: *mut u8, bytes: usize) -> bool {
    let end = pointer.addr().checked_add(bytes);
    pointer >= heap.bottom() && end.is_some_and(|end| end <= heap.top().addr())
}

/// Ends the kernel for what is wrong with some memory.
fn die_of(pointer: *mut u8, bytes: usize, what: impl fmt::Display) -> ! {
    die(
        SiteCause::HEAP,
        format_args!("{bytes} bytes at {pointer:p}: {what}"),
        None,
    )
}

/// Panics with the heap locked, for a test.
pub fn panic_inside() -> ! {
    let _heap = HEAP.0.lock();
    panic!("a test asked for it, with the heap locked")
}

/// Bytes in use.
#[must_use]
pub fn used() -> usize {
    without_interrupts(|| HEAP.0.lock().used())
}

// SAFETY: `Heap` gives out memory of its own, aligned and non-overlapping, and the lock makes
// every use exclusive.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((whole, lead)) = guard::padded(layout) else {
            return ptr::null_mut();
        };
        without_interrupts(|| {
            let mut heap = self.0.lock();
            let Ok(block) = heap.allocate_first_fit(whole) else {
                return ptr::null_mut();
            };
            let block = block.as_ptr();
            let is_aligned = block.addr().is_multiple_of(whole.align());
            if !is_aligned || !holds(&heap, block, whole.size()) {
                die_of(block, whole.size(), "no memory to be given out");
            }
            // SAFETY: The block is as large as `padded` has said.
            unsafe {
                let pointer = block.add(lead);
                guard::put(pointer, layout);
                pointer
            }
        })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let size = layout.size();
        let Some((whole, lead)) = guard::padded(layout) else {
            die_of(pointer, size, "more than can have been given out")
        };
        without_interrupts(|| {
            let mut heap = self.0.lock();
            let block = pointer.wrapping_sub(lead);
            if !pointer.addr().is_multiple_of(whole.align()) || !holds(&heap, block, whole.size()) {
                die_of(pointer, size, "was never given out");
            }
            // SAFETY: The block is the heap's, and aligned.
            if let Err(damage) = unsafe { guard::take(pointer, layout) } {
                die_of(pointer, size, damage);
            }
            if let Some(block) = NonNull::new(block) {
                // SAFETY: The words around it say that `alloc` has given it out with this layout.
                unsafe { heap.deallocate(block, whole) };
            }
        });
    }
}
