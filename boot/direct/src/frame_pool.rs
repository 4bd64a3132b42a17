//! Frames for what must survive the loader, from one contiguous piece of memory.
//!
//! The loader never gives a frame back, so a pool is two numbers and a mark. Because everything
//! it allocates is contiguous, one span in the memory map protects all of it, and the rest of
//! memory stays in one piece for the kernel.

use crate::error::LoadError;
use crate::layout::PAGE;
use crate::memory_map::Span;

/// A piece of free memory that is consumed from its low end.
///
/// # Invariants
/// `start <= next <= end`, all three multiples of the page size.
#[derive(Debug)]
pub struct FramePool {
    start: u64,
    next: u64,
    end: u64,
}

impl FramePool {
    /// Takes possession of `free`, less whatever is not whole pages.
    #[must_use]
    pub const fn new(free: Span) -> Self {
        let (start, end) = match free.shrink_to_pages() {
            Some(whole) => (whole.start, whole.end),
            None => (0, 0),
        };
        Self {
            start,
            next: start,
            end,
        }
    }

    /// Hands out `pages` contiguous frames and returns the address of the first.
    ///
    /// # Errors
    /// [`LoadError::OutOfMemory`] when the pool is too small.
    pub fn take(&mut self, pages: u64) -> Result<u64, LoadError> {
        let length = pages.checked_mul(PAGE).ok_or(LoadError::OutOfMemory)?;
        if length > self.end - self.next {
            return Err(LoadError::OutOfMemory);
        }
        let first = self.next;
        self.next += length;
        Ok(first)
    }

    /// Returns what has been handed out so far.
    #[must_use]
    pub const fn used(&self) -> Span {
        Span {
            start: self.start,
            end: self.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_follow_one_another_and_run_out() {
        let mut pool = FramePool::new(Span {
            start: 0x1234,
            end: 0x5678,
        });
        assert_eq!(pool.take(1), Ok(0x2000));
        assert_eq!(pool.take(2), Ok(0x3000));
        assert_eq!(pool.take(1), Err(LoadError::OutOfMemory));
        assert_eq!(
            pool.used(),
            Span {
                start: 0x2000,
                end: 0x5000
            }
        );
    }

    #[test]
    fn an_absurd_request_does_not_wrap() {
        let mut pool = FramePool::new(Span {
            start: 0x1000,
            end: 0x9000,
        });
        assert_eq!(pool.take(u64::MAX / 2), Err(LoadError::OutOfMemory));
        assert_eq!(
            pool.used(),
            Span {
                start: 0x1000,
                end: 0x1000
            }
        );
    }
}
