//! Applications, and others, that want no good: the manager does not feel it.

use posix::call::{self, Operation, TRAP, WAIT_TRAP};
use posix::process::Status;
use posix::{Errno, File, Flags, spawn, unlink, wait};
use syscall::abi::layout::MESSAGE_MAX;
use syscall::abi::site::ActorState;
use syscall::abi::{Generation, Slot};
use syscall::prelude::*;
use syscall::{RemotePort, handler};

use crate::check::{Must, wait_until};
use crate::ledger::{self, Reader};
use crate::peers::{MANAGER, PATIENCE, incarnation, info, must_hold, must_say, put};

/// Whatever is thrown at the manager, it answers with an error, and goes on.
pub(crate) fn nothing_hurts_the_manager(start: &Start) {
    put("treasure", b"what nobody else may touch");
    one_by_one(start);
    strangers();

    // Any numbers at all, from a child of ours, and from declared applications at two priorities.
    let child = spawn("posix-victim", "garbage 1 4000").must("a child");
    check_eq!(wait(), Ok((child, Status::exited(7))));
    let are_through = || {
        let mut names = ["mad", "madder"].into_iter();
        names.all(|name| info(name).state == ActorState::TERMINATED)
    };
    // Exit code 7 of a declared application is a failure; the site's policy ends it.
    check!(
        wait_until(Span(6 * PATIENCE.0), are_through),
        "they go on for ever"
    );
    check_eq!(incarnation(MANAGER), 1);
    must_hold("treasure", b"what nobody else may touch");
    put("further", b"x");
    must_hold("further", b"x");
    let mut reader = Reader::at_start();
    let mut failures = 0;
    while failures < 2 {
        let entry = reader.take();
        let name = entry.name.as_str();
        check!(name != MANAGER, "the manager failed");
        if let "mad" | "madder" = name {
            let fault = ledger::fault(&entry);
            check_eq!(
                (fault.kind, fault.code),
                (syscall::abi::FaultKind::UNCLEAN_EXIT, 7)
            );
            failures += 1;
        }
    }
}

/// Each thing that is wrong, with the error that it is.
fn one_by_one(start: &Start) {
    let flags = Flags::READ.and(Flags::WRITE).and(Flags::CREATE);
    let file = File::with("file", flags).must("a file");
    let (descriptor, word) = (file.descriptor(), 7_u64);
    let own = core::ptr::from_ref(core::hint::black_box(&word)).addr() as u64;
    let text = one_by_one as fn(&Start) as usize as u64;
    let bad = [0, 8, 0x7fff_ffff_f000, 0xffff_8000_0000_0000, u64::MAX];
    for address in bad {
        for operation in [Operation::READ, Operation::WRITE] {
            let result = call::call(operation, descriptor, [address, 8]);
            must_say(result, Errno::EFAULT, "memory that is not ours");
        }
        for operation in [Operation::OPEN, Operation::UNLINK] {
            let result = call::call(operation, flags.0, [address, 8]);
            must_say(result, Errno::EFAULT, "a name that is not ours");
        }
    }
    must_say(
        call::call(Operation::READ, descriptor, [text, 8]),
        Errno::EFAULT,
        "reading into text",
    );
    // Nothing has been written, or lost by what was refused.
    check_eq!(call::call(Operation::SEEK, descriptor, [0, 2]), Ok(0));
    for length in [u64::MAX, 1 << 63] {
        for operation in [Operation::READ, Operation::WRITE, Operation::UNLINK] {
            let result = call::call(operation, descriptor, [own, length]);
            must_say(result, Errno::EINVAL, "a length that is none");
        }
    }
    let long = call::call(Operation::OPEN, flags.0, [own, i64::MAX as u64]);
    must_say(long, Errno::ENAMETOOLONG, "an endless name");
    for number in [descriptor + 1, 16, u32::MAX] {
        for operation in [
            Operation::READ,
            Operation::WRITE,
            Operation::SEEK,
            Operation::CLOSE,
        ] {
            let result = call::call(operation, number, [own, 8]);
            must_say(result, Errno::EBADF, "a descriptor that is not open");
        }
    }
    must_say(
        call::call(Operation::SEEK, descriptor, [0, 3]),
        Errno::EINVAL,
        "from nowhere",
    );
    for number in [0, 13, 1000, u32::MAX] {
        let result = call::call(Operation(number), 0, [own, 8]);
        must_say(result, Errno::ENOSYS, "a call that is none");
    }
    // Each call has its trap.
    let wrong = |result: Result<(u64, u64)>| result.map(|(_, errno)| errno as u32);
    let wait = call::pack(Operation::WAIT, 0);
    check_eq!(
        wrong(handler::raise::<TRAP>([wait, 0, 0])),
        Ok(Errno::ENOSYS.0)
    );
    let read = call::pack(Operation::READ, descriptor);
    check_eq!(
        wrong(handler::raise::<WAIT_TRAP>([read, own, 8])),
        Ok(Errno::ENOSYS.0)
    );
    // Others' children, and none at all.
    for number in [0, 1, 2, 77, u32::MAX] {
        for operation in [Operation::FORGET, Operation::STARTED] {
            let result = call::call(operation, number, [start.actor().raw(), 0]);
            must_say(result, Errno::ECHILD, "a child that is not ours");
        }
    }
    // One that is expected is nobody else, and there is an end to expectations.
    let expected = call::call(Operation::EXPECT, 0, [0; 2]).must("room") as u32;
    for actor in [start.actor().raw(), 0, u64::MAX] {
        let result = call::call(Operation::STARTED, expected, [actor, 0]);
        must_say(result, Errno::ECHILD, "somebody else's actor");
    }
    let mut further = [0; 3];
    for place in &mut further {
        *place = call::call(Operation::EXPECT, 0, [0; 2]).must("room") as u32;
    }
    let more = call::call(Operation::EXPECT, 0, [0; 2]);
    must_say(more, Errno::EAGAIN, "too many expectations");
    for number in further.into_iter().chain([expected]) {
        check_eq!(call::call(Operation::FORGET, number, [0; 2]), Ok(0));
    }
    file.close().must("closing");
    unlink("file").must("deleting");
}

/// Who guesses the manager's port but is not inside the manager is not heard.
fn strangers() {
    let longest = [0xff; MESSAGE_MAX];
    let mut taken = 0;
    for slot in 0..64 {
        for generation in (0..8).map(Generation) {
            let port = RemotePort::from(PortId::new(Slot(slot), generation));
            for length in [0, 1, 31, 32, 100, MESSAGE_MAX] {
                let sent = port.send(&longest[..length], Span::ZERO);
                let mut reply = [0; 64];
                let called = port.call(&longest[..length], &mut reply, Span::from_micros(100));
                check!(called.is_err(), "a stranger is answered: {called:?}");
                taken += u32::from(sent.is_ok());
            }
        }
    }
    // The sign takes one message, and the service all of them.
    check_eq!(taken, 7);
    // One that is no application is refused at its first call, and fails for it.
    let is_over = || info("stranger").state == ActorState::TERMINATED;
    check!(wait_until(PATIENCE, is_over), "the stranger goes on");
    check_eq!(incarnation(MANAGER), 1);
}
