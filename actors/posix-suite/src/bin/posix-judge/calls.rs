//! The calls about files, and their limits.

use posix::call::{self, Operation};
use posix::file::Whence;
use posix::limits::{DESCRIPTORS_MAX, NAME_MAX, TRANSFER_MAX};
use posix::{Errno, File, Flags, unlink};
use syscall::prelude::*;
use syscall::site;

use crate::check::Must;
use crate::ledger::{self, Reader};
use crate::peers::{MANAGER, must_come_back, must_hold, must_say, patiently, put};

/// Longer than a block and than a transfer.
const LONG: usize = 5000;

fn pattern() -> [u8; LONG] {
    core::array::from_fn(|index| (index * 7 % 251) as u8)
}

/// Files do what files do, and are there after the manager has died.
pub(crate) fn files_survive_the_manager(_: &Start) {
    let mut reader = Reader::at_start();
    let long = pattern();
    put("long", &long);
    must_hold("long", &long);
    // A path with a `/` is the same; a write of more than a transfer is a short one.
    must_hold("/long", &long);
    let mut file = File::create("short").must("a file");
    check_eq!(file.write(&long), Ok(TRANSFER_MAX));
    // Moving, and writing over.
    let all = Flags::READ.and(Flags::WRITE);
    let mut both = File::with("short", all).must("a file");
    check_eq!(both.seek(-10, Whence::End), Ok(TRANSFER_MAX as u64 - 10));
    check_eq!(both.read(&mut [0; 100]), Ok(10));
    check_eq!(both.read(&mut [0; 100]), Ok(0));
    check_eq!(both.seek(1000, Whence::Start), Ok(1000));
    check_eq!(both.write(&[1; 50]), Ok(50));
    check_eq!(both.seek(-51, Whence::Here), Ok(999));
    let mut some = [0; 3];
    check_eq!(both.read(&mut some), Ok(3));
    check_eq!(some, [long[999], 1, 1]);
    must_say(
        both.seek(-1, Whence::Start),
        Errno::EINVAL,
        "before the start",
    );
    must_say(both.seek(1, Whence::End), Errno::EINVAL, "behind the end");
    must_say(both.seek(i64::MAX, Whence::Here), Errno::EINVAL, "far away");
    // For what it was opened.
    must_say(
        file.read(&mut some),
        Errno::EBADF,
        "reading what is for writing",
    );
    let mut read = File::open("short").must("a file");
    must_say(
        read.write(b"x"),
        Errno::EBADF,
        "writing what is for reading",
    );
    let exclusive = Flags::WRITE.and(Flags::CREATE).and(Flags::EXCLUSIVE);
    must_say(
        File::with("short", exclusive),
        Errno::EEXIST,
        "a second one",
    );
    must_say(
        File::with("short", Flags::APPEND),
        Errno::EINVAL,
        "for nothing",
    );
    must_say(
        File::with("short", Flags(1 << 9)),
        Errno::EINVAL,
        "odd flags",
    );
    must_say(unlink("short"), Errno::EBUSY, "an open file");
    let descriptor = file.descriptor();
    file.close().must("closing");
    must_say(
        call::call(Operation::CLOSE, descriptor, [0; 2]),
        Errno::EBADF,
        "closing it again",
    );
    // Each write at the end, wherever that is by then.
    put("log", b"");
    let mut first = File::append("log").must("a file");
    let mut second = File::append("log").must("a file");
    for _ in 0..3 {
        first.write_all(b"first ").must("a write");
        second.write_all(b"second ").must("a write");
    }
    let expected = b"first second first second first second ";
    must_hold("log", expected);
    put("gone", b"nobody reads this");
    unlink("gone").must("deleting");
    must_say(File::open("gone"), Errno::ENOENT, "a deleted file");

    // The manager dies, in each way that others have.
    let strikes: [fn(ActorId) -> Result<()>; 3] = [site::restart, site::kill, |actor| {
        site::complain(actor, "for a test")
    }];
    for (strike, lives) in strikes.into_iter().zip(1..) {
        must_come_back(MANAGER, strike);
        must_hold("long", &long);
        must_hold("log", expected);
        must_say(File::open("gone"), Errno::ENOENT, "a deleted file");
        check_eq!(site::info().must("counters").hot_restarts, lives);
        reader.take();
        // What was open is not.
        must_say(first.write(b"x"), Errno::EBADF, "a descriptor of before");
        // It is writable still.
        put("again", &long[..lives as usize * 100]);
        must_hold("again", &long[..lives as usize * 100]);
    }
    check_eq!(site::info().must("counters").reloads, 0);
    for forgotten in [first, second, both, read] {
        must_say(forgotten.close(), Errno::EBADF, "a descriptor of before");
    }
    reader.must_be_at_end();
}

/// What goes beyond a limit is an error, and the rest is as it was.
pub(crate) fn limits_are_errors(_: &Start) {
    // Names.
    let longest = [b'n'; NAME_MAX + 1];
    let name = |length| core::str::from_utf8(&longest[..length]).must("a name");
    put(name(NAME_MAX), b"x");
    must_say(
        File::create(name(NAME_MAX + 1)),
        Errno::ENAMETOOLONG,
        "a long name",
    );
    for bad in ["", "/", "a/b", "//a", "a\0b"] {
        must_say(File::create(bad), Errno::EINVAL, "a bad name");
    }
    unlink(name(NAME_MAX)).must("deleting");

    // Descriptors: the lowest free one is given, until there is none.
    put("file", b"x");
    let mut open: [Option<File>; DESCRIPTORS_MAX] = [const { None }; DESCRIPTORS_MAX];
    for (number, place) in open.iter_mut().enumerate() {
        let file = File::open("file").must("a descriptor");
        check_eq!(file.descriptor() as usize, number);
        *place = Some(file);
    }
    must_say(File::open("file"), Errno::EMFILE, "a descriptor too many");
    // It was not even made.
    must_say(
        File::create("further"),
        Errno::EMFILE,
        "a descriptor too many",
    );
    open[7] = None;
    must_say(
        File::open("further"),
        Errno::ENOENT,
        "a file that was refused",
    );
    check_eq!(File::open("file").must("a descriptor").descriptor(), 7);
    for place in &mut open {
        *place = None;
    }

    // The length of a file, and all files together.
    let block = [9; TRANSFER_MAX];
    let mut longest = 0;
    let mut files = 0;
    let end = loop {
        let digits = [b'0' + files / 10, b'0' + files % 10];
        let name = core::str::from_utf8(&digits).must("a name");
        let mut file = File::create(name).must("a file");
        files += 1;
        let mut length = 0;
        let end = loop {
            match file.write(&block) {
                Ok(count) => length += count,
                Err(errno) => break errno,
            }
        };
        file.close().must("closing");
        longest = longest.max(length);
        if end != Errno::EFBIG {
            break end;
        }
        check_eq!(length, longest);
    };
    check_eq!((end, longest), (Errno::ENOSPC, 64 * 1024));
    check!(files >= 4, "no room for {files} files");
    // Full as it is, the manager finds everything again, and what is deleted makes room.
    must_come_back(MANAGER, site::restart);
    must_hold("file", b"x");
    patiently(|| unlink("00")).must("deleting");
    put("room", &block);
    let mut made = 0;
    let end = loop {
        let digits = [b'm', b'0' + made / 10, b'0' + made % 10];
        let name = core::str::from_utf8(&digits).must("a name");
        match File::create(name) {
            Ok(_) => made += 1,
            Err(errno) => break errno,
        }
    };
    check_eq!(end, Errno::ENOSPC, "after {made} files");
    check!(made > 40, "only {made} files");
    must_hold("room", &block);
    let mut after = Reader::at_start();
    ledger::must_be_done(&after.take(), syscall::abi::Response::HOT_RESTART);
    after.must_be_at_end();
}
