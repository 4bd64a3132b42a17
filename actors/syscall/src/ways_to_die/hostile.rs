//! Every syscall with arguments that an enemy would choose.
//!
//! The cases are made from the table of syscalls itself, so a call that is added later is attacked
//! without anybody thinking of it: every argument that is a pointer gets every [`Trap`], every
//! other argument gets every value of [`VALUES`], while the remaining arguments stay sensible.
//!
//! What must come of a case: a status, or the end of the incarnation with a fault record; never
//! anything worse. [`Case::verdict`] says which of the two is right, where only one is.

use core::fmt;

use abi::layout::{IMAGE_END, PAGE_BYTES, PERSISTENT_END, PRIVATE_END, RECORD_MAX, USER_END};
use abi::syscall::{Description, TABLE, number, pack_lengths};
use abi::{PortId, ReplyToken, Status};

use super::means;
use crate::stub::syscall;
use crate::{Lap, Port, Region, RemotePort, Result, Stacks, Thread, call, thread};

/// Memory that an actor must not hand to the kernel, or not in this way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trap {
    /// No memory at all, and anywhere: this one is legal.
    Empty,
    /// Address 0.
    Null,
    /// The first kernel address.
    UpperHalf,
    /// Where the kernel's text is.
    Kernel,
    /// The last bytes of the address space, and a length that wraps around.
    Wrapping,
    /// Between the two halves.
    NonCanonical,
    /// The last bytes of the lower half, and a length that reaches over its end.
    OverTheEnd,
    /// The actor's own memory, with the longest length there is.
    Longest,
    /// The actor's own memory, with the longest length that fits in 32 bits.
    Longest32,
    /// An address in the image window at which nothing is.
    UnmappedImage,
    /// An address in the private window at which nothing is.
    UnmappedPrivate,
    /// An address in the persistent window at which nothing is.
    UnmappedPersistent,
    /// Starts in the actor's memory and ends in a guard page.
    PartlyMapped,
    /// The actor's own text.
    Text,
}

impl Trap {
    const ALL: &[Self] = &[
        Self::Empty,
        Self::Null,
        Self::UpperHalf,
        Self::Kernel,
        Self::Wrapping,
        Self::NonCanonical,
        Self::OverTheEnd,
        Self::Longest,
        Self::Longest32,
        Self::UnmappedImage,
        Self::UnmappedPrivate,
        Self::UnmappedPersistent,
        Self::PartlyMapped,
        Self::Text,
    ];

    /// The address and the length to hand over, given a page of the actor's own.
    fn memory(self, own: u64) -> (u64, u64) {
        match self {
            Self::Empty => (1, 0),
            Self::Null => (0, LENGTH),
            Self::UpperHalf => (0xffff_8000_0000_0000, LENGTH),
            Self::Kernel => (means::KERNEL_ADDRESS, LENGTH),
            Self::Wrapping => (u64::MAX - 7, LENGTH),
            Self::NonCanonical => (0x0000_8000_0000_1000, LENGTH),
            Self::OverTheEnd => (USER_END - 8, LENGTH),
            Self::Longest => (own, u64::MAX),
            Self::Longest32 => (own, u64::from(u32::MAX)),
            Self::UnmappedImage => (IMAGE_END - PAGE_BYTES, LENGTH),
            Self::UnmappedPrivate => (PRIVATE_END - PAGE_BYTES, LENGTH),
            Self::UnmappedPersistent => (PERSISTENT_END - PAGE_BYTES, LENGTH),
            Self::PartlyMapped => (own + PAGE_BYTES - 8, LENGTH),
            Self::Text => (means::text_address(), LENGTH),
        }
    }
}

/// Bytes handed over where the trap is in the address: short enough for a message, longer than
/// what `PartlyMapped` leaves, and no shorter than any record.
const LENGTH: u64 = 1024;

/// Numbers that are no good as handles, sizes, addresses, levels or flags: the smallest and the
/// largest, the edges of signed and of 32-bit numbers, of pages, and of the address space.
const VALUES: [u64; 14] = [
    0,
    1,
    2,
    PAGE_BYTES - 1,
    0x7fff_ffff,
    0xffff_ffff,
    0x1_0000_0001,
    USER_END - PAGE_BYTES,
    USER_END,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    means::KERNEL_ADDRESS,
    u64::MAX - PAGE_BYTES + 1,
    u64::MAX,
];

/// What a case does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Attack {
    Pointer(Trap),
    Value(u64),
}

/// One syscall with one hostile argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    number: u64,
    name: &'static str,
    argument: &'static str,
    position: usize,
    attack: Attack,
}

/// What must come of a case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The caller must live.
    Lives,
    /// The call must not succeed: a status that says why, or a fault.
    Refused,
    /// The call may succeed, or not.
    Either,
}

/// Returns every case.
pub fn cases() -> impl Iterator<Item = Case> {
    TABLE.iter().flat_map(|entry| {
        entry
            .arguments
            .iter()
            .enumerate()
            .flat_map(move |(position, argument)| {
                attacks(entry, argument).map(move |attack| Case {
                    number: entry.number,
                    name: entry.name,
                    argument,
                    position,
                    attack,
                })
            })
    })
}

/// Returns the attacks on one argument.
fn attacks(entry: &Description, argument: &str) -> impl Iterator<Item = Attack> {
    let kind = kind(entry, argument);
    let traps = Trap::ALL.iter().filter(move |trap| match kind {
        // What the kernel only reads may be text.
        Kind::Input => **trap != Trap::Text,
        Kind::Output => true,
        Kind::Length | Kind::Value | Kind::Spared => false,
    });
    let values = VALUES.iter().filter(move |_| kind == Kind::Value);
    traps
        .map(|trap| Attack::Pointer(*trap))
        .chain(values.map(|value| Attack::Value(*value)))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Address of memory that the kernel reads.
    Input,
    /// Address of memory that the kernel writes.
    Output,
    /// Length of such memory: attacked together with the address.
    Length,
    /// Any other number.
    Value,
    /// A number that is not attacked, because what it does is legal and ends the test.
    Spared,
}

fn kind(entry: &Description, argument: &str) -> Kind {
    match (entry.number, argument) {
        // To exit, to sleep for ever, to restart and to freeze oneself are rights of every actor.
        (number::exit | number::sleep | number::restart | number::actor_freeze, _)
        | (_, "timeout") => Kind::Spared,
        // Outside any invocation there is nothing to return from: always a failure.
        (number::lap_return, _) => Kind::Spared,
        // These are attacked as an address with its length.
        (number::lap_invoke, "mode") => Kind::Length,
        (_, "text" | "message" | "name" | "request" | "memory") => Kind::Input,
        (_, "buffer" | "reply") => Kind::Output,
        (_, "length" | "capacity" | "lengths") => Kind::Length,
        _ => Kind::Value,
    }
}

impl Case {
    /// What must come of it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (self.number, self.attack) {
            // Ends the incarnation in any case, and may cut what is too long.
            (number::panic, _) => Verdict::Either,
            (_, Attack::Pointer(Trap::Empty)) => Verdict::Lives,
            // Longer text is cut.
            (number::log, Attack::Pointer(Trap::Longest | Trap::Longest32)) => Verdict::Either,
            // What is written is short, wherever the buffer is said to end.
            (_, Attack::Pointer(Trap::Longest | Trap::Longest32)) => Verdict::Either,
            (_, Attack::Pointer(_)) => Verdict::Refused,
            (_, Attack::Value(_)) => Verdict::Either,
        }
    }

    /// Whether it makes a thread start where no user address is. The kernel must see that itself:
    /// such an address faults at the way out of ring 0, on a real CPU.
    #[must_use]
    pub fn is_entry_beyond_user(&self) -> bool {
        let beyond = matches!(self.attack, Attack::Value(USER_END..));
        beyond && self.number == number::thread_create && self.argument == "entry"
    }

    /// The number of the syscall.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Makes the call. Returns what it returned, or does not return.
    ///
    /// `peer` is a port whose owner answers every call.
    ///
    /// # Errors
    /// When the sensible arguments could not be had.
    pub fn attempt(&self, peer: PortId) -> Result<Status> {
        let mut own = Region::allocate(PAGE_BYTES as usize)?;
        let name = b"hostile";
        own[..name.len()].copy_from_slice(name);
        let port = Port::private(1)?;
        let token = match self.number {
            number::reply | number::reply_receive => waiting_caller(&port)?,
            _ => ReplyToken::NONE,
        };
        // A message to receive, so that the kernel gets as far as writing it.
        call::sys_send(port.id(), &[0; LENGTH as usize / 2], abi::Span::ZERO)?;

        let lap = Lap::create("", Stacks::of_count(1), 0, |_| (0, 0))?;

        let entry = TABLE
            .get(self.number as usize)
            .map_or(&[][..], |entry| entry.arguments);
        let mut arguments = [0; 6];
        for (slot, argument) in arguments.iter_mut().zip(entry) {
            *slot = match *argument {
                "lap" => lap.id().raw(),
                _ => self.sensible(argument, own.address(), port.id(), peer, token),
            };
        }
        self.spoil(&mut arguments, entry, own.address());

        // SAFETY: the kernel is asked to write to `own`, which nobody looks at, or to memory
        // that it must refuse to write to. Calls that free memory are given addresses at which
        // this actor has none; threads are given code that ends them, or no code.
        let answer = unsafe { syscall(self.number, arguments) };
        if self.number == number::thread_create {
            // Let the thread get to its first instruction.
            thread::sleep(abi::Span::from_millis(5));
        }
        Ok(answer.status)
    }

    /// Overwrites the argument under attack, and the length that belongs to it.
    fn spoil(&self, arguments: &mut [u64; 6], names: &[&str], own: u64) {
        let (value, length) = match self.attack {
            Attack::Value(value) => (value, None),
            Attack::Pointer(trap) => {
                let (address, length) = trap.memory(own);
                (address, Some(length))
            }
        };
        if let Some(argument) = arguments.get_mut(self.position) {
            *argument = value;
        }
        let Some(length) = length else { return };
        for (slot, name) in arguments.iter_mut().zip(names).skip(self.position) {
            match *name {
                "length" | "capacity" => *slot = length,
                // So that the flags, too, are what an enemy would choose.
                "mode" => *slot = length,
                "lengths" if matches!(self.argument, "buffer" | "reply") => {
                    *slot = pack_lengths(16, length as usize);
                }
                "lengths" => *slot = pack_lengths(length as usize, LENGTH as usize),
                _ => continue,
            }
            return;
        }
    }

    /// A value for an argument that is not under attack.
    fn sensible(
        &self,
        argument: &str,
        own: u64,
        port: PortId,
        peer: PortId,
        token: ReplyToken,
    ) -> u64 {
        match argument {
            "port" => match self.number {
                number::receive | number::reply_receive => port.raw(),
                _ => peer.raw(),
            },
            "token" => token.raw(),
            "name" | "text" | "message" | "request" => own,
            "buffer" | "reply" => own + PAGE_BYTES / 2,
            "length" => 7,
            "capacity" => LENGTH,
            "lengths" => pack_lengths(16, LENGTH as usize),
            "stack_count" => 1,
            "timeout" => abi::Span::from_millis(5).0,
            "entry" => quiet_thread as extern "C" fn() -> ! as usize as u64,
            "stack_bytes" => 4 * PAGE_BYTES,
            "bytes" => PAGE_BYTES,
            "depth" | "priority" | "sequence" | "level" => 1,
            _ => 0,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} = ", self.name, self.argument)?;
        match self.attack {
            Attack::Pointer(trap) => write!(f, "{trap:?}"),
            Attack::Value(value) => write!(f, "{value:#x}"),
        }
    }
}

/// Returns a caller who waits for an answer of ours: a thread of our own.
fn waiting_caller(port: &Port) -> Result<ReplyToken> {
    let body = |port| {
        let mut reply = [0; LENGTH as usize];
        let second = abi::Span::from_secs(1);
        // How it ends is up to the case.
        let _ = RemotePort::from(PortId::from_raw(port)).call(&[], &mut reply, second);
    };
    Thread::spawn(body, port.id().raw(), 16 * 1024, 1)?;
    let received = call::sys_receive(port.id(), &mut [0; 16], abi::Span::from_secs(1))?;
    Ok(received.token)
}

/// A thread that ends at once.
extern "C" fn quiet_thread() -> ! {
    thread::exit()
}

/// Makes a syscall with every flag set that could confuse a kernel which kept it: direction,
/// alignment check, nested task. Returns how it ended, and whether it still did what it should:
/// copy a record to us, in the right direction.
#[must_use]
pub fn with_flags() -> (Status, bool) {
    let mut expected = [0; RECORD_MAX];
    let mut found = [0; RECORD_MAX];
    // It is compared with what this writes, whatever that is.
    let _ = call::sys_start_read(&mut expected);
    let status: u64;
    // DF (bit 10), AC (bit 18) and NT (bit 14); Intel SDM vol. 1, 3.4.3.
    // SAFETY: the call writes at most the buffer, which is ours, and the flags are put back.
    unsafe {
        core::arch::asm!(
            "pushfq",
            "pop r12",
            "mov r13, r12",
            "or r13, 0x44400",
            "push r13",
            "popfq",
            "syscall",
            "push r12",
            "popfq",
            inlateout("rax") number::start_read => status,
            inlateout("rdi") found.as_mut_ptr() => _,
            inlateout("rsi") RECORD_MAX => _,
            out("r12") _,
            out("r13") _,
            out("rcx") _, out("r11") _, out("rdx") _,
        );
    }
    (Status(status), found == expected)
}

/// Makes a syscall with a stack pointer that points nowhere, and comes back.
#[must_use]
pub fn without_stack() -> Status {
    let status: u64;
    // SAFETY: the call does nothing, and the stack pointer is put back.
    unsafe {
        core::arch::asm!(
            "mov r12, rsp",
            "mov rsp, 0x1000",
            "syscall",
            "mov rsp, r12",
            inlateout("rax") number::nop => status,
            out("r12") _,
            out("rcx") _, out("r11") _, out("rdx") _, out("rsi") _, out("rdi") _,
        );
    }
    Status(status)
}

/// Asks once for the end of the calling thread. Returns how that was refused, if it was.
#[must_use]
pub fn exit_thread() -> Status {
    // SAFETY: as for `sys_thread_exit`; if it is refused, nothing has happened.
    unsafe { syscall(number::thread_exit, [0; 6]) }.status
}

/// Returns from an invocation that there is none of, which ends the incarnation.
pub fn return_from_nowhere() {
    // SAFETY: outside any invocation the kernel must refuse; inside one, see `sys_lap_return`.
    unsafe { syscall(number::lap_return, [0; 6]) };
}

/// Reads the memory of the thread's caller, though this actor may be serving no trap. Returns how
/// that was refused, if it was.
#[must_use]
pub fn copy_from_caller(theirs: u64, own: &mut [u8]) -> Status {
    match crate::lap::copy_from_caller(theirs, own) {
        Ok(()) => Status::OK,
        Err(error) => error.status(),
    }
}

/// Invokes a LAP with a memory argument and a mode that an enemy would choose. Returns the status
/// if the actor lives.
#[must_use]
pub fn invoke(lap: abi::LapId, memory: u64, mode: u64) -> Status {
    let arguments = [lap.raw(), 0, 0, memory, mode, 0];
    // SAFETY: the kernel must refuse memory that is not ours; what is ours is only read, unless
    // the mode says that it is lent to be written to, which a test must not do with memory that
    // anything else uses.
    unsafe { syscall(number::lap_invoke, arguments) }.status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pointer_of_every_syscall_is_attacked() {
        let pointers = [
            "text", "message", "name", "request", "buffer", "reply", "memory",
        ];
        for entry in TABLE {
            for argument in entry
                .arguments
                .iter()
                .filter(|name| pointers.contains(name))
            {
                let attacks = cases()
                    .filter(|case| case.number == entry.number && case.argument == *argument)
                    .count();
                assert!(attacks >= 13, "{} {argument}: {attacks}", entry.name);
            }
        }
    }

    #[test]
    fn a_hostile_pointer_brings_its_length_along() {
        let case = cases()
            .find(|case| {
                (case.name, case.argument) == ("call", "reply")
                    && case.attack == Attack::Pointer(Trap::Longest32)
            })
            .unwrap();
        let names = TABLE[number::call as usize].arguments;
        let mut arguments = [0; 6];
        case.spoil(&mut arguments, names, 0x5000);
        assert_eq!(
            arguments,
            [0, 0, 0x5000, pack_lengths(16, u32::MAX as usize), 0, 0]
        );
    }

    #[test]
    fn nobody_is_asked_to_end_the_test() {
        for number in [
            number::exit,
            number::sleep,
            number::restart,
            number::actor_freeze,
            number::thread_exit,
            number::lap_return,
        ] {
            assert!(cases().all(|case| case.number != number));
        }
        assert!(cases().all(|case| case.argument != "timeout"));
    }
}
