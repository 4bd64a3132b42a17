//! The six kinds of handlers (paper, 3.1): code of an actor that the kernel invokes, as a LAP.
//!
//! A handler of the first four kinds runs in a thread of its own, one invocation at a time: what
//! happens meanwhile is counted and told at the next. The others run in the thread concerned.

use crate::numbered::numbered;

numbered! {
    /// What a handler is connected to.
    pub struct HandlerKind(u64) {
        /// A trap: `INT 0x90 + subject` (0 to 15) in any actor. RSI is the subject; RDX, RCX and
        /// R8 are the trapping thread's RDI, RSI and RDX; R9 its actor. The two values returned
        /// come to it in RDX and RDI, with the status in RAX: `frozen` while the server is between
        /// two incarnations, for the number stays its own over restarts. Needs a right.
        TRAP = 1 => "trap",
        /// An interrupt line: `subject` is 3 to 15. RSI is the line, RDX how often it fired. The
        /// line is masked until `interrupt_acknowledge`. Needs a right.
        INTERRUPT = 2 => "interrupt",
        /// Once, `parameter` nanoseconds from now. RDX is 1.
        TIMEOUT = 3 => "timeout",
        /// Every `parameter` nanoseconds. RDX is how often that was since the last time.
        TIMER = 4 => "timer",
        /// Each time the thread `subject` has run for `parameter` nanoseconds, in ticks of a
        /// millisecond. RDX as for a timer.
        VIRTUAL_TIMER = 5 => "virtual timer",
        /// An exception in the actor `subject` (0 is the caller). RSI is the kind of fault, RDX
        /// its address, RCX and R8 a fault record as postcard bytes, R9 the actor. The first value
        /// returned is a [`Verdict`]. Another actor's needs a right, and is asked after that
        /// actor's own handler.
        EXCEPTION = 6 => "exception",
        /// `thread_abort` of a thread that is in the caller.
        ABORT = 7 => "abort",
    }
}

numbered! {
    /// What an exception handler says about an exception.
    pub struct Verdict(u64) {
        /// It is not mine: ask the next, then the Restart Manager.
        DECLINE = 0 => "decline",
        /// Go on as if nothing had happened: the instruction is tried again.
        RESUME = 1 => "resume",
        /// Go on with the instruction that is as many bytes further on as the second value says.
        SKIP = 2 => "skip",
        /// The actor ends, as if it had exited cleanly: what its end means is for the handler to
        /// tell others. A manager of processes says this of one that crashed.
        END = 3 => "end",
    }
}
