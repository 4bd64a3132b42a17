//! Counts the lines of a file, `posix-reader FILE`; the exit code is how many, up to 255.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use posix::{Errno, File, Process, Result};

fn main(process: Process) -> Result<i32> {
    let mut file = File::open(process.argument(0).ok_or(Errno::EINVAL)?)?;
    let mut buffer = [0; 512];
    let mut lines = 0;
    loop {
        let part = file.read_to_end(&mut buffer)?;
        if part.is_empty() {
            return Ok(lines.min(255));
        }
        lines += part.iter().filter(|byte| **byte == b'\n').count() as i32;
    }
}

posix::entry!(main);
