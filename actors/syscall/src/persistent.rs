//! Memory that survives a restart.
//!
//! [`PersistentRegion`] is raw bytes; [`PersistentCell`] is one value that is always whole: it is
//! kept twice, and a write goes to the copy that is not in use and then makes it the one in use,
//! with one store. An actor that dies anywhere in between leaves the old value or the new one.
//!
//! # Why it is like this
//! The kernel maps a region of the same name at the same address however often it is opened. Two
//! handles to one region would be two exclusive borrows of one memory, so this library keeps a
//! list of what is open and refuses a second handle. The list is ordinary data: a restart clears
//! it together with the handles.

use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::slice;
use core::sync::atomic::{AtomicU64, Ordering};

use abi::Status;

use crate::call::{self, Opened, WhenMissing};
use crate::plain::Plain;
use crate::{Error, Result};

/// How many persistent regions an actor may have open at once: a word each, searched at opening.
const OPEN_MAX: usize = 64;

/// Addresses of the regions that are open in this incarnation; 0 is a free place.
static OPEN: [AtomicU64; OPEN_MAX] = [const { AtomicU64::new(0) }; OPEN_MAX];

/// A persistent region of this actor. Dropping the handle closes it; the memory stays.
#[derive(Debug)]
pub struct PersistentRegion {
    // Invariant: the kernel maps `bytes` bytes at `address` for as long as this incarnation does
    // not free them, and no other handle to them exists.
    address: u64,
    bytes: usize,
    is_new: bool,
}

impl PersistentRegion {
    /// Opens the region of this name, or makes it with `bytes` of zeroed memory.
    ///
    /// # Errors
    /// [`Status::ALREADY_EXISTS`] when it is open already; [`Status::BAD_ARGUMENT`] when it is
    /// there but smaller; when there is no memory.
    pub fn open(name: &str, bytes: usize) -> Result<Self> {
        Self::claim(call::sys_persistent_open(
            name,
            bytes as u64,
            WhenMissing::Make,
        )?)
    }

    /// Opens the region of this name only if it exists.
    ///
    /// # Errors
    /// As for [`PersistentRegion::open`], and [`Status::NOT_FOUND`] when there is none.
    pub fn open_existing(name: &str, bytes: usize) -> Result<Self> {
        Self::claim(call::sys_persistent_open(
            name,
            bytes as u64,
            WhenMissing::Refuse,
        )?)
    }

    fn claim(opened: Opened) -> Result<Self> {
        let Opened {
            address,
            bytes,
            is_new,
        } = opened;
        open_once(address)?;
        Ok(Self {
            address,
            bytes: bytes as usize,
            is_new,
        })
    }

    /// Where it is, in every incarnation.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Whether opening it made it.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Takes the region as words that may be shared.
    #[must_use]
    pub fn into_shared(self) -> PersistentWords {
        PersistentWords { region: self }
    }

    /// Keeps the region open for the rest of the incarnation, as words that all threads share.
    #[must_use]
    pub fn into_words(self) -> &'static [AtomicU64] {
        let shared = core::mem::ManuallyDrop::new(self.into_shared());
        let (start, count) = (shared.as_ptr(), shared.len());
        // SAFETY: the words are those of `shared`, which is never dropped, so that nobody frees
        // them or has another handle to them.
        unsafe { slice::from_raw_parts(start, count) }
    }

    /// Gives the memory back to the kernel. Its content is lost.
    ///
    /// # Errors
    /// When the kernel does not know it: a bug.
    pub fn free(self) -> Result<()> {
        // Closing the handle (by dropping it) comes after: nobody opens the region in between.
        // SAFETY: we own the memory, and whoever borrowed it has given it back.
        unsafe { call::sys_persistent_free(self.address) }
    }
}

impl Drop for PersistentRegion {
    fn drop(&mut self) {
        close(self.address);
    }
}

impl Deref for PersistentRegion {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let start = core::ptr::with_exposed_provenance(self.address as usize);
        // SAFETY: the invariant of `PersistentRegion`; any bytes are `u8`s.
        unsafe { slice::from_raw_parts(start, self.bytes) }
    }
}

impl DerefMut for PersistentRegion {
    fn deref_mut(&mut self) -> &mut [u8] {
        let start = core::ptr::with_exposed_provenance_mut(self.address as usize);
        // SAFETY: the invariant of `PersistentRegion`, and we are borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(start, self.bytes) }
    }
}

/// A persistent region as words, which may be shared by threads.
#[derive(Debug)]
pub struct PersistentWords {
    // Invariant: its bytes are reached in no other way than through here.
    region: PersistentRegion,
}

impl PersistentWords {
    /// Some of the bytes, from a word on; fewer if there are not as many.
    #[must_use]
    pub fn bytes(&mut self, word: usize, bytes: usize) -> &[u8] {
        // We are borrowed exclusively, so nobody has words of it.
        let start = self.region.len().min(word.saturating_mul(size_of::<u64>()));
        let end = self.region.len().min(start.saturating_add(bytes));
        self.region.get(start..end).unwrap_or_default()
    }

    /// Gives the memory back to the kernel. Its content is lost.
    ///
    /// # Errors
    /// When the kernel does not know it: a bug.
    pub fn free(self) -> Result<()> {
        self.region.free()
    }
}

impl Deref for PersistentWords {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        let start = core::ptr::with_exposed_provenance(self.region.address as usize);
        let count = self.region.bytes / size_of::<AtomicU64>();
        // SAFETY: the invariants of `PersistentRegion` and of this. It starts at a page, so that
        // words are aligned; any bytes are a word.
        unsafe { slice::from_raw_parts(start, count) }
    }
}

/// One value in a persistent region of its own, always whole.
///
/// A new cell holds a value of zero bytes.
#[derive(Debug)]
pub struct PersistentCell<T: Plain> {
    // Invariant: `region` holds a `Layout<T>` at its start, which is aligned because regions
    // start at pages.
    region: PersistentRegion,
    value: PhantomData<T>,
}

/// What a cell's region holds.
#[repr(C)]
struct Layout<T> {
    /// Which copy is the value; only its lowest bit counts.
    current: AtomicU64,
    /// The value and its predecessor.
    copies: [T; 2],
}

impl<T: Plain> PersistentCell<T> {
    /// Opens the cell of this name, or makes it.
    ///
    /// # Errors
    /// [`Status::ALREADY_EXISTS`] when it is open already; [`Status::BAD_ARGUMENT`] when a region
    /// of the name is smaller, for instance because it was made for another type.
    pub fn open(name: &str) -> Result<Self> {
        const {
            assert!(align_of::<Layout<T>>() <= abi::layout::PAGE_BYTES as usize);
        }
        let region = PersistentRegion::open(name, size_of::<Layout<T>>())?;
        if region.len() < size_of::<Layout<T>>() {
            return Err(Error::Refused(Status::BAD_ARGUMENT));
        }
        Ok(Self {
            region,
            value: PhantomData,
        })
    }

    /// Whether opening the cell made it.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.region.is_new()
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> T {
        let layout = self.layout();
        // SAFETY: `layout` is valid for the region's lifetime.
        let current = unsafe { &(*layout).current }.load(Ordering::Acquire) & 1;
        // SAFETY: the copy is inside the layout, aligned, and any bytes are a `T`. Volatile: the
        // memory was written by a program the compiler knows nothing about.
        unsafe { (&raw const (*layout).copies[current as usize]).read_volatile() }
    }

    /// Replaces the value. After a restart at any point the cell holds the old or the new value.
    pub fn set(&mut self, value: T) {
        let layout = self.layout();
        // SAFETY: `layout` is valid for the region's lifetime.
        let current = unsafe { &(*layout).current };
        let next = (current.load(Ordering::Relaxed) & 1) ^ 1;
        // SAFETY: the copy is inside the layout and aligned, and we are borrowed exclusively.
        // Volatile: the write must happen, though this program may never read it.
        unsafe { (&raw mut (*layout).copies[next as usize]).write_volatile(value) };
        // Release: the copy is whole before it becomes the value.
        current.store(next, Ordering::Release);
    }

    /// Replaces the value by what `change` makes of it, and returns that.
    pub fn update(&mut self, change: impl FnOnce(T) -> T) -> T {
        let value = change(self.get());
        self.set(value);
        value
    }

    /// Gives the memory back to the kernel. The value is lost.
    ///
    /// # Errors
    /// When the kernel does not know it: a bug.
    pub fn free(self) -> Result<()> {
        self.region.free()
    }

    fn layout(&self) -> *mut Layout<T> {
        core::ptr::with_exposed_provenance_mut(self.region.address as usize)
    }
}

/// Puts an address on the list of what is open.
fn open_once(address: u64) -> Result<()> {
    // Two threads that open one region at the same time must not both succeed, though one of
    // them may write into a place before the one that the other has looked at. So each first
    // takes a place, and then looks for a second one with the same address; both may lose.
    let place = OPEN
        .iter()
        .position(|place| {
            place
                .compare_exchange(0, address, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
        })
        .ok_or(Error::Refused(Status::LIMIT_REACHED))?;
    let is_elsewhere = OPEN
        .iter()
        .enumerate()
        .any(|(index, other)| index != place && other.load(Ordering::SeqCst) == address);
    if is_elsewhere {
        if let Some(place) = OPEN.get(place) {
            place.store(0, Ordering::SeqCst);
        }
        return Err(Error::Refused(Status::ALREADY_EXISTS));
    }
    Ok(())
}

/// Takes an address off the list of what is open.
fn close(address: u64) {
    for place in &OPEN {
        if place
            .compare_exchange(address, 0, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
        {
            return;
        }
    }
}
