//! The first application of the subsystem: notes each start in a log, and has children write and
//! read: `posix-init [PAUSE]`, with so many milliseconds between two rounds.
//!
//! The log shows what survives: it has a line for each time that this program was started, however
//! it or the manager ended before.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::fmt::Write as _;

use posix::process::{Span, sleep};
use posix::{Errno, File, Process, Result, info};

/// The log.
const LOG: &str = "/log";
/// Between two rounds, if the arguments do not say.
const PAUSE: Span = Span::from_secs(1);
/// Longest log that is looked at.
const LONGEST: usize = 4096;

/// A line to be written as one.
struct Line {
    bytes: [u8; 80],
    length: usize,
}

impl core::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let end = self.length + text.len();
        let place = self.bytes.get_mut(self.length..end);
        place
            .ok_or(core::fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

fn main(process: Process) -> Result<()> {
    let mut line = Line {
        bytes: [0; 80],
        length: 0,
    };
    let (incarnation, id) = (process.incarnation(), process.id());
    // It is short enough.
    let _ = writeln!(line, "incarnation {incarnation} of init is process {id}");
    File::append(LOG)?.write_all(line.bytes.get(..line.length).unwrap_or_default())?;
    tell_log()?;
    let pause = process.argument(0).and_then(|word| word.parse().ok());
    let pause = pause.map_or(PAUSE, Span::from_millis);
    for round in 1_u32.. {
        run("posix-writer", "/notes 3")?;
        run("posix-reader", "/notes")?;
        if round % 4 == 0 {
            // One that breaks, which is nobody's failure but its own.
            run("posix-writer", "/notes many")?;
            match posix::unlink("/notes") {
                Ok(()) | Err(Errno::EBUSY) => {}
                Err(errno) => return Err(errno),
            }
        }
        sleep(pause);
    }
    Ok(())
}

/// Runs a child and waits for it.
fn run(image: &str, arguments: &str) -> Result<()> {
    let child = posix::spawn(image, arguments)?;
    let (ended, status) = posix::wait()?;
    info!("process {child} ({image} {arguments}): process {ended} ended, {status}");
    Ok(())
}

/// Says what is in the log.
fn tell_log() -> Result<()> {
    let mut bytes = [0; LONGEST];
    let log = File::open(LOG)?.read_to_end(&mut bytes)?;
    for line in log.split(|byte| *byte == b'\n') {
        if let Ok(line) = core::str::from_utf8(line)
            && !line.is_empty()
        {
            info!("the log says: {line}");
        }
    }
    Ok(())
}

posix::entry!(main);
