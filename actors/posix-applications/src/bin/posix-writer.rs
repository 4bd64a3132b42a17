//! Appends lines to a file: `posix-writer FILE LINES`.
//!
//! With a number that is none it panics, as a program does that does not check.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use posix::{Errno, File, Process, Result};

fn main(process: Process) -> Result<()> {
    let name = process.argument(0).ok_or(Errno::EINVAL)?;
    let lines: u32 = match process.argument(1).unwrap_or("1").parse() {
        Ok(lines) => lines,
        Err(_) => panic!("not a number of lines"),
    };
    let mut file = File::append(name)?;
    for _ in 0..lines {
        file.write_all(b"a line that is there as a whole\n")?;
    }
    file.close()
}

posix::entry!(main);
