//! The CPU itself: features, control registers, the interrupt flag, floating point.

use core::arch::asm;
use core::arch::x86_64::{__cpuid, __cpuid_count};
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use x86_64::VirtAddr;
use x86_64::registers::control::{Cr0, Cr0Flags, Cr2, Cr4, Cr4Flags, Efer, EferFlags};
use x86_64::registers::model_specific::{LStar, Msr, SFMask};
use x86_64::registers::rflags::RFlags;

use abi::layout::PAGE_BYTES;

use super::clock;
use super::entry::refrain_syscall_entry;
use super::frame::{KERNEL_CODE, KERNEL_DATA, USER_DATA};
use crate::mm::{Frame, direct};

pub use x86_64::instructions::hlt;
pub use x86_64::instructions::interrupts::{are_enabled as interrupts_enabled, disable, enable};

/// What the CPU has of what we would use.
#[derive(Clone, Copy, Debug)]
pub struct Features {
    /// Pages that cannot be executed.
    pub no_execute: bool,
    /// Ring 0 cannot execute ring 3's pages.
    pub smep: bool,
    /// Ring 0 cannot touch ring 3's pages.
    pub smap: bool,
    /// It encrypts.
    pub aes: bool,
}

/// Whether the CPU has AES instructions; until it is asked, the answer is no.
static HAS_AES: AtomicBool = AtomicBool::new(false);

/// Does something with interrupts off, and notes for how long.
pub fn without_interrupts<R>(work: impl FnOnce() -> R) -> R {
    if !interrupts_enabled() {
        return work();
    }
    disable();
    let start = clock::counter();
    let result = work();
    clock::note_interrupts_off(start);
    enable();
    result
}

/// Asks the CPU for its features.
#[must_use]
pub fn features() -> Features {
    let extended = if __cpuid(0x8000_0000).eax >= 0x8000_0001 {
        __cpuid(0x8000_0001).edx
    } else {
        0
    };
    let structured = if __cpuid(0).eax >= 7 {
        __cpuid_count(7, 0).ebx
    } else {
        0
    };
    Features {
        no_execute: extended & 1 << 20 != 0,
        smep: structured & 1 << 7 != 0,
        smap: structured & 1 << 20 != 0,
        aes: __cpuid(1).ecx & 1 << 25 != 0,
    }
}

/// Turns on what there is, and prepares SYSCALL and floating point.
///
/// SMAP stays on for good: the kernel reaches user memory through the direct map only, never
/// through user addresses.
///
/// # Safety
/// Called once per kernel start with interrupts off, when the kernel's own page tables and
/// descriptor tables are in use.
pub unsafe fn initialise(features: Features) {
    HAS_AES.store(features.aes, Ordering::Relaxed);
    // SAFETY: The flags turn on protections the kernel's mappings satisfy; SYSCALL's target is a
    // valid entry and its segments are those of the GDT.
    unsafe {
        let mut cr4 = Cr4Flags::OSFXSR | Cr4Flags::OSXMMEXCPT_ENABLE;
        cr4.set(
            Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION,
            features.smep,
        );
        cr4.set(Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION, features.smap);
        Cr4::update(|flags| {
            flags.insert(cr4);
            // Registers beyond SSE are not saved, so nobody may use them, whatever firmware left.
            flags.remove(Cr4Flags::OSXSAVE);
        });
        Cr0::update(|flags| {
            flags.insert(Cr0Flags::WRITE_PROTECT | Cr0Flags::MONITOR_COPROCESSOR);
            flags.insert(Cr0Flags::TASK_SWITCHED | Cr0Flags::NUMERIC_ERROR);
            flags.insert(Cr0Flags::ALIGNMENT_MASK);
            flags.remove(Cr0Flags::EMULATE_COPROCESSOR);
        });
        let mut efer = EferFlags::SYSTEM_CALL_EXTENSIONS;
        efer.set(EferFlags::NO_EXECUTE_ENABLE, features.no_execute);
        Efer::update(|flags| flags.insert(efer));
        // STAR: SYSCALL takes CS from bits 47..32; SYSRET takes SS as 8 and CS as 16 more than
        // bits 63..48 (Intel SDM vol. 2B, SYSRET).
        Msr::new(0xc000_0081).write((USER_DATA - 8) << 48 | KERNEL_CODE << 32);
        LStar::write(VirtAddr::new(refrain_syscall_entry as *const () as u64));
    }
    SFMask::write(
        RFlags::INTERRUPT_FLAG
            | RFlags::DIRECTION_FLAG
            | RFlags::TRAP_FLAG
            | RFlags::ALIGNMENT_CHECK
            | RFlags::NESTED_TASK,
    );
}

/// Writes memory that the kernel must not write.
///
/// # Safety
/// Interrupts are off, and it is meant.
pub unsafe fn unprotected(write: impl FnOnce()) {
    // SAFETY: As the caller promises; the protection is back before anything else runs.
    unsafe {
        Cr0::update(|flags| flags.remove(Cr0Flags::WRITE_PROTECT));
        write();
        Cr0::update(|flags| flags.insert(Cr0Flags::WRITE_PROTECT));
    }
}

/// The address of the last page fault.
#[must_use]
pub fn fault_address() -> u64 {
    Cr2::read_raw()
}

/// Switches to the address space with this root table.
///
/// # Safety
/// The root's upper half is the kernel's.
pub unsafe fn set_root(root: Frame) {
    // SAFETY: As the caller promises.
    unsafe { set_root_address(root.address()) };
}

/// The same with the address of the table.
///
/// # Safety
/// As for [`set_root`].
pub unsafe fn set_root_address(root: u64) {
    // SAFETY: The kernel, its stacks and the direct map stay where they are.
    unsafe { asm!("mov cr3, {}", in(reg) root, options(nostack, preserves_flags)) };
}

/// Forgets what the CPU remembers of one page of the present address space.
pub fn flush(address: u64) {
    // SAFETY: Forgetting a translation changes no memory.
    unsafe { asm!("invlpg [{}]", in(reg) address, options(nostack, preserves_flags)) };
}

/// The floating-point and SSE registers of a thread (Intel SDM vol. 1, 10.5.1).
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub struct FloatingPoint([u8; 512]);

impl FloatingPoint {
    /// The state after FNINIT and with all SSE exceptions masked.
    pub const INITIAL: Self = {
        let mut bytes = [0; 512];
        bytes[0] = 0x7f;
        bytes[1] = 0x03;
        bytes[24] = 0x80;
        bytes[25] = 0x1f;
        Self(bytes)
    };

    /// Saves the CPU's registers here.
    pub fn save(&mut self) {
        // SAFETY: 512 bytes, aligned; the task-switched flag is clear for the thread that ran.
        unsafe { asm!("fxsave64 [{}]", in(reg) self, options(nostack, preserves_flags)) };
    }

    /// Loads the CPU's registers from here.
    pub fn load(&self) {
        // SAFETY: What `save` or `INITIAL` made is valid state.
        unsafe { asm!("fxrstor64 [{}]", in(reg) self, options(nostack, preserves_flags)) };
    }
}

/// Lets the next thread use floating-point and SSE instructions without a fault.
pub fn allow_floating_point() {
    // SAFETY: CLTS only clears the flag.
    unsafe { asm!("clts", options(nostack, preserves_flags)) };
}

/// Makes the next floating-point or SSE instruction fault (#NM).
pub fn trap_floating_point() {
    // SAFETY: Sets one flag that the kernel's own code, built without SSE, never meets.
    unsafe { Cr0::update(|flags| flags.insert(Cr0Flags::TASK_SWITCHED)) };
}

/// The root table in use.
#[must_use]
pub fn root() -> Frame {
    let value: u64;
    // SAFETY: Reads a register.
    unsafe { asm!("mov {}, cr3", out(reg) value, options(nomem, nostack, preserves_flags)) };
    Frame::containing(value).unwrap_or(Frame(0))
}

/// Makes the no-execute bit of page tables count. Every x86_64 CPU we can run on has it; without
/// it our tables would be invalid.
///
/// # Safety
/// Before the kernel's own page tables are used.
pub unsafe fn enable_no_execute() {
    // SAFETY: As the caller promises.
    unsafe { Efer::update(|flags| flags.insert(EferFlags::NO_EXECUTE_ENABLE)) };
}

/// Takes non-maskable interrupts again, where a former kernel was in one and never came back.
///
/// # Safety
/// The descriptor tables are the kernel's.
pub unsafe fn let_nmi_in() {
    // SAFETY: Goes on behind the IRET with the same segments, flags and stack; all that changes is
    // that the CPU takes the handling of an NMI to be over (Intel SDM vol. 3A, 6.7.1).
    unsafe {
        asm!(
            "mov {stack}, rsp",
            "push {data}",
            "push {stack}",
            "pushfq",
            "push {code}",
            "lea {stack}, [rip + 2f]",
            "push {stack}",
            "iretq",
            "2:",
            stack = out(reg) _,
            data = const KERNEL_DATA,
            code = const KERNEL_CODE,
        );
    }
}

/// Sleeps until the next interrupt, which is taken.
pub fn wait_for_interrupt() {
    x86_64::instructions::interrupts::enable_and_hlt();
}

/// Checksum of a frame, the same until the CPU is another. A restart checks every page that it puts
/// back, so this is the fastest there is: sixteen bytes an instruction where the CPU has AES, else
/// [`checksum_of`].
#[must_use]
pub fn checksum(frame: Frame) -> u32 {
    if HAS_AES.load(Ordering::Relaxed) {
        // SAFETY: The CPU has AES, and interrupts are off.
        without_interrupts(|| unsafe { encrypted(frame) })
    } else {
        // SAFETY: The direct map covers the frame, which is only read.
        unsafe { checksum_of(direct::pointer(frame), PAGE_BYTES as usize) as u32 }
    }
}

/// A quarter of what comes of four chains of AES rounds over a frame's blocks, each block the key of a
/// round (Intel SDM vol. 2A, AESENC), and of some more over the four. Of a key, and of what it is
/// applied to, a round is a bijection: so what is changed in one block always changes what is kept of
/// its chain, and goes unnoticed with the chance of a quarter of 16 bytes, 1 to 2^32.
///
/// The registers are those of whoever used floating point last, and are put back.
///
/// # Safety
/// The CPU has the instruction, and interrupts are off.
unsafe fn encrypted(frame: Frame) -> u32 {
    let mut kept = [0_u64; 8];
    let sum: u64;
    // SAFETY: The direct map covers the frame, which is only read; registers and the flag that
    // forbids their use are afterwards as they were before.
    unsafe {
        asm!(
            "mov {control}, cr0",
            "clts",
            "movups [{kept}], xmm0",
            "movups [{kept} + 16], xmm1",
            "movups [{kept} + 32], xmm2",
            "movups [{kept} + 48], xmm3",
            "pcmpeqd xmm0, xmm0",
            "pxor xmm1, xmm1",
            "movq xmm2, {sum}",
            "pshufd xmm3, xmm2, 0x4e",
            ".set refrain_at, 0",
            ".rept 64",
            "aesenc xmm0, [{at} + refrain_at]",
            "aesenc xmm1, [{at} + refrain_at + 16]",
            "aesenc xmm2, [{at} + refrain_at + 32]",
            "aesenc xmm3, [{at} + refrain_at + 48]",
            ".set refrain_at, refrain_at + 64",
            ".endr",
            "aesenc xmm0, xmm1",
            "aesenc xmm2, xmm3",
            "aesenc xmm0, xmm2",
            "pxor xmm1, xmm1",
            "aesenc xmm0, xmm1",
            "aesenc xmm0, xmm1",
            "movq {sum}, xmm0",
            "movups xmm0, [{kept}]",
            "movups xmm1, [{kept} + 16]",
            "movups xmm2, [{kept} + 32]",
            "movups xmm3, [{kept} + 48]",
            "mov cr0, {control}",
            control = out(reg) _,
            kept = in(reg) kept.as_mut_ptr(),
            at = in(reg) direct::pointer(frame),
            sum = inout(reg) PAGE_BYTES => sum,
            options(nostack, preserves_flags),
        );
    }
    sum as u32
}

/// Whether the CPU has the instruction for checksums: 1 if it has, 2 if not, else nobody has asked.
static HAS_CHECKSUM: AtomicU8 = AtomicU8::new(0);

/// Whether the CPU has the instruction for checksums. It is asked once, for a virtual one may take long
/// to answer.
fn has_checksum() -> bool {
    match HAS_CHECKSUM.load(Ordering::Relaxed) {
        1 => true,
        2 => false,
        _ => ask_for_checksum(),
    }
}

/// Asks the CPU for it, whatever it is thought to have: what a former kernel has left says nothing.
#[cold]
pub fn ask_for_checksum() -> bool {
    let has = __cpuid(1).ecx & 1 << 20 != 0;
    HAS_CHECKSUM.store(if has { 1 } else { 2 }, Ordering::Relaxed);
    has
}

/// Checksum of bytes, whose number is a multiple of 8: CRC32C by the CPU's own instruction where it
/// has it (SSE4.2; Intel SDM vol. 2A, CRC32), else the slower hash of [`crate::image`]. It finds
/// stray writes and flipped bits; an adversary has no way to preserved memory.
///
/// # Safety
/// They can be read, and nobody writes them meanwhile.
#[must_use]
pub unsafe fn checksum_of(start: *const u8, bytes: usize) -> u64 {
    if !has_checksum() {
        // SAFETY: As the caller promises.
        return crate::image::hash(unsafe { core::slice::from_raw_parts(start, bytes) });
    }
    let mut sum = u64::from(u32::MAX);
    // SAFETY: Reads the bytes: blocks of 256, then what is left of one, the half of it first.
    unsafe {
        asm!(
            ".macro refrain_words words",
            ".set refrain_at, 0",
            ".rept \\words",
            "crc32 {sum}, qword ptr [{at} + refrain_at]",
            ".set refrain_at, refrain_at + 8",
            ".endr",
            "add {at}, refrain_at",
            ".endm",
            "jmp 3f",
            "2:",
            "refrain_words 32",
            "3:",
            "cmp {at}, {blocks}",
            "jne 2b",
            "test {bytes:l}, 128",
            "jz 4f",
            "refrain_words 16",
            "4:",
            "test {bytes:l}, 64",
            "jz 5f",
            "refrain_words 8",
            "5:",
            "test {bytes:l}, 32",
            "jz 6f",
            "refrain_words 4",
            "6:",
            "test {bytes:l}, 16",
            "jz 7f",
            "refrain_words 2",
            "7:",
            "test {bytes:l}, 8",
            "jz 8f",
            "refrain_words 1",
            "8:",
            ".purgem refrain_words",
            sum = inout(reg) sum,
            at = inout(reg) start => _,
            blocks = in(reg) start.wrapping_add(bytes / 256 * 256),
            bytes = in(reg_abcd) bytes,
            options(nostack, readonly),
        );
    }
    sum
}
