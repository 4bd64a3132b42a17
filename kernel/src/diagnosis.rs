//! What an exception or a panic in the kernel means: which kind of death it is, and where.

use core::fmt;
use core::panic::Location;

use abi::SiteCause;
use abi::layout::PAGE_BYTES;

use crate::arch::frame::TrapFrame;
use crate::arch::{cpu, entry, tables};
use crate::mm::{heap, kernel_map};
use crate::watchdog;

const VECTOR_NMI: u64 = 2;
const VECTOR_DOUBLE_FAULT: u64 = 8;
const VECTOR_PAGE_FAULT: u64 = 14;
const VECTOR_MACHINE_CHECK: u64 = 18;

/// Kernel threads, in the order in which `start` makes them: so are their slots, and their stacks.
const THREADS: [&str; 5] = ["idle", "recovery", "loader", "log writer", "errands"];

/// The stacks for exceptions, in the order of [`tables::guards`].
const EXCEPTION_STACKS: [&str; 4] = ["double fault", "NMI", "debug exception", "machine check"];

/// A kernel stack that was overrun; what else there is to say of an exception is said by the one
/// who has its frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// No stack was overrun.
    Elsewhere,
    /// The one on which traps are handled.
    Cpu,
    /// One that an exception has for itself.
    Exception(&'static str),
    /// A kernel thread's.
    Thread(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere => Ok(()),
            Self::Cpu => f.write_str("stack of the CPU: "),
            Self::Exception(name) => write!(f, "stack for {name}: "),
            Self::Thread(name) => write!(f, "stack of {name}: "),
        }
    }
}

/// The name of the kernel thread in a slot.
#[must_use]
pub fn thread_name(slot: u32) -> &'static str {
    THREADS.get(slot as usize).unwrap_or(&"a kernel thread")
}

/// What an exception in ring 0 means, or one that is never ring 3's doing.
#[must_use]
pub fn of_exception(frame: &TrapFrame) -> (SiteCause, Place) {
    let place = overrun(frame);
    let cause = match frame.vector {
        VECTOR_NMI if watchdog::has_run_out() => SiteCause::WATCHDOG,
        VECTOR_NMI => SiteCause::NMI,
        VECTOR_MACHINE_CHECK => SiteCause::MACHINE_CHECK,
        _ if place != Place::Elsewhere => SiteCause::STACK_OVERFLOW,
        VECTOR_DOUBLE_FAULT => SiteCause::DOUBLE_FAULT,
        // It follows a chain through free memory that somebody has written to.
        _ if heap::is_at_work() => SiteCause::HEAP,
        _ => SiteCause::EXCEPTION,
    };
    (cause, place)
}

/// What a panic means: one of the allocator's own checks is about the heap.
#[must_use]
pub fn of_panic(location: &Location<'_>) -> SiteCause {
    if location.file().contains("linked_list_allocator") {
        SiteCause::HEAP
    } else {
        SiteCause::PANIC
    }
}

/// Whether this is the end of a stack: an access to the page below it, from a stack pointer that is
/// there. The first is a page fault, or a double fault if the CPU found no room to tell of that. A
/// stray pointer that hits such a page has its stack pointer elsewhere. A frame larger than a page is
/// no way around: the compiler has such functions touch each page on the way down.
fn overrun(frame: &TrapFrame) -> Place {
    if !matches!(frame.vector, VECTOR_PAGE_FAULT | VECTOR_DOUBLE_FAULT) {
        return Place::Elsewhere;
    }
    let address = cpu::fault_address();
    let guard = address - address % PAGE_BYTES;
    if !(guard..=guard + 2 * PAGE_BYTES).contains(&frame.rsp) {
        return Place::Elsewhere;
    }
    let exceptions = tables::guards();
    let mut exceptions = exceptions.iter().zip(EXCEPTION_STACKS);
    if guard == entry::guard() {
        Place::Cpu
    } else if let Some((_, name)) = exceptions.find(|(of, _)| **of == guard) {
        Place::Exception(name)
    } else if let Some(index) = kernel_map::guarded_stack(guard) {
        Place::Thread(thread_name(index))
    } else {
        Place::Elsewhere
    }
}
