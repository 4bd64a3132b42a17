//! The kernel's start, from the loader's `BootInfo` to the first thread.
//!
//! The order matters, and this is the one place where it stands: memory first, then the CPU's
//! tables, then devices, then threads.

use alloc::boxed::Box;
use alloc::vec;
use core::cell::UnsafeCell;

use abi::layout::PAGE_BYTES;
use abi::{ActorId, FaultKind, FaultRecord, Span, Text};
use bootloader_api::BootInfo;
use bootloader_api::config::{BootloaderConfig, Mapping};
use bootloader_api::info::MemoryRegionKind;
use restart_manager::{Audience, RestartManager, SiteReboot, SiteReturn, Storage};

use crate::arch::frame::TrapFrame;
use crate::arch::{apart, clock, cpu, entry, interrupts, tables};
use crate::composition::Composition;
use crate::console::Console;
use crate::due::Due;
use crate::entries::Entries;
use crate::former::Formers;
use crate::handler::Handlers;
use crate::kernel::{self, Kernel};
use crate::mm::address_space::Progress;
use crate::mm::extent::ExtentMap;
use crate::mm::frame::{Descriptor, FrameList, Frames};
use crate::mm::kernel_map::{self, Direct, Purpose};
use crate::mm::plan::{self, Plan, RANGES};
use crate::mm::{Frame, direct, heap};
use crate::naming::Names;
use crate::recovery::{self, Recovery};
use crate::sched::Scheduler;
use crate::site::book::Book;
use crate::site::reboot::Reboots;
use crate::site::record::{LEDGER_ENTRIES, LastWords};
use crate::site::{adopt, claim, keep, reboot};
use crate::slot::SlotTable;
use crate::subscription::Notifier;
use crate::timer::Timers;
use crate::{backlog, epitaph, errands, loader, logger, quick, recording, slot, watchdog};

/// Notices that can wait to be delivered. Few do: the recovery thread delivers them before it does
/// anything else, and what others report meanwhile is that they are ready, or loaded.
const NOTICES: usize = 64;

/// Frames of the kernel heap: 32 MiB, or an eighth of ordinary memory on a small machine. All
/// tables full take about 20 MiB.
const HEAP_FRAMES: u32 = 8192;

/// What we ask of whoever loads the kernel: physical memory where the kernel expects it. The
/// stack is used only until the kernel has its own.
pub const BOOT_CONFIG: BootloaderConfig = {
    let mut config = BootloaderConfig::new_default();
    config.mappings.physical_memory = Some(Mapping::FixedAddress(direct::START));
    config.mappings.dynamic_range_start = Some(0xffff_8000_0000_0000);
    config.kernel_stack_size = 64 * 1024;
    config
};

struct Chosen(UnsafeCell<Option<&'static Composition>>);

// SAFETY: Written once before the first thread starts, read-only from then on.
unsafe impl Sync for Chosen {}

static COMPOSITION: Chosen = Chosen(UnsafeCell::new(None));

/// Starts the kernel. Interrupts are off, as every loader leaves them.
///
/// # Panics
/// When the machine has too little memory to start at all.
pub fn start(boot: &'static BootInfo, composition: &'static Composition) -> ! {
    let (boot, composition) = (&raw const *boot, &raw const *composition);
    // SAFETY: Both arguments are static; the loader's stack is not needed again.
    unsafe { entry::on_cpu_stack(boot.cast(), composition.cast(), start_on_cpu_stack) }
}

extern "C" fn start_on_cpu_stack(boot: *const (), composition: *const ()) -> ! {
    // SAFETY: `start` made both pointers from references. The boot information is the loader's
    // memory, which is reachable until we use our own page tables.
    let (boot, composition) = unsafe {
        (
            &*boot.cast::<BootInfo>(),
            &*composition.cast::<Composition>(),
        )
    };
    // What is set aside here is to be as it was when the loader left it: nothing is written before.
    let plan = plan_of(boot);
    let end = end_of(boot);
    // SAFETY: The first thing this kernel does.
    let mut kept = unsafe { keep::keep(boot, &plan, end) };
    let entered = clock::counter();
    let rebooted = reboot::reboots().filter(|_| !kept.is_again);
    if let Some(reboots) = rebooted {
        reboot::stop_if_too_many(reboots);
    }
    logger::initialise();
    assert_eq!(
        kept.boot.physical_memory_offset.into_option(),
        Some(direct::START),
        "physical memory is not where we asked for it"
    );
    // SAFETY: The first and only use of this memory, of the CPU's tables and of the devices, in
    // the order in which they depend on each other.
    let (frames, kernel_root) = unsafe {
        *COMPOSITION.0.get() = Some(composition);
        let mut frames = frames(&plan);
        let present = cpu::root();
        let root = kernel_map::build(&mut Direct(&mut frames), present, end, Purpose::Service);
        let root = root.expect("memory for the kernel's page tables");
        let protected = kept.protect(&mut frames, root);
        protected.expect("memory for the kernel's page tables");
        cpu::enable_no_execute();
        cpu::set_root(root);
        let heap_frames = HEAP_FRAMES.min((frames.free_count() / 8) as u32);
        let heap_start = frames
            .allocate_contiguous(heap_frames)
            .expect("memory for the heap");
        heap::initialise(heap_start, heap_frames);
        quick::initialise();
        tables::initialise();
        cpu::initialise(cpu::features());
        kept.start_clock();
        interrupts::initialise();
        watchdog::initialise(|registers| {
            kernel_map::map_device(&mut frames, root, registers, PAGE_BYTES);
        });
        (frames, root)
    };
    let restarts = kept.record.live.times.count();
    recording::initialise(composition.policy.name(), restarts);
    log::info!(
        "{} MiB ordinary, {} MiB preserved memory; policy {}",
        frames.free_count() / 256,
        (plan.preserved.end - plan.preserved.start) / 256,
        composition.policy.name()
    );
    if let Some(lost) = &kept.lost {
        lost.tell();
    }
    if !watchdog::is_there() {
        log::warn!("no watchdog: a hang with interrupts off stays one");
    }
    let last = kept.record.live.generations().unwrap_or(0);
    slot::begin_after(last, keep::note_generations);
    let words = keep::take_words(kept.record);
    let times = kept.record.live.times;
    let free = kept.header.free;
    let (mut book, counters) = Book::open(kept.record);
    let mut preserved = preserved(&plan, free);
    let (images, persistent) = claim::memory(&mut book, counters, &mut preserved);
    adopt::actors(&mut book);
    let mut manager = restart_manager(composition, &book);
    if kept.is_again {
        return_to(
            &mut manager,
            words,
            times.count(),
            entered,
            kept.header.clock,
        );
    }
    if let Some(reboots) = rebooted {
        come_up_again(&mut manager, reboots, entered);
    }
    let kernel = Kernel {
        frames,
        preserved,
        kernel_root,
        actors: SlotTable::new(kernel::ACTORS_MAX),
        threads: SlotTable::new(kernel::THREADS_MAX),
        ports: SlotTable::new(kernel::PORTS_MAX),
        messages: SlotTable::new(kernel::MESSAGES_MAX),
        images,
        persistent,
        formers: Formers::new(),
        names: Names::new(),
        laps: SlotTable::new(kernel::LAPS_MAX),
        lendings: SlotTable::new(kernel::LENDINGS_MAX),
        handlers: Handlers::new(),
        scheduler: Scheduler::new(),
        timers: Timers::new(),
        notifier: Notifier::new(),
        recovery: Recovery::new(manager),
        entries: Entries::new(),
        console: Console::new(),
        calls: 0,
        disk_line: 0,
        scrubbed: (0, 0),
        watched: Due::with_room_for(kernel::ACTORS_MAX),
        site_restarts: times.count(),
        reads_before: counters.block_reads,
        book,
        counters,
        errands: slot::NONE,
        held_frames: FrameList::EMPTY,
    };
    // SAFETY: Nobody has borrowed the kernel's state yet, and the frame is that of the first
    // thread; this stack is not needed again.
    unsafe {
        kernel::set(kernel);
        entry::resume(first_frame())
    }
}

/// End of what the direct map can hold: one entry of the root table.
const DIRECT_MAX: u64 = 1 << 39;

/// Makes the kernel's own threads and chooses the first to run.
fn first_frame() -> *mut TrapFrame {
    let frame = kernel::with(|kernel| {
        // The idle thread is the first: it is there whenever the scheduler looks.
        kernel_thread(kernel, 0, idle as *const ());
        let recovery = kernel_thread(kernel, recovery::PRIORITY, recovery::run as *const ());
        let loader = kernel_thread(kernel, loader::PRIORITY, load as *const ());
        let writer = kernel_thread(kernel, backlog::PRIORITY, backlog::run as *const ());
        kernel.errands = kernel_thread(kernel, errands::PRIORITY, errands::run as *const ());
        kernel.recovery.set_threads(recovery, loader, writer);
        let root = kernel.kernel_root;
        let apart = kernel_map::map_stack(&mut kernel.frames, root);
        let (bottom, top) = apart.expect("memory for the policy's stack");
        // SAFETY: It was just mapped, for good, and is used for nothing else.
        unsafe { apart::set_stack(bottom, top) };
        kernel.scheduler.request();
        kernel.choose()
    });
    // Interrupts were off since the kernel was entered: that is the start, and no step of anything.
    let _ = clock::take_interrupts_off();
    frame
}

fn kernel_thread(kernel: &mut Kernel, priority: u8, entry: *const ()) -> u32 {
    let root = kernel.kernel_root;
    let stack = kernel_map::map_stack(&mut kernel.frames, root);
    let (_, top) = stack.expect("memory for a kernel thread's stack");
    let made = kernel.threads.make(priority, ActorId::NONE);
    let (slot, thread) = made.expect("room for the kernel's own threads");
    *thread.frame_mut() = TrapFrame::kernel(entry as u64, top);
    thread.context = &raw mut *thread.frame_mut();
    kernel.make_ready(slot.0);
    slot.0
}

extern "C" fn idle() -> ! {
    loop {
        while kernel::with(Kernel::clear_one) == Progress::More {}
        cpu::wait_for_interrupt();
        if let Some((image, page)) = kernel::with(Kernel::scrub) {
            log::error!("image {image}: page {page} fails its check");
        }
    }
}

extern "C" fn load() -> ! {
    // SAFETY: Written before this thread was made.
    let composition = unsafe { *COMPOSITION.0.get() };
    loader::run(composition.expect("set at the kernel's start"))
}

/// Makes the frame allocator from the plan.
///
/// # Safety
/// The plan is that of this machine, and its memory is not used yet.
unsafe fn frames(plan: &Plan) -> Frames {
    let descriptors = direct::pointer(plan.descriptors).cast::<Descriptor>();
    // SAFETY: The plan sets this memory aside; any bit pattern is a descriptor.
    let descriptors =
        unsafe { core::slice::from_raw_parts_mut(descriptors, plan.descriptor_count as usize) };
    let mut frames = Frames::new(descriptors);
    const {
        assert!(
            RANGES <= 32,
            "the allocator takes as many ranges as the plan has"
        )
    };
    for range in plan.ordinary.iter().filter(|range| range.start < range.end) {
        frames.add_range(Frame(range.start), Frame(range.end));
    }
    frames
}

/// How memory is shared out: from what the loader told alone.
fn plan_of(boot: &BootInfo) -> Plan {
    let usable = boot
        .memory_regions
        .iter()
        .filter(|region| region.kind == MemoryRegionKind::Usable);
    let plan = plan::plan(usable.map(|region| (region.start, region.end)));
    plan.expect("a range of memory large enough for the kernel")
}

/// The end of the memory that the direct map holds: ours, and what the loader has put there. What is
/// reserved may lie a terabyte above it.
fn end_of(boot: &BootInfo) -> u64 {
    let is_memory = |kind| {
        matches!(
            kind,
            MemoryRegionKind::Usable | MemoryRegionKind::Bootloader
        )
    };
    let regions = boot.memory_regions.iter();
    let ends = regions.filter(|region| is_memory(region.kind));
    ends.map(|region| region.end)
        .max()
        .unwrap_or(0)
        .min(DIRECT_MAX)
}

fn preserved(plan: &Plan, free: u32) -> Box<ExtentMap> {
    let mut map = Box::new(ExtentMap::EMPTY);
    map.set_bounds(Frame(free), Frame(plan.preserved.end));
    map
}

/// Tells of the restart that this kernel comes from.
fn return_to(
    manager: &mut RestartManager<'static>,
    words: Option<LastWords>,
    started: u64,
    entered: u64,
    clock_state: (u64, u64),
) {
    let entered = clock::time_at(entered, clock_state);
    let words = words.unwrap_or_else(|| adopt::no_words(entered));
    let fault = adopt::fault_of(&words.epitaph);
    let back = SiteReturn {
        cause: words.epitaph.cause,
        fault: &fault,
        because: words.because,
        started: started as u32,
        entered,
    };
    manager.note_site_restart(&back, clock::now());
    log::warn!(
        "site restart {started}: {}: {}",
        words.epitaph.cause,
        words.epitaph.message
    );
    epitaph::tell(words.epitaph);
}

/// Tells of the reboot that this kernel comes from: the only trace that is left of the one before.
fn come_up_again(manager: &mut RestartManager<'static>, reboots: Reboots, entered: u64) {
    let Reboots { count, cause, .. } = reboots;
    let fault = FaultRecord {
        message: Text::truncated(cause.name()),
        ..FaultRecord::new(FaultKind::SITE)
    };
    let firmware = reboots.took(entered, clock::span_of);
    manager.note_site_reboot(
        &SiteReboot {
            fault: &fault,
            count: count.into(),
            firmware: firmware.unwrap_or(Span::ZERO),
            start: clock::span_of(clock::counter().wrapping_sub(entered)),
        },
        clock::now(),
    );
    log::warn!("site reboot {count}: {cause}: what was only in memory is lost");
}

fn restart_manager(composition: &Composition, book: &Book) -> RestartManager<'static> {
    let storage = Storage {
        // They grow when there is somebody to be put there.
        actors: &mut [],
        groups: &mut [],
        ledger: book.ledger().leak(),
    };
    let mut manager = RestartManager::new(storage, composition.policy);
    manager.lend_notices(vec![None; NOTICES].leak());
    manager.set_audience(Audience::Nobody);
    // Earlier kernels have told of what there is by now.
    recording::follow(&mut manager, LEDGER_ENTRIES);
    manager
}
