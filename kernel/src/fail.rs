//! How the kernel ends: by an order, or by its own death.

use core::fmt::{self, Write as _};
use core::sync::atomic::{AtomicBool, Ordering};

use abi::SiteCause;

use crate::arch::exit::{self, Code};
use crate::arch::frame::TrapFrame;
use crate::arch::{apart, cpu, serial};
use crate::{backlog, kernel};

static DYING: AtomicBool = AtomicBool::new(false);

/// Writes straight to the serial port, whoever has it.
struct LastWords;

impl fmt::Write for LastWords {
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
    let _ = writeln!(LastWords, "refrain: end of test, {how}");
    exit::exit(code)
}

/// Ends the kernel because of a bug of its own: says what is known and leaves.
pub fn die(cause: SiteCause, reason: fmt::Arguments<'_>, frame: Option<&TrapFrame>) -> ! {
    cpu::disable();
    if DYING.swap(true, Ordering::Relaxed) {
        // A failure while telling of a failure: no more words.
        exit::exit(Code::KernelPanic);
    }
    // SAFETY: Interrupts are off for good; whoever was writing never continues.
    unsafe {
        serial::break_lock();
        backlog::break_lock();
    }
    backlog::flush();
    let _ = writeln!(LastWords, "\nrefrain: {cause}: {reason}");
    if let Some(frame) = frame {
        let _ = writeln!(LastWords, "{:#x?}", frame.registers());
    }
    // SAFETY: Interrupts are off, and whoever had borrowed it never continues.
    if let Some(kernel) = unsafe { kernel::of_the_dead() } {
        kernel.record_rest();
    }
    exit::exit(Code::KernelPanic)
}

/// Ends the kernel because of an exception that is not ring 3's doing.
pub fn exception(frame: &TrapFrame) -> ! {
    let cause = match frame.vector {
        2 => SiteCause::NMI,
        8 => SiteCause::DOUBLE_FAULT,
        18 => SiteCause::MACHINE_CHECK,
        _ => SiteCause::EXCEPTION,
    };
    die(
        cause,
        format_args!(
            "exception {}, code {:#x}, address {:#x}",
            frame.vector,
            frame.error_code,
            cpu::fault_address()
        ),
        Some(frame),
    )
}

#[panic_handler]
fn panic(information: &core::panic::PanicInfo<'_>) -> ! {
    // A policy may panic; the kernel may not.
    apart::give_up_if_here();
    match information.location() {
        Some(location) => die(
            SiteCause::PANIC,
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
