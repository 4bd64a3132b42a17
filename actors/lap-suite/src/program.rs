//! What a guest does in a server's LAP: a byte a step, the lowest first.

macro_rules! steps {
    ($($(#[$doc:meta])* $step:ident = $code:literal,)+) => {
        /// One step.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Step {
            $($(#[$doc])* $step,)+
        }

        impl Step {
            /// The byte that stands for it.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self {
                    $(Self::$step => $code,)+
                }
            }

            /// The step that a byte stands for.
            #[must_use]
            pub const fn of(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$step),)+
                    _ => None,
                }
            }
        }
    };
}

steps! {
    /// Enters in the journal that the effect has been had.
    Effect = 1,
    /// Tells the kernel that the effect has been had.
    Done = 2,
    /// Computes until the gate is open.
    Spin = 3,
    /// Waits for a message at the gate's port.
    Receive = 4,
    /// Sleeps for [`NAP`].
    Nap = 5,
    /// Invokes the next server's LAP with the rest of the program, and ends with how that ended.
    Nest = 6,
    /// The same, with the next server's narrow LAP.
    NestNarrow = 7,
    /// Dies.
    Die = 8,
    /// Asks for the end of the thread; ends with the status.
    ExitThread = 9,
    /// Invokes the next server's LAP with this very program; ends with how deep that went.
    Deepen = 10,
    /// Adds one to each byte of the memory argument; ends with the sum of what they were.
    Memory = 11,
    /// Ends with the sum of the bytes of the memory argument.
    Sum = 12,
    /// Notes where the memory argument is, for `server::Request::Where`.
    Note = 13,
    /// Ends with the caller's capability, and the home of the thread.
    Who = 14,
    /// Allocates a region and makes a port, and keeps them.
    Acquire = 15,
    /// Copies the eight bytes at the caller's address in the second argument, and, if it serves a
    /// trap, adds one to them as a number and copies them back; ends with the status.
    CopyAcross = 16,
    /// Reads the lent memory until the gate is open, and then once more.
    Watch = 17,
    /// Gives way to other threads, once.
    Yield = 18,
    /// Raises trap 0; ends with how that ended.
    Trap = 19,
    /// Executes an instruction that does not exist.
    Illegal = 20,
    /// Sleeps until it is told to give up; ends with the status of that.
    Linger = 21,
    /// Writes to the memory argument, whether it may or not.
    Force = 24,
    /// Looks for a byte where there is none; ends with 1 if that went well.
    Probe = 25,
    /// Uses up its stack.
    Overflow = 23,
    /// Invokes the narrow LAP of this same server with the rest of the program.
    Within = 22,
}

/// How long [`Step::Nap`] takes, in milliseconds: long enough for the judge to do something about
/// thirty-two guests meanwhile.
pub const NAP_MILLIS: u64 = 60;

/// Makes a program of at most eight steps.
#[must_use]
pub fn program(steps: &[Step]) -> u64 {
    let mut bytes = [0; 8];
    for (byte, step) in bytes.iter_mut().zip(steps) {
        *byte = step.code();
    }
    u64::from_le_bytes(bytes)
}

/// Takes the first step off a program.
#[must_use]
pub fn next(program: u64) -> (Option<Step>, u64) {
    (Step::of(program as u8), program >> 8)
}

/// How something ended, as one number: the status, and how far it had come.
#[must_use]
pub fn pack(status: syscall::abi::Status, progress: Option<syscall::abi::status::Progress>) -> u64 {
    status.0 | progress.map_or(0xff, |progress| progress.0) << 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_off_in_order() {
        let (first, rest) = next(program(&[Step::Effect, Step::Nap]));
        assert_eq!(first, Some(Step::Effect));
        let (second, rest) = next(rest);
        assert_eq!((second, next(rest)), (Some(Step::Nap), (None, 0)));
    }

    #[test]
    fn every_code_is_that_of_one_step() {
        for code in 0..=u8::MAX {
            assert!(Step::of(code).is_none_or(|step| step.code() == code));
        }
    }
}
