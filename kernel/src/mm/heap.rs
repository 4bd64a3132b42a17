//! The kernel heap: a fixed run of frames, given out by `linked_list_allocator`.
//!
//! Only tables and boot use it; no fast path and no step of a restart allocates. It never grows,
//! so what the kernel can use for itself is bounded.
//!
//! The lock is only ever held with interrupts off: a kernel thread that allocates cannot be
//! preempted by a handler that allocates too.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

use linked_list_allocator::Heap;
use spin::Mutex;

use super::{Frame, direct};
use crate::arch::cpu::without_interrupts;

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

/// Bytes in use.
#[must_use]
pub fn used() -> usize {
    without_interrupts(|| HEAP.0.lock().used())
}

// SAFETY: `Heap` gives out memory of its own, aligned and non-overlapping, and the lock makes
// every use exclusive.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        without_interrupts(|| {
            self.0
                .lock()
                .allocate_first_fit(layout)
                .map_or(ptr::null_mut(), NonNull::as_ptr)
        })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let Some(pointer) = NonNull::new(pointer) else {
            return;
        };
        // SAFETY: The caller gives back what `alloc` gave it.
        without_interrupts(|| unsafe { self.0.lock().deallocate(pointer, layout) });
    }
}
