//! How the kernel ends: by an order, or by its own death.
//!
//! A dying kernel writes down what it knows, in the site record, and leaves. Should it fail at that,
//! it leaves at once: everything of value is in the record already.

use core::fmt::{self, Write as _};
use core::sync::atomic::{AtomicBool, Ordering};

use abi::epitaph::RebootCause;
use abi::{Epitaph, Name, Registers, SiteCause, Text, ThreadId};

use crate::arch::exit::{self, Code};
use crate::arch::frame::TrapFrame;
use crate::arch::{apart, clock, cpu, serial, trace_back, trampoline};
use crate::kernel::Kernel;
use crate::site::keep;
use crate::site::reboot;
use crate::site::record::LastWords;
use crate::{backlog, diagnosis, kernel};

static DYING: AtomicBool = AtomicBool::new(false);

/// Writes straight to the serial port, whoever has it.
pub struct Words;

impl fmt::Write for Words {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        serial::write(text.as_bytes());
        Ok(())
    }
}

/// Ends the site by order of an actor that holds the right. The line is what a test's harness
/// looks for besides the exit code.
pub fn end_of_site(code: Code) -> ! {
    cpu::disable();
    backlog::flush();
    let how = if code == Code::Passed {
        "passed"
    } else {
        "failed"
    };
    let _ = writeln!(Words, "refrain: end of test, {how}");
    exit::exit(code)
}

/// Ends the kernel because of a bug of its own: says what is known, and the site is restarted.
pub fn die(cause: SiteCause, reason: fmt::Arguments<'_>, frame: Option<&TrapFrame>) -> ! {
    end(cause, reason, frame, None)
}

/// Ends the kernel because it was decided that the site is restarted, on account of a ledger entry
/// if there is one.
pub fn restart_site(cause: SiteCause, reason: fmt::Arguments<'_>, because: Option<u64>) -> ! {
    end(cause, reason, None, because)
}

/// Ends the kernel because it was decided that the machine is reset.
pub fn reboot_site(cause: RebootCause, limit: u32) -> ! {
    cpu::disable();
    backlog::flush();
    reboot::reboot(cause, limit)
}

fn end(
    cause: SiteCause,
    reason: fmt::Arguments<'_>,
    frame: Option<&TrapFrame>,
    because: Option<u64>,
) -> ! {
    cpu::disable();
    if !DYING.swap(true, Ordering::Relaxed) {
        // SAFETY: Interrupts are off for good; whoever was writing never continues.
        unsafe {
            serial::break_lock();
            backlog::break_lock();
        }
        // First what outlives us, then what is only said.
        write_epitaph(cause, reason, frame, because);
        // SAFETY: Interrupts are off, and whoever had borrowed it never continues.
        if let Some(kernel) = unsafe { kernel::of_the_dead() } {
            kernel.record_rest();
        }
        backlog::flush();
        let _ = writeln!(Words, "\nrefrain: {cause}: {reason}");
    }
    // SAFETY: Nothing of this kernel is needed again.
    unsafe { trampoline::leave() }
}

/// Writes the epitaph into the site record.
fn write_epitaph(
    cause: SiteCause,
    reason: fmt::Arguments<'_>,
    frame: Option<&TrapFrame>,
    because: Option<u64>,
) {
    let Some(record) = keep::record() else {
        return;
    };
    let mut message = Text::EMPTY;
    // Text takes what fits and never fails.
    let _ = message.write_fmt(reason);
    // SAFETY: As in `end`.
    let (thread, actor) = match unsafe { kernel::of_the_dead() } {
        Some(kernel) => current(kernel),
        None => (ThreadId::NONE, Name::EMPTY),
    };
    let epitaph = Epitaph {
        cause,
        time: clock::now(),
        message,
        registers: frame.map_or(Registers::default(), TrapFrame::registers),
        address: cpu::fault_address(),
        thread,
        actor,
        backtrace: trace_back::from(frame),
        // SAFETY: The record is there, and the kernel that used it does not go on.
        events: unsafe { &(*record).events }.latest(),
    };
    // SAFETY: As above.
    let note = unsafe { &mut (*record).epitaph };
    note.write(LastWords { epitaph, because });
}

/// The current thread, and the actor that it is in.
fn current(kernel: &mut Kernel) -> (ThreadId, Name) {
    let thread = kernel.thread_id(kernel.scheduler.current());
    let here = kernel.current_actor();
    let actor = here.and_then(|slot| kernel.actors.at(slot));
    let name = actor.map_or(Name::EMPTY, |actor| actor.declaration.name);
    (thread, name)
}

/// Ends the kernel because of an exception that is not ring 3's doing.
pub fn exception(frame: &TrapFrame) -> ! {
    let (cause, place) = diagnosis::of_exception(frame);
    die(
        cause,
        format_args!(
            "{place}exception {}, code {:#x}, address {:#x}, ip {:#x}",
            frame.vector,
            frame.error_code,
            cpu::fault_address(),
            frame.rip
        ),
        Some(frame),
    )
}

/// Ends the kernel because a thread of its own does not come to the end of a step.
pub fn hang(thread: u32, ticks: u32, frame: &TrapFrame) -> ! {
    let name = diagnosis::thread_name(thread);
    die(
        SiteCause::HANG,
        format_args!("{name} is in one step for {ticks} ticks"),
        Some(frame),
    )
}

#[panic_handler]
fn panic(information: &core::panic::PanicInfo<'_>) -> ! {
    // A policy may panic; the kernel may not.
    apart::give_up_if_here();
    match information.location() {
        Some(location) => die(
            diagnosis::of_panic(location),
            format_args!(
                "{} at {}:{}",
                information.message(),
                location.file(),
                location.line()
            ),
            None,
        ),
        None => die(
            SiteCause::PANIC,
            format_args!("{}", information.message()),
            None,
        ),
    }
}
