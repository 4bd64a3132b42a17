//! A LAP of somebody's, and what it is asked.

use core::fmt;
use core::marker::PhantomData;

use abi::syscall::{LAP_LEND, LAP_WRITABLE};
use abi::{LapId, Span};

use crate::{Result, call};

/// A LAP of somebody else's, or this actor's own LAP seen from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RemoteLap {
    id: LapId,
}

impl RemoteLap {
    /// Finds a LAP by name, waiting until somebody makes it.
    ///
    /// # Errors
    /// When nobody did in time.
    pub fn resolve(name: &str, timeout: Span) -> Result<Self> {
        call::lap::sys_lap_resolve(name, timeout).map(Self::from)
    }

    /// Its capability.
    #[must_use]
    pub fn id(self) -> LapId {
        self.id
    }

    /// Invokes it with two numbers. If its owner is not there yet, or has no stack free, waits for
    /// that for as long as `timeout`.
    ///
    /// # Errors
    /// As for [`Request::invoke`].
    #[inline]
    pub fn invoke(self, arguments: [u64; 2], timeout: Span) -> Result<(u64, u64)> {
        self.request(arguments).waiting(timeout).invoke()
    }

    /// Prepares an invocation with two numbers; see [`Request`].
    #[inline]
    pub fn request(self, arguments: [u64; 2]) -> Request<'static> {
        Request {
            lap: self.id,
            arguments,
            address: 0,
            mode: 0,
            timeout: Span::ZERO,
            memory: PhantomData,
        }
    }
}

impl From<LapId> for RemoteLap {
    fn from(id: LapId) -> Self {
        Self { id }
    }
}

impl fmt::Debug for RemoteLap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.id, f)
    }
}

impl fmt::Display for RemoteLap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.id, f)
    }
}

/// An invocation that is being prepared. Unless it is said otherwise, no memory goes along, and it
/// does not wait.
///
/// Lent memory must be whole pages of this actor's private memory: a [`Region`](crate::Region), or
/// part of the stack or of statics that is aligned to pages. Anything else is refused as a bad
/// argument.
#[derive(Debug)]
#[must_use = "it is not made until `invoke` is called"]
pub struct Request<'m> {
    // Invariant: `address` is that of the memory borrowed for `'m`, whose length `mode` holds;
    // exclusively if `mode` says that the callee may write.
    lap: LapId,
    arguments: [u64; 2],
    address: u64,
    mode: u64,
    timeout: Span,
    memory: PhantomData<&'m mut [u8]>,
}

impl Request<'_> {
    /// Gives a copy of some bytes (at most 4096).
    pub fn copying<'m>(self, bytes: &'m [u8]) -> Request<'m> {
        self.with(bytes.as_ptr().expose_provenance(), bytes.len(), 0)
    }

    /// Gives a copy of some bytes (at most 4096), and takes back what the callee made of it.
    pub fn copying_back<'m>(self, bytes: &'m mut [u8]) -> Request<'m> {
        let address = bytes.as_mut_ptr().expose_provenance();
        self.with(address, bytes.len(), LAP_WRITABLE)
    }

    /// Lends pages (at most 64 KiB) to be read.
    pub fn lending<'m>(self, pages: &'m [u8]) -> Request<'m> {
        self.with(pages.as_ptr().expose_provenance(), pages.len(), LAP_LEND)
    }

    /// Lends pages (at most 64 KiB) to be read and written.
    pub fn lending_writable<'m>(self, pages: &'m mut [u8]) -> Request<'m> {
        let address = pages.as_mut_ptr().expose_provenance();
        self.with(address, pages.len(), LAP_LEND | LAP_WRITABLE)
    }

    fn with<'m>(self, address: usize, length: usize, flags: u64) -> Request<'m> {
        // A length of more than 32 bits is too long, and must not become a short one.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        Request {
            lap: self.lap,
            arguments: self.arguments,
            address: address as u64,
            mode: u64::from(length) | flags,
            timeout: self.timeout,
            memory: PhantomData,
        }
    }

    /// Waits for so long if the owner is between two incarnations, or has no stack free.
    #[inline]
    pub fn waiting(self, timeout: Span) -> Self {
        Self { timeout, ..self }
    }

    /// Invokes the LAP: the calling thread goes there, and comes back with two numbers.
    ///
    /// # Errors
    /// [`Error::LapRestarted`](crate::Error::LapRestarted) and
    /// [`Error::Dead`](crate::Error::Dead) as soon as the owner fails, with how far the invocation
    /// had come; without waiting [`FROZEN`](abi::Status::FROZEN) and
    /// [`LIMIT_REACHED`](abi::Status::LIMIT_REACHED); a timeout;
    /// [`TOO_DEEP`](abi::Status::TOO_DEEP); memory that cannot be given.
    #[inline]
    pub fn invoke(self) -> Result<(u64, u64)> {
        // SAFETY: the invariant of `Request`; the borrow lasts until this call is over.
        unsafe {
            call::lap::sys_lap_invoke(
                self.lap,
                self.arguments,
                self.address,
                self.mode,
                self.timeout,
            )
        }
    }
}
