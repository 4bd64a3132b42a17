//! What every way into the kernel does, in Rust.

use abi::site::ActorState;
use abi::{FaultRecord, Slot, Text};
use restart_manager::Event;

use crate::actor::News;
use crate::arch::entry::RESCHEDULE_VECTOR;
use crate::arch::frame::TrapFrame;
use crate::arch::{clock, cpu, interrupts, serial};
use crate::fail;
use crate::fault::{Fault, kind_of_vector};
use crate::kernel::{self, Kernel};
use crate::mm::Page;
use crate::thread::State;
use crate::user::Access;

/// Page-fault error code: the access was a write (Intel SDM vol. 3A, 4.7).
const ERROR_WRITE: u64 = 1 << 1;
/// Page-fault error code: the access was an instruction fetch.
const ERROR_FETCH: u64 = 1 << 4;

const VECTOR_NMI: u8 = 2;
const VECTOR_DEVICE_NOT_AVAILABLE: u8 = 7;
const VECTOR_PAGE_FAULT: u8 = 14;
const VECTOR_MACHINE_CHECK: u8 = 18;
const VECTOR_TICK: u8 = interrupts::FIRST_VECTOR + interrupts::LINE_TICK;
const VECTOR_SERIAL: u8 = interrupts::FIRST_VECTOR + interrupts::LINE_SERIAL;
const VECTOR_LAST_LINE: u8 = interrupts::FIRST_VECTOR + 15;

/// A syscall of the current thread, whose registers are in its record.
///
/// # Safety
/// For the entry code only, with interrupts off, from ring 3.
pub unsafe extern "C" fn syscall(_frame: *mut TrapFrame) -> *mut TrapFrame {
    // SAFETY: Called by the entry code with interrupts off, from ring 3: nobody borrows it.
    let kernel = unsafe { kernel::entered() };
    kernel.syscall();
    kernel.choose()
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
    // SAFETY: The entry code made the frame, and it is used for nothing else until we return.
    let (saved, vector, code) = unsafe { (*frame, (*frame).vector as u8, (*frame).error_code) };
    if let Some(thread) = kernel.current_thread() {
        if !saved.from_user() {
            thread.context = frame;
        } else if !core::ptr::eq(frame, &raw const thread.frame) {
            // The exception has a stack of its own, which the next one overwrites.
            thread.frame = saved;
        }
    }
    match vector {
        VECTOR_TICK => {
            interrupts::acknowledge(vector);
            kernel.tick();
        }
        VECTOR_SERIAL => {
            interrupts::acknowledge(vector);
            while let Some(byte) = serial::read() {
                kernel.typed(byte);
            }
        }
        interrupts::FIRST_VECTOR..=VECTOR_LAST_LINE => interrupts::acknowledge(vector),
        RESCHEDULE_VECTOR => kernel.scheduler.request(),
        VECTOR_NMI => fail::die(format_args!("an NMI that nobody expects"), Some(&saved)),
        VECTOR_MACHINE_CHECK => fail::die(format_args!("machine check"), Some(&saved)),
        _ => kernel.exception(vector, code),
    }
    kernel.choose()
}

/// An exception in ring 0: a bug of the kernel.
///
/// # Safety
/// For the entry code only; `frame` is what it has just saved.
pub unsafe extern "C" fn kernel_exception(frame: *const TrapFrame) -> ! {
    // SAFETY: The entry code made the frame.
    let frame = unsafe { &*frame };
    fail::die(
        format_args!(
            "exception {} in the kernel, code {:#x}, address {:#x}",
            frame.vector,
            frame.error_code,
            cpu::fault_address()
        ),
        Some(frame),
    )
}

impl Kernel {
    fn tick(&mut self) {
        self.count_slice();
        self.serve_deadlines(clock::now());
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
            _ => {
                let fault = Fault::with_code(kind_of_vector(vector), code);
                self.fail_current(
                    Fault {
                        vector: Some(vector),
                        ..fault
                    },
                    "",
                );
            }
        }
    }

    fn page_fault(&mut self, code: u64) {
        let address = cpu::fault_address();
        let access = match (code & ERROR_FETCH != 0, code & ERROR_WRITE != 0) {
            (true, _) => Access::Execute,
            (false, true) => Access::Write,
            (false, false) => Access::Read,
        };
        let actor = self.current_actor().unwrap_or(u32::MAX);
        if let Err(error) = self.page_in(actor, Page::containing(address), access) {
            let fault = Fault {
                kind: error.kind(),
                vector: Some(VECTOR_PAGE_FAULT),
                code,
                address,
            };
            self.fail_current(fault, "");
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
        let registers = stopped.frame.registers();
        let Some(home) = stopped.home else { return };
        let record = FaultRecord {
            actor: self.actor_id(home.0),
            incarnation: self.actors.at(home.0).map_or(0, |actor| actor.incarnation),
            thread: self.thread_id(thread),
            time: clock::now(),
            registers,
            ..record
        };
        self.announce(thread, News::Failed(record));
    }

    /// Stops a thread for good and leaves news about its home actor for the Restart Manager. From
    /// here on no thread of the actor runs. Only the first news of an incarnation counts.
    pub fn announce(&mut self, thread: u32, news: News) {
        self.cancel_wait(thread);
        let Some(stopped) = self.threads.at_mut(thread) else {
            return;
        };
        let was_ready = stopped.state == State::Ready;
        stopped.state = State::Stopped;
        let home = stopped.home;
        if was_ready {
            self.unready(thread);
        }
        let Some(Slot(actor)) = home else { return };
        self.post_news(actor, news);
    }

    /// Leaves news about an actor for the Restart Manager.
    pub fn post_news(&mut self, slot: u32, news: News) {
        let Some(actor) = self.actors.at_mut(slot) else {
            return;
        };
        if actor.state != ActorState::RUNNING || actor.news.is_some() {
            return;
        }
        actor.news = Some(news);
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
