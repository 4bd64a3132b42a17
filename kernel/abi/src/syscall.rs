//! The one table of syscalls.
//!
//! The enum the kernel dispatches on, the numbers the user library loads, the names that tracing
//! prints and the page `docs/abi.md` all come from the table at the end of this file.
//!
//! # Calling convention
//! `SYSCALL` with the number in RAX and up to six arguments in RDI, RSI, RDX, R10, R8, R9. The
//! kernel returns the [`Status`](crate::Status) in RAX and up to three results in RDX, RDI and
//! RSI. RCX and R11 are lost (Intel SDM vol. 2B, SYSCALL); every other register is kept.
//!
//! Memory arguments are an address and a length in bytes. Memory that is not the actor's is not a
//! status but a fault. Timeouts are nanoseconds from now; 0 means *do not wait*, `u64::MAX` means
//! *wait for ever*.

/// Describes one syscall, for tools and documentation.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Its number.
    pub number: u64,
    /// Its name.
    pub name: &'static str,
    /// The names of its arguments, in order.
    pub arguments: &'static [&'static str],
    /// The names of its results, in order, without the status.
    pub results: &'static [&'static str],
    /// What it does, in Markdown.
    pub documentation: &'static [&'static str],
}

macro_rules! syscalls {
    ($(
        $(#[doc = $doc:literal])+
        $number:literal $name:ident $variant:ident($($argument:ident),*) -> ($($result:ident),*);
    )+) => {
        /// One syscall with its arguments, as the kernel dispatches it.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[expect(missing_docs, reason = "arguments are documented with their call")]
        pub enum Call {
            $($(#[doc = $doc])+ $variant { $($argument: u64),* },)+
        }

        impl Call {
            /// Makes a call of what came in registers, or `None` for an unknown number.
            #[must_use]
            #[inline]
            pub fn decode(number: u64, arguments: [u64; 6]) -> Option<Self> {
                match number {
                    $($number => {
                        #[allow(unused_mut, unused_variables, reason = "some calls take nothing")]
                        let mut next = arguments.into_iter();
                        Some(Self::$variant { $($argument: next.next().unwrap_or_default()),* })
                    })+
                    _ => None,
                }
            }
        }

        /// The number of each syscall.
        pub mod number {
            $($(#[doc = $doc])+
            #[expect(non_upper_case_globals, reason = "named as the table names them")]
            pub const $name: u64 = $number;)+
        }

        /// Every syscall, by number.
        pub const TABLE: &[Description] = &[$(Description {
            number: $number,
            name: stringify!($name),
            arguments: &[$(stringify!($argument)),*],
            results: &[$(stringify!($result)),*],
            documentation: &[$($doc),+],
        }),+];
    };
}

/// The name of a syscall number, for traces.
#[must_use]
pub fn name(number: u64) -> &'static str {
    TABLE
        .iter()
        .find(|entry| entry.number == number)
        .map_or("unknown", |entry| entry.name)
}

/// [`Call::Call`] flag: answer `frozen` at once instead of waiting for the next incarnation.
pub const CALL_REFUSE_FROZEN: u64 = 1;
/// [`Call::PersistentOpen`] flag: fail with `not found` instead of making the region.
pub const PERSISTENT_EXISTING: u64 = 1;
/// [`Call::LapInvoke`] mode: the memory argument is lent, not copied.
pub const LAP_LEND: u64 = 1 << 32;
/// [`Call::LapInvoke`] mode: the callee may write to the memory argument.
pub const LAP_WRITABLE: u64 = 1 << 33;
/// [`Call::LapCopy`] direction: from the thread's caller.
pub const COPY_FROM_CALLER: u64 = 0;
/// [`Call::LapCopy`] direction: to the thread's caller.
pub const COPY_TO_CALLER: u64 = 1;
/// [`Call::ActorInfo`] and [`Call::GroupInfo`]: no further one.
pub const NO_MORE: u64 = u64::MAX;

/// Packs the request's length and the reply buffer's capacity into one argument.
#[must_use]
pub const fn pack_lengths(send: usize, receive: usize) -> u64 {
    (send as u64 & 0xffff_ffff) | ((receive as u64) << 32)
}

/// Takes apart what [`pack_lengths`] made.
#[must_use]
pub const fn unpack_lengths(lengths: u64) -> (u64, u64) {
    (lengths & 0xffff_ffff, lengths >> 32)
}

syscalls! {
    /// Does nothing. For measuring the way into the kernel and back.
    0 nop Nop() -> ();

    /// Writes a line to the site's log: UTF-8 text of at most 255 bytes (longer text is cut).
    /// `level` is 1 (error) to 5 (trace).
    1 log Log(level, text, length) -> ();

    /// Ends the actor. `code` 0 is a clean exit; any other is a failure with that code.
    /// Does not return.
    2 exit Exit(code) -> ();

    /// Ends the actor as failed, with a message (at most 120 bytes are kept). Does not return.
    3 panic Panic(text, length) -> ();

    /// Reads the monotonic clock: nanoseconds since the site first started.
    4 clock Clock() -> (nanoseconds);

    /// Sleeps for at least `nanoseconds`.
    5 sleep Sleep(nanoseconds) -> ();

    /// Lets other threads of the same priority run.
    6 thread_yield ThreadYield() -> ();

    /// Makes a thread that starts at `entry` with `argument` in RDI, on a new stack of
    /// `stack_bytes` (rounded up to pages, with an unmapped guard page below).
    /// `priority` is 1 to that of the actor.
    7 thread_create ThreadCreate(entry, argument, stack_bytes, priority) -> (thread);

    /// Ends the calling thread and frees its stack. When it is the actor's last thread, the actor
    /// ends as failed: it never said that it was done. Does not return.
    8 thread_exit ThreadExit() -> ();

    /// Sets the priority of a thread of the caller's (0 names the calling thread).
    9 thread_priority ThreadPriority(thread, priority) -> (previous);

    /// Makes a port with a queue of `depth` messages (1 to 256). A named port can be found by
    /// others, and keeps its name over restarts: callers who hold the old capability are told the
    /// new one. An empty name makes a private port.
    10 port_create PortCreate(name, length, depth) -> (port);

    /// Destroys a port of the caller's. Waiting callers are told `dead`.
    11 port_destroy PortDestroy(port) -> ();

    /// Finds a port by name, waiting until somebody makes it; `not found` when the time is up.
    12 port_find PortFind(name, length, timeout) -> (port);

    /// Queues a message of at most 4096 bytes, waiting while the queue is full.
    13 send Send(port, message, length, timeout) -> ();

    /// Takes the next message of a port of the caller's, waiting for one. `token` is 0 for a
    /// message that expects no reply. A message longer than `capacity` stays queued; the call
    /// ends with `buffer too small` and its length.
    14 receive Receive(port, buffer, capacity, timeout) -> (length, sender, token);

    /// Sends a request and waits for the reply. `lengths` holds the request's length in its low
    /// and the reply buffer's capacity in its high 32 bits. Ends with `restarted` or `dead` as
    /// soon as the callee fails: the second result is then the port's next capability, the third
    /// says how far the request had come (`Progress`). A call to a capability whose incarnation
    /// is not there yet waits for it, unless `flags` has bit 0 set: then it is refused as
    /// `frozen`.
    15 call Call(port, request, reply, lengths, timeout, flags) -> (length, successor, progress);

    /// Answers a call that was received.
    16 reply Reply(token, message, length) -> ();

    /// Answers a call and takes the next message in one step: `reply` followed by `receive`.
    /// `token` 0 skips the reply. `lengths` holds the reply's length in its low and the buffer's
    /// capacity in its high 32 bits. A caller that waits no longer is no error here.
    17 reply_receive ReplyReceive(token, message, port, buffer, lengths, timeout)
        -> (length, sender, token);

    /// Allocates a private region of zeroed memory, with unmapped guard pages around it.
    /// It is gone after a restart.
    18 region_allocate RegionAllocate(bytes) -> (address);

    /// Frees a private region by its address.
    19 region_free RegionFree(address) -> ();

    /// Opens a persistent region of the caller's by name, or makes it with zeroed memory. It is
    /// at the same address in every incarnation. A region that exists keeps its size; asking for
    /// more than that is a bad argument. `created` is 1 for a new region. `flags` bit 0: do not
    /// make it.
    20 persistent_open PersistentOpen(name, length, bytes, flags) -> (address, size, created);

    /// Frees a persistent region by its address. Its content is lost.
    21 persistent_free PersistentFree(address) -> ();

    /// Restarts an actor hot without recording a fault: the caller itself with `actor` 0, another
    /// with the right to.
    22 restart Restart(actor) -> ();

    /// Reads the first ledger entry whose sequence number is at least `sequence`, as postcard
    /// bytes. `next` is what to ask for next; `length` is 0 when there is none yet. Entries that
    /// were overwritten are skipped, and show as a gap in the numbers.
    23 ledger_read LedgerRead(sequence, buffer, capacity) -> (length, next);

    /// Reads the caller's start record, as postcard bytes. At entry its first thread has found the same
    /// at the top of its stack (`StartArea`; the address is in RDX).
    24 start_read StartRead(buffer, capacity) -> (length);

    /// Tells the kernel that the actor is ready to serve.
    25 ready Ready() -> ();

    /// Reads the site's counters, as postcard bytes.
    26 site_info SiteInfo(buffer, capacity) -> (length);

    /// Reads about the first actor whose slot is at least `slot`, as postcard bytes; `next` is
    /// the slot to ask for next. `length` is 0 when there is none.
    27 actor_info ActorInfo(slot, buffer, capacity) -> (length, next);

    /// Reads what was typed at the console, waiting for at least one byte. Needs a right. The
    /// kernel echoes what is typed.
    28 console_read ConsoleRead(buffer, capacity, timeout) -> (length);

    /// Ends the site: `code` 0 says that all went well, any other that it did not. Needs a right.
    /// Does not return.
    29 shutdown Shutdown(code) -> ();

    /// Finds an actor's present capability by its name; `dead` for one that has ended.
    30 actor_find ActorFind(name, length) -> (actor);

    /// Makes the kernel fail in a chosen way, for its tests. Needs a right.
    31 hook Hook(kind, argument) -> (value);

    /// Makes a Local Access Point: a place where threads of other actors may enter the caller, at
    /// `entry`, each on one of `stack_count` (1 to 32) stacks of `stack_bytes`. `cookie` is
    /// handed to the code at `entry`. A LAP with a name can be found, and keeps its name over
    /// restarts as a port does. The registers at `entry` are: RDI the cookie, RSI and RDX the
    /// arguments, RCX the address of the memory argument, R8 its `mode` as the caller gave it,
    /// R9 the caller's capability.
    32 lap_create LapCreate(entry, cookie, name, length, stack_bytes, stack_count) -> (lap);

    /// Destroys a LAP of the caller's. Threads inside finish; nobody enters any more.
    33 lap_destroy LapDestroy(lap) -> ();

    /// Finds a LAP by name, waiting until somebody makes it.
    34 lap_resolve LapResolve(name, length, timeout) -> (lap);

    /// Invokes a LAP: the calling thread itself runs the code behind it, in its owner's memory,
    /// with the caller's priority, and returns with the two values given to `lap_return`.
    /// Floating-point registers are not kept. `mode` holds the length of the memory argument in
    /// its low 32 bits (at most 4096 copied, or 64 KiB of whole pages lent), and `LAP_LEND` and
    /// `LAP_WRITABLE`. `timeout` is for an owner that is not there yet, or has no stack free:
    /// with 0 that is `frozen` or `limit reached`. When the owner fails, the invocation ends with
    /// `restarted` or `dead`: the second result is then the LAP's next capability, the third says
    /// how far it had come (`Progress`).
    35 lap_invoke LapInvoke(lap, first, second, memory, mode, timeout)
        -> (first, successor, progress);

    /// Ends the invocation the calling thread is in, with two values for its caller. Outside any
    /// invocation it is a fault. Does not return.
    36 lap_return LapReturn(first, second) -> ();

    /// Says that the invocation the calling thread is in has had its effect: should the caller of
    /// this fail before it returns, its own caller is told `completed`.
    37 lap_done LapDone() -> ();

    /// Copies between the memory of the caller, which is serving a trap, and that of the thread
    /// that trapped, at most 4096 bytes. `direction` 0 reads from it, 1 writes to it. Memory that
    /// is not the other's is a bad argument, not a fault. In any other invocation it is not
    /// permitted: there, a caller gives what it wants to give.
    38 lap_copy LapCopy(direction, own, theirs, length) -> ();

    /// Connects a LAP of the caller's to something that happens; see `HandlerKind`. The kernel
    /// invokes it each time. `subject` and `parameter` are as the kind says. Everything is
    /// disconnected when the caller is frozen.
    39 handler_connect HandlerConnect(kind, lap, subject, parameter) -> (handler);

    /// Disconnects a handler of the caller's.
    40 handler_disconnect HandlerDisconnect(handler) -> ();

    /// Unmasks the line of an interrupt handler of the caller's.
    41 interrupt_acknowledge InterruptAcknowledge(handler) -> ();

    /// Tells a thread of the caller's (or one that is inside the caller) to give up what it does.
    /// If the actor it is in has an abort handler, that runs in the thread; if it waits, its
    /// syscall ends with `aborted`; else the next syscall in which it would wait does. An abort
    /// while another is on its way adds nothing.
    42 thread_abort ThreadAbort(thread) -> ();

    /// Says that the actor is alive, for its heartbeat.
    43 kick Kick() -> ();

    /// Reports another actor as broken, with a reason of at most 120 bytes. Needs a right.
    44 complain Complain(actor, text, length) -> ();

    /// Tells the calling thread who it is, and whose thread it is: the actor it belongs to.
    45 thread_self ThreadSelf() -> (thread, home);

    /// Has a port of the caller's told of every change of a group, and of the groups its edges
    /// concern it with, from now on: each is a message (`Delivery`) from nobody. The subscription
    /// goes with the port, and at the caller's freeze. Needs a right. `already exists` if the port
    /// is subscribed to the group; `limit reached` beyond 16 subscriptions of one port, or 16
    /// subscribers of one group.
    46 group_subscribe GroupSubscribe(name, length, port) -> ();

    /// Ends a subscription. What is in the port's queue stays there.
    47 group_unsubscribe GroupUnsubscribe(name, length, port) -> ();

    /// Starts a group again that was given up, as the site describes it: from storage, with nothing
    /// of what it had, and with its failures forgotten. Needs the right to restart. `not found` if it
    /// was not given up, `frozen` while it is still being ended. Returns at once.
    48 group_clear GroupClear(name, length) -> ();

    /// Reads about the first group whose slot is at least `slot`, as postcard bytes; `next` is the
    /// slot to ask for next. `length` is 0 when there is none.
    49 group_info GroupInfo(slot, buffer, capacity) -> (length, next);

    /// Starts an indirect actor in the caller's group, from a postcard record (`SpawnRequest`),
    /// and waits until its image is loaded; its first thread then runs soon. Needs a right. It is
    /// stopped with the group, and comes back only if it is spawned again: under the same name it
    /// is then the same actor, and who holds its old capability is told `restarted`. Its image,
    /// once read, is kept while the group lives, so that this reads no disk after a hot restart.
    /// It never has a higher priority, more budget or more rights than the caller: that would be
    /// a bad argument, or not permitted. `already exists` for a name somebody has, `not found` or
    /// `bad image` for the image, `limit reached` with 64 spawned members in the group, or no room
    /// for a further actor. A caller that is aborted while it waits leaves the actor as it is.
    50 spawn Spawn(request, length) -> (actor);

    /// Kills an actor. As a member of a group it is restarted with it: only `group_kill` ends it.
    /// Needs a right. Returns at once.
    51 actor_kill ActorKill(actor) -> ();

    /// Ends a group: all its members, for good, and their persistent regions. Needs a right on
    /// the group itself. Returns at once.
    52 group_kill GroupKill(name, length) -> ();

    /// Stops an actor (the caller with `actor` 0) until it is thawed: none of its threads runs, nor
    /// anybody else's inside it; who wants in waits. What time does goes on: deadlines pass, and
    /// timers count. A heartbeat or start deadline begins anew with the thaw. Needs a right, but for
    /// the caller and what it has spawned. `frozen` for an actor that is being restarted. A restart
    /// of the actor ends the freeze. Freezing twice is freezing once.
    53 actor_freeze ActorFreeze(actor) -> ();

    /// Lets an actor that was frozen go on. Needs the same right.
    54 actor_thaw ActorThaw(actor) -> ();

    /// For the manager of a subsystem: waits for an actor of the subsystem that is loaded or
    /// restarted and waits for its activation. Says the same until that is done. One thread of an
    /// actor at a time; `limit reached` for a second one.
    55 activation_wait ActivationWait(timeout) -> (actor);

    /// For the manager of a subsystem: gives an actor of the subsystem that waits for it its first
    /// thread, soon. `not owner` if its manager is somebody else, `not found` if it does not wait.
    56 actor_activate ActorActivate(actor) -> ();

    /// Restarts the whole site, the kernel included: from memory with `how` 0, so that to each actor
    /// it is a hot restart; through the firmware with 1, and everything is lost. Needs a right. Does
    /// not return.
    57 site_restart SiteRestart(how) -> ();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_names_unique() {
        for (index, entry) in TABLE.iter().enumerate() {
            assert_eq!(entry.number, index as u64);
            assert!(
                TABLE
                    .iter()
                    .filter(|other| other.name == entry.name)
                    .count()
                    == 1
            );
            assert!(entry.arguments.len() <= 6 && entry.results.len() <= 3);
        }
    }

    #[test]
    fn decoding_takes_arguments_in_order_and_refuses_the_unknown() {
        let call = Call::decode(number::log, [3, 0x1000, 5, 9, 9, 9]);
        assert_eq!(
            call,
            Some(Call::Log {
                level: 3,
                text: 0x1000,
                length: 5
            })
        );
        assert_eq!(Call::decode(TABLE.len() as u64, [0; 6]), None);
        assert_eq!(Call::decode(u64::MAX, [0; 6]), None);
    }

    #[test]
    fn lengths_survive_packing() {
        assert_eq!(unpack_lengths(pack_lengths(17, 4096)), (17, 4096));
    }
}
