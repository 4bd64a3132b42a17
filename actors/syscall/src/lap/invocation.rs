//! An invocation as its callee sees it: arguments, memory, and who it is that calls.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicU8, Ordering};
use core::{fmt, ptr, slice};

use abi::syscall::{COPY_FROM_CALLER, COPY_TO_CALLER, LAP_LEND, LAP_WRITABLE};
use abi::{ActorId, Status};

use super::enter::{Entry, conjure};
use crate::{Error, Result, call, entry};

/// What a thread brought along when it entered. Belongs to that thread alone.
#[derive(Debug)]
pub struct Invocation<'i> {
    cookie: u64,
    arguments: [u64; 2],
    memory: Memory<'i>,
    caller: ActorId,
    /// It speaks of the thread that is inside, and of no other.
    thread: PhantomData<*const ()>,
}

/// The memory argument of an invocation.
pub enum Memory<'i> {
    /// A copy, on this invocation's stack. If the caller wants it back, it gets what is there when
    /// the invocation returns.
    Copied(&'i mut [u8]),
    /// The caller's own pages.
    Lent(Lent<'i>),
}

/// Pages of the caller's, visible for as long as this invocation lasts.
///
/// Other threads of the caller may write to them meanwhile: what was read once may read differently
/// the next time.
#[derive(Clone, Copy)]
pub struct Lent<'i> {
    bytes: &'i [AtomicU8],
    is_writable: bool,
    thread: PhantomData<*const ()>,
}

impl Invocation<'_> {
    /// What the LAP was made with.
    #[must_use]
    pub fn cookie(&self) -> u64 {
        self.cookie
    }

    /// The caller's two arguments.
    #[must_use]
    pub fn arguments(&self) -> [u64; 2] {
        self.arguments
    }

    /// The actor in which the thread was when it invoked the LAP: this incarnation, and no other.
    #[must_use]
    pub fn caller(&self) -> ActorId {
        self.caller
    }

    /// The memory argument: an empty copy if there is none.
    #[must_use]
    pub fn memory(&self) -> &Memory<'_> {
        &self.memory
    }

    /// The bytes of a memory argument that was copied; none if it was lent.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.memory {
            Memory::Copied(bytes) => bytes,
            Memory::Lent(_) => &[],
        }
    }

    /// The same, to be changed.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Memory::Copied(bytes) => bytes,
            Memory::Lent(_) => &mut [],
        }
    }

    /// The memory argument that was lent, if it was.
    #[must_use]
    pub fn lent(&self) -> Option<Lent<'_>> {
        match &self.memory {
            Memory::Copied(_) => None,
            Memory::Lent(lent) => Some(*lent),
        }
    }
}

/// Copies from the memory of the thread's caller.
pub(crate) fn copy_from_caller(theirs: u64, own: &mut [u8]) -> Result<()> {
    let (address, length) = (
        own.as_mut_ptr().expose_provenance() as u64,
        own.len() as u64,
    );
    // SAFETY: the kernel writes at most `own`, which is borrowed exclusively.
    unsafe { call::lap::sys_lap_copy(COPY_FROM_CALLER, address, theirs, length) }
}

/// Copies to the memory of the thread's caller, who is `caller`.
pub(crate) fn copy_to_caller(caller: ActorId, own: &[u8], theirs: u64) -> Result<()> {
    if caller == entry::own_actor() {
        // It would write over what this program takes for its own.
        return Err(Error::Refused(Status::BAD_ARGUMENT));
    }
    let (address, length) = (own.as_ptr().expose_provenance() as u64, own.len() as u64);
    // SAFETY: the kernel reads `own`, and writes to another actor.
    unsafe { call::lap::sys_lap_copy(COPY_TO_CALLER, address, theirs, length) }
}

impl Lent<'_> {
    /// How many bytes there are: whole pages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none, which is never so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether the caller lets this actor write to them.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// Where they are in this actor's memory, as long as they are there.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.bytes.as_ptr().addr() as u64
    }

    /// Reads bytes from `offset` on.
    ///
    /// # Errors
    /// [`Status::BAD_ARGUMENT`] when there are not as many.
    pub fn read(&self, offset: usize, into: &mut [u8]) -> Result<()> {
        let part = self.part(offset, into.len())?;
        for (byte, source) in into.iter_mut().zip(part) {
            *byte = source.load(Ordering::Relaxed);
        }
        Ok(())
    }

    /// Writes bytes from `offset` on.
    ///
    /// # Errors
    /// [`Status::BAD_ARGUMENT`] when there are not as many; [`Status::NOT_PERMITTED`] when they are
    /// lent to be read only.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result<()> {
        if !self.is_writable {
            return Err(Error::Refused(Status::NOT_PERMITTED));
        }
        let part = self.part(offset, from.len())?;
        for (byte, target) in from.iter().zip(part) {
            target.store(*byte, Ordering::Relaxed);
        }
        Ok(())
    }

    fn part(&self, offset: usize, length: usize) -> Result<&[AtomicU8]> {
        let end = offset.checked_add(length);
        end.and_then(|end| self.bytes.get(offset..end))
            .ok_or(Error::Refused(Status::BAD_ARGUMENT))
    }
}

impl fmt::Debug for Lent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at {:#x}", self.len(), self.address())
    }
}

impl fmt::Debug for Memory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copied(bytes) => write!(f, "{} bytes copied", bytes.len()),
            Self::Lent(lent) => write!(f, "{lent:?} lent"),
        }
    }
}

/// Makes an invocation of the registers with which a thread enters.
///
/// # Safety
/// They are those of an entry by `lap_invoke`, and the result does not outlive the invocation.
unsafe fn invocation<'i>(registers: [u64; 6]) -> Invocation<'i> {
    let [cookie, first, second, address, mode, caller] = registers;
    let length = (mode & 0xffff_ffff) as usize;
    let memory = if length == 0 {
        Memory::Copied(&mut [])
    } else if mode & LAP_LEND != 0 {
        let bytes = ptr::with_exposed_provenance(address as usize);
        // SAFETY: the kernel maps the caller's pages there until this invocation ends. They are
        // accessed atomically only, so that others may write to them.
        let bytes = unsafe { slice::from_raw_parts(bytes, length) };
        Memory::Lent(Lent {
            bytes,
            is_writable: mode & LAP_WRITABLE != 0,
            thread: PhantomData,
        })
    } else {
        let bytes = ptr::with_exposed_provenance_mut(address as usize);
        // SAFETY: the kernel put a copy there, above the stack of this invocation, for it alone.
        Memory::Copied(unsafe { slice::from_raw_parts_mut(bytes, length) })
    };
    Invocation {
        cookie,
        arguments: [first, second],
        memory,
        caller: ActorId::from_raw(caller),
        thread: PhantomData,
    }
}

/// A LAP that runs a function which gets the cookie as it is.
pub(super) struct Plain<F>(PhantomData<F>);

impl<F> Entry for Plain<F>
where
    F: Fn(&mut Invocation<'_>) -> (u64, u64) + Copy + Send + 'static,
{
    unsafe fn run(registers: [u64; 6]) -> (u64, u64) {
        // SAFETY: the value was given to `Lap::create`.
        let handler: F = unsafe { conjure() };
        // SAFETY: by this function's contract; it ends with this function.
        let mut invocation = unsafe { invocation(registers) };
        handler(&mut invocation)
    }
}

/// A LAP that runs a function which gets what the cookie points to.
pub(super) struct WithContext<T, F>(PhantomData<(T, F)>);

impl<T, F> Entry for WithContext<T, F>
where
    T: Sync + 'static,
    F: Fn(&'static T, &mut Invocation<'_>) -> (u64, u64) + Copy + Send + 'static,
{
    unsafe fn run(registers: [u64; 6]) -> (u64, u64) {
        let context = ptr::with_exposed_provenance::<T>(registers[0] as usize);
        // SAFETY: the cookie is what `Lap::with_context` made of a reference that lives for ever,
        // in this very incarnation: LAPs do not outlive it.
        let context = unsafe { &*context };
        // SAFETY: the value was given to `Lap::with_context`.
        let handler: F = unsafe { conjure() };
        // SAFETY: by this function's contract; it ends with this function.
        let mut invocation = unsafe { invocation(registers) };
        handler(context, &mut invocation)
    }
}
