//! What is set aside at the first start, before the kernel has changed any of its data.
//!
//! ```text
//! preserved memory:  site record │ pristine data │ what the loader told │ tables │ stack │ free
//! ```
//! All but the record and the stack is out of the kernel's reach from then on. The way back begins
//! at the [`Anchor`], which lies among the kernel's constants: whatever of its data is damaged, the
//! kernel finds the way.

use core::mem::{MaybeUninit, offset_of};
use core::sync::atomic::{AtomicU64, Ordering};

use abi::Span;
use abi::layout::PAGE_BYTES;
use bootloader_api::BootInfo;
use bootloader_api::info::MemoryRegion;

use super::lost::Lost;
use super::note::Found;
use super::reboot;
use super::record::{Header, LastWords, SiteRecord};
use super::verdict::Limits;
use crate::arch::{clock, cpu};
use crate::mm::frame::Frames;
use crate::mm::kernel_map::{self, Purpose};
use crate::mm::page_table::{Table, Tables};
use crate::mm::plan::{Plan, Range};
use crate::mm::{Frame, direct, pages_for};

/// Frames of the stack of the passage.
const STACK_FRAMES: u32 = 4;
/// Frames of what the loader told: the structure, then the memory map.
const BOOT_FRAMES: u32 = 3;
/// Until the site's description says otherwise.
const LIMITS: Limits = Limits {
    restarts: 3,
    window: Span::from_secs(60),
    reboots: 2,
    stable_after: Span::from_secs(10),
};

/// Where the way back begins. Zero until it can be gone.
#[repr(C)]
pub struct Anchor {
    /// Physical address of the root table.
    pub root: AtomicU64,
    /// End of the stack.
    pub stack: AtomicU64,
    /// The site record.
    pub record: AtomicU64,
}

/// Where the way back begins.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".anchor")]
pub static REFRAIN_ANCHOR: Anchor = Anchor {
    root: AtomicU64::new(0),
    stack: AtomicU64::new(0),
    record: AtomicU64::new(0),
};

/// What the start has to know of it.
pub struct Kept {
    /// What the loader told, where it stays.
    pub boot: &'static BootInfo,
    /// The site record.
    pub record: &'static mut SiteRecord,
    /// Its header.
    pub header: Header,
    /// The frames that the kernel must not write.
    pub constant: Range,
    /// Whether there was a kernel before this one.
    pub is_again: bool,
    /// What was lost, if this is a start after a site reboot.
    pub lost: Option<Lost>,
}

/// The record's place, for who has lost everything else. None before the first start is through.
#[must_use]
pub fn record() -> Option<*mut SiteRecord> {
    let address = REFRAIN_ANCHOR.record.load(Ordering::Relaxed);
    (address != 0).then(|| core::ptr::with_exposed_provenance_mut(address as usize))
}

/// Notes in the record that generations up to this one may be given out.
pub fn note_generations(given: u32) {
    if let Some(record) = record() {
        // SAFETY: A field that nobody else has a reference to.
        unsafe { (&raw mut (*record).live.generations).write_volatile((given, !given)) };
    }
}

/// Takes the last words of the kernel before out of the record: the next one's are to be its own.
pub fn take_words(record: &mut SiteRecord) -> Option<LastWords> {
    let words = match record.epitaph.read() {
        Found::Whole(words) => Some(words),
        Found::Free | Found::Damaged => None,
    };
    record.epitaph.clear();
    words
}

/// Takes tables one after the other.
struct Aside {
    next: u32,
    end: u32,
}

impl Tables for Aside {
    fn table(&mut self, frame: Frame) -> &mut Table {
        // SAFETY: Only frames found in page tables or just taken come here, and the borrow of
        // `self` keeps other references away.
        unsafe { direct::table(frame) }
    }

    fn allocate(&mut self) -> Option<Frame> {
        let frame = (self.next < self.end).then_some(Frame(self.next))?;
        self.next += 1;
        direct::zero(frame);
        Some(frame)
    }
}

/// Sets everything aside, or finds it set aside.
///
/// # Safety
/// The first thing a kernel does; the plan is that of this machine.
///
/// # Panics
/// When there is too little memory.
pub unsafe fn keep(boot: &'static BootInfo, plan: &Plan, end: u64) -> Kept {
    let record = direct::pointer(Frame(plan.preserved.start)).cast::<SiteRecord>();
    // SAFETY: The plan sets this memory aside, and any bit pattern is a record.
    let record_now = unsafe { &mut *record };
    if self::record() == Some(record) {
        // The passage has checked all of it.
        let Found::Whole(header) = record_now.header.read() else {
            panic!("the site record was lost on the way");
        };
        let first = plan.preserved.start + record_frames();
        return Kept {
            boot,
            record: record_now,
            header,
            constant: Range {
                start: first,
                end: header.free - STACK_FRAMES,
            },
            is_again: true,
            lost: None,
        };
    }
    // SAFETY: As the caller promises: nothing has changed yet.
    let kept = unsafe { set_aside(boot, plan, end, record_now) };
    kept.expect("memory for the site record")
}

/// Frames of the record itself.
const fn record_frames() -> u32 {
    (size_of::<SiteRecord>() as u64 / PAGE_BYTES) as u32
}

unsafe fn set_aside(
    boot: &'static BootInfo,
    plan: &Plan,
    end: u64,
    record: &'static mut SiteRecord,
) -> Option<Kept> {
    let (data_start, data_bytes, _) = kernel_map::data_part();
    let data = plan.preserved.start + record_frames();
    let boot_copy = data + pages_for(data_bytes as u64) as u32;
    let tables = boot_copy + BOOT_FRAMES;
    let stack = tables + kernel_map::frames_to_build(end);
    let free = stack + STACK_FRAMES;
    if free >= plan.preserved.end {
        return None;
    }
    let data = Frame(data);
    // SAFETY: The data are the kernel's own, and nobody changes them meanwhile; what is written is
    // set aside for it.
    unsafe {
        let source = core::ptr::with_exposed_provenance::<u8>(data_start as usize);
        core::ptr::copy_nonoverlapping(source, direct::pointer(data), data_bytes);
    }
    // SAFETY: As above.
    let boot = unsafe { copy_boot(boot, Frame(boot_copy)) }?;
    let mut aside = Aside {
        next: tables,
        end: stack,
    };
    let root = kernel_map::build(&mut aside, cpu::root(), end, Purpose::Passage)?;
    let record_address = &raw mut *record as u64;
    // SAFETY: The loader's direct map has the constants writable, and nobody has read the anchor
    // through a reference yet.
    unsafe {
        let place = &raw const REFRAIN_ANCHOR as u64;
        let place = direct::at(kernel_map::physical(&mut aside, root, place)?).cast::<u64>();
        let entries = [
            (offset_of!(Anchor, root), root.address()),
            (
                offset_of!(Anchor, stack),
                direct::pointer(Frame(free)) as u64,
            ),
            (offset_of!(Anchor, record), record_address),
        ];
        for (offset, value) in entries {
            place.byte_add(offset).write_volatile(value);
        }
    }
    let (text, text_bytes) = kernel_map::constant_part();
    let text = core::ptr::with_exposed_provenance(text as usize);
    // SAFETY: It can be read, and nobody writes it.
    let text = unsafe { cpu::checksum_of(text, text_bytes) };
    let lost = reboot::reboots().map(|reboots| Lost::of(reboots, record, text));
    record.clear();
    // SAFETY: All of these can be read, and nobody writes them.
    let header = unsafe {
        Header {
            text,
            data: data.address(),
            data_bytes: data_bytes as u64,
            data_check: cpu::checksum_of(direct::pointer(data), data_bytes),
            boot: Frame(boot_copy).address(),
            boot_check: boot_check(Frame(boot_copy)),
            free,
            clock: (0, 0),
            limits: LIMITS,
            description: None,
        }
    };
    record.header.write(header);
    Some(Kept {
        boot,
        record,
        header,
        constant: Range {
            start: data.0,
            end: stack,
        },
        is_again: false,
        lost,
    })
}

/// Checksum of what the loader told.
///
/// # Safety
/// It is there.
pub unsafe fn boot_check(copy: Frame) -> u64 {
    // SAFETY: As the caller promises.
    unsafe {
        cpu::checksum_of(
            direct::pointer(copy),
            BOOT_FRAMES as usize * PAGE_BYTES as usize,
        )
    }
}

/// Copies what the loader told, with the map of memory behind it.
unsafe fn copy_boot(boot: &BootInfo, to: Frame) -> Option<&'static BootInfo> {
    for frame in 0..BOOT_FRAMES {
        direct::zero(to.offset(frame));
    }
    let regions = direct::pointer(to.offset(1)).cast::<MemoryRegion>();
    let room = (BOOT_FRAMES as usize - 1) * PAGE_BYTES as usize / size_of::<MemoryRegion>();
    let count = boot.memory_regions.len();
    if count > room || size_of::<BootInfo>() > PAGE_BYTES as usize {
        return None;
    }
    let copy = direct::pointer(to).cast::<MaybeUninit<BootInfo>>();
    // SAFETY: There is room for both, and the structure is plain data but for its list of regions,
    // which is replaced by the copy of that.
    unsafe {
        core::ptr::copy_nonoverlapping(boot.memory_regions.as_ptr(), regions, count);
        core::ptr::copy_nonoverlapping(&raw const *boot, copy.cast(), 1);
        let copy = copy.cast::<BootInfo>();
        let regions = core::slice::from_raw_parts_mut(regions, count);
        (&raw mut (*copy).memory_regions).write(regions.into());
        Some(&*copy)
    }
}

impl Kept {
    /// Makes what must not be written unwritable in the kernel's own tables. `None` without memory.
    pub fn protect(&self, frames: &mut Frames, root: Frame) -> Option<()> {
        let (start, end) = (Frame(self.constant.start), Frame(self.constant.end));
        kernel_map::protect(frames, root, start, end)
    }

    /// Notes how the clock runs, or lets it go on.
    ///
    /// # Safety
    /// As for [`clock::initialise`].
    pub unsafe fn start_clock(&mut self) {
        if self.is_again {
            clock::resume(self.header.clock);
        } else {
            // SAFETY: As the caller promises.
            unsafe { clock::initialise() };
            self.header.clock = clock::state();
            self.record.header.write(self.header);
        }
    }
}
