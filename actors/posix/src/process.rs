//! Processes: how they begin and end, and their children.
//!
//! A process that was spawned ends by itself, whatever it does: `exit`, an exception, a panic. Its
//! parent learns how by [`wait`]. A process that the site declares has no parent; it is restarted
//! by the system if it fails, as any actor is, and with an exit code other than 0 it has failed.

use core::fmt::{self, Write as _};

pub use syscall::abi::Span;
use syscall::abi::site::Rights;
use syscall::abi::{Name, Text};
use syscall::{RemotePort, Spawn, Start, call as native, panic};

use crate::call::{self, Operation, PORT, SPAWNED};
use crate::{Errno, Result};

/// Signals that say in a [`Status`] what a process died of, numbered as on Linux.
pub mod signal {
    /// An illegal instruction.
    pub const ILL: u8 = 4;
    /// A breakpoint.
    pub const TRAP: u8 = 5;
    /// A panic.
    pub const ABRT: u8 = 6;
    /// A misaligned access, or an exception that is none of the others.
    pub const BUS: u8 = 7;
    /// An error of arithmetic.
    pub const FPE: u8 = 8;
    /// An access to memory that is not its own, or an instruction that is not its to execute.
    pub const SEGV: u8 = 11;
}

/// Sleeps for at least as long as said; the clock is the kernel's, not the manager's.
pub use syscall::thread::sleep;

/// How long a program waits for the manager when it starts.
const PATIENCE: Span = Span::FOREVER;
/// How often it tries when the manager is just being restarted, or busy.
const TRIES: u32 = 100;
/// How long it waits in between.
const PAUSE: Span = Span::from_millis(5);

/// The program itself, as it learns about itself at its start.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    start: Start,
    id: u32,
}

impl Process {
    /// Its process number. No two processes ever have the same, whatever is restarted.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its arguments, as one text.
    #[must_use]
    pub fn arguments(&self) -> &str {
        self.start.arguments()
    }

    /// The argument `index`, counted from 0, where arguments are separated by white space.
    #[must_use]
    pub fn argument(&self, index: usize) -> Option<&str> {
        self.start.argument(index)
    }

    /// How many times the actor has been started: more than once only if the site declares it.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        self.start.incarnation()
    }

    /// What it was told at its start as an actor.
    #[must_use]
    pub fn start(&self) -> &Start {
        &self.start
    }
}

/// How a process ended, encoded as POSIX does: the exit code in the second byte, or a signal in the
/// first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u32);

impl Status {
    /// It exited with this code, of which 8 bits are kept.
    #[must_use]
    pub const fn exited(code: i32) -> Self {
        Self((code as u32 & 0xff) << 8)
    }

    /// It died of this signal.
    #[must_use]
    pub const fn signalled(signal: u8) -> Self {
        Self(signal as u32 & 0x7f)
    }

    /// The exit code, if it exited.
    #[must_use]
    pub const fn code(self) -> Option<u8> {
        if self.0 & 0x7f == 0 {
            Some((self.0 >> 8) as u8)
        } else {
            None
        }
    }

    /// The signal, if it died of one.
    #[must_use]
    pub const fn signal(self) -> Option<u8> {
        match self.0 & 0x7f {
            0 => None,
            signal => Some(signal as u8),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code(), self.signal()) {
            (Some(code), _) => write!(f, "exit {code}"),
            (_, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => f.write_str("nothing"),
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a main function may return: its exit code.
pub trait Outcome {
    /// The exit code.
    fn code(self) -> i32;
}

impl Outcome for () {
    fn code(self) -> i32 {
        0
    }
}

impl Outcome for i32 {
    fn code(self) -> i32 {
        self
    }
}

impl<T: Outcome> Outcome for Result<T> {
    fn code(self) -> i32 {
        match self {
            Ok(value) => value.code(),
            Err(errno) => {
                crate::error!("main returned {errno}");
                1
            }
        }
    }
}

/// The name that the actor of a process must have.
#[must_use]
pub fn process_name(id: u32) -> Name {
    let mut name = Text::EMPTY;
    // Writing to a `Text` cannot fail, and this fits.
    let _ = write!(name, "posix-{id}");
    name
}

/// Runs a program from its entry to its end; called by what [`entry!`](crate::entry!) makes.
pub fn run<T: Outcome>(start: Start, main: fn(Process) -> T) {
    match attach(start) {
        Ok(process) => exit(main(process).code()),
        Err(errno) => panic!("no process: {errno}"),
    }
}

/// Waits for the manager, and makes oneself known to it.
///
/// # Errors
/// `EPERM` when the caller is no application, `EAGAIN` when there are too many, and that stays so.
pub fn attach(start: Start) -> Result<Process> {
    let mut tries = 0;
    let value = loop {
        RemotePort::find(PORT, PATIENCE)?;
        match call::call(Operation::ATTACH, 0, [0; 2]) {
            Err(Errno::EAGAIN) if tries < TRIES => sleep(PAUSE),
            value => break value?,
        }
        tries += 1;
    };
    if value & SPAWNED != 0 {
        panic::LAST_WORDS.publish(&ABORT);
    }
    Ok(Process {
        start,
        id: value as u32,
    })
}

/// What a panic of a spawned process does.
static ABORT: fn(&str) = |words| {
    crate::error!("panic: {words}");
    leave(Status::signalled(signal::ABRT), 1);
};

/// Ends the process.
pub fn exit(code: i32) -> ! {
    leave(Status::exited(code), code as u32 & 0xff);
    // Not reached, or the manager is no more, and we end with it.
    native::sys_exit(0)
}

/// Tells the manager, and ends the actor. For one that was spawned that is no failure: its parent
/// is told. If the manager does not know us, the actor ends in the same way.
fn leave(status: Status, code: u32) {
    let is_spawned = match call::call(Operation::EXIT, status.0, [0; 2]) {
        Ok(value) => value & SPAWNED != 0,
        Err(_) => false,
    };
    native::sys_exit(if is_spawned { 0 } else { u64::from(code) })
}

/// Starts a child that runs an image, with arguments. Needs the right to spawn, which children get
/// too. Returns its process number.
///
/// # Errors
/// `EAGAIN` for too many processes, `ENOENT` and `ENOEXEC` for the image, `E2BIG` for the
/// arguments, `EPERM` without the right.
pub fn spawn(image: &str, arguments: &str) -> Result<u32> {
    let id = call::call(Operation::EXPECT, 0, [0; 2])? as u32;
    let name = process_name(id);
    let child = Spawn::new(name.as_str(), image).arguments(arguments);
    match child.rights(Rights::SPAWN).start() {
        Ok(actor) => {
            // The child says so itself, too, at its first call: whichever comes first.
            let _ = call::call(Operation::STARTED, id, [actor.raw(), 0]);
            Ok(id)
        }
        Err(error) => {
            // If the manager has forgotten it already, it is forgotten.
            let _ = call::call(Operation::FORGET, id, [0; 2]);
            Err(Errno::from(error))
        }
    }
}

/// Waits for a child to end; returns its process number and how it ended.
///
/// # Errors
/// `ECHILD` when there is none, `EINTR` when the thread is told to give up, `EAGAIN` when another
/// thread waits already.
pub fn wait() -> Result<(u32, Status)> {
    let value = call::call(Operation::WAIT, 0, [0; 2])?;
    Ok((value as u32, Status((value >> 32) as u32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_a_code_or_a_signal() {
        assert_eq!(Status::exited(3).code(), Some(3));
        assert_eq!(Status::exited(-1).code(), Some(255));
        assert_eq!(Status::exited(3).signal(), None);
        assert_eq!(Status::signalled(signal::SEGV).signal(), Some(11));
        assert_eq!(Status::signalled(signal::SEGV).code(), None);
    }

    #[test]
    fn names_of_processes_are_names_of_actors() {
        assert!(process_name(u32::MAX).is_identifier());
        assert_eq!(process_name(7).as_str(), "posix-7");
    }
}
