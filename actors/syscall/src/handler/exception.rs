//! Exceptions: how an actor looks at a fault, of its own or another actor's, before it counts.

use core::marker::PhantomData;
use core::{ptr, slice};

use abi::FaultRecord;

use crate::lap::{Entry, conjure};
use crate::wire;

/// What a handler says about an exception.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is not mine: the next one is asked, and then the Restart Manager.
    Decline,
    /// The cause is gone: the instruction is tried again.
    Resume,
    /// The thread goes on behind the instruction.
    Skip(Skip),
    /// The actor ends, as if it had exited cleanly.
    End,
}

/// How far a thread goes on behind the instruction that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Skip {
    bytes: u64,
}

impl Skip {
    /// So many bytes.
    ///
    /// [`probe`](crate::probe) has code that copes with it, and says so without `unsafe`.
    ///
    /// # Safety
    /// As many bytes after the instruction that had the exception is another instruction, and the
    /// code there copes with the first one's not having been executed.
    #[must_use]
    pub const unsafe fn bytes(bytes: u64) -> Self {
        Self { bytes }
    }
}

/// A LAP that runs a function which gets a [`FaultRecord`].
pub(super) struct Handles<F>(PhantomData<F>);

impl<F: Fn(&FaultRecord) -> Verdict + Copy + Send + 'static> Entry for Handles<F> {
    unsafe fn run([_, _, _, address, length, _]: [u64; 6]) -> (u64, u64) {
        // SAFETY: the value was given to `Handler::exception`.
        let handler: F = unsafe { conjure() };
        let bytes = ptr::with_exposed_provenance(address as usize);
        let bytes = if length == 0 {
            &[]
        } else {
            // SAFETY: the kernel put the record there, above the stack of this invocation.
            unsafe { slice::from_raw_parts(bytes, (length & 0xffff_ffff) as usize) }
        };
        let verdict = match wire::decode::<FaultRecord>(bytes) {
            Ok(record) => handler(&record),
            // A record that we do not understand is not one that we can do anything about.
            Err(_) => Verdict::Decline,
        };
        match verdict {
            Verdict::Decline => (abi::Verdict::DECLINE.0, 0),
            Verdict::Resume => (abi::Verdict::RESUME.0, 0),
            Verdict::Skip(skip) => (abi::Verdict::SKIP.0, skip.bytes),
            Verdict::End => (abi::Verdict::END.0, 0),
        }
    }
}
