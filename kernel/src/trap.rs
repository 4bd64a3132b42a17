//! What every way into the kernel does, in Rust.

use abi::epitaph::EventKind;
use abi::{FaultKind, FaultRecord, Instant, Text};
use restart_manager::Event;

use crate::actor::News;
use crate::arch::entry::{RESCHEDULE_VECTOR, TRAP_VECTOR};
use crate::arch::frame::TrapFrame;
use crate::arch::{apart, clock, cpu, interrupts, serial};
use crate::fault::{Fault, kind_of_vector};
use crate::kernel::{self, Kernel};
use crate::mm::Page;
use crate::mm::address_space::Progress;
use crate::progress::{self, Pulse};
use crate::site::reboot;
use crate::thread::{State, Wait};
use crate::user::Access;
use crate::{advice, backlog, fail, watchdog};

/// Page-fault error code: the access was a write (Intel SDM vol. 3A, 4.7).
const ERROR_WRITE: u64 = 1 << 1;
/// Page-fault error code: the access was made with ring 3's rights.
const ERROR_USER: u64 = 1 << 2;
/// Page-fault error code: the access was an instruction fetch.
const ERROR_FETCH: u64 = 1 << 4;

const VECTOR_NMI: u8 = 2;
const VECTOR_DEVICE_NOT_AVAILABLE: u8 = 7;
const VECTOR_PAGE_FAULT: u8 = 14;
const VECTOR_MACHINE_CHECK: u8 = 18;
const VECTOR_TICK: u8 = interrupts::FIRST_VECTOR + interrupts::LINE_TICK;
const VECTOR_SERIAL: u8 = interrupts::FIRST_VECTOR + interrupts::LINE_SERIAL;
/// Bytes the serial port holds until they are read.
const SERIAL_FIFO: usize = 16;
/// The last of the trap vectors.
const VECTOR_LAST_TRAP: u8 = TRAP_VECTOR + 15;
const VECTOR_LAST_LINE: u8 = interrupts::FIRST_VECTOR + 15;

/// A syscall of the current thread, whose registers are in its record.
///
/// # Safety
/// For the entry code only, with interrupts off, from ring 3.
pub unsafe extern "C" fn syscall(_frame: *mut TrapFrame) -> *mut TrapFrame {
    // SAFETY: Called by the entry code with interrupts off, from ring 3: nobody borrows it.
    let kernel = unsafe { kernel::entered() };
    let start = clock::counter();
    kernel.syscall();
    let next = kernel.choose();
    clock::note_interrupts_off(start);
    next
}

/// An interrupt, or an exception of ring 3.
///
/// # Safety
/// For the entry code only, with interrupts off; `frame` is what it has just saved.
#[expect(
    clippy::match_overlapping_arm,
    reason = "two lines of the controller have handlers"
)]
pub unsafe extern "C" fn trap(frame: *mut TrapFrame) -> *mut TrapFrame {
    // SAFETY: Called by the entry code with interrupts off. Ring 3 and kernel threads with
    // interrupts on are the only ones interrupted, and neither borrows it then.
    let kernel = unsafe { kernel::entered() };
    let start = clock::counter();
    // SAFETY: The entry code made the frame, in the thread's record or on a stack that is not used
    // until we return. It is copied where all of it is needed.
    let saved = || unsafe { *frame };
    // SAFETY: Likewise.
    let (vector, code, from_user) = unsafe {
        (
            (*frame).vector as u8,
            (*frame).error_code,
            (*frame).from_user(),
        )
    };
    if let Some(thread) = kernel.current_thread() {
        if !from_user {
            thread.context = frame;
        } else if !core::ptr::eq(frame, &raw const *thread.frame()) {
            // The exception has a stack of its own, which the next one overwrites.
            *thread.frame_mut() = saved();
        }
    }
    if from_user && (interrupts::FIRST_VECTOR..=VECTOR_LAST_LINE).contains(&vector) {
        kernel.note_unbegun();
    }
    match vector {
        VECTOR_TICK => {
            interrupts::acknowledge(vector);
            if let Pulse::Lost(ticks) = kernel.take_pulse() {
                fail::hang(kernel.scheduler.current(), ticks, &saved());
            }
            kernel.tick();
            if let Some(given_up) = apart::count_tick(&saved(), advice::TICKS)
                && let Some(thread) = kernel.current_thread()
            {
                *thread.frame_mut() = given_up;
                thread.context = &raw mut *thread.frame_mut();
            }
        }
        VECTOR_SERIAL => {
            interrupts::acknowledge(vector);
            // As many as the port holds; what is typed meanwhile interrupts again.
            for byte in core::iter::from_fn(serial::read).take(SERIAL_FIFO) {
                kernel.typed(byte);
            }
        }
        interrupts::FIRST_VECTOR..=VECTOR_LAST_LINE => {
            interrupts::acknowledge(vector);
            kernel.interrupt(vector - interrupts::FIRST_VECTOR);
        }
        RESCHEDULE_VECTOR => kernel.scheduler.request(),
        VECTOR_NMI if watchdog::is_pardoned() => {}
        VECTOR_NMI | VECTOR_MACHINE_CHECK => fail::exception(&saved()),
        _ => kernel.exception(vector, code),
    }
    let next = kernel.choose();
    clock::note_interrupts_off(start);
    next
}

/// An exception in ring 0: a bug of the kernel, or of the policy; or an NMI. Returns, with the frame
/// to continue with, only after an NMI.
///
/// # Safety
/// For the entry code only; `frame` is what it has just saved.
pub unsafe extern "C" fn kernel_exception(frame: *mut TrapFrame) -> *mut TrapFrame {
    // SAFETY: The entry code made the frame.
    let saved = unsafe { &*frame };
    match saved.vector as u8 {
        VECTOR_NMI if watchdog::is_pardoned() => return frame,
        VECTOR_NMI | VECTOR_MACHINE_CHECK => {}
        _ => apart::give_up_if_from(saved),
    }
    fail::exception(saved)
}

impl Kernel {
    /// Whether the kernel thread that the tick has found running comes to the end of its steps.
    fn take_pulse(&self) -> Pulse {
        let current = self.scheduler.current();
        let is_at_work = self
            .threads
            .at(current)
            .is_some_and(|thread| thread.here.is_none() && thread.priority > 0);
        if is_at_work {
            progress::count_tick(current)
        } else {
            Pulse::Steady
        }
    }

    fn tick(&mut self) {
        let now = clock::now();
        watchdog::kick(now);
        self.count_slice();
        self.count_tick();
        if self.serve_due(now) == Progress::More {
            self.run_errands();
        }
        self.clear_if_few();
        if now >= self.book.stable_at {
            self.book.stable_at = Instant::NEVER;
            reboot::forget();
        }
        if backlog::is_pending() || self.has_untold() || self.has_unrecorded() {
            self.wake_writer();
        }
    }

    /// An exception of the current thread, in ring 3.
    fn exception(&mut self, vector: u8, code: u64) {
        match vector {
            VECTOR_PAGE_FAULT => self.page_fault(code),
            VECTOR_DEVICE_NOT_AVAILABLE
                if self
                    .current_thread()
                    .is_some_and(|thread| !thread.uses_floating_point) =>
            {
                self.start_floating_point();
            }
            TRAP_VECTOR..=VECTOR_LAST_TRAP => {
                if !self.trapped(vector - TRAP_VECTOR) {
                    self.fault(vector, FaultKind::PROTECTION, code, 0);
                }
            }
            _ => self.fault(vector, kind_of_vector(vector), code, 0),
        }
    }

    /// The current thread had an exception nobody but a handler can do anything about.
    fn fault(&mut self, vector: u8, kind: FaultKind, code: u64, address: u64) {
        let fault = Fault {
            kind,
            vector: Some(vector),
            code,
            address,
        };
        if self.is_handling_exception() {
            let kind = FaultKind::HANDLER_FAULT;
            return self.fail_current(Fault { kind, ..fault }, "");
        }
        if !self.handle_exception(fault) {
            self.fail_current(fault, "");
        }
    }

    fn page_fault(&mut self, code: u64) {
        let address = cpu::fault_address();
        let access = match (code & ERROR_FETCH != 0, code & ERROR_WRITE != 0) {
            (true, _) => Access::Execute,
            (false, true) => Access::Write,
            (false, false) => Access::Read,
        };
        if code & ERROR_USER == 0 {
            // Ring 3 is at fault, but the access was the CPU's own on its behalf (an IRET to a
            // segment of ring 0): no page would help.
            self.fault(VECTOR_PAGE_FAULT, FaultKind::MEMORY_ACCESS, code, address);
            return;
        }
        let actor = self.current_actor().unwrap_or(u32::MAX);
        if let Err(error) = self.page_in(actor, Page::containing(address), access) {
            self.fault(VECTOR_PAGE_FAULT, error.kind(), code, address);
        }
    }

    /// The current thread's actor has failed.
    pub fn fail_current(&mut self, fault: Fault, message: &str) {
        let thread = self.scheduler.current();
        let record = FaultRecord {
            message: Text::truncated(message),
            ..fault.record()
        };
        self.fail(thread, record);
    }

    /// The home actor of a thread has failed in that thread.
    pub fn fail(&mut self, thread: u32, record: FaultRecord) {
        let Some(stopped) = self.threads.at(thread) else {
            return;
        };
        let registers = stopped.frame().registers();
        let here = stopped.here;
        let record = FaultRecord {
            actor: here,
            incarnation: self
                .actors
                .at(here.slot().0)
                .map_or(0, |actor| actor.incarnation),
            thread: self.thread_id(thread),
            time: clock::now(),
            registers,
            ..record
        };
        self.announce(thread, News::Failed(record));
    }

    /// Leaves news about the actor a thread is in for the Restart Manager. From here on no thread
    /// runs there. The actor's own thread stops for good; a guest waits to be sent back. Only the
    /// first news of an incarnation counts.
    pub fn announce(&mut self, thread: u32, news: News) {
        self.cancel_wait(thread);
        let Some(stopped) = self.threads.at_mut(thread) else {
            return;
        };
        let here = stopped.here;
        let is_guest = stopped.is_guest();
        let was_ready = stopped.state == State::Ready;
        if !is_guest {
            stopped.state = State::Stopped;
        } else if !was_ready {
            stopped.wait = Wait::Deflection;
        }
        if was_ready && !is_guest {
            self.unready(thread);
        }
        self.scheduler.request();
        if self.actor_id(here.slot().0) == here {
            self.post_news(here.slot().0, news);
        }
    }

    /// Leaves news about an actor for the Restart Manager.
    pub fn post_news(&mut self, slot: u32, news: News) {
        let Some(actor) = self.actors.at_mut(slot) else {
            return;
        };
        if !actor.note(news) {
            return;
        }
        let kind = match actor.news() {
            Some(News::Failed(_)) => EventKind::FAILED,
            _ => EventKind::NEWS,
        };
        let id = self.actor_id(slot);
        self.note_event(kind, id);
        self.recovery.news.push_back(&mut self.actors, slot);
        self.wake_recovery();
        self.scheduler.request();
    }

    /// Tells the Restart Manager of something that needs no freeze first.
    pub fn report(&mut self, event: Event<'_>) {
        self.recovery.manager.on_event(event, clock::now());
        self.wake_recovery();
    }
}
