//! What applications of the POSIX-like subsystem are written against: files, processes, and `errno`.
//!
//! An application is an actor like any other; but what it asks for it asks by traps, and the
//! subsystem's manager (`actors/posix-manager`, where the rules are) serves them. It needs no name
//! of the native interface, nor of the kernel.
//!
//! | module | what it is |
//! |---|---|
//! | [`entry!`], [`process`] | where a program begins and ends; `spawn`, `wait` |
//! | [`file`](mod@file) | [`File`]: open, read, write, seek, close; `unlink` |
//! | [`errno`] | why something was refused |
//! | [`call`] | the numbers of the calls, which the manager knows them by, and the trap itself |
//! | [`limits`] | how much there may be of what |
//!
//! # When the manager fails
//! Its applications are restarted with it, if the site says that their groups depend on its group.
//! Files are as they were reported last. Descriptors are gone. An application of a group that does
//! not depend on it goes on: a call that was cut off ends with [`Errno::EIO`] if it may have been
//! done and with [`Errno::EAGAIN`] if it was not, and the next one is a stranger's to the new
//! manager: it gets a new process number, and has no file open.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

#[doc(hidden)]
pub use syscall;

pub mod call;
pub mod errno;
pub mod file;
pub mod limits;
pub mod process;

pub use errno::{Errno, Result};
pub use file::{File, Flags, unlink};
pub use process::{Process, Status, spawn, wait};
pub use syscall::{debug, error, info, trace, warn};

/// Makes the entry point of a program, which calls the function named with a [`Process`]. What it
/// returns is the program's exit code, or a [`Result`] of nothing: an error is exit code 1.
///
/// ```ignore
/// posix::entry!(main);
/// fn main(process: Process) -> posix::Result<()> { … }
/// ```
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        fn __begin_process(start: $crate::syscall::Start) {
            $crate::process::run(start, $main)
        }

        $crate::syscall::entry!(__begin_process);
    };
}
