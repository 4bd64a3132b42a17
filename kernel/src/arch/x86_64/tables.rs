//! The descriptor tables: segments, the task state and the interrupt vectors.

use core::cell::UnsafeCell;
use core::mem::offset_of;

use x86_64::VirtAddr;
use x86_64::instructions::segmentation::{CS, DS, ES, SS, Segment};
use x86_64::instructions::tables::{lidt, load_tss};
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable, SegmentSelector};
use x86_64::structures::tss::TaskStateSegment;

use super::entry::{STUBS, TRAP_VECTOR};
use super::frame::{KERNEL_CODE, KERNEL_DATA, USER_CODE, USER_DATA};

/// Bytes of each stack for exceptions that must not trust the stack they came on.
const IST_STACK_BYTES: usize = 16 * 1024;

/// Which entry of the interrupt stack table an exception uses: double fault, NMI, debug and
/// machine check have stacks of their own (Intel SDM vol. 3A, 6.14.5).
const IST: [(u8, u16); 4] = [(8, 0), (2, 1), (1, 2), (18, 3)];

/// A stack above a page that is never mapped.
#[repr(C, align(4096))]
struct Stack {
    guard: [u8; 4096],
    stack: [u8; IST_STACK_BYTES],
}

/// An interrupt gate (Intel SDM vol. 3A, figure 6-8). The `x86_64` crate's table wants handlers of
/// an unstable calling convention; ours are assembly.
#[derive(Clone, Copy)]
#[repr(C)]
struct Gate {
    offset_low: u16,
    selector: u16,
    options: u16,
    offset_middle: u16,
    offset_high: u32,
    reserved: u32,
}

impl Gate {
    /// A vector nobody takes: raising it is a general protection fault.
    const ABSENT: Self = Self {
        offset_low: 0,
        selector: 0,
        options: 0,
        offset_middle: 0,
        offset_high: 0,
        reserved: 0,
    };

    /// A present gate that clears the interrupt flag. `ring` may raise it by instruction.
    const fn new(entry: u64, stack: Option<u16>, ring: u16) -> Self {
        let stack = match stack {
            Some(index) => index + 1,
            None => 0,
        };
        Self {
            offset_low: (entry & 0xffff) as u16,
            selector: KERNEL_CODE as u16,
            options: 0x8e00 | ring << 13 | stack,
            offset_middle: ((entry >> 16) & 0xffff) as u16,
            offset_high: (entry >> 32) as u32,
            reserved: 0,
        }
    }
}

/// All tables, in one place.
pub(super) struct Tables {
    gdt: GlobalDescriptorTable,
    tss: TaskStateSegment,
    idt: [Gate; 256],
    stacks: [Stack; 4],
}

/// Where the stack for the next way in from ring 3 is noted, in [`TABLES`].
pub(super) const KERNEL_STACK: usize =
    offset_of!(Tables, tss) + offset_of!(TaskStateSegment, privilege_stack_table);

/// Written at the kernel's start and, for the stack pointer, at each switch of threads.
pub(super) struct Cell(UnsafeCell<Tables>);

// SAFETY: One CPU; every access is with interrupts off and lasts no longer than one function here.
unsafe impl Sync for Cell {}

/// The tables.
pub(super) static TABLES: Cell = Cell(UnsafeCell::new(Tables {
    gdt: GlobalDescriptorTable::new(),
    tss: TaskStateSegment::new(),
    idt: [Gate::ABSENT; 256],
    stacks: [const {
        Stack {
            guard: [0; 4096],
            stack: [0; IST_STACK_BYTES],
        }
    }; 4],
}));

/// Builds and loads all tables.
///
/// # Safety
/// Called once per kernel start, with interrupts off.
pub unsafe fn initialise() {
    // SAFETY: Nothing else runs; the references end with this function, but the tables are static
    // and are not moved.
    let tables: &'static mut Tables = unsafe { &mut *TABLES.0.get() };
    for ((_, index), stack) in IST.into_iter().zip(&tables.stacks) {
        let end = (&raw const *stack).wrapping_add(1) as u64;
        tables.tss.interrupt_stack_table[usize::from(index)] = VirtAddr::new(end);
    }
    tables.gdt = GlobalDescriptorTable::new();
    let kernel_code = tables.gdt.append(Descriptor::kernel_code_segment());
    let kernel_data = tables.gdt.append(Descriptor::kernel_data_segment());
    let user_data = tables.gdt.append(Descriptor::user_data_segment());
    let user_code = tables.gdt.append(Descriptor::user_code_segment());
    let tss = tables.gdt.append(Descriptor::tss_segment(&tables.tss));
    let values =
        [kernel_code, kernel_data, user_data, user_code].map(|selector| u64::from(selector.0));
    assert_eq!(
        values,
        [KERNEL_CODE, KERNEL_DATA, USER_DATA, USER_CODE],
        "SYSCALL counts on these"
    );
    for (vector, entry) in STUBS {
        let stack = IST
            .iter()
            .find(|(with_stack, _)| *with_stack == vector)
            .map(|(_, index)| *index);
        tables.idt[usize::from(vector)] = Gate::new(entry as usize as u64, stack, ring_of(vector));
    }
    let idt = DescriptorTablePointer {
        base: VirtAddr::new(tables.idt.as_ptr() as u64),
        limit: (size_of_val(&tables.idt) - 1) as u16,
    };
    // SAFETY: The tables are static, complete, and their selectors were just made.
    unsafe {
        tables.gdt.load_unsafe();
        CS::set_reg(kernel_code);
        SS::set_reg(kernel_data);
        DS::set_reg(SegmentSelector::NULL);
        ES::set_reg(SegmentSelector::NULL);
        load_tss(tss);
        lidt(&idt);
    }
}

/// Which ring may raise a vector by instruction: breakpoint, overflow and the traps are for all.
const fn ring_of(vector: u8) -> u16 {
    const LAST_TRAP: u8 = TRAP_VECTOR + 15;
    match vector {
        3 | 4 | TRAP_VECTOR..=LAST_TRAP => 3,
        _ => 0,
    }
}

/// The addresses of the pages below the stacks.
#[must_use]
pub fn guards() -> [u64; IST.len()] {
    // SAFETY: Only addresses are taken.
    let stacks = unsafe { &raw const (*TABLES.0.get()).stacks };
    core::array::from_fn(|index| stacks.cast::<Stack>().wrapping_add(index) as u64)
}

/// Sets the stack pointer the CPU takes on an interrupt from ring 3.
pub fn set_kernel_stack(end: u64) {
    // SAFETY: A single store with interrupts off; the CPU reads the field only on an interrupt.
    unsafe { (*TABLES.0.get()).tss.privilege_stack_table[0] = VirtAddr::new_unsafe(end) };
}
