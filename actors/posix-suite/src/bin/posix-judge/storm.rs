//! The manager is killed again and again, wherever it is, while files are written.
//!
//! One thread writes and knows what it was told; the other one, more urgent, strikes. After each
//! call that was cut off the writer looks what became of it: all or nothing. What was reported must
//! be there to the last byte, whatever happened since.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use posix::{Errno, File, unlink};
use posix_suite::random::Random;
use syscall::prelude::*;
use syscall::{Thread, site, thread};

use crate::check::{Must, wait_until};
use crate::peers::{MANAGER, PATIENCE, incarnation, patiently};

/// Files that are written.
const FILES: usize = 5;
const NAMES: [&str; FILES] = ["0", "1", "2", "3", "4"];
/// A file is not appended to beyond this.
const LONG: u64 = 20_000;
/// Longest write: a little more than a transfer.
const WRITE: usize = 2100;
/// Longest time between two strikes.
const PAUSE: u64 = 4;
/// The writer's priority: the one that applications have.
const PRIORITY: u8 = 16;

/// The seed, and when it is over.
static SEED: AtomicU64 = AtomicU64::new(0);
static IS_OVER: AtomicU32 = AtomicU32::new(0);
/// Calls that were done, and of those that were cut off, those that had an effect and those that
/// had none.
static DONE: AtomicU32 = AtomicU32::new(0);
static EFFECT: AtomicU32 = AtomicU32::new(0);
static NONE: AtomicU32 = AtomicU32::new(0);

/// What is known of one file. Its content follows from that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Known {
    /// Each time that it is made anew it has other content.
    generation: u64,
    /// Nothing if there is no such file.
    length: Option<u64>,
}

fn byte(file: usize, generation: u64, offset: u64) -> u8 {
    Random::new(generation, (file as u64) << 32 | offset).next_number() as u8
}

/// Whatever was reported is there, and nothing else.
pub(crate) fn nothing_is_lost_or_invented(start: &Start) {
    let number = |index| {
        let argument = start.argument(index);
        argument.and_then(|word| word.parse::<u64>().ok())
    };
    let seed = number(1).must("a seed");
    let crashes = number(2).must("a number of crashes") as u32;
    SEED.store(seed, Ordering::SeqCst);
    Thread::spawn(write, 0, 64 * 1024, PRIORITY).must("the writer");
    let mut random = Random::new(seed, 0);
    for turn in 0..crashes {
        thread::sleep(Span::from_micros(random.below(PAUSE * 1000)));
        let before = incarnation(MANAGER);
        let manager = site::find(MANAGER).must("the manager");
        let struck = match random.below(3) {
            0 => site::restart(manager),
            1 => site::kill(manager),
            _ => site::complain(manager, "for a test"),
        };
        struck.must("a strike");
        let is_back = || incarnation(MANAGER) > before;
        check!(
            wait_until(PATIENCE, is_back),
            "the manager is gone after {turn}"
        );
    }
    IS_OVER.store(1, Ordering::SeqCst);
    let has_ended = || IS_OVER.load(Ordering::SeqCst) == 2;
    check!(wait_until(PATIENCE, has_ended), "the writer does not end");
    let counts = [&DONE, &EFFECT, &NONE].map(|count| count.load(Ordering::SeqCst));
    info!("done, cut off with effect, cut off without: {counts:?}");
    // The time between an effect and its being reported is short.
    let [done, effect, none] = counts;
    check!(
        done > crashes && effect > 2 && none > crashes / 4,
        "{counts:?}"
    );
    check_eq!(incarnation(MANAGER), crashes + 1);
    let info = site::info().must("counters");
    check_eq!((info.hot_restarts, info.reloads), (u64::from(crashes), 0));
}

fn write(_: u64) {
    let mut random = Random::new(SEED.load(Ordering::SeqCst), 1);
    let mut known = [Known {
        generation: 0,
        length: None,
    }; FILES];
    let mut generation = 0;
    let mut turn = 0_u32;
    while IS_OVER.load(Ordering::SeqCst) == 0 {
        let file = random.below(FILES as u64) as usize;
        generation += 1;
        let anew = Known {
            generation,
            length: Some(0),
        };
        let before = known[file];
        let (after, result) = match (before.length, random.below(12)) {
            (None, _) => (anew, open(file, File::create)),
            (Some(_), 0) => (
                Known {
                    length: None,
                    ..before
                },
                unlink(NAMES[file]),
            ),
            (Some(_), 1) => (anew, open(file, File::create)),
            (Some(length), _) if length > LONG => (anew, open(file, File::create)),
            (Some(length), _) => append(file, before, length, random.below(WRITE as u64) as usize),
        };
        known[file] = match result {
            Ok(()) => {
                DONE.fetch_add(1, Ordering::SeqCst);
                after
            }
            // Told to be not done: by a manager that was not there, or knew nothing of what its
            // predecessor had opened.
            Err(Errno::EAGAIN | Errno::EBADF) => before,
            Err(Errno::EIO) => {
                let is_old = holds(file, before);
                let is_new = holds(file, after);
                check!(
                    is_old || is_new,
                    "{before:?} became neither itself nor {after:?}"
                );
                let (count, known) = match is_new {
                    true => (&EFFECT, after),
                    false => (&NONE, before),
                };
                count.fetch_add(1, Ordering::SeqCst);
                known
            }
            Err(errno) => fail!("{errno}, {before:?} to {after:?}"),
        };
        turn += 1;
        if turn.is_multiple_of(16) {
            let checked = random.below(FILES as u64) as usize;
            check!(
                holds(checked, known[checked]),
                "{checked} is not {:?}",
                known[checked]
            );
        }
    }
    for (file, known) in known.into_iter().enumerate() {
        check!(holds(file, known), "{file} is not {known:?} at the end");
    }
    IS_OVER.store(2, Ordering::SeqCst);
}

/// Opens a file, and closes it again.
fn open(file: usize, how: impl FnOnce(&str) -> posix::Result<File>) -> posix::Result<()> {
    // That it is closed does not matter here: it was opened.
    how(NAMES[file]).map(drop)
}

/// Appends to a file, in one write; tells what is known of it if that was done.
fn append(file: usize, before: Known, length: u64, count: usize) -> (Known, posix::Result<()>) {
    let mut bytes = [0; WRITE];
    let bytes = bytes.get_mut(..count).must("a part");
    for (offset, place) in (length..).zip(bytes.iter_mut()) {
        *place = byte(file, before.generation, offset);
    }
    // As much as a transfer takes is written, and no more.
    let count = count.min(posix::limits::TRANSFER_MAX);
    let after = Known {
        length: Some(length + count as u64),
        ..before
    };
    let result = match File::append(NAMES[file]) {
        // Opening changes nothing, for it is there.
        Err(Errno::EIO) => Err(Errno::EAGAIN),
        Err(errno) => Err(errno),
        Ok(mut opened) => opened.write(bytes).map(|written| {
            check_eq!(written, count, "bytes written");
        }),
    };
    (after, result)
}

/// Whether a file is just as it would be known. Asks until the manager answers.
fn holds(file: usize, known: Known) -> bool {
    loop {
        match compare(file, known) {
            // The manager died again.
            Err(Errno::EAGAIN | Errno::EBADF | Errno::EIO) => thread::sleep(Span::from_millis(1)),
            Err(Errno::ENOENT) => return known.length.is_none(),
            Err(errno) => fail!("{errno} while looking at {file}"),
            Ok(is_same) => return is_same,
        }
    }
}

fn compare(file: usize, known: Known) -> posix::Result<bool> {
    let mut opened = patiently(|| File::open(NAMES[file]))?;
    let mut buffer = [0; 2048];
    let mut offset = 0;
    loop {
        let part = opened.read_to_end(&mut buffer)?;
        if part.is_empty() {
            return Ok(known.length == Some(offset));
        }
        for found in part {
            if *found != byte(file, known.generation, offset) {
                return Ok(false);
            }
            offset += 1;
        }
    }
}
