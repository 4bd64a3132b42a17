//! Ways to make the kernel fail on purpose, for its tests.
//!
//! Some do it at once, in the syscall. Others have it done where it is to happen, by whoever comes
//! to that place next ([`pass`]).

use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;
use core::arch::asm;
use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering};

use abi::layout::PAGE_BYTES;
use abi::site::Hook;
use abi::{Span, Status};
use x86_64::VirtAddr;
use x86_64::instructions::tables::lidt;
use x86_64::structures::DescriptorTablePointer;

use crate::arch::{clock, cpu, interrupts};
use crate::fault::Refusal;
use crate::kernel::Kernel;
use crate::mm::kernel_map::Direct;
use crate::mm::page_table::{self, KERNEL_TABLE, Table, Tables};
use crate::mm::{Frame, Page, direct, heap};
use crate::syscall::{DONE, Next};
use crate::watchdog;

/// Places in the kernel where a hook may be waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the recovery thread, between two steps, with interrupts on.
    RecoveryThread,
    /// In the recovery thread, with the Restart Manager borrowed, which was just told of a failure.
    RestartManager,
    /// In a switch of threads, when nobody is current.
    Scheduler,
    /// Where the log writer has the serial port, and the backlog as well.
    LogWriter,
}

/// The hook that is waited for; 0 for none.
static WAITED_FOR: AtomicU64 = AtomicU64::new(0);

/// Somebody has come to a place.
#[inline]
pub fn pass(place: Place) {
    let hook = WAITED_FOR.load(Ordering::Relaxed);
    if hook != 0 {
        reach(place, Hook(hook));
    }
}

#[cold]
fn reach(place: Place, hook: Hook) {
    match (place, hook) {
        (Place::RecoveryThread, Hook::HANG_IN_THREAD) => spin(),
        (Place::RecoveryThread, Hook::OVERFLOW_THREAD_STACK) => overflow(),
        (Place::RestartManager, Hook::PANIC_IN_RESTART_MANAGER)
        | (Place::Scheduler, Hook::PANIC_IN_SCHEDULER)
        | (Place::LogWriter, Hook::PANIC_IN_LOG_WRITER) => {
            panic!("a test asked for it, {place:?}")
        }
        _ => {}
    }
}

impl Kernel {
    /// The hooks that end the kernel, now or when somebody comes to the place.
    pub fn death_hook(&mut self, hook: Hook, argument: u64) -> Result<Next, Refusal> {
        match hook {
            Hook::EXCEPTION => raise(argument)?,
            Hook::MASK_TICK => interrupts::mask(interrupts::LINE_TICK),
            Hook::OVERFLOW_CPU_STACK => overflow(),
            Hook::HEAP_OVERRUN => free_changed(|memory, bytes| memory.wrapping_add(bytes)),
            Hook::HEAP_UNDERRUN => free_changed(|memory, _| memory.wrapping_sub(1)),
            Hook::HEAP_FREED_TWICE => free_twice(),
            Hook::HEAP_HOLE => {
                damage_hole(argument, self.frames.allocate_contiguous(3 * LARGE_PAGES));
            }
            Hook::PANIC_IN_PAGE_TABLES => self.panic_in_page_tables(),
            Hook::PANIC_IN_ALLOCATOR => heap::panic_inside(),
            Hook::WATCHDOG_HANDED_ON => hand_watchdog_on(argument),
            // SAFETY: Interrupts are off, and we are not in the middle of using configuration space.
            Hook::WATCHDOG_TOO_SOON => unsafe { watchdog::hurry() },
            Hook::HANG_IN_THREAD
            | Hook::OVERFLOW_THREAD_STACK
            | Hook::PANIC_IN_SCHEDULER
            | Hook::PANIC_IN_RESTART_MANAGER
            | Hook::PANIC_IN_LOG_WRITER => {
                WAITED_FOR.store(hook.0, Ordering::Relaxed);
                self.wake_recovery();
            }
            _ => return Err(Status::BAD_ARGUMENT.into()),
        }
        Ok(DONE)
    }

    /// Has the page-table code make two tables in the present address space, for a page without
    /// any, and panics when it asks for the second.
    fn panic_in_page_tables(&mut self) {
        const NOWHERE: Page = Page::containing(0x7f00_0000_0000);
        let mut tables = Panicking {
            tables: Direct(&mut self.frames),
            left: 1,
        };
        let _ = page_table::entry_or_new(&mut tables, cpu::root(), NOWHERE, KERNEL_TABLE);
    }
}

/// Tables that come to a bad end.
struct Panicking<'f> {
    tables: Direct<'f>,
    left: u32,
}

impl Tables for Panicking<'_> {
    fn table(&mut self, frame: Frame) -> &mut Table {
        self.tables.table(frame)
    }

    fn allocate(&mut self) -> Option<Frame> {
        let left = self.left.checked_sub(1);
        self.left = left.expect("a test asked for it, in the middle of a page table");
        self.tables.allocate()
    }
}

/// Raises an exception.
fn raise(vector: u64) -> Result<(), Refusal> {
    /// No address at all, for its upper bits differ.
    const NOT_CANONICAL: u64 = 0x8000_0000_0000_0000;
    /// Never mapped: between the direct map and the stacks.
    const UNMAPPED: u64 = 0xffff_b000_0000_0000;
    // SAFETY: None of them comes back.
    unsafe {
        match vector {
            0 => asm!("div {0:e}", in(reg) 0, inout("eax") 1 => _, inout("edx") 0 => _),
            6 => asm!("ud2"),
            // With nowhere to tell of the page fault.
            8 => asm!("mov rsp, {}", "push rax", in(reg) UNMAPPED),
            13 => asm!("mov {0}, [{0}]", inout(reg) NOT_CANONICAL => _),
            14 => asm!("mov {0}, [{0}]", inout(reg) UNMAPPED => _),
            _ => return Err(Status::BAD_ARGUMENT.into()),
        }
    }
    Ok(())
}

/// Something in the heap.
const SOMETHING: Layout = Layout::new::<[u64; 8]>();

/// Frees memory with a byte of the heap changed that is not in it.
fn free_changed(place: impl FnOnce(*mut u8, usize) -> *mut u8) {
    // SAFETY: The damage is to what the allocator has around it, and that is what is wanted.
    unsafe {
        let memory = black_box(alloc(SOMETHING));
        let place = place(memory, SOMETHING.size());
        place.write_volatile(place.read_volatile() ^ 1);
        dealloc(memory, SOMETHING);
    }
}

fn free_twice() {
    // SAFETY: The second time is what is wanted.
    unsafe {
        let memory = black_box(alloc(SOMETHING));
        dealloc(memory, SOMETHING);
        dealloc(black_box(memory), SOMETHING);
    }
}

/// Pages of what a hook that damages the heap asks for: more than the holes have that come and go.
const LARGE_PAGES: u32 = 16;

/// Makes a hole in the heap, writes to it, and asks for more than it has. `kind` says where the
/// chain goes on from there: nowhere, at `outside`, or at the same hole.
fn damage_hole(kind: u64, outside: Option<Frame>) {
    const LARGE: Layout = Layout::new::<[u8; LARGE_PAGES as usize * PAGE_BYTES as usize]>();
    const NOWHERE: u64 = 0x6b6b_6b6b_6b6b_6b6b;
    /// What the heap has before what it gives out.
    const LEAD: usize = 16;
    let describe = |hole: *mut u8, size: u64, next: u64| {
        let hole = hole.cast::<u64>();
        // SAFETY: It is a hole's, or a frame of ours.
        unsafe {
            hole.write_volatile(size);
            hole.wrapping_add(1).write_volatile(next);
        }
    };
    // SAFETY: The damage is what is wanted.
    unsafe {
        // The hole is between the first and the third, and is not made one with another.
        let [_, memory, _] = [(); 3].map(|()| black_box(alloc(LARGE)));
        dealloc(memory, LARGE);
        let hole = black_box(memory).wrapping_sub(LEAD);
        let next = match (kind, outside) {
            (0, _) => NOWHERE,
            (1, Some(frame)) => {
                let outside = direct::pointer(frame);
                describe(outside, 2 * LARGE.size() as u64, 0);
                outside as u64
            }
            _ => hole as u64,
        };
        describe(hole, LEAD as u64, next);
        let _ = black_box(alloc(LARGE));
    }
}

/// Half of the watchdog's time and a bit more: it is in its second stage then.
const HALF: Span = Span::from_millis(watchdog::TIMEOUT_MILLISECONDS * 6 / 10);

/// Stops the watchdog, or lets it get half-way and starts it anew; each time it would run out in
/// between if that had no effect.
fn hand_watchdog_on(to_the_next: u64) {
    if to_the_next == 0 {
        // SAFETY: Interrupts are off, and we are not in the middle of using configuration space.
        unsafe { watchdog::stop(watchdog::function()) };
        wait(HALF);
    } else {
        wait(HALF);
        // SAFETY: Interrupts are off, and all tables are in use.
        unsafe { watchdog::initialise(|_| {}) };
    }
    wait(HALF);
    assert!(
        to_the_next != 0,
        "a test asked for it, with the watchdog stopped"
    );
    log::error!("the watchdog was started anew");
    hang()
}

/// Waits, with interrupts as they are.
fn wait(span: Span) {
    let end = clock::now().after(span);
    while clock::now() < end {}
}

/// Runs over the end of the present stack.
fn overflow() {
    /// Calls itself until there is no more stack.
    #[inline(never)]
    fn deeper(depth: u64) -> u64 {
        let here = black_box([depth; 16]);
        if black_box(depth) == u64::MAX {
            return 0;
        }
        deeper(depth + 1) + black_box(here)[0]
    }
    let _ = deeper(0);
}

/// Makes the CPU shut down: an exception with no table to handle it.
pub fn triple_fault() -> ! {
    let empty = DescriptorTablePointer {
        limit: 0,
        base: VirtAddr::zero(),
    };
    // SAFETY: There is no way back from here, which is what is wanted.
    unsafe {
        lidt(&empty);
        asm!("ud2", options(noreturn));
    }
}

/// Spins with interrupts off.
pub fn hang() -> ! {
    cpu::disable();
    spin()
}

/// Spins. Without PAUSE, at which QEMU leaves its translated code each time: a second of its
/// instruction clock would take minutes.
fn spin() -> ! {
    loop {
        black_box(());
    }
}
