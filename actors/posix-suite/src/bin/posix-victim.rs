//! An application that does what its arguments say, which is seldom good for it.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::sync::atomic::AtomicU8;

use posix::call::{Operation, TRAP, WAIT_TRAP};
use posix::limits::TRANSFER_MAX;
use posix::process::{Span, sleep};
use posix::{Errno, File, Process, Result};
use posix_suite::TICKS;
use posix_suite::random::Random;
use syscall::ways_to_die::Way;
use syscall::{call, handler};

/// How long those live that live until they are stopped.
const LONG: Span = Span::from_secs(3600);

fn main(process: Process) -> Result<i32> {
    let number = |index| {
        let argument = process.argument(index);
        argument.and_then(|word| word.parse::<i32>().ok())
    };
    match process.argument(0) {
        Some("exit") => return Ok(number(1).unwrap_or(0)),
        Some("die") => match process.argument(1).and_then(Way::named) {
            Some(way) => way.die(),
            None => return Err(Errno::EINVAL),
        },
        // Ends without a word to the manager.
        Some("leave") => call::sys_exit(0),
        Some("parent") => {
            let child = posix::spawn("posix-victim", "exit 5")?;
            let (ended, status) = posix::wait()?;
            return Ok(if child == ended {
                status.code().map_or(-1, i32::from)
            } else {
                -2
            });
        }
        // Leaves a child behind.
        Some("orphan") => drop(posix::spawn("posix-victim", "nap")?),
        Some("nap") => sleep(Span::from_millis(20)),
        Some("tick") => return tick(),
        Some("family") => return family(),
        Some("garbage") => {
            return Ok(garbage(
                number(1).unwrap_or(0) as u64,
                number(2).unwrap_or(0),
            ));
        }
        _ => sleep(LONG),
    }
    Ok(0)
}

/// Writes to a file for ever.
fn tick() -> Result<i32> {
    let mut file = File::append(TICKS)?;
    loop {
        if file.write(b".")? == 0 {
            return Ok(1);
        }
        sleep(Span::from_millis(2));
    }
}

/// Waits for a file `fail`, and has a child then that fails natively, with a bad pointer: nobody
/// can catch that. Its next life says that it was there.
fn family() -> Result<i32> {
    if File::open("failed-next").is_ok() {
        File::create("failed")?.close()?;
    }
    while File::open("fail").is_err() {
        sleep(Span::from_millis(2));
    }
    posix::unlink("fail")?;
    File::create("failed-next")?.close()?;
    posix::spawn("posix-victim", "die bad-pointer")?;
    sleep(LONG);
    Ok(0)
}

/// Traps with numbers that make no sense, or nearly. How often that succeeded is of no interest,
/// but that something always came back is.
fn garbage(seed: u64, count: i32) -> i32 {
    let mut random = Random::new(seed, 0);
    // Where it is written to nobody minds.
    static OWN: [AtomicU8; TRANSFER_MAX] = [const { AtomicU8::new(0) }; TRANSFER_MAX];
    for _ in 0..count {
        let address = match random.below(8) {
            0 => 0,
            1 => u64::MAX - random.below(64),
            2 => 0xffff_8000_0000_0000 | random.below(1 << 40),
            3 => random.next_number(),
            // Text, which can be read and not written.
            4 => 0x20_1000,
            5 => 0x40_0000_0000,
            _ => OWN.as_ptr().expose_provenance() as u64,
        };
        let length = match random.below(5) {
            0 => random.below(64),
            1 => u64::MAX,
            2 => random.next_number(),
            3 => i64::MAX as u64,
            _ => 5000,
        };
        // Not the one that would end us, which has a test of its own.
        let operation = match random.below(15) as u32 {
            10 => u32::MAX,
            operation => operation,
        };
        let small = match random.below(4) {
            0 => random.next_number() as u32,
            _ => random.below(20) as u32,
        };
        let packed = posix::call::pack(Operation(operation), small);
        let _ = match random.below(2) {
            0 => handler::raise::<TRAP>([packed, address, length]),
            _ if operation == Operation::WAIT.0 => continue,
            _ => handler::raise::<WAIT_TRAP>([packed, address, length]),
        };
    }
    7
}

posix::entry!(main);
