//! A heap, for actors that want `alloc` (feature `heap`).
//!
//! The memory is one private region, taken at the first allocation, so it is gone after a
//! restart like everything else that is not persistent.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

use abi::Span;
use linked_list_allocator::Heap;
use spin::RelaxStrategy;
use spin::mutex::SpinMutex;

use crate::{call, thread};

/// Bytes of an actor's heap. Enough for the tables of a small server; what needs more takes a
/// [`Region`](crate::Region) of its own, whose size it knows better than we do.
pub const HEAP_BYTES: usize = 256 * 1024;

/// How long a thread waits for another one that is inside the allocator.
///
/// Sleeping instead of spinning: with fixed priorities, a high thread that spins would never let
/// a low one leave the allocator. The lock is held for some hundred instructions, so one tick of
/// the kernel is already much.
const WAIT: Span = Span::from_micros(100);

#[global_allocator]
static ALLOCATOR: Allocator = Allocator {
    heap: SpinMutex::new(Heap::empty()),
};

struct Allocator {
    heap: SpinMutex<Heap, Sleeping>,
}

/// Waits for a lock by sleeping.
struct Sleeping;

impl RelaxStrategy for Sleeping {
    fn relax() {
        thread::sleep(WAIT);
    }
}

// SAFETY: `Heap` gives out memory that nobody else has, of the layout asked for; the lock makes
// its callers take turns.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut heap = self.heap.lock();
        if heap.size() == 0 {
            let Ok(address) = call::sys_region_allocate(HEAP_BYTES as u64) else {
                return ptr::null_mut();
            };
            let start = ptr::with_exposed_provenance_mut(address as usize);
            // SAFETY: the region is ours alone, for the rest of the incarnation.
            unsafe { heap.init(start, HEAP_BYTES) };
        }
        heap.allocate_first_fit(layout)
            .map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if let Some(pointer) = NonNull::new(pointer) {
            // SAFETY: the caller got the memory from `alloc` with this layout.
            unsafe { self.heap.lock().deallocate(pointer, layout) };
        }
    }
}
