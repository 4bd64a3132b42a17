//! What a syscall tells its caller: the milder of the two ranks of error.
//!
//! A status means *legal, but refused*; the caller goes on. A call that is not legal at all (a
//! pointer outside the actor, an unknown number) is a [fault](crate::fault) instead: the kernel
//! tells the Restart Manager, and the caller does not return.

use crate::numbered::numbered;

numbered! {
    /// Result of a syscall, in register RAX. Zero is success.
    pub struct Status(u64) {
        /// Done.
        OK = 0 => "ok",
        /// The capability is of an earlier incarnation; the second result is its successor's.
        RESTARTED = 1 => "restarted",
        /// The capability names nobody, and there is no successor.
        DEAD = 2 => "dead",
        /// The peer is between two incarnations and the caller asked not to wait.
        FROZEN = 3 => "frozen",
        /// The deadline passed.
        TIMED_OUT = 4 => "timed out",
        /// The port's queue is full and the caller asked not to wait.
        QUEUE_FULL = 5 => "queue full",
        /// Nothing of that name.
        NOT_FOUND = 6 => "not found",
        /// Somebody else has that name.
        ALREADY_EXISTS = 7 => "already exists",
        /// No physical memory left.
        NO_MEMORY = 8 => "no memory",
        /// A table is full or the actor's budget is used up.
        LIMIT_REACHED = 9 => "limit reached",
        /// The data is longer than the call allows.
        TOO_LONG = 10 => "too long",
        /// An argument's value is not allowed.
        BAD_ARGUMENT = 11 => "bad argument",
        /// The caller does not hold the right.
        NOT_PERMITTED = 12 => "not permitted",
        /// The caller to be answered waits no longer.
        NO_CALLER = 13 => "no caller",
        /// The buffer is too small; the first result is the length needed. A message stays queued;
        /// a reply is lost.
        BUFFER_TOO_SMALL = 14 => "buffer too small",
        /// The thing exists but belongs to another actor.
        NOT_OWNER = 15 => "not owner",
        /// Persistent memory failed its checks and is not mapped.
        QUARANTINED = 16 => "quarantined",
        /// The thread was told to give up.
        ABORTED = 17 => "aborted",
        /// The thread is inside as many invocations as it may be.
        TOO_DEEP = 18 => "too deep",
        /// The image is there, but it is not one that can be started.
        BAD_IMAGE = 19 => "bad image",
    }
}

numbered! {
    /// How far an interrupted invocation had come when its callee was frozen, in the third result
    /// of a call that ends with [`Status::RESTARTED`] or [`Status::DEAD`].
    pub struct Progress(u64) {
        /// The callee never saw it: safe to send again.
        NOT_ENTERED = 0 => "not entered",
        /// The callee had taken it and not answered: it may have been done, wholly or in part.
        MAYBE_EXECUTED = 1 => "maybe executed",
        /// The callee had finished; only its answer is lost.
        COMPLETED = 2 => "completed",
    }
}
